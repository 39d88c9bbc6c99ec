package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// WatchType says what a WatchEvent is.
type WatchType string

// The types of watch events, named as in the JSON form.
const (
	// WatchClaim: a claim is visible with this priority.
	WatchClaim WatchType = "claim"
	// WatchReleased: a claim is no longer visible.
	WatchReleased WatchType = "released"
	// WatchNode: a node says this of itself, or is believed to be alive or
	// not; if it is retired, it was forgotten.
	WatchNode WatchType = "node"
	// WatchSnapshotEnd: the snapshot is complete; changes follow.
	WatchSnapshotEnd WatchType = "snapshot_end"
	// WatchBookmark: everything before the token was shown.
	WatchBookmark WatchType = "bookmark"
	// WatchTrimmed: what came in between is no longer known; forget what was
	// shown, a new snapshot follows.
	WatchTrimmed WatchType = "trimmed"
)

// WatchEvent is one line of a watch. Claim, Node and Token are set as the type
// says.
type WatchEvent struct {
	Type  WatchType
	Claim ranges.Weighted
	Node  NodeInfo
	// Repaired marks a change that range repair brought or had a part in, so
	// that no event names all of it. What a snapshot shows, or a resumed watch
	// to begin with, is no change and never marked.
	Repaired bool
	Token    Token
}

// WatchOptions select what to watch and from where.
type WatchOptions struct {
	// Filter selects claims, and by its Node the record of that node alone.
	Filter Filter
	// Token resumes after what it covers, on any node; the zero Token begins
	// with a snapshot.
	Token Token
}

const (
	bookmarkEvery  = time.Second
	bookmarkEvents = 1000
	// catchUpDefault bounds how long a watch waits for this node to know what
	// its token covers.
	catchUpDefault = 10 * time.Second
)

// errLost says that a watcher's queue overflowed.
var errLost = errors.New("the watcher was too slow")

// Watch calls emit for every claim and node that the filter selects: first as
// a snapshot (or, with a token, what changed since), then every visible change
// until ctx ends, which is no error, or emit fails. Bookmarks carry tokens from
// which another watch resumes, on this or any other node.
//
// Who resumes is shown all nodes, for their liveness is no part of what a
// token covers; when it changes, the node is shown again.
//
// Lines tell states, so a line may repeat what is known already; who applies
// them all, in order, has at every snapshot_end and bookmark what the node
// showed at some instant not before the token. A token that this node does not
// understand, though it has seen as much, is answered by "trimmed" and a
// snapshot. A watcher that falls behind by
// too much is told so by "trimmed" and is shown a new snapshot; it never delays
// a write, nor does it hold anything open on disk while emit runs.
//
// Errors are those of emit, ErrBehind if this node does not learn in time what
// the token covers, ErrClosed, and ErrUnavailable while the disk is at fault.
func (n *Node) Watch(ctx context.Context, o WatchOptions, emit func(WatchEvent) error) error {
	w := &watch{node: n, filter: o.Filter, emit: emit}
	if err := w.understand(ctx, o.Token); err != nil || ctx.Err() != nil {
		return err
	}
	for {
		err := w.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, errLost):
			return explain(err)
		}
		w.token = nil
		if err := emit(WatchEvent{Type: WatchTrimmed}); err != nil {
			return err
		}
	}
}

// watch is one Watch under way.
type watch struct {
	node   *Node
	filter Filter
	emit   func(WatchEvent) error

	// token is what was shown, nil before the first snapshot; hash is its hash.
	token crdt.Context
	hash  delta.Sum
	// shown are the parts of the state that were shown as they were at some
	// revision, ascending.
	shown []part
	// nodes are the records that were shown, with the liveness shown beside
	// them.
	nodes map[string]NodeInfo
	// incomplete says that these are parts of a snapshot that has not ended.
	incomplete bool
	// unmarked counts the lines since the last bookmark, stale says that the
	// token moved since.
	unmarked int
	stale    bool
}

// understand waits until this node has seen what a token covers, and begins
// there. Of a token that it will not understand it begins with a snapshot.
func (w *watch) understand(ctx context.Context, t Token) error {
	if t.IsZero() {
		return nil
	}
	soon, cancel := context.WithTimeout(ctx, w.node.options.catchUp)
	defer cancel()
	token, err := w.node.Resolve(soon, t)
	if err == nil {
		err = w.node.waitCovered(soon, token)
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err == ErrUnknownToken:
		return w.emit(WatchEvent{Type: WatchTrimmed})
	case err != nil:
		return err
	}
	w.token = token
	return nil
}

