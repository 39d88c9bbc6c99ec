package node

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// effectsOf returns a commit that makes claims have priorities.
func effectsOf(before, after map[ranges.Claim]int64) *delta.Effects {
	entry := func(c ranges.Claim, priority int64) delta.Entry {
		if priority == 0 {
			return delta.Entry{}
		}
		x := crdt.Contribution{Origin: crdt.ReplicaID{1}, Era: 1, Last: 1, Added: 1, Register: 1, Amount: priority}
		return delta.Entry{Key: delta.ClaimKey(c), Counter: crdt.PNCounter{}.Merge(x)}
	}
	e := &delta.Effects{}
	for c := range after {
		e.Entries = append(e.Entries, delta.NewEntryChange(delta.ClaimKey(c), entry(c, before[c]), entry(c, after[c])))
	}
	return e
}

// apply is what the committer does with the effects of a commit.
func apply(r *routing, e *delta.Effects) ([]change, error) {
	p := r.prepare(e)
	r.show(e, p)
	return p.changes, p.err
}

// TestRouting_Prepare_ShowsNothing: what is prepared for a commit that is on its
// way, and may fail, is seen by no reader.
func TestRouting_Prepare_ShowsNothing(t *testing.T) {
	r := newRouting()
	r.loaded("n1", crdt.NewContext())
	e := effectsOf(nil, map[ranges.Claim]int64{inKeyspace("k1"): 2})
	e.Context = crdt.Context{{1}: 1}
	p := r.prepare(e)
	if len(r.table("k1").Lookup("b").Servers) != 0 || r.visible() != 0 || len(r.keyspaces()) != 0 || len(r.takeFresh()) != 0 || r.covers(e.Context) {
		t.Error("what is being committed is shown")
	}
	r.show(e, p)
	if len(r.table("k1").Lookup("b").Servers) != 1 || r.visible() != 1 || len(r.keyspaces()) != 1 || len(r.takeFresh()) != 1 || !r.covers(e.Context) {
		t.Error("what was committed is not shown")
	}
}

// TestRouting_Reuse_LeadsToNothing: room for changes goes round, empty.
func TestRouting_Reuse_LeadsToNothing(t *testing.T) {
	r := newRouting()
	prepare := func(claims map[ranges.Claim]int64) []change { return r.prepare(effectsOf(nil, claims)).changes }
	first := prepare(map[ranges.Claim]int64{inKeyspace("k1"): 1, inKeyspace("k2"): 2})
	r.reuse(first)
	if first[0] != (change{}) || first[1] != (change{}) {
		t.Errorf("it leads to %v", first)
	}
	if next := prepare(map[ranges.Claim]int64{inKeyspace("k3"): 3}); len(next) != 1 || &next[0] != &first[0] {
		t.Errorf("the next changes, %v, have other room", next)
	}
	r.reuse(make([]change, changesKept+1))
	if len(r.spare) > 0 {
		t.Error("the room of a large commit is kept")
	}
}

func inKeyspace(keyspace string) ranges.Claim {
	return ranges.Claim{Keyspace: keyspace, Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}}
}

// TestRouting_Apply_KeyspacesComeAndGo has keyspaces vanish and come back
// beside readers of every kind; the race detector looks on.
func TestRouting_Apply_KeyspacesComeAndGo(t *testing.T) {
	r := newRouting()
	r.loaded("n1", crdt.NewContext())
	done := make(chan struct{})
	var readers sync.WaitGroup
	read := func(look func()) {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					look()
				}
			}
		})
	}
	read(func() {
		switch got := fmt.Sprint(r.table("k1").Lookup("b").Servers); got {
		case "[]", "[{n1 1}]", "[{n1 2}]":
		default:
			t.Errorf("a lookup shows %s", got)
		}
	})
	read(func() {
		for _, k := range r.keyspaces() {
			if k.Claims != 1 || k.Subranges != 3 {
				t.Errorf("it lists %+v", k)
			}
		}
	})
	d := delta.Delta{Events: []delta.Event{{Kind: delta.Add, Claim: inKeyspace("k1")}}}
	read(func() {
		if names := r.participants(d); len(names) > 0 && !slices.Equal(names, []string{"n1"}) {
			t.Errorf("the participants are %v", names)
		}
	})
	now := map[ranges.Claim]int64{}
	for i := range 2000 {
		next := map[ranges.Claim]int64{inKeyspace(fmt.Sprintf("k%d", i%3)): int64(i / 3 % 3)}
		r.overlapping("k2", ranges.Everything())
		changes, err := apply(r, effectsOf(now, next))
		if err != nil {
			t.Fatal(err)
		}
		for c, priority := range next {
			if changed := now[c] != priority; changed != (len(changes) == 1) {
				t.Errorf("from %d to %d is told as %v", now[c], priority, changes)
			}
			now[c] = priority
			if s := r.table(c.Keyspace).Lookup("b").Servers; len(s) != min(1, int(priority)) {
				t.Errorf("priority %d is looked up as %v", priority, s)
			}
		}
	}
	close(done)
	readers.Wait()
	for c := range now {
		if _, err := apply(r, effectsOf(now, map[ranges.Claim]int64{c: 0})); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.keyspaces()) != 0 || r.visible() != 0 || len(*r.tables.Load()) != 0 {
		t.Errorf("left are %v, %d claims", r.keyspaces(), r.visible())
	}
}

