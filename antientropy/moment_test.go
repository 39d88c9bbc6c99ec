package antientropy

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// TestMoments_Since_TellsWhatHasChanged holds the memory of contexts against
// copies of all of them.
func TestMoments_Since_TellsWhatHasChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMoments()
		now := crdt.NewContext()
		past := []crdt.Context{now.Clone()}
		for range rapid.IntRange(1, 60).Draw(t, "commits") {
			changed := crdt.NewContext()
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				r := crdt.ReplicaID{byte(rapid.IntRange(1, 6).Draw(t, "replica"))}
				changed[r] = now.Get(r) + 1
			}
			m.grow(delta.HashContext(now), now, changed)
			now.Join(changed)
			past = append(past, now.Clone())
		}
		for _, context := range past {
			then, ok := m.since(delta.HashContext(context), delta.HashContext(now))
			if !ok {
				t.Fatalf("a context of the last %d commits is forgotten", len(past))
			}
			for r, sequence := range now {
				before, changed := then[r]
				if changed != (context.Get(r) != sequence) || changed && before != context.Get(r) {
					t.Fatalf("replica %s: %d then and %d now, told %d, %v", r, context.Get(r), sequence, before, changed)
				}
			}
		}
	})
}

// TestMoments_Grow_IsBounded: what is long ago is forgotten, commit by commit.
func TestMoments_Grow_IsBounded(t *testing.T) {
	m := newMoments()
	now := crdt.NewContext()
	var hashes []delta.Sum
	for i := range 3 * momentsMax {
		changed := crdt.Context{{1, byte(i % 7)}: uint64(i + 1), {2, byte(i % 7)}: uint64(i + 1)}
		hashes = append(hashes, delta.HashContext(now))
		m.grow(hashes[i], now, changed)
		now.Join(changed)
		if len(m.grown) > momentsMax+1 || len(m.numbers) > momentsMax+1 {
			t.Fatalf("%d changes under %d hashes are remembered", len(m.grown), len(m.numbers))
		}
	}
	if _, ok := m.since(hashes[0], delta.HashContext(now)); ok {
		t.Error("the first context is still remembered")
	}
	recent := hashes[len(hashes)-10]
	if then, ok := m.since(recent, delta.HashContext(now)); !ok || len(then) != 14 {
		t.Errorf("ten commits ago: %v, %v; want 14 replicas", then, ok)
	}
	if !m.grown[0].first {
		t.Error("the oldest commit that is left has lost its beginning")
	}
}
