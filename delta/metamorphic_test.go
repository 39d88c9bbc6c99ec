package delta_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// events returns all events of a random history of a few replicas, per origin
// in order, and what everybody holds who has seen them all.
func events(t *rapid.T) (map[crdt.ReplicaID][]delta.Delta, *member) {
	c := newCluster(t, rapid.IntRange(2, 4).Draw(t, "replicas"), 4, false)
	for _, x := range rapid.SliceOfN(rapid.Uint64(), 15, 80).Draw(t, "steps") {
		c.step(x)
	}
	c.deliverAll()
	out := map[crdt.ReplicaID][]delta.Delta{}
	for _, d := range c.history.deltas {
		out[d.Origin] = append(out[d.Origin], d.Delta)
	}
	return out, c.members[0].member
}

// mustBeSame holds that m is in the state that the history ends in.
func mustBeSame(t reporter, route string, m, want *member) {
	t.Helper()
	switch {
	case m.ContextHash != want.ContextHash || !m.Context.Equal(want.Context):
		t.Fatalf("%s: seen %s, want %s", route, m.Context, want.Context)
	case m.IsAhead():
		t.Fatalf("%s: ahead by %s of everything", route, m.Ahead)
	case m.Fingerprint != want.Fingerprint || !slices.EqualFunc(m.state(), want.state(), delta.Entry.Equal):
		t.Fatalf("%s: the state is\n%+v\nwant\n%+v", route, m.state(), want.state())
	}
}

// TestReplica_AnyRoute: one set of events, whatever its order across origins,
// its grouping into deltas, the number of deltas in a commit, and whether they
// come as deltas or as the state of others, ends in one state.
func TestReplica_AnyRoute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byOrigin, want := events(t)
		c := &choices{state: rapid.Uint64().Draw(t, "routes")}
		mustBeSame(t, "event by event", c.deliverEvents(t, byOrigin, 1, 1), want)
		mustBeSame(t, "regrouped", c.deliverEvents(t, byOrigin, 5, 1), want)
		mustBeSame(t, "many in a commit", c.deliverEvents(t, byOrigin, 3, 8), want)
		mustBeSame(t, "shuffled", c.deliverShuffled(t, byOrigin), want)
		mustBeSame(t, "by a session", c.deliverBySession(t, want), want)
		mustBeSame(t, "by answers, then by events", c.deliverAhead(t, byOrigin, want), want)
	})
}

// newcomer returns a replica that has issued nothing.
func newcomer() *member { return newMember(idsMax - 1) }

// deliverEvents delivers events in random order across origins, regrouped into
// deltas of up to so many events, up to so many deltas in a commit.
func (c *choices) deliverEvents(t reporter, byOrigin map[crdt.ReplicaID][]delta.Delta, perDelta, perCommit int) *member {
	m := newcomer()
	left := c.regroup(t, byOrigin, perDelta)
	for len(left) > 0 {
		commit := m.begin()
		for range 1 + c.pick(perCommit) {
			if len(left) == 0 {
				break
			}
			i := c.pick(len(left))
			if outcome, err := commit.Receive(left[i][0]); err != nil || outcome != delta.Applied {
				t.Fatalf("receive %s: %s, %v", left[i][0], outcome, err)
			}
			if left[i] = left[i][1:]; len(left[i]) == 0 {
				left = slices.Delete(left, i, i+1)
			}
		}
		m.finish(t, commit)
	}
	return m
}

// regroup cuts the events of each origin into deltas anew.
func (c *choices) regroup(t reporter, byOrigin map[crdt.ReplicaID][]delta.Delta, perDelta int) [][]delta.Packed {
	var out [][]delta.Packed
	for _, id := range sortedOrigins(byOrigin) {
		whole := delta.Delta{Origin: id, First: byOrigin[id][0].First}
		for _, d := range byOrigin[id] {
			whole.Events = append(whole.Events, d.Events...)
		}
		var deltas []delta.Packed
		for len(whole.Events) > 0 {
			n := min(len(whole.Events), 1+c.pick(perDelta))
			p, err := delta.Pack(whole.Slice(0, n))
			if err != nil {
				t.Fatalf("pack: %v", err)
			}
			deltas = append(deltas, travelled(t, p))
			whole = whole.Slice(n, len(whole.Events))
		}
		out = append(out, deltas)
	}
	return out
}

