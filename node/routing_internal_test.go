package node

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

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
		e.Entries = append(e.Entries, delta.EntryChange{Key: delta.ClaimKey(c), Before: entry(c, before[c]), After: entry(c, after[c])})
	}
	return e
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
	read(func() { r.overlapping("k2", ranges.Everything()) })
	d := delta.Delta{Events: []delta.Event{{Kind: delta.Add, Claim: inKeyspace("k1")}}}
	read(func() {
		if names := r.participants(d); len(names) > 0 && !slices.Equal(names, []string{"n1"}) {
			t.Errorf("the participants are %v", names)
		}
	})
	now := map[ranges.Claim]int64{}
	for i := range 2000 {
		next := map[ranges.Claim]int64{inKeyspace(fmt.Sprintf("k%d", i%3)): int64(i / 3 % 3)}
		changes, err := r.apply(effectsOf(now, next))
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
		if _, err := r.apply(effectsOf(now, map[ranges.Claim]int64{c: 0})); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.keyspaces()) != 0 || r.claims() != 0 || len(*r.tables.Load()) != 0 {
		t.Errorf("left are %v, %d claims", r.keyspaces(), r.claims())
	}
}

func TestRouting_Reload_ShowsNothingBeforeItIsLoaded(t *testing.T) {
	n := openAlone(t, Options{})
	increase(t, n, "a")
	n.routing.reload()
	for _, e := range effectsOf(nil, map[ranges.Claim]int64{claimAt("b"): 3}).Entries {
		if err := n.routing.load(e.After); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.Lookup("default", "a").Servers) != 1 || len(n.Nodes()) != 1 || n.routing.claims() != 1 {
		t.Error("what is being loaded is shown")
	}
	n.routing.loaded("n1", crdt.Context{{1}: 1})
	if len(n.Lookup("default", "a").Servers) != 0 || len(n.Lookup("default", "b").Servers) != 1 || len(n.Nodes()) != 0 {
		t.Error("what was loaded is not shown")
	}
	if err := n.waitCovered(context.Background(), crdt.Context{{1}: 1}, bookmarkEvery); err != nil {
		t.Error(err)
	}
}

func TestRouting_Participated_FollowsOwnClaims(t *testing.T) {
	r := newRouting()
	first, second := inKeyspace("k1"), inKeyspace("k2")
	foreign := inKeyspace("k1")
	foreign.Node = "n2"
	for _, e := range effectsOf(nil, map[ranges.Claim]int64{first: 3, foreign: 1}).Entries {
		if err := r.load(e.After); err != nil {
			t.Fatal(err)
		}
	}
	r.loaded("n1", crdt.NewContext())
	span := func(c ranges.Claim) delta.Span { return delta.StartingIn(c.Keyspace, c.Range) }
	step := func(before, after map[ranges.Claim]int64, moved bool, want ...delta.Span) {
		t.Helper()
		if _, err := r.apply(effectsOf(before, after)); err != nil {
			t.Fatal(err)
		}
		if got, changed := r.participated(); changed != moved || !slices.Equal(got, want) {
			t.Errorf("it participates in %q, changed: %t", got, changed)
		}
	}
	step(nil, nil, true, span(first))
	step(nil, nil, false)
	step(map[ranges.Claim]int64{first: 3}, map[ranges.Claim]int64{first: 4}, false)
	step(nil, map[ranges.Claim]int64{second: 1}, true, span(first), span(second))
	step(map[ranges.Claim]int64{foreign: 1}, map[ranges.Claim]int64{foreign: 0}, false)
	step(map[ranges.Claim]int64{first: 4}, map[ranges.Claim]int64{first: 0}, true, span(second))
}
