package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
)

const (
	// joinEvery is how often members that are remembered and not listed as
	// alive are tried again; it grows while nothing changes, and has jitter.
	joinEvery    = 500 * time.Millisecond
	joinEveryMax = 10 * time.Second
	// joinTimeout bounds one attempt.
	joinTimeout = 5 * time.Second
)

// livesNote is the name of the note that has the members' last starts.
const livesNote = "lives"

// keeper does what must be done from time to time: it remembers on disk whom
// it has met, rejoins them for ever, says who this node is when that is no
// longer what stands, and trims the log.
type keeper struct {
	node *Node
	wake chan struct{}
	// unsaved has a token while what history is wanted may not be so on disk.
	unsaved chan struct{}
	// alone is set while there are members to join and none is reached.
	alone atomic.Bool

	// The rest belongs to run, and before it to Open.
	addresses addresses
	// lives are the members' last starts as they are on disk.
	lives []gossip.Life
	// reached is since when members have been within reach, zero if none is.
	reached time.Time
	introduction
}

func newKeeper(n *Node) *keeper {
	return &keeper{node: n, wake: make(chan struct{}, 1), unsaved: make(chan struct{}, 1)}
}

// poke says that the membership, or what is said of this node, has changed.
func (k *keeper) poke() { signal(k.wake) }

// save says that what history is wanted has changed. That happens with every
// new claim of this node, and is no reason to look at all members.
func (k *keeper) save() { signal(k.unsaved) }

// recall reads from disk whom this node has met before, and what is missing of
// what it has to say.
func (k *keeper) recall() error {
	remembered, err := k.node.store.Peers()
	if err != nil {
		return err
	}
	if err := k.node.roster.load(k.node.store); err != nil {
		return err
	}
	if err := k.node.backfills.load(k.node.store); err != nil {
		return err
	}
	k.node.listReplicas(nil)
	k.addresses = newAddresses(remembered, k.node.routing.nodeRecords())
	note, err := k.node.store.Note(livesNote)
	if err == nil && note != nil {
		k.lives, err = gossip.DecodeLives(note)
	}
	if err != nil {
		return err
	}
	k.claims, err = k.node.missingClaims()
	return err
}

func (k *keeper) run() {
	pause := joinEvery
	due := time.Now()
	settled := k.node.identity.settled
	for {
		retry := time.NewTimer(time.Until(due))
		select {
		case <-k.node.ctx.Done():
			retry.Stop()
			k.rememberLives()
			return
		case <-settled:
			settled = nil
			k.doubt()
			k.introduceAgain()
		case <-k.unsaved:
			k.saveBackfills()
		case <-k.wake:
			k.observe()
			k.introduceAgain()
			k.saveBackfills()
			// Whoever is gone is tried soon; what wakes us now must not put off
			// what is due anyway.
			pause = joinEvery
			due = earlier(due, time.Now().Add(jitter(pause)))
		case <-retry.C:
			k.observe()
			k.rejoin()
			k.introduceAgain()
			due = time.Now().Add(jitter(pause))
			pause = min(joinEveryMax, 2*pause)
		}
		retry.Stop()
	}
}

