package node

import (
	"context"
	"slices"
	"sort"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

const (
	// partEntriesDefault bounds the entries that are read in one view: a view
	// holds pages of the file, and must not wait for whoever is shown them.
	partEntriesDefault = 4096
	// resumeMax bounds the entries that are shown to resume from a token; past
	// it a snapshot is no dearer.
	resumeMax = 1 << 16
)

// part says that the entries up to a key, and above those of the part before
// it, were shown as they were at a revision. Changes of them that are no newer
// would lead back in time.
//
//	state   |-- part 0 --|-- part 1 --|-- part 2 --|
//	read at      r0           r1           r2          r0 ≤ r1 ≤ r2
//
// When every change up to r2 that its part does not have is shown as well, the
// lines make up the state of one instant, r2 or later.
type part struct {
	end      delta.Key // exclusive
	revision uint64
}

// isShown reports whether an entry was shown with the changes of a commit.
func (w *watch) isShown(k delta.Key, revision uint64) bool {
	i := sort.Search(len(w.shown), func(i int) bool { return k < w.shown[i].end })
	return i < len(w.shown) && revision <= w.shown[i].revision
}

// begin shows the snapshot, or what changed since the token.
func (w *watch) begin(ctx context.Context, queue *watcher) error {
	w.shown, w.nodes = nil, map[string]NodeInfo{}
	if w.token == nil {
		return w.snapshot(ctx, queue)
	}
	resumed, err := w.resume()
	if resumed || err != nil {
		return err
	}
	if err := w.emit(WatchEvent{Type: WatchTrimmed}); err != nil {
		return err
	}
	return w.snapshot(ctx, queue)
}

// snapshot shows the state part by part, then what changed meanwhile in parts
// that were shown already, and only then calls it complete.
func (w *watch) snapshot(ctx context.Context, queue *watcher) error {
	w.token, w.incomplete = nil, true
	for _, span := range []delta.Span{w.filter.span(), delta.NodeSpan} {
		for !span.IsEmpty() {
			changes, next, err := w.readPart(span)
			if err != nil {
				return err
			}
			if err := w.showAll(ctx, changes); err != nil {
				return err
			}
			span.From = next
		}
	}
	if err := w.catchUp(ctx, queue); err != nil {
		return err
	}
	w.incomplete, w.unmarked, w.stale = false, 0, false
	return w.emit(WatchEvent{Type: WatchSnapshotEnd, Token: w.node.tokenOf(w.token, w.hash)})
}

// readPart reads the beginning of a span and returns where to go on.
func (w *watch) readPart(span delta.Span) (changes []change, next delta.Key, err error) {
	err = w.node.store.View(func(v *store.View) error {
		next = span.To
		if w.token == nil {
			s := v.Summary() // of the first part: no later one has seen less
			w.token, w.hash = s.Context.Clone(), s.ContextHash
		}
		visited := 0
		err := v.Scan(span, func(e delta.Entry) error {
			if visited++; visited > w.node.options.partEntries {
				next = e.Key
				return errEnough
			}
			c, err := changeOf(e)
			if err == nil && (e.Key.IsNode() && !e.Node.Retired || c.claim.Priority > 0) {
				changes = append(changes, c)
			}
			return err
		})
		w.shown = append(w.shown, part{end: next, revision: v.Revision()})
		if err == errEnough {
			return nil
		}
		return err
	})
	return changes, next, err
}

func (w *watch) showAll(ctx context.Context, changes []change) error {
	for _, c := range changes {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := w.show(c); err != nil {
			return err
		}
	}
	return nil
}

// catchUp brings parts that were shown at different revisions to one instant:
// once the committer has been passed, the changes up to the last revision are
// in the queue.
func (w *watch) catchUp(ctx context.Context, queue *watcher) error {
	if w.shown[0].revision == w.shown[len(w.shown)-1].revision {
		return nil
	}
	if err := w.node.passCommitter(ctx); err != nil {
		return err
	}
	if err := w.drain(ctx, queue); err != nil {
		return err
	}
	if queue.isLost() { // what it had is not all
		return errLost
	}
	return nil
}

// resume shows what events beyond the token have touched, as it is now, and all
// nodes: of their liveness the token says nothing. It reports false, having shown nothing, if that cannot be told.
func (w *watch) resume() (bool, error) {
	var (
		changes []change
		known   bool
		now     *store.Summary
	)
	err := w.node.store.View(func(v *store.View) error {
		keys, complete, err := touchedSince(v, w.token, resumeMax)
		if err != nil || !complete {
			return err
		}
		known, now = true, v.Summary()
		w.shown = []part{{end: delta.Whole.To, revision: v.Revision()}}
		if changes, err = statesOf(v, keys); err != nil {
			return err
		}
		unchanged, err := otherNodes(v, keys)
		changes = append(changes, unchanged...)
		return err
	})
	if err != nil || !known {
		return false, err
	}
	for _, c := range changes {
		if err := w.show(c); err != nil {
			return false, err
		}
	}
	w.token, w.hash, w.stale = now.Context.Clone(), now.ContextHash, true
	return true, w.bookmark()
}

// statesOf returns what some entries show, claims and nodes alone.
func statesOf(v *store.View, keys []delta.Key) ([]change, error) {
	var changes []change
	for _, k := range keys {
		e, err := v.Get(k)
		if err != nil {
			return nil, err
		}
		e.Key = k // also of one that is gone
		if k.IsForgotten() {
			continue
		}
		c, err := changeOf(e)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// otherNodes returns the nodes that are not among the keys, which ascend.
func otherNodes(v *store.View, keys []delta.Key) ([]change, error) {
	var changes []change
	err := v.Scan(delta.NodeSpan, func(e delta.Entry) error {
		if _, found := slices.BinarySearch(keys, e.Key); found || e.Node.Retired {
			return nil
		}
		c, err := changeOf(e)
		changes = append(changes, c)
		return err
	})
	return changes, err
}
