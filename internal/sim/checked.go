package sim

import (
	"fmt"
	"strings"
)

// Checked is how much of one or more runs was held against the oracle, and what
// was not, and why.
type Checked struct {
	// Runs is how many runs there were. In Idle ones nothing was written about a
	// claim; in Lossy ones events were lost with the only directory that had them;
	// in Reused ones a replica that was rolled back used a dot again.
	Runs, Idle, Lossy, Reused uint64
	// Claims are those of the end, each once (L3). Views are claims as one
	// member showed them on the way (V1): those that a commit may have changed,
	// now and then all.
	Claims, Views Tally
}

// Tally counts claims by how they were held against the oracle.
type Tally struct {
	// Exact ones had to show what the oracle shows. Forgotten ones show it, and
	// might as well have shown what others had released of a forgotten replica;
	// of those in Back that is back.
	Exact, Forgotten, Back uint64
	// The others were not held against it. Lost: an event about the claim is
	// lost, and may have survived as state; Disputed: the dot of one was used
	// again; Ahead: the member held more than it had seen, which no set of events
	// tells; Many: forgotten replicas had contributed in more ways than can be
	// tried.
	Lost, Disputed, Ahead, Many uint64
}

// Add adds what was checked in other runs.
func (c *Checked) Add(other Checked) {
	c.Runs += other.Runs
	c.Idle += other.Idle
	c.Lossy += other.Lossy
	c.Reused += other.Reused
	c.Claims.add(other.Claims)
	c.Views.add(other.Views)
}

func (t *Tally) add(other Tally) {
	t.Exact += other.Exact
	t.Forgotten += other.Forgotten
	t.Back += other.Back
	t.Lost += other.Lost
	t.Disputed += other.Disputed
	t.Ahead += other.Ahead
	t.Many += other.Many
}

// All is how many there were.
func (t Tally) All() uint64 {
	return t.Exact + t.Forgotten + t.Back + t.Lost + t.Disputed + t.Ahead + t.Many
}

// IsComplete reports whether there was something to hold against the oracle in
// every run, and all of it had to be exact.
func (c Checked) IsComplete() bool {
	return c.Idle == 0 && c.Claims.All() == c.Claims.Exact && c.Views.All() == c.Views.Exact
}

// String says in lines what was checked, and what was not, and why.
func (c Checked) String() string {
	var b strings.Builder
	for _, x := range []struct {
		n    uint64
		what string
	}{
		{c.Idle, "nothing was written about a claim: only that all members agree was checked"},
		{c.Lossy, "events were lost with the only directory that had them"},
		{c.Reused, "a replica that was rolled back used a dot again"},
	} {
		switch {
		case x.n > 0 && c.Runs == 1:
			fmt.Fprintf(&b, "%s.\n", strings.ToUpper(x.what[:1])+x.what[1:])
		case x.n > 0:
			fmt.Fprintf(&b, "In %d of %d runs %s.\n", x.n, c.Runs, x.what)
		}
	}
	if c.Claims.All()+c.Views.All() > 0 {
		fmt.Fprintf(&b, "Claims at the end: %s.\nViews of claims on the way: %s.\n", c.Claims, c.Views)
	}
	return b.String()
}

// String says how many there were, and how many of each sort.
func (t Tally) String() string {
	text := fmt.Sprintf("%d, of which %d show what they must", t.All(), t.Exact)
	for _, x := range []struct {
		n    uint64
		what string
	}{
		{t.Forgotten, "show that, and might show what others had released of a forgotten replica"},
		{t.Back, "show what others had released of a forgotten replica, which contributed late"},
		{t.Lost, "not checked: an event about them is lost, but may have survived as state"},
		{t.Disputed, "not checked: a dot that was used again concerns them"},
		{t.Ahead, "not checked: the member held more than it had seen"},
		{t.Many, "not checked: forgotten replicas have contributed in too many ways"},
	} {
		if x.n > 0 {
			text += fmt.Sprintf("; %d %s", x.n, x.what)
		}
	}
	return text
}

// countRun notes what kind of run this was.
func (k *cluster) countRun() {
	c := &k.report.Checked
	c.Runs++
	for _, x := range []struct {
		count *uint64
		is    bool
	}{{&c.Idle, len(k.oracle.claims) == 0}, {&c.Lossy, len(k.oracle.lost) > 0}, {&c.Reused, k.reused}} {
		if x.is {
			*x.count++
		}
	}
}
