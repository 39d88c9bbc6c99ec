package compaction

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/ranges"
)

// Participant follows where one node participates while its claims come and
// go. A change costs O(log n), and what is covered by the claim that came or
// went; nothing costs what the node participates in as a whole. The zero
// Participant claims nothing. It has one owner.
//
// It is a routing table of the node's claims alone: with one node, and one
// priority for all of them, its subranges are by turns gaps and where the node
// participates. A sorted list of ranges costs a copy with each change, and
// says nothing of what is left when one of several overlapping claims goes.
//
//	U1  tables has the table of every index, as of the last Settle
//	U2  before has the tables of the last Settle, of the keyspaces that have
//	    changed since
type Participant struct {
	claims map[string]*ranges.Index
	tables map[string]*ranges.Table
	before map[string]*ranges.Table
	came   []Part
}

// Part is a range of keys of a keyspace.
type Part struct {
	Keyspace string
	Range    ranges.Range
}

// Claim notes that the node claims a range, once however often it is said.
func (p *Participant) Claim(keyspace string, r ranges.Range) {
	p.change(keyspace).Set(r, "", 1)
	p.came = append(p.came, Part{Keyspace: keyspace, Range: r})
}

// Release notes that the node claims a range no longer.
func (p *Participant) Release(keyspace string, r ranges.Range) { p.change(keyspace).Remove(r, "") }

// change returns the claims of a keyspace, which are about to change.
func (p *Participant) change(keyspace string) *ranges.Index {
	if p.claims == nil {
		p.claims, p.tables, p.before = map[string]*ranges.Index{}, map[string]*ranges.Table{}, map[string]*ranges.Table{}
	}
	index, ok := p.claims[keyspace]
	if !ok {
		index = ranges.NewIndex(keyspace)
		p.claims[keyspace] = index
		p.tables[keyspace] = index.Table()
	}
	if _, ok := p.before[keyspace]; !ok {
		p.before[keyspace] = p.tables[keyspace]
	}
	return index
}

// Settle ends a group of changes, whose order does not matter. It returns
// where the node participates now and did not at the last Settle, ascending,
// none touching another; and whether a claim came or went.
func (p *Participant) Settle() (fresh []Part, changed bool) {
	changed = len(p.before) > 0
	for keyspace := range p.before {
		p.tables[keyspace] = p.claims[keyspace].Table()
	}
	fresh = p.fresh()
	p.forget()
	return fresh, changed
}

// fresh returns what the claims that came have added.
func (p *Participant) fresh() (fresh []Part) {
	before, now := Participation{p.before}, Participation{p.tables}
	added := map[string][]ranges.Range{}
	for _, part := range p.came {
		for gap := range before.within(part.Keyspace, part.Range, false) {
			for r := range now.within(part.Keyspace, gap, true) { // it may have gone again
				added[part.Keyspace] = append(added[part.Keyspace], r)
			}
		}
	}
	for _, keyspace := range slices.Sorted(maps.Keys(added)) {
		for _, r := range ranges.Union(added[keyspace]) {
			fresh = append(fresh, Part{Keyspace: keyspace, Range: r})
		}
	}
	return fresh
}

// forget drops what only the last group of changes needed.
func (p *Participant) forget() {
	for keyspace := range p.before {
		if p.claims[keyspace].Len() == 0 {
			delete(p.claims, keyspace)
			delete(p.tables, keyspace)
		}
	}
	clear(p.before)
	p.came = nil
}

// Participation returns where the node participates, as of the last Settle.
// O(keyspaces).
func (p *Participant) Participation() Participation {
	return Participation{keyspaces: maps.Clone(p.tables)}
}
