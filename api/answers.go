package api

import (
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

const (
	// answersMax bounds the batches whose results are remembered, and
	// answersResultsMax the results of all of them.
	answersMax        = 1 << 16
	answersResultsMax = 1 << 20
	// batchIDBytesMax bounds the id of a batch, in bytes.
	batchIDBytesMax = 255
)

// answers remembers what became of the last batches that had an id, so that a
// client that did not hear the answer may ask again. Only what was applied is
// remembered: a batch that was refused may be sent again as it is.
type answers struct {
	mu struct {
		sync.Mutex
		all map[string]*remembered
		// order has the ids of what was applied, oldest first.
		order   []string
		results int
		// forgotten counts those that had no room any more.
		forgotten uint64
	}
}

// reading returns how many batches are remembered and how many no more.
func (a *answers) reading() (batches int, forgotten uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.mu.order), a.mu.forgotten
}

// remembered is one batch.
type remembered struct {
	digest [sha256.Size]byte
	// told wait for what becomes of it; isSettled says that this is known.
	told      []func(node.Outcome)
	isSettled bool
	node.Outcome
}

func newAnswers() *answers {
	a := &answers{}
	a.mu.all = map[string]*remembered{}
	return a
}

// once writes a batch with an id, or answers what became of it when it was
// written. An id that was used for something else is refused.
func (a *answers) once(id string, ops []wire.Operation, write func() (node.Written, error)) (node.Written, error) {
	told := make(chan node.Outcome, 1)
	a.start(id, ops, func(ended func(node.Outcome)) {
		written, err := write()
		ended(node.Outcome{Written: written, Err: err})
	}, func(o node.Outcome) { told <- o })
	o := <-told
	return o.Written, o.Err
}

// start is once for who does not wait: told is called when it is known what
// became of the batch, by whoever knows it first. write calls ended once.
func (a *answers) start(id string, ops []wire.Operation, write func(ended func(node.Outcome)), told func(node.Outcome)) {
	digest, err := digestOf(ops)
	if err != nil {
		told(node.Outcome{Err: err})
		return
	}
	switch r, mine := a.claim(id, digest, told); {
	case r.digest != digest:
		told(node.Outcome{Err: wire.Errorf(wire.CodeConflict, "the id %q was used for other operations: draw a new id for every batch", id)})
	case mine:
		write(func(o node.Outcome) { a.settle(id, o) })
	case r.isSettled:
		told(r.Outcome)
	}
}

func digestOf(ops []wire.Operation) (digest [sha256.Size]byte, err error) {
	text, err := wire.Marshal(wire.Batch{Ops: ops})
	if err != nil {
		return digest, err
	}
	return sha256.Sum256(text), nil
}

// claim returns a copy of what is remembered of an id, and mine if that begins
// here. Who claims the same while it is under way is told when it ends.
func (a *answers) claim(id string, digest [sha256.Size]byte, told func(node.Outcome)) (r remembered, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.mu.all[id]
	if !ok {
		known = &remembered{digest: digest}
		a.mu.all[id] = known
	}
	if known.digest == digest && !known.isSettled {
		known.told = append(known.told, told)
	}
	return *known, !ok
}

// settle keeps the result of a batch that was applied, forgets the oldest ones
// beyond the bounds, and tells who waits. What it keeps is a copy: results of
// small batches are cut from pieces of up to a KiB that they share, and each of
// the batches remembered would keep one of its own from the collector.
func (a *answers) settle(id string, o node.Outcome) {
	for _, told := range a.keep(id, o) {
		told(o)
	}
}

func (a *answers) keep(id string, o node.Outcome) (told []func(node.Outcome)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.mu.all[id]
	told, r.told = r.told, nil
	if o.Err != nil {
		delete(a.mu.all, id)
		return told
	}
	o.Written.Results = slices.Clone(o.Written.Results)
	r.Outcome, r.isSettled = o, true
	a.mu.order = append(a.mu.order, id)
	a.mu.results += len(o.Written.Results)
	for len(a.mu.order) > answersMax || a.mu.results > answersResultsMax {
		oldest := a.mu.order[0]
		a.mu.order = a.mu.order[1:]
		a.mu.forgotten++
		a.mu.results -= len(a.mu.all[oldest].Written.Results)
		delete(a.mu.all, oldest)
	}
	return told
}

// resultsOf pairs operations with what they did.
func resultsOf(ops []wire.Operation, results []delta.Result) wire.List[wire.Result] {
	list := make(wire.List[wire.Result], 0, len(ops))
	for i, o := range ops {
		list = append(list, wire.Result{Operation: o, Changed: results[i].Changed, Priority: results[i].Priority})
	}
	return list
}
