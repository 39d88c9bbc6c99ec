package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// advertised is what a node says of itself to those who use it.
type advertised struct {
	service string
	labels  []delta.Label
}

func (o Options) advertised() *advertised {
	return &advertised{service: o.Service, labels: labelsOf(o.Labels)}
}

// labelsOf returns labels ascending by name.
func labelsOf(labels map[string]string) []delta.Label {
	var out []delta.Label
	for name, value := range labels {
		out = append(out, delta.Label{Name: name, Value: value})
	}
	slices.SortFunc(out, func(a, b delta.Label) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// SetNode says at which address a node serves its users, and with which
// labels: of this node, until it is opened again and goes by its options; or
// of a node that serves ranges and is no member, or a dead one. A member that
// can be reached says itself what it is: then the error is ErrAlive. A node
// that was forgotten is listed again. The token names the event; it is empty
// if that was what the node said already.
func (n *Node) SetNode(ctx context.Context, name, service string, labels map[string]string) (crdt.Context, error) {
	record := delta.NodeRecord{Name: name, Service: service, Labels: labelsOf(labels)}
	if name == n.name {
		own := n.record()
		own.Service, own.Labels = record.Service, record.Labels
		if err := own.Validate(); err != nil {
			return nil, err
		}
		n.advertised.Store(&advertised{service: service, labels: record.Labels})
		return n.advertise(ctx, own)
	}
	for _, m := range n.transport.Members() {
		if m.Name == name && m.Reachable() {
			return nil, fmt.Errorf("say what %s is: %w, which says that itself: ask that one, see members", name, ErrAlive)
		}
	}
	if held, ok := n.routing.node(name); ok && !held.Retired {
		record.API, record.Gossip = held.API, held.Gossip
		if held.SaysTheSame(record) {
			return crdt.NewContext(), nil
		}
	}
	return n.advertise(ctx, record)
}