func TestRouting_Reload_ShowsNothingBeforeItIsLoaded(t *testing.T) {
	n := openAlone(t, Options{})
	increase(t, n, "a")
	n.routing.reload()
	for _, e := range effectsOf(nil, map[ranges.Claim]int64{claimAt("b"): 3}).Entries {
		if err := n.routing.load(e.After()); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.Lookup("default", "a").Servers) != 1 || len(n.Nodes()) != 1 || n.routing.visible() != 1 {
		t.Error("what is being loaded is shown")
	}
	n.routing.loaded("n1", crdt.Context{{1}: 1})
	if len(n.Lookup("default", "a").Servers) != 0 || len(n.Lookup("default", "b").Servers) != 1 || len(n.Nodes()) != 0 {
		t.Error("what was loaded is not shown")
	}
	if err := n.waitCovered(t.Context(), crdt.Context{{1}: 1}); err != nil {
		t.Error(err)
	}
}

func TestRouting_Participated_FollowsOwnClaims(t *testing.T) {
	r := newRouting()
	first, second := inKeyspace("k1"), inKeyspace("k2")
	foreign := inKeyspace("k1")
	foreign.Node = "n2"
	for _, e := range effectsOf(nil, map[ranges.Claim]int64{first: 3, foreign: 1}).Entries {
		if err := r.load(e.After()); err != nil {
			t.Fatal(err)
		}
	}
	r.loaded("n1", crdt.NewContext())
	part := func(c ranges.Claim) compaction.Part { return compaction.Part{Keyspace: c.Keyspace, Range: c.Range} }
	step := func(before, after map[ranges.Claim]int64, fresh []compaction.Part, want ...ranges.Claim) {
		t.Helper()
		moves := r.moves()
		if _, err := apply(r, effectsOf(before, after)); err != nil {
			t.Fatal(err)
		}
		if got := r.takeFresh(); !slices.Equal(got, fresh) {
			t.Errorf("it begins to participate in %v, not %v", got, fresh)
		}
		var spans []delta.Span
		for _, c := range want {
			spans = append(spans, delta.StartingIn(c.Keyspace, c.Range))
		}
		if got := r.participated(9); !slices.Equal(got, spans) || len(r.participated(1)) != 1 {
			t.Errorf("it participates in %q, not %q", got, spans)
		}
		own := func(c ranges.Claim) bool { return c.Node == "n1" && (before[c] == 0) != (after[c] == 0) }
		if moved := r.moves() != moves; moved != slices.ContainsFunc(slices.Collect(maps.Keys(after)), own) {
			t.Errorf("that own claims came or went: %t", moved)
		}
	}
	step(nil, nil, nil, first)
	step(map[ranges.Claim]int64{first: 3}, map[ranges.Claim]int64{first: 4}, nil, first)
	step(nil, map[ranges.Claim]int64{second: 1}, []compaction.Part{part(second)}, first, second)
	step(map[ranges.Claim]int64{foreign: 1}, map[ranges.Claim]int64{foreign: 0}, nil, first, second)
	step(map[ranges.Claim]int64{first: 4}, map[ranges.Claim]int64{first: 0}, nil, second)

	// After the disk was at fault, what it has is compared with what was known.
	r.reload()
	for _, e := range effectsOf(nil, map[ranges.Claim]int64{first: 3, second: 1}).Entries {
		if err := r.load(e.After()); err != nil {
			t.Fatal(err)
		}
	}
	r.loaded("n1", crdt.NewContext())
	step(nil, nil, []compaction.Part{part(first)}, first, second)
}

// TestRouting_Partners_AreThoseOfOwnRanges has nodes claim beside, in, and
// around what the node claims, and nothing of it.
func TestRouting_Partners_AreThoseOfOwnRanges(t *testing.T) {
	r := newRouting()
	r.loaded("n1", crdt.NewContext())
	claims := map[ranges.Claim]int64{}
	claim := func(keyspace, node, from, to string) {
		claims[ranges.Claim{Keyspace: keyspace, Node: node, Range: ranges.Range{From: from, To: ranges.Before(to)}}] = 1
	}
	claim("k1", "n1", "b", "f")
	claim("k1", "n1", "h", "m")
	claim("k2", "n1", "b", "f")
	claim("k1", "before", "a", "b")
	claim("k1", "between", "f", "h")
	claim("k1", "inside", "c", "d")
	claim("k2", "around", "a", "z")
	claim("k3", "elsewhere", "b", "f")
	if _, err := apply(r, effectsOf(nil, claims)); err != nil {
		t.Fatal(err)
	}
	if got := r.partners(); !slices.Equal(got, []string{"around", "inside"}) {
		t.Errorf("the partners are %v", got)
	}
}
