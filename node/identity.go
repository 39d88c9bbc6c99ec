package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// identityWaitDefault is Options.IdentityWait if it is not set.
const identityWaitDefault = 3 * time.Second

// identity decides under which replica id the node may number events.
//
// Who copies an old data directory back has a replica that does not know which
// numbers it has used. Nothing on this machine tells such a directory from one
// that merely was restarted; only others do, who may have seen the numbers. So
// after a restart
//
//	I1  no local write is numbered before every member that the directory
//	    knows of, its witnesses, has shown that it knows no more of this replica
//	    than it does itself, or IdentityWait is over;
//	I2  what is numbered without that goes under a new replica id, which nobody
//	    can have seen: the next write, or all from when members have been
//	    within reach for IdentityWait, since what they send may have to be
//	    answered by an event;
//
// and at any time
//
//	I3  nothing is numbered after the node was told that another process has
//	    its id and keeps it, or that a later start of its directory was seen
//	    than this one (gossip.Conflict.Yields).
//
// The rejected alternatives: to refuse writes until members answer, which would
// make a partition an outage; to draw a new id at every start, each of which
// would stay in the contexts; to believe one member, which may lag or be new.
// A directory that is new has nobody to ask. One that knows nobody has nobody,
// either, but others may know it: it may have been copied before it met them.
// So its writes go under a new id at once, and it retires the former one, of
// which nobody is left who would close its records.
type identity struct {
	// certain says that the present id may be used.
	certain atomic.Bool
	// witnesses are the members that have to confirm the id, as Open found them.
	witnesses []string
	// settled is closed when writes need not wait any longer.
	settled chan struct{}
	once    sync.Once
	// disowned is the id that another process has, or had later than this
	// directory knows of, and why: no transaction may be committed under it.
	disowned atomic.Pointer[disowned]
}

// disowned is an id that may not be used any more.
type disowned struct {
	id  crdt.ReplicaID
	why string
}

func newIdentity() *identity { return &identity{settled: make(chan struct{})} }

// confirm notes that the present id may be used.
func (i *identity) confirm() {
	i.certain.Store(true)
	i.settle()
}

// settle lets writes go on, under a new id if this one was not confirmed.
func (i *identity) settle() { i.once.Do(func() { close(i.settled) }) }

// disown notes that an id may not be used any more. Whoever waits goes on,
// under a new one.
func (i *identity) disown(id crdt.ReplicaID, why string) {
	i.disowned.Store(&disowned{id: id, why: why})
	i.settle()
}

// whyNot returns why an id may not be used, if it may not.
func (i *identity) whyNot(id crdt.ReplicaID) (why string, ok bool) {
	d := i.disowned.Load()
	if d == nil || d.id != id {
		return "", false
	}
	return d.why, true
}

func (i *identity) isSettled() bool {
	select {
	case <-i.settled:
		return true
	default:
		return false
	}
}

// awaitIdentity waits until a local write may be numbered.
func (n *Node) awaitIdentity(ctx context.Context) error {
	if n.ending.Load() {
		return fmt.Errorf("%w, so it ends", ErrNameTaken)
	}
	select {
	case <-n.identity.settled:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return ErrClosed
	}
}

// goOnUnderNewID has the committer draw a new id, unless the present one is
// certain when it comes to that.
func (n *Node) goOnUnderNewID() (done <-chan struct{}) {
	ended := make(chan struct{})
	nothing := func(*delta.Commit) error { return nil }
	if n.commits.force(&request{step: nothing, done: func(error) { close(ended) }}) != nil {
		close(ended) // all ends
	}
	return ended
}

// makeCertain has the replica go on under a new id if its own is not certain.
func (n *Node) makeCertain() {
	if !n.identity.certain.Load() {
		n.goOnUnderNewID()
	}
}

// isNew reports whether the directory is at its first start, so that nobody can
// know of it.
func (n *Node) isNew() bool { return n.store.Start().Counter == 1 }

// witnesses returns the names of the members that the directory knows of, of
// those that were met and of those that have a record, but for those that have
// left or were forgotten: they may have events of this replica that an older
// copy of the directory lacks.
func (n *Node) witnesses(met []gossip.Life) []string {
	is := map[string]bool{n.name: false}
	replica := n.store.Replica()
	for _, x := range met {
		if _, forgotten := replica.Forgotten[x.Replica]; !forgotten {
			is[x.Name] = x.Name != n.name
		}
	}
	for _, r := range n.routing.nodeRecords() {
		is[r.Name] = r.Name != n.name && r.Gossip != "" && !r.Retired
	}
	maps.DeleteFunc(is, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(is))
}
