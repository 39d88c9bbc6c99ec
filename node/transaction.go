package node

import (
	"errors"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// Why a replica goes on under a new id.
const (
	whyLost      = "others know more of this replica than its own directory, which was rolled back"
	whyForgotten = "the cluster was told to forget this replica; what it had not sent is taken still"
	whyAsks      = "not every member that this directory knows of could be asked whether it was rolled back"
	whyAlone     = "this directory knows no other member that could be asked whether it was rolled back"
)

// transaction is a group of requests on its way to the disk.
type transaction struct {
	node  *Node
	group []*request

	// before is the id of the replica until now, why the reason if it changes.
	before crdt.ReplicaID
	why    string

	prepared *store.Prepared
	results  []antientropy.CommitResult
	// shown is what readers will see.
	shown prepared
}

// prepare runs the steps of the requests, and of those that come while the
// transaction before is on its way. On an error nothing has changed.
func (t *transaction) prepare() (err error) {
	n := t.node
	env := delta.Env{Now: n.now().UnixMilli()}
	if n.flight == nil {
		env.Overlapping = n.routing.overlapping // which a flight changes
	}
	t.prepared, err = n.store.Prepare(env, t.steps)
	return err
}

func (t *transaction) steps(c *delta.Commit, pause store.Pause) error {
	t.before = c.ID()
	if err := t.runCore(c); err != nil {
		return err
	}
	if err := t.rename(c); err != nil {
		return err
	}
	if err := t.runLocal(c, t.group); err != nil {
		return err
	}
	return t.gather(c, pause)
}

// gather has those join that come while the transaction before is on its way,
// until there is no room, or what comes may not.
func (t *transaction) gather(c *delta.Commit, pause store.Pause) error {
	for t.node.flight.isOut() {
		var more []*request
		pause(func() { more = t.node.awaitJoining(t.room()) })
		if len(more) == 0 {
			return nil
		}
		t.group = append(t.group, more...)
		if err := t.runLocal(c, more); err != nil {
			return err
		}
	}
	return nil
}

// room returns how many requests may still join.
func (t *transaction) room() int {
	operations := 0
	for _, r := range t.group {
		operations += r.joins
	}
	if operations >= joinMax {
		return 0
	}
	return t.node.share() - len(t.group)
}

func (t *transaction) runCore(c *delta.Commit) error {
	t.results = nil
	for _, r := range t.group {
		if r.core == nil {
			continue
		}
		t.node.pulse.on()
		result, err := r.core.Run(c, store.NewReplicaID)
		if err != nil {
			return err
		}
		t.results = append(t.results, result)
	}
	return nil
}

// rename has the replica go on under a new id where it must (I2), and says in
// the same transaction who the node is now.
func (t *transaction) rename(c *delta.Commit) error {
	disowned, isDisowned := t.node.identity.whyNot(c.ID())
	switch {
	case c.ID() != t.before:
		t.why = t.whyLost()
	case isDisowned:
		t.why = disowned
		if err := c.Disown(store.NewReplicaID()); err != nil {
			return err
		}
	case t.hasLocal() && !t.node.identity.certain.Load():
		t.why = whyAsks
		c.Rename(store.NewReplicaID())
		if len(t.node.identity.witnesses) == 0 {
			t.why = whyAlone
			if _, err := c.Forget(t.before); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err := c.Advertise(t.node.record())
	if isOwn(err) {
		t.node.log.Warn("the record of this node cannot be written under its new id", "cause", err)
		return nil
	}
	return err
}

// whyLost returns why the protocol has renamed the replica.
func (t *transaction) whyLost() string {
	for _, r := range t.results {
		if errors.Is(r.Lost(), delta.ErrForgotten) {
			return whyForgotten
		}
	}
	return whyLost
}

func (t *transaction) hasLocal() bool {
	return slices.ContainsFunc(t.group, func(r *request) bool { return r.step != nil })
}

func (t *transaction) runLocal(c *delta.Commit, group []*request) error {
	for _, r := range group {
		if r.step == nil {
			continue
		}
		if !t.node.flight.isOut() {
			t.node.pulse.on() // else it is the flight whose progress counts
		}
		if r.err = r.step(c); r.err != nil && !isOwn(r.err) {
			return r.err
		}
	}
	return nil
}

// answer tells everybody but the protocol, which hears of its requests with
// the effects.
func (t *transaction) answer() {
	for _, r := range t.group {
		if r.core == nil {
			r.done(r.err)
		}
	}
}

// touchesNodes reports whether a record of a node has changed: that of this
// one may have been overwritten, another may have been forgotten.
func (t *transaction) touchesNodes() bool {
	return slices.ContainsFunc(t.prepared.Effects().Entries, func(x delta.EntryChange) bool { return x.Key.IsNode() })
}

// renamed tells everybody that the replica has a new id.
func (n *Node) renamed(t *transaction) {
	n.log.Warn("the replica goes on under a new id: "+t.why+"; nothing is lost, the events under its former id stay",
		"before", t.before, "now", t.prepared.Effects().ID)
	n.identity.confirm()
	n.tellMeta()
}
