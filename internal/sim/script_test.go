package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/scalesmall/ssnode/delta"
)

// script drives a cluster by text, a verb a line, with every rule checked at
// every commit. Claims are written node[from,to), or node for one of all keys.
//
//	n1 register x 5          also increase, decrease, set; release x; tighten x x[a,m)
//	n1 forgets n2            n1 asks: of all others, whether they have what it has
//	n1 suspects n2           takes it for dead; n1 doubts n2: it has not answered lately;
//	                         n1 trusts n2 ends both
//	cut n1 n2, cut n1>n2     in both directions, in one
//	slow n1>n2 500           frames take so many milliseconds longer
//	mend, mend n1 n2         ends all cuts and delays, or the cuts between two
//	wait 300                 lets time pass
//	until n2 in session      lets time pass until this holds: in session, not in session,
//	                         sees n1 (its context covers that of n1), is ahead,
//	                         asks n1 (its session is with n1); at most a minute, or
//	                         as many milliseconds as follow on a last "within"
//	trim n1                  loses the whole log
//	fail n1, fail n1 open    the next commit fails that joins a range answer, or has
//	                         another step: open, complete, abandon
//	sync n1 300, read n1 300 each commit of n1, and what it has read, comes so many
//	                         milliseconds later; 0 ends it
//	crash n1, start n1       what was committed stays
//	backup n1                and: restore n1, roll back n1, lose n1
//	clone n1                 starts a second process on a copy of the directory
//	fork n1 n3               the same, of one that reaches n3 alone until a mend
//	join n4, remove n3       n3 never comes back
//	repair n2 n1             n2 wants range repair with n1; repair n2 n1 x: of x alone
//	piece n2 n1 x            n2 joins what n1 holds of x, beside any session
type script struct {
	t *testing.T
	*cluster
	saved map[string]*directory
	out   strings.Builder
}

func runScript(t *testing.T, path string) {
	s := &script{t: t}
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		s.out.Reset()
		s.command(d)
		for _, v := range s.report.Violations {
			t.Errorf("%s: %s", d.Pos, v)
		}
		return s.out.String()
	})
}

func (s *script) printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// command carries out a directive of a file.
func (s *script) command(d *datadriven.TestData) {
	switch d.Cmd {
	case "cluster":
		s.begin(d)
	case "do":
		for line := range strings.Lines(d.Input) {
			if err := s.line(strings.Fields(line)); err != nil {
				s.printf("%s: %v\n", strings.TrimSpace(line), err)
			}
		}
	case "view":
		s.view()
	case "records":
		for _, m := range s.members {
			s.printf("%s: %d records\n", m.name, m.dir.replica.Fingerprint.Count)
		}
	case "agree":
		s.heal()
		s.converge(healMaxDefault)
		if len(s.report.Violations) == 0 {
			s.checkFinal()
		}
		s.view()
	case "idle":
		s.idle(d)
	case "reached":
		s.reached(d)
	default:
		d.Fatalf(s.t, "there is no directive %s", d.Cmd)
	}
}

// begin starts a new cluster over a network that loses nothing by itself.
func (s *script) begin(d *datadriven.TestData) {
	r := newReport(Config{})
	k := newCluster(1, &r)
	k.net.delayMax, k.diskMax = 5, 1
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "small": // sessions of many rounds
			k.options.SplitFanOut, k.options.LeafRecords, k.options.RangeBytesMax = 2, 1, 1
		case "sketch":
			k.options.Symbols = shapeOfFingerprints.Symbols
		case "cautious":
			k.cautious = true
		case "starts":
			k.remembersStarts = true
		case "witnesses":
			k.remembersStarts, k.asksAll = true, true
		}
	}
	if testing.Verbose() {
		k.write = func(line string) { s.t.Log(line) }
	}
	s.cluster, s.saved = k, map[string]*directory{}
	if d.HasArg("disk") {
		d.ScanArgs(s.t, "disk", &k.diskMax)
	}
	if d.HasArg("packets") { // small ones, and to some of the others only
		k.options.SmallCluster = 1
		d.ScanArgs(s.t, "packets", &k.options.PacketBytesMax)
	}
	n := 3
	if d.HasArg("nodes") {
		d.ScanArgs(s.t, "nodes", &n)
	}
	for i := range n {
		s.joinQuiet(fmt.Sprintf("n%d", i+1), k.freshDirectory())
	}
	s.run(1000)
}

func (s *script) joinQuiet(name string, dir *directory) {
	m := s.join(name, dir)
	m.quiet = true
}

// idle lets time pass and tells what was done in it.
func (s *script) idle(d *datadriven.TestData) {
	var millis uint64
	d.ScanArgs(s.t, "ms", &millis)
	count := func() (pulls, sessions uint64) {
		for _, m := range s.members {
			c := m.core.Counters()
			pulls, sessions = pulls+c.Pulls, sessions+c.Sessions
		}
		return pulls, sessions
	}
	s.run(2000) // checks that are on their way are of before
	pulls, sessions := count()
	s.run(millis)
	p, n := count()
	s.printf("%d pulls, %d sessions\n", p-pulls, n-sessions)
}

// reached tells of every mark that is named whether it was reached.
func (s *script) reached(d *datadriven.TestData) {
	for _, m := range s.members {
		if m.up {
			m.countMarks()
		}
	}
	for line := range strings.Lines(d.Input) {
		name := strings.TrimSpace(line)
		i := slices.Index(markNames[:], name)
		if i < 0 {
			d.Fatalf(s.t, "there is no mark %q", name)
		}
		s.printf("%s: %t\n", name, s.report.Marks[i] > 0)
	}
}

// view prints what members show, those that show the same together.
func (s *script) view() {
	var shown []string
	who := map[string][]string{}
	for _, m := range s.members {
		text := m.shows()
		if !slices.Contains(shown, text) {
			shown = append(shown, text)
		}
		who[text] = append(who[text], m.name)
	}
	for _, text := range shown {
		s.printf("%s: %s\n", strings.Join(who[text], " "), text)
	}
}

func (m *member) shows() string {
	var parts []string
	_ = m.dir.memory.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		if v := e.Counter.Value(); v > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", strings.TrimSuffix(nameOf(e.Key), "[,∞)"), v))
		}
		return nil
	})
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}
