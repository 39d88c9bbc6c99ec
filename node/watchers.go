package node

import (
	"sync"
	"sync/atomic"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// watchQueueDefault bounds the changes that wait for one watcher. Past it the
// watcher is told that it was too slow and begins anew with a snapshot. One
// commit is taken whatever its size.
const watchQueueDefault = 1 << 16

// published is what one commit made visible.
type published struct {
	// revision is at least that of the commit, and less than that of the next
	// one: a snapshot of a revision not below it has these changes.
	revision uint64
	changes  []change
	// context are the entries of the context that changed.
	context crdt.Context
	// contextHash is that of the whole context after the commit.
	contextHash delta.Sum
}

// watchers hands what every commit made visible to those who watch, and wakes
// those who wait for a token.
type watchers struct {
	queueMax int
	// ended counts the queues that overflowed.
	ended *atomic.Uint64

	mu struct {
		sync.Mutex
		all    map[*watcher]struct{}
		closed bool
		// moved is closed at the next commit; nil if nobody waits for one.
		moved chan struct{}
	}
}

// watcher is the queue of one who watches. What is in it follows, without a
// gap, what was taken from it: once something could not be put in, nothing is
// any more. So what was shown is always all up to some commit, and a bookmark
// may name it.
type watcher struct {
	inbox *mailbox[published]
	// lost is closed when the queue overflowed, or what it lacks is not known.
	lost chan struct{}
	once sync.Once
	// liveness has a token while the liveness of members may have changed
	// since the watch last looked. It is no commit: nothing is queued, and who
	// is slow sees the last of several changes only.
	liveness chan struct{}
}

func newWatchers(queueMax int, ended *atomic.Uint64) *watchers {
	w := &watchers{queueMax: queueMax, ended: ended}
	w.mu.all = map[*watcher]struct{}{}
	return w
}

func (w *watchers) subscribe() *watcher {
	x := &watcher{inbox: newMailbox[published](w.queueMax), lost: make(chan struct{}), liveness: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.closed {
		x.inbox.close()
	}
	w.mu.all[x] = struct{}{}
	return x
}

func (w *watchers) unsubscribe(x *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mu.all, x)
}

// moved returns a channel that is closed when something becomes visible after
// the call.
func (w *watchers) moved() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.moved == nil {
		w.mu.moved = make(chan struct{})
	}
	return w.mu.moved
}

// publish is called by flights, in the order of commits. It reports whether anybody
// may have kept what it was given.
func (w *watchers) publish(p published) bool {
	if len(p.changes) == 0 && len(p.context) == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move()
	for x := range w.mu.all {
		if !x.put(p) {
			w.ended.Add(1)
		}
	}
	return len(w.mu.all) > 0
}

// loseAll has everybody who watches begin anew with a snapshot.
func (w *watchers) loseAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move()
	for x := range w.mu.all {
		x.lose()
	}
}

// livenessMoved has everybody who watches look at the liveness of members.
func (w *watchers) livenessMoved() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.mu.all {
		signal(x.liveness)
	}
}

// move wakes those who wait for a token; mu is held.
func (w *watchers) move() {
	if w.mu.moved != nil {
		close(w.mu.moved)
		w.mu.moved = nil
	}
}

// put appends what a commit made visible; the caller holds mu of the watchers.
// It reports false once, when there is no room for it.
func (x *watcher) put(p published) bool {
	if x.isLost() {
		return true // there may be room again, but not for what was in between
	}
	if x.inbox.put(p, 1+len(p.changes)) != nil {
		x.lose()
		return false
	}
	return true
}

func (x *watcher) lose() { x.once.Do(func() { close(x.lost) }) }

// isLost reports whether who watches must begin anew with a snapshot.
func (x *watcher) isLost() bool {
	select {
	case <-x.lost:
		return true
	default:
		return false
	}
}

// count returns how many watch.
func (w *watchers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.mu.all)
}

// waiting returns how many changes wait in the longest queue.
func (w *watchers) waiting() (longest int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.mu.all {
		longest = max(longest, x.inbox.reading("", w.ended).Length)
	}
	return longest
}

// close ends the queues of those who watch, after what waits in them.
func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.closed = true
	for x := range w.mu.all {
		x.inbox.close()
	}
}
