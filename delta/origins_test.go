package delta_test

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestCommit_Take_ManyOrigins: a claim is joined in one pass, however many
// origins have touched it. A copy of the claim for each of them would be minutes
// for a hundred thousand.
func TestCommit_Take_ManyOrigins(t *testing.T) {
	const origins = 5000
	a := delta.Answer{Span: delta.Whole, Context: crdt.NewContext(), InSession: true}
	entry := delta.Entry{Key: delta.ClaimKey(claim("a", "m"))}
	for i := range uint64(origins) {
		id := crdt.ReplicaID{0: 1, 14: byte(i >> 8), 15: byte(i)}
		a.Context[id] = 3
		entry.Counter = append(entry.Counter, crdt.Contribution{Origin: id, Era: 1, Last: 3, Total: 5, Added: 3})
	}
	a.Entries = []delta.Entry{entry}
	gone := a
	gone.Entries = nil

	m := newMember(1)
	for _, step := range []struct {
		name string
		of   delta.Answer
		left int
	}{{"all are new", a, origins}, {"all are here", a, origins}, {"all were closed", gone, 0}} {
		got := testing.AllocsPerRun(1, func() { _ = m.begin().Take(step.of) })
		if got > origins/10 {
			t.Errorf("%s: %.0f allocations for a claim of %d origins", step.name, got, origins)
		}
		c := m.begin()
		if err := c.Take(step.of); err != nil {
			t.Fatal(err)
		}
		m.finish(t, c)
		if e, err := m.memory.Get(entry.Key); err != nil || len(e.Counter) != step.left {
			t.Errorf("%s: %d records, %v; want %d", step.name, len(e.Counter), err, step.left)
		}
	}
}
