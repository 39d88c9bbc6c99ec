package api

import (
	"crypto/sha256"
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

// remembered is one batch. Until done is closed it is under way.
type remembered struct {
	digest  [sha256.Size]byte
	done    chan struct{}
	written node.Written
	err     error
}

func newAnswers() *answers {
	a := &answers{}
	a.mu.all = map[string]*remembered{}
	return a
}

// once writes a batch with an id, or answers what became of it when it was
// written. An id that was used for something else is refused.
func (a *answers) once(id string, ops []wire.Operation, write func() (node.Written, error)) (node.Written, error) {
	digest, err := digestOf(ops)
	if err != nil {
		return node.Written{}, err
	}
	r, mine := a.claim(id, digest)
	switch {
	case r.digest != digest:
		return node.Written{}, wire.Errorf(wire.CodeConflict, "the id %q was used for other operations: draw a new id for every batch", id)
	case !mine:
		<-r.done
		return r.written, r.err
	}
	r.written, r.err = write()
	a.settle(id, r)
	close(r.done)
	return r.written, r.err
}

func digestOf(ops []wire.Operation) (digest [sha256.Size]byte, err error) {
	text, err := wire.Marshal(ops)
	if err != nil {
		return digest, err
	}
	return sha256.Sum256(text), nil
}

func (a *answers) claim(id string, digest [sha256.Size]byte) (r *remembered, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r, ok := a.mu.all[id]; ok {
		return r, false
	}
	r = &remembered{digest: digest, done: make(chan struct{})}
	a.mu.all[id] = r
	return r, true
}

// settle keeps the result of a batch that was applied, and forgets the oldest
// ones beyond the bounds.
func (a *answers) settle(id string, r *remembered) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.err != nil {
		delete(a.mu.all, id)
		return
	}
	a.mu.order = append(a.mu.order, id)
	a.mu.results += len(r.written.Results)
	for len(a.mu.order) > answersMax || a.mu.results > answersResultsMax {
		oldest := a.mu.order[0]
		a.mu.order = a.mu.order[1:]
		a.mu.forgotten++
		a.mu.results -= len(a.mu.all[oldest].written.Results)
		delete(a.mu.all, oldest)
	}
}

// resultsOf pairs operations with what they did.
func resultsOf(ops []wire.Operation, results []delta.Result) wire.List[wire.Result] {
	out := make(wire.List[wire.Result], len(ops))
	for i, o := range ops {
		out[i] = wire.Result{Operation: o, Changed: results[i].Changed, Priority: results[i].Priority}
	}
	return out
}