func sortedOrigins[V any](m map[crdt.ReplicaID]V) []crdt.ReplicaID {
	var ids []crdt.ReplicaID
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, crdt.ReplicaID.Compare)
	return ids
}

// deliverShuffled offers all deltas again and again, in any order, overlapping
// and twice, until nothing is new.
func (c *choices) deliverShuffled(t reporter, byOrigin map[crdt.ReplicaID][]delta.Delta) *member {
	m := newcomer()
	var all []delta.Packed
	for range 2 {
		for _, deltas := range c.regroup(t, byOrigin, 4) {
			all = append(all, deltas...)
		}
	}
	for applied := true; applied; {
		applied = false
		for i := range all {
			j := i + c.pick(len(all)-i)
			all[i], all[j] = all[j], all[i]
		}
		for _, d := range all {
			outcome, _ := m.receive(t, d)
			applied = applied || outcome == delta.Applied
		}
	}
	return m
}

// deliverBySession joins the state of one who has seen everything, span by
// span.
func (c *choices) deliverBySession(t reporter, from *member) *member {
	m := newcomer()
	m.openSession(t, from)
	for _, span := range (&cluster{reporter: t, choices: choices{state: c.next()}}).spans() {
		m.takeInSession(t, from.answer(t, span))
	}
	m.completeSession(t)
	return m
}

// deliverAhead joins some spans of the state before the events arrive.
func (c *choices) deliverAhead(t reporter, byOrigin map[crdt.ReplicaID][]delta.Delta, from *member) *member {
	m := newcomer()
	for _, span := range (&cluster{reporter: t, choices: choices{state: c.next()}}).spans() {
		if c.oneIn(2) {
			m.take(t, from.answer(t, span))
		}
	}
	for _, deltas := range c.regroup(t, byOrigin, 4) {
		for _, d := range deltas {
			m.receive(t, d)
		}
	}
	return m
}

// TestCommit_Write_AnyBatchSize: the same operations of one replica make the
// same events, in one batch, in several of one commit, or each in its own.
func TestCommit_Write_AnyBatchSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cluster{reporter: t, claims: universe(), choices: choices{state: rapid.Uint64().Draw(t, "operations")}}
		var operations []delta.Operation
		scratch := newMember(1)
		for range rapid.IntRange(1, 12).Draw(t, "number") {
			o := c.operation()
			if commit := scratch.begin(); errOf(commit.Write([]delta.Operation{o})) == nil {
				scratch.finish(t, commit)
				operations = append(operations, o)
			}
		}
		for _, size := range []int{2, 3, len(operations)} {
			for _, commits := range []bool{true, false} {
				m := writeInBatches(t, operations, max(1, size), commits)
				mustBeSame(t, fmt.Sprintf("batches of %d, commit for each: %t", size, commits), m, scratch)
			}
		}
	})
}

func errOf(_ delta.Delta, _ []delta.Result, err error) error { return err }

func writeInBatches(t reporter, operations []delta.Operation, size int, commitEach bool) *member {
	m := newMember(1)
	commit := m.begin()
	for batch := range slices.Chunk(operations, size) {
		if err := errOf(commit.Write(batch)); err != nil {
			t.Fatalf("write: %v", err)
		}
		if commitEach {
			m.finish(t, commit)
			commit = m.begin()
		}
	}
	m.finish(t, commit)
	return m
}

// weighted returns what a member shows, as the routing table wants it.
func (m *member) weighted() []ranges.Weighted {
	var out []ranges.Weighted
	for _, e := range m.state() {
		if c, err := e.Key.Claim(); err == nil && e.Counter.IsVisible() {
			out = append(out, ranges.Weighted{Claim: c, Priority: e.Counter.Value()})
		}
	}
	return out
}

