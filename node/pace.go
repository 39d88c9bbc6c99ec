package node

import (
	"context"
	"time"

	"github.com/scalesmall/ssnode/compaction"
)

const (
	// freePagesMax is how many free pages a trimming leaves to busy writers, whose
	// list fits in one page. Every commit sorts and writes the list: that of more
	// than 10,000 took as long as all the rest of a commit of 32 writes.
	freePagesMax = 480
	// paceEvery is how often a trimming looks whether writers have taken what it
	// freed, and paceCommits how many transactions in that time make them busy:
	// fewer do not suffer from a long list.
	paceEvery   = 50 * time.Millisecond
	paceCommits = 5
)

// pace holds a trimming back while busy writers have more free pages than they
// need: a page is of no more use in the list of free ones than in the log, and
// costs every commit there. So the log is trimmed as fast as it grows while they
// are busy, and to its retention when they pause, or in the end.
type pace struct {
	// free returns how many pages are free, commits how many transactions of
	// writers there were, and isOver whether there is no more time.
	free    func() (int, error)
	commits func() uint64
	isOver  func() bool
	// rest waits for paceEvery.
	rest func() error
}

// keep returns when the trimming may go on.
func (p pace) keep() error {
	for !p.isOver() {
		free, err := p.free()
		if err != nil || free <= freePagesMax {
			return err
		}
		before := p.commits()
		if err := p.rest(); err != nil {
			return err
		}
		if p.commits()-before < paceCommits {
			return nil
		}
	}
	return nil
}

// dropPaced is dropBeside for a trimming that nobody waits for. It is done within the
// time after which what it drops would have to go for its age.
func (n *Node) dropPaced(ctx context.Context) func([]compaction.Drop) (int, error) {
	drop := n.dropBeside(ctx)
	until := time.Now().Add(time.Duration(n.options.Retention.Other.Age) * time.Millisecond)
	p := pace{
		free: func() (int, error) {
			stats, err := n.store.Stats()
			return stats.FreePages, err
		},
		commits: n.counters.commits.Load,
		isOver:  func() bool { return time.Now().After(until) },
		rest: func() error {
			select {
			case <-time.After(paceEvery):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	return func(left []compaction.Drop) (int, error) {
		dropped, err := drop(left)
		if err == nil {
			err = p.keep()
		}
		return dropped, err
	}
}
