package dump

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// lineOf returns the line of an entry.
func lineOf(e delta.Entry) (any, error) {
	switch {
	case e.Key.IsClaim():
		return packClaim(e)
	case e.Key.IsNode():
		return packNode(*e.Node), nil
	}
	id, err := e.Key.Forgotten()
	return Forgotten{Type: typeForgotten, Replica: id.String()}, err
}

func packClaim(e delta.Entry) (Claim, error) {
	claim, err := e.Key.Claim()
	if err != nil {
		return Claim{}, err
	}
	out := Claim{
		Type: typeClaim, Keyspace: claim.Keyspace, Node: claim.Node, Bounds: wire.BoundsOf(claim.Range),
		Priority: e.Counter.Value(), Contributions: make([]Contribution, len(e.Counter)),
	}
	for i, x := range e.Counter {
		out.Contributions[i] = Contribution{
			Origin: x.Origin.String(), Era: x.Era, Last: x.Last, Total: x.Total, Added: x.Added,
			Register: x.Register, Amount: x.Amount, Watermark: x.Watermark, Released: x.Released,
		}
	}
	return out, nil
}

// entry returns the entry of the line, checked.
func (c Claim) entry() (delta.Entry, error) {
	r, err := c.Range()
	if err != nil {
		return delta.Entry{}, err
	}
	claim := ranges.Claim{Keyspace: c.Keyspace, Node: c.Node, Range: r}
	if err := claim.Validate(); err != nil {
		return delta.Entry{}, err
	}
	e := delta.Entry{Key: delta.ClaimKey(claim)}
	for _, x := range c.Contributions {
		unpacked, err := x.unpack()
		if err != nil {
			return delta.Entry{}, err
		}
		e.Counter = append(e.Counter, unpacked)
	}
	if err := e.Validate(); err != nil {
		return delta.Entry{}, err
	}
	if shown := e.Counter.Value(); shown != c.Priority {
		return delta.Entry{}, fmt.Errorf("the priority is %d, but the contributions show %d", c.Priority, shown)
	}
	return e, nil
}

func (c Contribution) unpack() (crdt.Contribution, error) {
	origin, err := crdt.ParseReplicaID(c.Origin)
	return crdt.Contribution{
		Origin: origin, Era: c.Era, Last: c.Last, Total: c.Total, Added: c.Added,
		Register: c.Register, Amount: c.Amount, Watermark: c.Watermark, Released: c.Released,
	}, err
}

func packNode(n delta.NodeRecord) Node {
	out := Node{
		Type: typeNode, Node: n.Name, Generation: n.Generation, Dot: n.Dot.String(),
		Service: n.Service, API: n.API, Gossip: n.Gossip, Retired: n.Retired, Labels: [][]string{},
	}
	for _, l := range n.Labels {
		out.Labels = append(out.Labels, []string{l.Name, l.Value})
	}
	return out
}

// entry returns the entry of the line, checked.
func (n Node) entry() (delta.Entry, error) {
	dot, err := crdt.ParseDot(n.Dot)
	if err != nil {
		return delta.Entry{}, err
	}
	record := delta.NodeRecord{
		Name: n.Node, Generation: n.Generation, Dot: dot,
		Service: n.Service, API: n.API, Gossip: n.Gossip, Retired: n.Retired,
	}
	for _, l := range n.Labels {
		if len(l) != 2 {
			return delta.Entry{}, fmt.Errorf("a label is a pair of a name and a value")
		}
		record.Labels = append(record.Labels, delta.Label{Name: l[0], Value: l[1]})
	}
	e := delta.Entry{Key: delta.NodeKey(n.Node), Node: &record}
	return e, e.Validate()
}

// entry returns the entry of the line, checked.
func (f Forgotten) entry() (delta.Entry, error) {
	id, err := crdt.ParseReplicaID(f.Replica)
	if err != nil {
		return delta.Entry{}, err
	}
	e := delta.Entry{Key: delta.ForgottenKey(id)}
	return e, e.Validate()
}
