package compaction

import (
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// member is a replica of the tests.
type member struct {
	delta.Memory
	replica *delta.Replica
}

func newMember(id byte) *member { return &member{replica: delta.NewReplica(crdt.ReplicaID{id})} }

func (m *member) commit(t *testing.T, fn func(*delta.Commit) error) []delta.Packed {
	t.Helper()
	c := m.replica.Begin(delta.Env{Read: m})
	if err := fn(c); err != nil {
		t.Fatal(err)
	}
	e, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	m.Write(e)
	m.replica.Adopt(e)
	return e.Deltas
}

func (m *member) waiting(t *testing.T) []Wait {
	t.Helper()
	var w Waiting
	if err := m.Scan(delta.ClaimSpan, w.Visit); err != nil {
		t.Fatal(err)
	}
	return w.List()
}

// A claim that one replica registers and another releases waits for the first
// to close it, and for nobody once the close has arrived.
func TestWaiting_ReleasedUntilClosed(t *testing.T) {
	a, b := newMember(1), newMember(2)
	receive := func(deltas []delta.Packed) func(*delta.Commit) error {
		return func(c *delta.Commit) error {
			for _, p := range deltas {
				if _, err := c.Receive(p); err != nil {
					return err
				}
			}
			return nil
		}
	}
	operation := func(verb delta.Verb, from string) func(*delta.Commit) error {
		return func(c *delta.Commit) error {
			_, _, err := c.Write([]delta.Operation{{Verb: verb, Amount: 1, Claim: ranges.Claim{
				Keyspace: "default", Node: "n1", Range: ranges.Range{From: from, To: ranges.Unbounded()},
			}}})
			return err
		}
	}
	registered := append(a.commit(t, operation(delta.VerbRegister, "a")), a.commit(t, operation(delta.VerbRegister, "b"))...)
	b.commit(t, receive(registered))
	if got := b.waiting(t); len(got) != 0 {
		t.Fatalf("waits for %v before anything is released", got)
	}
	released := append(b.commit(t, operation(delta.VerbRelease, "a")), b.commit(t, operation(delta.VerbRelease, "b"))...)
	if got, want := b.waiting(t), []Wait{{Replica: a.replica.ID, Records: 2}}; !slices.Equal(got, want) {
		t.Fatalf("waits for %v, want %v", got, want)
	}
	b.commit(t, receive(a.commit(t, receive(released))))
	if got := b.waiting(t); len(got) != 0 {
		t.Fatalf("waits for %v after the close", got)
	}
}
