package node

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// stallAfterDefault is Options.StallAfter if it is not set.
	stallAfterDefault = 30 * time.Second
	stallAfterMin     = 100 * time.Millisecond
	// patience is how many beats of the watchdog without progress are a stall.
	patience = 10
	// stacksBytesMax bounds what is dumped.
	stacksBytesMax = 16 << 20
	// tellMax is how long the end of a node that has stalled waits for who is
	// told of it.
	tellMax = 2 * time.Second
	// newsMax bounds what is to be said of a slow disk while the log takes
	// nothing; more is dropped, since Status says the same.
	newsMax = 16
)

// Stall is what a watchdog has found.
type Stall struct {
	// Loop is "committer" or "protocol", Beats how many times in a row the
	// watchdog found it with work and without progress, Every the time between.
	Loop  string
	Beats int
	Every time.Duration
	// Stacks are those of all goroutines, as a panic prints them.
	Stacks []byte
}

// Error says what has happened and what to do.
func (s *Stall) Error() string {
	return fmt.Sprintf("the %s of this node makes no progress: seen %d times, %s apart; what was acknowledged is on disk: start the node again, and report the stacks", s.Loop, s.Beats, s.Every)
}

// Unwrap returns ErrStalled.
func (s *Stall) Unwrap() error { return ErrStalled }

// pulse is what a loop shows of its progress. The zero pulse is idle.
type pulse struct {
	steps   atomic.Uint64
	working atomic.Bool
}

// begin, on and rest say that the loop has begun with something, gets on with
// it, and waits for more.
func (p *pulse) begin() { p.working.Store(true); p.steps.Add(1) }
func (p *pulse) on()    { p.steps.Add(1) }
func (p *pulse) rest()  { p.working.Store(false); p.steps.Add(1) }

// watchdog notices a loop that stands still: blocked for ever, in an endless
// loop, or not woken. It compares progress, not time:
//
//	W1  A stall is `patience` beats in a row of the watchdog itself at each of
//	    which the loop had work, had done nothing since the one before, and no
//	    transaction was on its way to the disk. A machine that was suspended, or a
//	    process that was stopped, has no beats.
//	W2  While a transaction is on its way to the disk, what waits is told of
//	    and no stall: lookups go on, and the disk may come back. So a slow disk
//	    ends nothing, and does not go unnoticed.
//	    The steps that join a transaction meanwhile are no progress of the
//	    committer: all wait for the one that is out.
//	W3  It writes nothing itself, and waits for nobody who writes: what holds up
//	    a loop may be the very log, say a pipe that nobody reads. What it has to
//	    say is said beside it, and the end of a node comes whatever becomes of
//	    that.
//
// The rejected alternative, a deadline for each transaction, would end nodes
// on busy machines and after every suspend.
type watchdog struct {
	loops []*watched
	// onDisk reports whether some transaction is on its way to the disk.
	onDisk func() bool
	// slow is told when the disk is found slow, and again when it is no more.
	slow func(beats int)
	// stalled is told of the first stall. Both return at once.
	stalled func(loop string, beats int)
}

// watched is a loop and what the watchdog has seen of it.
type watched struct {
	name  string
	pulse *pulse
	// waiting reports whether work waits for the loop.
	waiting func() bool

	steps uint64
	// beats is for how many in a row it has stood still while no transaction was
	// on its way to the disk, held while one was.
	beats, held int
}

// beat looks at all loops. It reports whether one has stalled.
func (w *watchdog) beat() bool {
	for _, l := range w.loops {
		steps := l.pulse.steps.Load()
		if steps != l.steps || !l.pulse.working.Load() && !l.waiting() {
			if l.held >= patience {
				w.slow(0)
			}
			l.steps, l.beats, l.held = steps, 0, 0
			continue
		}
		if w.onDisk() {
			l.beats = 0 // what it does with the answer has all patience
			if l.held++; l.held%patience == 0 {
				w.slow(l.held)
			}
			continue
		}
		if l.beats++; l.beats == patience {
			w.stalled(l.name, l.beats)
			return true
		}
	}
	return false
}

// run beats until stop is closed or a loop has stalled.
func (w *watchdog) run(every time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if w.beat() {
				return
			}
		}
	}
}

// watch runs the watchdog, and beside it who says what it finds.
func (n *Node) watch() {
	news := make(chan func(), newsMax)
	n.watched.Go(func() {
		for tell := range news {
			tell()
		}
	})
	n.watched.Go(func() {
		defer close(news)
		n.newWatchdog(news).run(n.beatEvery(), n.unwatch)
	})
}

// newWatchdog returns the watchdog of a node.
func (n *Node) newWatchdog(news chan<- func()) *watchdog {
	return &watchdog{
		loops: []*watched{
			{name: "committer", pulse: &n.pulse, waiting: n.commits.isWaiting},
			{name: "protocol", pulse: &n.protocol.pulse, waiting: n.protocol.inbox.isWaiting},
		},
		onDisk: func() bool { return n.disk.busy.Load() > 0 },
		slow: func(beats int) {
			n.disk.slow.Store(int64(beats))
			select {
			case news <- func() { n.tellSlowDisk(beats) }:
			default:
			}
		},
		stalled: func(loop string, beats int) {
			n.stall(&Stall{Loop: loop, Beats: beats, Every: n.beatEvery(), Stacks: stacks()})
		},
	}
}

func (n *Node) beatEvery() time.Duration { return n.options.StallAfter / patience }

// tellSlowDisk is loud about a disk that does not answer; 0 beats say that it
// does again.
func (n *Node) tellSlowDisk(beats int) {
	if beats == 0 {
		n.log.Warn("the disk answers again")
		return
	}
	n.log.Error("the disk does not answer: one transaction is on its way to it, and writes wait; lookups go on",
		"since at least", time.Duration(beats)*n.beatEvery())
}

// stall ends a node that can no longer end in order: its loops are left where
// they are, and nobody waits for them, nor long for who is told of it.
func (n *Node) stall(s *Stall) {
	err := error(s)
	n.fatal.CompareAndSwap(nil, &err)
	told := make(chan struct{})
	go func() {
		defer close(told)
		n.tellStall(s)
	}()
	go n.closing.Do(func() { // waits for a Close that waits for the loops
		select {
		case <-told:
		case <-time.After(tellMax):
		}
		n.closeErr = err
		n.cancel()
		n.commits.close()
		n.watchers.close()
		n.protocol.close()
		closed := make(chan error, 1)
		go func() { closed <- n.transport.Close() }()
		select {
		case cause := <-closed:
			n.closeErr = errors.Join(n.closeErr, cause)
		case <-time.After(leaveMax): // one of its callbacks may be what stands still
		}
		close(n.stopped)
	})
}

// tellStall tells of a stall: first who has asked for that, since the log may
// take no more.
func (n *Node) tellStall(s *Stall) {
	told := []any{"cause", s}
	if n.options.OnStall != nil {
		n.options.OnStall(s)
	} else {
		told = append(told, "stacks", string(s.Stacks))
	}
	n.log.Error("the node has stalled and gives up", told...)
}

// stacks returns those of all goroutines.
func stacks() []byte {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, min(size, stacksBytesMax))
		if n := runtime.Stack(buf, true); n < len(buf) || len(buf) == stacksBytesMax {
			return buf[:n]
		}
	}
}