// run watches until ctx ends, emit fails or the queue overflows.
func (w *watch) run(ctx context.Context) error {
	queue := w.node.watchers.subscribe() // before reading: no change is missed
	defer w.node.watchers.unsubscribe(queue)
	if err := w.begin(ctx, queue); err != nil {
		return err
	}
	tick := time.NewTicker(bookmarkEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-queue.lost:
			err = errLost
		case <-tick.C:
			err = w.mark(queue)
		case <-queue.inbox.wake:
			err = w.drain(ctx, queue)
		case <-queue.liveness:
			err = w.showLiveness(queue)
		}
		if err != nil {
			return err
		}
	}
}

// mark shows the bookmark that is due. After a loss nothing but "trimmed" may
// follow.
func (w *watch) mark(queue *watcher) error {
	if queue.isLost() {
		return errLost
	}
	return w.bookmark()
}

// drain shows what waits in the queue.
func (w *watch) drain(ctx context.Context, queue *watcher) error {
	for waiting := true; waiting; {
		if queue.isLost() {
			return errLost
		}
		commits, open := queue.inbox.take(1)
		waiting = len(commits) > 0
		switch {
		case !waiting && !open:
			return ErrClosed
		case ctx.Err() != nil:
			return ctx.Err()
		}
		for _, p := range commits {
			if err := w.showCommit(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// showCommit shows what a commit changed and was not shown before.
func (w *watch) showCommit(p published) error {
	if len(w.shown) > 0 && p.revision > w.shown[len(w.shown)-1].revision {
		w.shown = nil // revisions of parts ascend, and so do commits
	}
	for _, c := range p.changes {
		if w.isShown(c.key, p.revision) {
			continue
		}
		if err := w.show(c); err != nil {
			return err
		}
	}
	w.join(p)
	w.stale = w.stale || len(p.context) > 0
	if w.unmarked < bookmarkEvents || w.incomplete {
		return nil
	}
	return w.bookmark()
}

// join adds what a commit has seen to the token. If that is anything new, then
// all commits up to it are in the token, and so it is what the node had seen
// after the commit.
func (w *watch) join(p published) {
	if !p.context.Leq(w.token) {
		w.token.Join(p.context)
		w.hash = p.contextHash
	}
}

// show shows one change that the filter selects.
func (w *watch) show(c change) error {
	e := WatchEvent{Type: WatchClaim, Claim: c.claim, Repaired: c.repaired}
	switch {
	case c.key.IsNode() && !w.filter.selectsNode(c.node.Name):
		return nil
	case c.key.IsNode():
		return w.showNode(w.node.info(*c.node), c.repaired)
	case !w.filter.Selects(c.claim.Claim):
		return nil
	case c.claim.Priority == 0:
		e.Type = WatchReleased
	}
	w.unmarked++
	return w.emit(e)
}

// showNode shows what a node says of itself.
func (w *watch) showNode(n NodeInfo, repaired bool) error {
	if w.nodes[n.Name] = n; n.Retired {
		delete(w.nodes, n.Name)
	}
	w.unmarked++
	return w.emit(WatchEvent{Type: WatchNode, Node: n, Repaired: repaired})
}

// showLiveness shows the nodes again of whose liveness something else is
// believed than was shown. The records are those shown before, not those that
// now are: a line must not run ahead of the commits that are still waiting.
func (w *watch) showLiveness(queue *watcher) error {
	if queue.isLost() {
		return errLost
	}
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		now := w.node.info(w.nodes[name].NodeRecord)
		if now.Liveness == w.nodes[name].Liveness {
			continue
		}
		if err := w.showNode(now, false); err != nil {
			return err
		}
	}
	return nil
}

// bookmark names what was shown, if that has moved since the last time.
func (w *watch) bookmark() error {
	if !w.stale {
		return nil
	}
	w.unmarked, w.stale = 0, false
	return w.emit(WatchEvent{Type: WatchBookmark, Token: w.node.tokenOf(w.token, w.hash)})
}
