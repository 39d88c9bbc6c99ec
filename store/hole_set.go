package store

import (
	"bytes"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// holeSet collects the holes of one transaction.
type holeSet struct {
	everything, nodes bool
	keyspaces         map[string][]ranges.Range
}

func (g *holeSet) addRange(keyspace string, r ranges.Range) {
	if g.keyspaces == nil {
		g.keyspaces = map[string][]ranges.Range{}
	}
	list := append(g.keyspaces[keyspace], r)
	if len(list) > 2*holeRangesMax {
		list = bound(list)
	}
	g.keyspaces[keyspace] = list
}

// addKey adds what an entry is about.
func (g *holeSet) addKey(k delta.Key) error {
	if !k.IsClaim() {
		g.nodes = true
		return nil
	}
	claim, err := k.Claim()
	if err == nil {
		g.addRange(claim.Keyspace, claim.Range)
	}
	return err
}

// addTouches adds what the events of a trimmed delta are about.
func (g *holeSet) addTouches(touches []delta.Touch) {
	for _, t := range touches {
		if t.Keyspace == "" {
			g.nodes = true
		} else {
			g.addRange(t.Keyspace, t.Range.Range())
		}
	}
}

// addEffects adds what a commit on r changed without events for it. Only a
// complete session widens the context without events; only range answers
// change entries without them, and they leave the replica ahead.
func (g *holeSet) addEffects(e *delta.Effects, r *delta.Replica) error {
	logged := crdt.NewContext()
	for _, p := range e.Deltas {
		logged[p.Origin] += uint64(len(p.Events))
	}
	for origin, sequence := range e.Context {
		if sequence-r.Context.Get(origin) > logged[origin] {
			g.everything = true
		}
	}
	if !r.IsAhead() && len(e.Ahead) == 0 {
		return nil
	}
	return g.addUntouched(e)
}

// addUntouched adds the entries that changed without an event about them.
func (g *holeSet) addUntouched(e *delta.Effects) error {
	touched := map[delta.Key]struct{}{}
	for _, p := range e.Deltas {
		for _, x := range p.Events {
			touched[x.Key()] = struct{}{}
		}
	}
	for _, x := range e.Entries {
		if _, ok := touched[x.Key]; ok || !hasMissedEvents(x) {
			continue
		}
		if err := g.addKey(x.Key); err != nil {
			return err
		}
	}
	return nil
}

// hasMissedEvents reports whether a change of an entry that no event of its
// commit is about shows that events were missed. What merely drops released
// records, as a Forget of their origin does everywhere, does not.
func hasMissedEvents(x delta.EntryChange) bool {
	if !x.Key.IsClaim() {
		return true
	}
	for _, after := range x.After().Counter {
		if before, _ := x.Before().Counter.Find(after.Origin); before != after {
			return true
		}
	}
	for _, before := range x.Before().Counter {
		if _, ok := x.After().Counter.Find(before.Origin); !ok && before.IsLive() {
			return true
		}
	}
	return false
}

// write makes the holes part of the table.
func (g *holeSet) write(t *table) error {
	for key, has := range map[string]bool{holeEverything: g.everything, holeNodes: g.nodes} {
		if !has {
			continue
		}
		if err := putChanged(t, []byte(key), encodeRanges(nil)); err != nil {
			return err
		}
	}
	for keyspace, added := range g.keyspaces {
		key := []byte(holeKeyspace + keyspace)
		held, err := holesAt(t, key)
		if err != nil {
			return err
		}
		if err := putChanged(t, key, encodeRanges(bound(append(held, added...)))); err != nil {
			return err
		}
	}
	return nil
}

// putChanged puts a payload unless it is there.
func putChanged(t *table, key, payload []byte) error {
	held, err := t.get(key)
	if err != nil || bytes.Equal(held, payload) {
		return err
	}
	return t.put(key, payload)
}

// bound returns disjoint ranges that cover list, at most holeRangesMax.
func bound(list []ranges.Range) []ranges.Range {
	list = ranges.Union(list)
	for len(list) > holeRangesMax {
		half := list[:0]
		for i := 0; i < len(list); i += 2 {
			last := list[min(i+1, len(list)-1)]
			half = append(half, ranges.Range{From: list[i].From, To: last.To})
		}
		list = half
	}
	return list
}