// jitter returns a time of one to one and a half of the given one.
func jitter(pause time.Duration) time.Duration { return pause + rand.N(pause/2) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// observe takes note of who is there, and remembers on disk who is new and who
// has started anew.
func (k *keeper) observe() {
	k.rememberLives()
	members := k.node.transport.Members()
	switch reachable := slices.ContainsFunc(members, gossip.Member.Reachable); {
	case !reachable:
		k.reached = time.Time{}
	case k.reached.IsZero():
		k.reached = time.Now()
		time.AfterFunc(k.node.options.IdentityWait, k.poke)
	}
	if !k.reached.IsZero() {
		k.setAlone(false)
	}
	k.doubt()
	k.dropForgotten(members)
	k.node.listReplicas(members)
	if err := k.node.roster.meet(members, k.node.store); err != nil {
		k.node.log.Warn("who was met cannot be remembered on disk", "cause", err)
	}
	if next := k.addresses.after(members, k.isRetired); next != nil {
		if err := k.node.store.SetPeers(next); err != nil {
			k.node.log.Warn("members cannot be remembered on disk", "cause", err)
			return
		}
		k.addresses.remembered = next
	}
}

func (k *keeper) rememberLives() {
	now := k.node.transport.Lives()
	if slices.Equal(now, k.lives) {
		return
	}
	if err := k.node.store.SetNote(livesNote, gossip.EncodeLives(now)); err != nil {
		k.node.log.Warn("the starts of members cannot be remembered on disk", "cause", err)
		return
	}
	k.lives = now
}

func (k *keeper) saveBackfills() {
	if err := k.node.backfills.save(k.node.store); err != nil {
		k.node.log.Warn("what history is wanted cannot be remembered on disk", "cause", err)
	}
}

func (k *keeper) isRetired(name string) bool {
	r, ok := k.node.routing.node(name)
	return ok && r.Retired
}

// rejoin tries those who should be there and are not. Names are resolved anew
// each time.
func (k *keeper) rejoin() {
	wanted := slices.Concat(k.missing(), k.addresses.ownNames(k.node.options.Join))
	if len(wanted) == 0 {
		k.setAlone(false)
		k.endFetching()
		return
	}
	ctx, cancel := context.WithTimeout(k.node.ctx, joinTimeout)
	defer cancel()
	result, err := k.node.transport.Join(ctx, wanted)
	if k.node.ctx.Err() != nil {
		return
	}
	for _, address := range result.Joined {
		k.addresses.areOthers(address)
	}
	for _, failed := range result.Failed {
		if errors.Is(failed, gossip.ErrSelf) {
			k.addresses.areSelf(failed.Address)
		}
	}
	k.observe()
	missing := k.missing()
	k.setAlone(len(missing) > 0 && !slices.ContainsFunc(k.node.transport.Members(), gossip.Member.Reachable))
	k.endComparison() // whoever was to be asked may be this node itself
	k.endFetching()
	if err != nil && len(missing) > 0 {
		k.node.log.Debug("members not reached", "addresses", missing, "cause", err)
	}
}

// confirmIfNew confirms the identity of a new directory, and has nobody wait
// where there is nobody to wait for.
func (k *keeper) confirmIfNew() {
	switch n := k.node; {
	case n.isNew():
		n.identity.confirm()
	case len(n.identity.witnesses) == 0:
		n.identity.settle()
	}
}

// doubt has the replica go on under a new id once members have been within
// reach for IdentityWait and its identity is not certain, or at once if nobody
// can make it so: what they have sent waits for that.
func (k *keeper) doubt() {
	n := k.node
	if n.identity.certain.Load() || !n.identity.isSettled() || k.reached.IsZero() {
		return
	}
	if len(n.identity.witnesses) == 0 || time.Since(k.reached) >= n.options.IdentityWait {
		n.goOnUnderNewID()
	}
}

// endComparison has a node not wait to be compared with others where there are
// none.
func (k *keeper) endComparison() {
	if !k.knowsOthers() {
		k.node.comparison.over.Store(true)
	}
}

// endFetching has a new directory not wait for the state of a cluster where all that
// there was to join is this node itself.
func (k *keeper) endFetching() {
	n := k.node
	if !n.Completeness().Incomplete || len(k.missing()) > 0 || len(n.memberNames()) > 1 {
		return
	}
	if err := n.protocol.look((*antientropy.Core).HasNobodyToJoin); err != nil {
		n.log.Debug("the protocol has ended", "cause", err)
	}
}

// knowsOthers reports whether this directory was used before and there are
// others who may know of it.
func (k *keeper) knowsOthers() bool {
	hasOthers := slices.ContainsFunc(k.node.memberNames(), func(name string) bool { return name != k.node.name })
	return !k.node.isNew() && (hasOthers || len(k.missing()) > 0)
}

// missing returns the addresses at which a member should be and none is listed
// as reachable.
func (k *keeper) missing() []string {
	return k.addresses.missing(k.node.options.Join, k.node.transport.Members())
}

// setAlone is loud about having nobody where somebody should be.
func (k *keeper) setAlone(alone bool) {
	if k.alone.Swap(alone) == alone {
		return
	}
	if alone {
		k.node.log.Warn("none of the members to join can be reached: this node sees only itself; it serves what it knows and keeps trying", "addresses", k.missing())
	} else {
		k.node.log.Info("members reached")
	}
}
