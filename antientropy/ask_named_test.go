package antientropy

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// TestCore_NameOf holds what is derived from the own context against what
// follows from the named one.
func TestCore_NameOf(t *testing.T) {
	draw := func(t *rapid.T, what string) crdt.Context {
		c := crdt.NewContext()
		for i := range 6 {
			c.Advance(crdt.ReplicaID{byte(i + 1)}, rapid.Uint64Range(0, 3).Draw(t, what))
		}
		return c
	}
	rapid.Check(t, func(t *rapid.T) {
		own, context := draw(t, "own"), draw(t, "named")
		c, err := New(Options{Cluster: "test"}, Start{ID: crdt.ReplicaID{9}, Context: own, ContextHash: delta.HashContext(own)})
		if err != nil {
			t.Fatal(err)
		}
		n := c.nameOf(context)
		events := uint64(0)
		for _, sequence := range context {
			events += sequence
		}
		if n.hash != delta.HashContext(context) || n.events != events {
			t.Errorf("%s has the hash %v and %d events, told are %v and %d", context, delta.HashContext(context), events, n.hash, n.events)
		}
		for i := range 6 {
			r := crdt.ReplicaID{byte(i + 1)}
			if _, other := n.other[r]; other != (own.Get(r) != context.Get(r)) {
				t.Errorf("replica %s: %d and %d, told is %v", r, own.Get(r), context.Get(r), other)
			}
		}
	})
}
