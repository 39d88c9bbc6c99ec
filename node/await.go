package node

import (
	"context"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// Members says how many members are waited for: all, or N counting this node.
type Members struct {
	All bool
	N   int
}

// Awaited says which members have what was waited for on disk.
type Awaited struct {
	// OnDisk has it, Missing does not or did not say so in time; ascending.
	OnDisk, Missing []string
}

// Await waits until as many members as asked for have everything that token
// covers on disk, or ctx ends, which is no error: Missing then says who has
// not. All means every member known to this node when the wait begins that has
// not left or been forgotten, dead ones too; one that comes back is asked
// again. An error wraps ErrClosed.
func (n *Node) Await(ctx context.Context, token crdt.Context, m Members) (Awaited, error) {
	names := n.memberNames()
	if m.All {
		return n.awaitNames(ctx, token, names, len(names))
	}
	return n.awaitNames(ctx, token, names, m.N)
}

// awaitNames is Await for some of the members, this node always among them.
func (n *Node) awaitNames(ctx context.Context, token crdt.Context, names []string, wanted int) (Awaited, error) {
	onDisk := map[string]bool{n.name: false}
	for _, name := range names {
		onDisk[name] = false
	}
	w := &await{node: n, token: token, onDisk: onDisk, wanted: wanted}
	if !w.see() {
		if err := w.run(ctx); err != nil {
			return Awaited{}, err
		}
	}
	return w.summary(), nil
}

// await is one Await under way.
type await struct {
	node   *Node
	token  crdt.Context
	onDisk map[string]bool
	wanted int
}

// see looks whether this node has the token, and whether that is enough.
func (w *await) see() bool {
	w.onDisk[w.node.name] = w.onDisk[w.node.name] || w.node.routing.covers(w.token)
	count := 0
	for _, is := range w.onDisk {
		if is {
			count++
		}
	}
	return count >= w.wanted
}

// run asks the others and waits, for them and for this node alike.
func (w *await) run(ctx context.Context) error {
	others := maps.Clone(w.onDisk)
	delete(others, w.node.name)
	q := w.node.questions.begin(w.token, slices.Collect(maps.Keys(others)))
	defer w.node.questions.end(q)
	if err := w.node.protocol.ask(q); err != nil {
		return err
	}
	defer w.node.protocol.askEnd(q)
	for {
		moved := w.node.watchers.moved() // before looking: nothing is missed
		if w.see() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.node.ctx.Done():
			return ErrClosed
		case <-moved:
		case peer := <-q.confirmed:
			w.onDisk[peer] = true
		}
	}
}

func (w *await) summary() Awaited {
	var a Awaited
	for _, name := range slices.Sorted(maps.Keys(w.onDisk)) {
		if w.onDisk[name] {
			a.OnDisk = append(a.OnDisk, name)
		} else {
			a.Missing = append(a.Missing, name)
		}
	}
	return a
}

// waitCovered waits until this node's lookups reflect token, or returns
// ErrBehind when ctx has ended.
func (n *Node) waitCovered(ctx context.Context, token crdt.Context) error {
	for {
		moved := n.watchers.moved() // before looking: nothing is missed
		if n.routing.covers(token) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ErrBehind
		case <-n.ctx.Done():
			return ErrClosed
		case <-moved:
		}
	}
}
