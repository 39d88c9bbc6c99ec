package node

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/scalesmall/ssnode/store"
)

const (
	// diskRetryDefault is the pause between attempts to use a failed disk
	// again; it doubles up to diskRetryMax, since every attempt reads all.
	diskRetryDefault = time.Second
	diskRetryMax     = 30 * time.Second
)

// diskState is what the committer knows of the disk. That it is at fault is
// known by the store, whoever met the fault.
type diskState struct {
	// busy is how many transactions are on their way to the disk, or being
	// verified after a fault; slow for how many beats of the watchdog that has
	// held up a loop, 0 while it does not.
	busy atomic.Int32
	slow atomic.Int64
	// corrupt is the last contradiction that was found in what is stored.
	corrupt atomic.Pointer[error]

	// The rest belongs to the committer: whether a fault was told, when to
	// try again, and the pause after that; and what was written last when it
	// looked at the disk.
	told    bool
	nextTry time.Time
	pause   time.Duration
	written uint64
}

// diskFailed notes a fault and puts off the next attempt.
func (n *Node) diskFailed(cause error) {
	if !n.disk.told {
		n.disk.told = true
		n.log.Error("the disk failed; writes are refused until it works again", "cause", cause)
		n.disk.pause = n.options.diskRetry
	}
	n.disk.nextTry = time.Now().Add(n.disk.pause)
	n.disk.pause = min(2*n.disk.pause, max(diskRetryMax, n.options.diskRetry))
}

// lookAtDisk is what is done now and then while no transaction is out: to see
// whether a failed disk works again, or to confirm what was written last, if
// nothing was since it looked.
func (n *Node) lookAtDisk() {
	if n.recoverDisk() != nil {
		return // it has told, and tries again
	}
	written := n.store.Revision()
	if written != n.disk.written {
		n.disk.written = written
		return
	}
	n.disk.busy.Add(1)
	defer n.disk.busy.Add(-1)
	err := n.store.Confirm()
	if errors.Is(err, store.ErrFailed) {
		n.diskFailed(err)
	}
	n.foldEnded(err)
}

// recoverDisk reopens the store after a fault, now and then, and returns the
// fault while it lasts. What is on disk is verified first: a failed fsync says
// nothing about which pages are there.
func (n *Node) recoverDisk() error {
	cause := n.store.Failed()
	switch {
	case cause == nil:
		return nil
	case !n.disk.told:
		n.diskFailed(cause) // met by somebody else
		return cause
	case time.Now().Before(n.disk.nextTry):
		return cause
	}
	if err := n.reopen(); err != nil {
		n.diskFailed(err)
		return err
	}
	n.disk.told = false
	n.log.Info("the disk works again")
	return nil
}

// reopen opens the store anew and derives everything from what is there: the
// failed transaction may have reached the disk or not. Until that has come to
// an end, readers see what they saw before. Watchers begin again with a
// snapshot, and the protocol with a new core.
func (n *Node) reopen() error {
	n.disk.busy.Add(1)
	defer n.disk.busy.Add(-1)
	n.routing.reload()
	if err := n.store.Reopen(); err != nil {
		return err
	}
	n.routing.loaded(n.name, n.store.Summary().Context.Clone())
	n.watchers.loseAll()
	n.tellMeta() // the start was counted
	return n.protocol.restart()
}

// stateFailed notes that a request could not be carried out though the disk
// works.
func (n *Node) stateFailed(cause error) {
	if errors.Is(cause, store.ErrCorrupt) {
		n.disk.corrupt.Store(&cause)
	}
	n.log.Error("a request cannot be carried out", "cause", cause)
}

// foldEnded notes that the tables cannot have what the journal has, once for each cause: it
// is tried again and again. Until the journal is full, writes do not meet that.
func (n *Node) foldEnded(err error) {
	if !errors.Is(err, store.ErrCorrupt) {
		return
	}
	if told := n.disk.corrupt.Swap(&err); told == nil || (*told).Error() != err.Error() {
		n.log.Error("what was written cannot be put in its place; the journal has it until that is full", "cause", err)
	}
}

// diskTroubles returns what is wrong with the disk, for people.
func (n *Node) diskTroubles() []string {
	var out []string
	if err := n.store.Failed(); err != nil {
		out = append(out, fmt.Sprintf("writes are refused: %v", err))
	}
	if n.disk.slow.Load() > 0 {
		out = append(out, "writes wait: the disk does not answer")
	}
	if corrupt := n.disk.corrupt.Load(); corrupt != nil {
		out = append(out, fmt.Sprintf("stop the node and run `ssnode check`: %v", *corrupt))
	}
	return out
}

// explain gives an error of the store the sentinel of this package.
func explain(err error) error {
	switch {
	case errors.Is(err, store.ErrClosed):
		return ErrClosed
	case errors.Is(err, store.ErrFailed):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// throughDisk carries out the commit of a transaction and lets the watchdog know
// that it is the disk that takes its time.
func (n *Node) throughDisk(commit func() error) error {
	n.disk.busy.Add(1)
	defer n.disk.busy.Add(-1)
	if n.options.disk != nil {
		return n.options.disk(commit)
	}
	return commit()
}