// TestCommit_Write_BeforeOrAfterSplitting is what the source text found wrong
// with explicit splits: registering a range before or after others have split
// it must make no difference. Here splits are calculated, so any order, on any
// replica, gives the same subranges.
func TestCommit_Write_BeforeOrAfterSplitting(t *testing.T) {
	on := func(node, from, to string) ranges.Claim {
		c := claim(from, to)
		c.Node = node
		return c
	}
	operations := []delta.Operation{
		register(on("n1", "a", "m"), 10),
		register(on("n2", "a", "f"), 20), register(on("n3", "f", "m"), 30),
		increase(on("n2", "c", "k"), 15), register(on("n1", "b", "d"), 5),
	}
	inOrder := newMember(1)
	inOrder.write(t, operations...)
	want := ranges.Sweep(inOrder.weighted())
	rapid.Check(t, func(t *rapid.T) {
		a, b := newMember(1), newMember(2)
		var byA, byB []delta.Packed
		for _, o := range rapid.Permutation(operations).Draw(t, "order") {
			if rapid.Bool().Draw(t, "on the first") {
				byA = append(byA, a.write(t, o))
			} else {
				byB = append(byB, b.write(t, o))
			}
		}
		for _, d := range byA {
			b.mustApply(t, d)
		}
		for _, d := range byB {
			a.mustApply(t, d)
		}
		for _, m := range []*member{a, b} {
			if got := ranges.Sweep(m.weighted()); !slices.EqualFunc(got, want, ranges.Subrange.Equal) {
				t.Fatalf("subranges\n%v\nwant\n%v", got, want)
			}
		}
	})
}

// TestCommit_Write_SplitClaimAnswersAlike: [a, m), and [a, f) with [f, m) of the
// same priority, give the same answer to every lookup; and so does what one
// gets to by tightening one to each of the others.
func TestCommit_Write_SplitClaimAnswersAlike(t *testing.T) {
	whole, split, tightened := newMember(1), newMember(2), newMember(3)
	whole.write(t, register(am, 10))
	split.write(t, register(af, 10), register(fm, 10))
	tightened.write(t, register(am, 10), register(fm, 10), tighten(am, "a", "f"))
	table := ranges.NewTable(whole.weighted())
	for _, m := range []*member{split, tightened} {
		other := ranges.NewTable(m.weighted())
		for _, k := range []string{"", "a", "ab", "e\xff", "f", "f\x00", "l", "l\xff\xff", "m", "z"} {
			if !slices.Equal(table.Lookup(k).Servers, other.Lookup(k).Servers) {
				t.Errorf("%q: %v and %v", k, table.Lookup(k).Servers, other.Lookup(k).Servers)
			}
		}
	}
}

// TestCommit_Write_GapCheck holds the refusal of a Tighten against the plain
// truth: whether some key that was served is served by nobody afterwards.
func TestCommit_Write_GapCheck(t *testing.T) {
	const letters = "abcdefgh"
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) ranges.Claim {
			from := rapid.IntRange(0, len(letters)-2).Draw(t, label)
			to := rapid.IntRange(from+1, len(letters)-1).Draw(t, label)
			c := claim(letters[from:from+1], letters[to:to+1])
			c.Node = rapid.SampledFrom(nodeNames).Draw(t, label)
			if rapid.IntRange(0, 5).Draw(t, label) == 0 {
				c.Range.To = ranges.Unbounded()
			}
			return c
		}
		m := newMember(1)
		target := draw("target")
		m.write(t, register(target, 1))
		for range rapid.IntRange(0, 4).Draw(t, "others") {
			m.write(t, register(draw("other"), 1))
		}
		to := draw("to").Range.Intersect(target.Range)
		o := delta.Operation{Verb: delta.VerbTighten, Claim: target, To: to}
		if o.Validate() != nil {
			return
		}
		gap := false
		for _, k := range letters + "z" {
			gap = gap || target.Range.Contains(string(k)) && !to.Contains(string(k)) && !m.servesWithout(string(k), target)
		}
		for _, overlapping := range []func(string, ranges.Range) []ranges.Claim{nil, m.overlapping} {
			_, _, err := m.Begin(delta.Env{Read: m.memory, Overlapping: overlapping}).Write([]delta.Operation{o})
			if (err != nil) != gap {
				t.Fatalf("tighten %v to %v beside %v: %v, a gap: %t", target.Range, to, m.weighted(), err, gap)
			}
		}
	})
}

func (m *member) servesWithout(key string, c ranges.Claim) bool {
	return slices.ContainsFunc(m.weighted(), func(w ranges.Weighted) bool { return w.Claim != c && w.Claim.Range.Contains(key) })
}

// overlapping is Env.Overlapping as a routing table answers it.
func (m *member) overlapping(keyspace string, r ranges.Range) []ranges.Claim {
	var out []ranges.Claim
	for _, w := range m.weighted() {
		if w.Claim.Keyspace == keyspace && w.Claim.Range.Overlaps(r) {
			out = append(out, w.Claim)
		}
	}
	return out
}
