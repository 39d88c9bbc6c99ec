package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
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
//	I1  no local write is numbered before some member has shown that it knows
//	    no more of this replica than it does itself, or IdentityWait is over;
//	I2  a write that is numbered without that goes under a new replica id,
//	    which nobody can have seen.
//
// The rejected alternatives: to refuse writes until a member answers, which
// would make a partition an outage; to draw a new id at every start, each of
// which would stay in the contexts and leave records that only `forget` frees.
// A directory that is new, or that has never met anybody, has nobody to ask.
type identity struct {
	// certain says that the present id may be used.
	certain atomic.Bool
	// settled is closed when writes need not wait any longer.
	settled chan struct{}
	once    sync.Once
}

func newIdentity() *identity { return &identity{settled: make(chan struct{})} }

// confirm notes that the present id may be used.
func (i *identity) confirm() {
	i.certain.Store(true)
	i.settle()
}

// settle lets writes go on, under a new id if this one was not confirmed.
func (i *identity) settle() { i.once.Do(func() { close(i.settled) }) }

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
	select {
	case <-n.identity.settled:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return ErrClosed
	}
}
