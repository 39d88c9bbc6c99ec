package node

import (
	"context"
	"time"

	"github.com/scalesmall/ssnode/delta"
)

const (
	// tellPause is the shortest time between two records of this node that the
	// keeper writes by itself. It doubles up to tellPauseMax while others
	// overwrite them: two nodes of one name must not write without end.
	tellPause    = time.Second
	tellPauseMax = 5 * time.Minute
)

// introduction is what the node has still to say of itself: its record, where
// another one stands, and its configured claims.
type introduction struct {
	// claims are to be registered, once.
	claims []delta.Operation
	// told is when the keeper last wrote the record, pause how long it then
	// waits before it does again.
	told  time.Time
	pause time.Duration
}

// missingClaims returns the operations that register the configured claims
// that are not visible, as the directory has it.
func (n *Node) missingClaims() ([]delta.Operation, error) {
	var missing []delta.Operation
	for _, c := range n.options.Claims {
		if c.Node == "" {
			c.Node = n.name
		}
		visible, err := n.isVisible(c.Claim)
		if err != nil {
			return nil, err
		}
		if !visible {
			missing = append(missing, delta.Operation{Verb: delta.VerbRegister, Claim: c.Claim, Amount: c.Priority})
		}
	}
	return missing, nil
}

// introduce writes what has still to be said. While the identity is not
// certain the record waits: it can be had from the membership as well, and is
// not worth a new id.
func (k *keeper) introduce(ctx context.Context) error {
	n := k.node
	if n.identity.certain.Load() && !n.recordStands() {
		if _, err := n.advertise(ctx, n.record()); err != nil {
			return err
		}
	}
	if len(k.claims) == 0 || !n.identity.isSettled() {
		return nil
	}
	_, err := n.write(ctx, k.claims)
	if err == nil {
		k.claims = nil
	}
	return err
}

// introduceAgain is introduce in the keeper: what fails is tried again later.
func (k *keeper) introduceAgain() {
	if !k.mustIntroduce(time.Now()) {
		return
	}
	if err := k.introduce(k.node.ctx); err != nil && k.node.ctx.Err() == nil {
		k.node.log.Warn("this node cannot say who it is and what it claims; it will try again", "cause", err)
	}
}

// mustIntroduce reports whether there is something to say, and not too soon
// after the last time.
func (k *keeper) mustIntroduce(now time.Time) bool {
	switch n := k.node; {
	case len(k.claims) > 0:
		return n.identity.isSettled()
	case !n.identity.certain.Load() || now.Sub(k.told) < k.pause:
		return false
	case n.recordStands():
		k.pause = tellPause // whoever overwrote it has stopped
		return false
	}
	k.told, k.pause = now, min(tellPauseMax, 2*max(k.pause, tellPause))
	return true
}

// recordStands reports whether the record of this node is its own and says
// what it has to say.
func (n *Node) recordStands() bool {
	held, ok := n.routing.node(n.name)
	return ok && held.Dot.Replica == n.Replica() && !held.Retired && held.SaysTheSame(n.record())
}
