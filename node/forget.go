package node

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// Forgotten says what a forget has brought about.
type Forgotten struct {
	// Replicas were retired by it, ascending; those that were before are not
	// among them.
	Replicas []crdt.ReplicaID
	// Retired says that it took the node off the lists, Released how many of
	// its claims it has released.
	Retired  bool
	Released int
	// Token names the events.
	Token crdt.Context
}

// Forget retires a node that does not come back: every replica by which it is
// known to have gone, and its record, so that nobody lists it, waits for it or
// looks for it any more; and releases its claims if that is asked for. If the
// node comes back after all, its replica learns that it was forgotten and goes
// on under a new id.
//
// Errors: ErrAlive while the node is reachable, ErrSelf for this node itself,
// delta.ErrNotFound for a name that nobody has gone by; and those of Write.
// Forgetting again does what is left to do.
func (n *Node) Forget(ctx context.Context, name string, release bool) (Forgotten, error) {
	f := Forgotten{Token: crdt.NewContext()}
	if err := n.mayForget(name); err != nil {
		return f, err
	}
	record, hasRecord := n.routing.node(name)
	replicas, err := n.replicasOf(name)
	if err != nil {
		return f, err
	}
	if !hasRecord && len(replicas) == 0 && !(release && n.hasClaims(name)) {
		return f, fmt.Errorf("%w: no node %q has ever been known here; see nodes and members", delta.ErrNotFound, name)
	}
	f.Retired = !record.Retired && (hasRecord || len(replicas) > 0)
	if f.Replicas, err = n.retire(ctx, &f, name, replicas); err != nil {
		return f, err
	}
	_ = n.transport.Forget(name) // here it is gone at once; the keeper sees to the rest
	n.keeper.poke()
	if release {
		released, token, err := n.releaseClaims(ctx, name)
		f.Released = released
		f.Token.Join(token)
		if err != nil {
			return f, fmt.Errorf("release the claims of %s, which is forgotten: %w; forget it again", name, err)
		}
	}
	n.log.Info("a node was forgotten", "name", name, "replicas", len(f.Replicas), "released", f.Released)
	return f, nil
}

// ForgetReplica retires one replica, of whatever name: one that a node has
// left behind, and whose records wait for it in vain. Errors are as of Forget;
// ErrAlive says that a member that can be reached goes by it.
func (n *Node) ForgetReplica(ctx context.Context, r crdt.ReplicaID) (Forgotten, error) {
	f := Forgotten{Token: crdt.NewContext()}
	for _, m := range n.transport.Members() {
		switch {
		case m.Replica == r && m.Self:
			return f, fmt.Errorf("forget replica %s: %w: %s goes by it", r, ErrSelf, m.Name)
		case m.Replica == r && m.Reachable():
			return f, fmt.Errorf("forget replica %s: %w: %s goes by it", r, ErrAlive, m.Name)
		}
	}
	known, err := n.knowsReplica(r)
	if err != nil {
		return f, err
	}
	if !known {
		return f, fmt.Errorf("%w: no event of a replica %s has ever been seen here; see compact --dry-run for those that records wait for", delta.ErrNotFound, r)
	}
	f.Replicas, err = n.retire(ctx, &f, "", []crdt.ReplicaID{r})
	return f, err
}

// mayForget refuses names of nodes that are there.
func (n *Node) mayForget(name string) error {
	if err := ranges.ValidateName("node", name); err != nil {
		return err
	}
	if name == n.name {
		return fmt.Errorf("forget %s: %w: use leave", name, ErrSelf)
	}
	for _, m := range n.transport.Members() {
		if m.Name == name && m.Reachable() {
			return fmt.Errorf("forget %s: %w at %s: stop it first; if its process is gone, wait some seconds until members shows it as dead", name, ErrAlive, m.Gossip)
		}
	}
	return nil
}

// hasClaims reports whether a node serves anything, or the state cannot be
// read, which whoever goes on will notice.
func (n *Node) hasClaims(name string) bool {
	_, err := n.EachClaim(Filter{Node: name}, func(ranges.Weighted) error { return errEnough })
	return err != nil
}

// retire retires replicas and, if f says so, the record of a name, in one
// transaction. It returns those that were not retired before.
func (n *Node) retire(ctx context.Context, f *Forgotten, name string, replicas []crdt.ReplicaID) ([]crdt.ReplicaID, error) {
	var retired []crdt.ReplicaID
	var token crdt.Context
	isNamed := f.Retired
	err := n.writeLocal(ctx, func(c *delta.Commit) error {
		retired, token = nil, crdt.NewContext()
		d, err := c.Forget(slices.DeleteFunc(slices.Clone(replicas), func(r crdt.ReplicaID) bool { return r == c.ID() })...)
		if err != nil {
			return err
		}
		for _, e := range d.Events {
			retired = append(retired, e.Replica)
		}
		token.Join(d.Context())
		if !isNamed {
			return nil
		}
		d, err = c.Advertise(delta.NodeRecord{Name: name, Retired: true})
		token.Join(d.Context())
		return err
	})
	if err != nil {
		return nil, err // it may be carried out yet, even now
	}
	f.Token.Join(token)
	return retired, nil
}

// replicasOf returns every replica by which a node of that name is known to
// have gone, ascending: as its last record says, as gossip lists it, as this
// node remembers of all it has met, and as the log still has. Replicas by
// which somebody else goes, who wrote something on its behalf, are not.
func (n *Node) replicasOf(name string) ([]crdt.ReplicaID, error) {
	found := map[crdt.ReplicaID]struct{}{}
	if r, ok := n.routing.node(name); ok && r.Gossip != "" {
		found[r.Dot.Replica] = struct{}{}
	}
	for _, r := range n.roster.of(name) {
		found[r] = struct{}{}
	}
	err := n.store.View(func(v *store.View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			for _, e := range p.Events {
				if e.Kind == delta.Advertise && e.Node.Name == name && e.Node.Gossip != "" {
					found[p.Origin] = struct{}{}
				}
			}
			return nil
		})
	})
	for _, m := range n.transport.Members() {
		if m.Name == name {
			found[m.Replica] = struct{}{}
		}
	}
	for _, m := range n.transport.Members() {
		if m.Name != name {
			delete(found, m.Replica)
		}
	}
	for _, r := range n.routing.nodeRecords() {
		if r.Name != name && r.Gossip != "" {
			delete(found, r.Dot.Replica)
		}
	}
	delete(found, n.Replica())
	return slices.SortedFunc(maps.Keys(found), crdt.ReplicaID.Compare), explain(err)
}

// knowsReplica reports whether anything of a replica was ever seen here.
func (n *Node) knowsReplica(r crdt.ReplicaID) (known bool, err error) {
	err = n.store.View(func(v *store.View) error {
		s := v.Summary()
		known = s.Context.Get(r) > 0 || s.Ahead.Get(r) > 0
		return nil
	})
	return known || n.roster.nameOf(r) != "", explain(err)
}

// dropForgotten takes members off the list that were forgotten, by this node
// or another, and are not there.
func (k *keeper) dropForgotten(members []gossip.Member) {
	for _, m := range members {
		if !m.Self && !m.Reachable() && k.isRetired(m.Name) {
			_ = k.node.transport.Forget(m.Name) // fails if it has come back
		}
	}
}
