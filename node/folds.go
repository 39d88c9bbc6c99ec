package node

import (
	"context"
	"time"
)

// runFolds has the store's tables have what its journal has, while flights go on: so
// there is room in that, and none waits for it. Who waits to change the tables has it
// done with that, in one transaction.
func (n *Node) runFolds() {
	for range n.folds {
		select {
		case ride := <-n.rides:
			ride()
		default:
			n.foldEnded(n.store.Fold()) // a fault of the disk is met by the committer, too
		}
	}
}

// withFold changes the tables with the next fold, which the store makes of any change, or
// by itself if none comes within a time.
func (n *Node) withFold(ctx context.Context, within time.Duration, change func() error) error {
	ended := make(chan error, 1)
	select {
	case n.rides <- func() { ended <- change() }:
		return <-ended
	case <-time.After(within):
		return change()
	case <-ctx.Done():
		return ctx.Err()
	}
}
