package delta_test

import (
	"errors"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// reporter is what the checks need of a *testing.T and of a *rapid.T.
type reporter interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var (
	_ reporter = (*testing.T)(nil)
	_ reporter = (*testing.F)(nil)
)

// member is one replica with its entries: what a node has in memory and on
// disk. Every commit of it is checked against what a commit promises.
type member struct {
	*delta.Replica
	memory *delta.Memory
}

// replicaID returns the i-th of the ids that tests use, counted from 1. Their
// order is not that of i, so that no test leans on the older replica sorting
// first.
func replicaID(i int) crdt.ReplicaID {
	return crdt.ReplicaID{0: byte(i * 151), 1: byte(i), 15: 1}
}

func newMember(i int) *member {
	return &member{Replica: delta.NewReplica(replicaID(i)), memory: &delta.Memory{}}
}

// clone returns what a copy of the directory opens as: the open session is not
// in it.
func (m *member) clone() *member {
	r := delta.NewReplica(m.ID)
	r.Context, r.Ahead = m.Context.Clone(), m.Ahead.Clone()
	for id := range m.Forgotten {
		r.Forgotten[id] = struct{}{}
	}
	r.Fingerprint, r.ContextHash = m.Fingerprint, m.ContextHash
	r.BeginLife()
	return &member{Replica: r, memory: m.memory.Clone()}
}

// begin starts a commit. The time differs between replicas: it must not matter.
func (m *member) begin() *delta.Commit {
	return m.Begin(delta.Env{Read: m.memory, Now: int64(m.ID[1])})
}

// finish makes a commit durable and adopts it.
func (m *member) finish(t reporter, c *delta.Commit) *delta.Effects {
	t.Helper()
	effects, err := c.Finish()
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	for i := range effects.Entries {
		x := &effects.Entries[i]
		if before, after := x.Fingerprints(); before != delta.FingerprintOf(x.Before()) || after != delta.FingerprintOf(x.After()) {
			t.Fatalf("replica %s: a change of %q knows other fingerprints than its entries have", m.ID, x.Key)
		}
	}
	m.memory.Write(effects)
	m.Adopt(effects)
	if err := m.Verify(m.memory); err != nil {
		t.Fatalf("replica %s: %v", m.ID, err)
	}
	return effects
}

// write carries out operations in a commit of their own and returns all that
// it brought forth.
func (m *member) write(t reporter, operations ...delta.Operation) delta.Packed {
	t.Helper()
	c := m.begin()
	if _, _, err := c.Write(operations); err != nil {
		t.Fatalf("write: %v", err)
	}
	return only(t, m.finish(t, c).Deltas)
}

// only returns the one delta of a commit, as it is once it has travelled.
func only(t reporter, deltas []delta.Packed) delta.Packed {
	t.Helper()
	if len(deltas) != 1 {
		t.Fatalf("%d deltas, want 1", len(deltas))
	}
	return travelled(t, deltas[0])
}

// travelled returns a delta as its receiver decodes it.
func travelled(t reporter, p delta.Packed) delta.Packed {
	t.Helper()
	decoded, err := delta.DecodeDelta(p.Bytes)
	if err != nil {
		t.Fatalf("decode delta %s: %v", p, err)
	}
	again, err := delta.EncodeDelta(decoded.Delta)
	if err != nil || string(again) != string(p.Bytes) {
		t.Fatalf("delta %s: decoded and encoded again it has other bytes (%v)", p, err)
	}
	return decoded
}

// receive offers a delta in a commit of its own and returns its outcome and
// what the commit brought forth beside it.
func (m *member) receive(t reporter, p delta.Packed) (delta.Outcome, []delta.Packed) {
	t.Helper()
	c := m.begin()
	outcome, err := c.Receive(p)
	if err != nil {
		t.Fatalf("receive %s: %v", p, err)
	}
	return outcome, own(m.finish(t, c).Deltas, m.ID)
}

// mustApply is receive of what must be applied, without bringing forth more.
func (m *member) mustApply(t reporter, p delta.Packed) {
	t.Helper()
	if outcome, closes := m.receive(t, p); outcome != delta.Applied || len(closes) > 0 {
		t.Fatalf("receive %s: %s with %d deltas of its own, want applied with none", p, outcome, len(closes))
	}
}

// mustClose is receive of a release after which the receiver closes a record
// of its own; it returns the close.
func (m *member) mustClose(t reporter, p delta.Packed) delta.Packed {
	t.Helper()
	outcome, closes := m.receive(t, p)
	if outcome != delta.Applied {
		t.Fatalf("receive %s: %s, want applied", p, outcome)
	}
	return only(t, closes)
}

func own(deltas []delta.Packed, id crdt.ReplicaID) []delta.Packed {
	var out []delta.Packed
	for _, d := range deltas {
		if d.Origin == id {
			out = append(out, d)
		}
	}
	return out
}

// answer returns the member's answer for a span, as it is once it has
// travelled.
func (m *member) answer(t reporter, s delta.Span) delta.Answer {
	t.Helper()
	a := delta.Answer{Span: s, Context: m.Context.Clone(), Ahead: m.Ahead.Clone()}
	err := m.memory.Scan(s, func(e delta.Entry) error {
		decoded, err := delta.DecodeEntry(e.Key, delta.EncodeEntry(e))
		if err == nil && !decoded.Equal(e) {
			err = errors.New("decoded it is another entry")
		}
		a.Entries = append(a.Entries, decoded)
		return err
	})
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	return a
}

// take joins an answer in a commit of its own.
func (m *member) take(t reporter, a delta.Answer) *delta.Effects {
	t.Helper()
	c := m.begin()
	if err := c.Take(a); err != nil {
		t.Fatalf("take %q to %q: %v", a.Span.From, a.Span.To, err)
	}
	return m.finish(t, c)
}

// openSession opens a complete session with from as it is now.
func (m *member) openSession(t reporter, from *member) {
	t.Helper()
	c := m.begin()
	if err := c.OpenSession(from.Context.Clone()); err != nil {
		t.Fatalf("open session: %v", err)
	}
	m.finish(t, c)
}

// takeInSession joins an answer that belongs to the open session.
func (m *member) takeInSession(t reporter, a delta.Answer) *delta.Effects {
	t.Helper()
	a.InSession = true
	return m.take(t, a)
}

func (m *member) completeSession(t reporter) *delta.Effects {
	t.Helper()
	c := m.begin()
	if err := c.CompleteSession(); err != nil {
		t.Fatalf("complete session: %v", err)
	}
	return m.finish(t, c)
}

// value returns the priority that the member shows, 0 if the claim is not
// visible.
func (m *member) value(c ranges.Claim) int64 {
	e, _ := m.memory.Get(delta.ClaimKey(c)) // a Memory has no errors
	return e.Counter.Value()
}

// state returns all entries of the member, ascending by key.
func (m *member) state() []delta.Entry {
	var out []delta.Entry
	_ = m.memory.Scan(delta.Whole, func(e delta.Entry) error { // visit returns none
		out = append(out, e)
		return nil
	})
	return out
}

// claim returns the claim of node n1 on [from, to) in the default keyspace.
func claim(from, to string) ranges.Claim {
	return ranges.Claim{
		Keyspace: ranges.DefaultKeyspace, Node: "n1",
		Range: ranges.Range{From: from, To: ranges.Before(to)},
	}
}

// spanOf returns the span that has just the entry of c.
func spanOf(c ranges.Claim) delta.Span {
	return delta.Span{From: delta.ClaimKey(c), To: delta.ClaimKey(c) + "\x00"}
}

func register(c ranges.Claim, priority int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbRegister, Claim: c, Amount: priority}
}

func release(c ranges.Claim) delta.Operation {
	return delta.Operation{Verb: delta.VerbRelease, Claim: c}
}

func increase(c ranges.Claim, by int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbIncrease, Claim: c, Amount: by}
}

func increaseIfVisible(c ranges.Claim, by int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbIncrease, Claim: c, Amount: by, IfVisible: true}
}

func decrease(c ranges.Claim, by int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbDecrease, Claim: c, Amount: by}
}

func set(c ranges.Claim, priority int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbSet, Claim: c, Amount: priority}
}

func tighten(c ranges.Claim, from, to string) delta.Operation {
	return delta.Operation{Verb: delta.VerbTighten, Claim: c, To: claim(from, to).Range}
}

func tightenWithGap(c ranges.Claim, from, to string) delta.Operation {
	o := tighten(c, from, to)
	o.AllowGap = true
	return o
}

// node returns the record of a node that the member holds, the zero one if none.
func (m *member) node(name string) (record delta.NodeRecord) {
	if e, _ := m.memory.Get(delta.NodeKey(name)); e.Node != nil {
		record = *e.Node
	}
	return record
}
