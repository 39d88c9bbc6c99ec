package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/wire"
)

const (
	// diffParts is into how many parts what differs is cut, diffLeaf of how
	// many records it is compared entry by entry.
	diffParts = 16
	diffLeaf  = 64
)

// ErrClusters is wrapped when nodes of different clusters are to be compared.
var ErrClusters = errors.New("nodes of different clusters")

// Diff compares the states of two nodes and calls visit for every entry that
// they do not hold alike, in the order of the state. It descends by
// fingerprints into what differs, so its cost is that of the difference, and
// remembers no more than a path. An error of visit ends it and is returned.
//
// Nodes that are written to, or have yet to hear of each other's events,
// differ by what is on its way; see wire.Diff.SameEvents. The result has no
// Differences: visit had them.
func Diff(ctx context.Context, a, b *Client, visit func(wire.Difference) error) (wire.Diff, error) {
	d := &differ{a: a, b: b, visit: visit}
	atA, err := a.State(ctx, wire.StateRequest{})
	if err != nil {
		return wire.Diff{}, err
	}
	atB, err := b.State(ctx, wire.StateRequest{})
	if err != nil {
		return wire.Diff{}, err
	}
	if atA.Cluster != atB.Cluster {
		return wire.Diff{}, fmt.Errorf("%w: %s is of %s, %s of %s; compare members of one", ErrClusters, a.Address(), atA.Cluster, b.Address(), atB.Cluster)
	}
	found := wire.Diff{
		A:          wire.DiffSide{Address: a.Address(), Node: atA.Node, Fingerprint: atA.Fingerprint},
		B:          wire.DiffSide{Address: b.Address(), Node: atB.Node, Fingerprint: atB.Fingerprint},
		SameEvents: atA.Context == atB.Context,
	}
	if atA.Fingerprint != atB.Fingerprint {
		d.todo = pairUp(atA.Parts, atB.Parts)
	}
	err = d.run(ctx)
	found.Equal = d.found == 0 && err == nil
	return found, err
}

// differ is one comparison under way.
type differ struct {
	a, b  *Client
	visit func(wire.Difference) error
	// todo are parts that differ, the first on top.
	todo  []pair
	found int
}

// pair is a part of the state that two nodes hold differently.
type pair struct {
	from string
	to   *string
	ofA  uint64
	ofB  uint64
}

// pairUp pairs parts that were cut alike, the last first.
func pairUp(a, b []wire.Part) []pair {
	var out []pair
	for i := min(len(a), len(b)) - 1; i >= 0; i-- {
		if a[i].Records != b[i].Records || a[i].Sum != b[i].Sum {
			out = append(out, pair{from: a[i].From, to: a[i].To, ofA: a[i].Records, ofB: b[i].Records})
		}
	}
	return out
}

func (d *differ) run(ctx context.Context) error {
	for len(d.todo) > 0 {
		next := d.todo[len(d.todo)-1]
		d.todo = d.todo[:len(d.todo)-1]
		parts, err := d.split(ctx, next)
		if err != nil {
			return err
		}
		if parts == nil {
			if err := d.list(ctx, next); err != nil {
				return err
			}
		}
		d.todo = append(d.todo, parts...)
	}
	return nil
}

// split returns the parts of a part that differ: the node that has more of it
// decides where to cut. It returns nil if it is better listed.
func (d *differ) split(ctx context.Context, p pair) ([]pair, error) {
	if min(p.ofA, p.ofB) == 0 || max(p.ofA, p.ofB) <= diffLeaf {
		return nil, nil
	}
	large, small := d.a, d.b
	if p.ofB > p.ofA {
		large, small = d.b, d.a
	}
	cut, err := large.State(ctx, wire.StateRequest{From: p.from, To: p.to, Parts: diffParts})
	if err != nil || len(cut.Parts) < 2 {
		return nil, err
	}
	q := wire.StateRequest{From: p.from, To: p.to}
	for _, part := range cut.Parts[1:] {
		q.Cuts = append(q.Cuts, part.From)
	}
	other, err := small.State(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(other.Parts) != len(cut.Parts) {
		return nil, fmt.Errorf("%s was asked about %d parts and answers about %d; use the same release everywhere", small.Address(), len(cut.Parts), len(other.Parts))
	}
	parts := make([]pair, 0, diffParts)
	if large == d.a {
		return append(parts, pairUp(cut.Parts, other.Parts)...), nil
	}
	return append(parts, pairUp(other.Parts, cut.Parts)...), nil
}

// list compares a part entry by entry, as far as both have answered.
func (d *differ) list(ctx context.Context, p pair) error {
	q := wire.StateRequest{From: p.from, To: p.to, Entries: true}
	for {
		ofA, err := d.a.State(ctx, q)
		if err != nil {
			return err
		}
		ofB, err := d.b.State(ctx, q)
		if err != nil {
			return err
		}
		end := earlier(ofA.Next, ofB.Next)
		if err := d.compare(before(ofA.Entries, end), before(ofB.Entries, end)); err != nil || end == "" {
			return err
		}
		q.From = end
	}
}

// earlier returns the earlier of two positions, "" being after all.
func earlier(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return min(a, b)
}

func before(entries []wire.StateEntry, end string) []wire.StateEntry {
	for i, e := range entries {
		if end != "" && e.Position >= end {
			return entries[:i]
		}
	}
	return entries
}

// compare visits what differs between two lists in order of position.
func (d *differ) compare(a, b []wire.StateEntry) error {
	for len(a) > 0 || len(b) > 0 {
		var x wire.Difference
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Position < b[0].Position:
			x = wire.Difference{Subject: a[0].Subject, A: &a[0].Content}
			a = a[1:]
		case len(a) == 0 || b[0].Position < a[0].Position:
			x = wire.Difference{Subject: b[0].Subject, B: &b[0].Content}
			b = b[1:]
		default:
			x = wire.Difference{Subject: a[0].Subject, A: &a[0].Content, B: &b[0].Content}
			a, b = a[1:], b[1:]
			if x.A.Sum == x.B.Sum {
				continue
			}
		}
		d.found++
		if err := d.visit(x); err != nil {
			return err
		}
	}
	return nil
}
