package node

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
)

// TestNode_CatchingUp_HasNoGapBetweenComparingAndFetching: a node that was compared and
// found to lack much has a reason not to be ready at every moment, whoever looks while
// that is told.
func TestNode_CatchingUp_HasNoGapBetweenComparingAndFetching(t *testing.T) {
	var current atomic.Pointer[Node]
	fresh := func() *Node {
		n := &Node{}
		n.protocol = &protocol{node: n}
		n.protocol.completeness.Store(&antientropy.Completeness{})
		n.comparison.until = time.Now().Add(time.Hour)
		return n
	}
	current.Store(fresh())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200_000 { // looked at in the wrong order, it is seen in the first thousands
			n := fresh()
			current.Store(n)
			n.protocol.show(antientropy.Completeness{Incomplete: true, Compared: true})
		}
	}()
	for looks := 0; ; looks++ {
		select {
		case <-done:
			t.Logf("looked at %d times", looks)
			return
		default:
		}
		if _, ok := current.Load().catchingUp(); !ok {
			t.Fatalf("look %d: nothing keeps it from being ready", looks)
		}
	}
}
