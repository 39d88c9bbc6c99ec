package api

import (
	"sync"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// ended is a line that was carried out or refused, or will be, and all that it
// needs on the way. When its answer is sent nobody knows of it any more, and its
// memory serves another line, perhaps of another stream:
//
//	L1  A line comes to an end once, with the last of its batches (end), and with
//	    that it is the writer's. The node looks at nothing of it from then on, nor
//	    does who had it told, nor the handler.
//
// One of which nobody ever hears is left to the collector of garbage.
type ended struct {
	stream *opsStream
	asked  wire.OpsLine
	// refused says why the whole line was not carried out, if so.
	refused error
	// bytes is what its text takes, held says that the gatekeeper knows.
	bytes int
	held  bool

	// batches are those of the line, or its one; left is how many of them have not
	// come to an end.
	batches []*batchEnded
	left    atomic.Int32
	memory  wire.LineMemory
	// one is the batch of most lines, alone it. isOfSeveral says that the memory is
	// for lines of several batches; more are theirs, which are kept.
	one         batchEnded
	alone       [1]*batchEnded
	isOfSeveral bool
	more        []*batchEnded
}

// batchEnded is a batch of a line.
type batchEnded struct {
	of    *ended
	asked *wire.Batch
	node.Outcome
	// end is tell, made once.
	end   func(node.Outcome)
	batch node.Submission
	// one is room for the operation of most batches.
	one [1]delta.Operation
}

const (
	// endedOpsKept is room for how many operations a batch keeps for the next.
	endedOpsKept = 8
	// severalOpsKept is for how many operations a line of several batches keeps what
	// it reads them into.
	severalOpsKept = 2 * opsBatchesMax
)

// Lines of several batches are larger than others, and must not become what others
// keep.
var (
	freeEnded   = sync.Pool{New: func() any { return newEnded() }}
	freeSeveral = sync.Pool{New: func() any {
		what := newEnded()
		what.isOfSeveral, what.memory.OpsKept = true, severalOpsKept
		return what
	}}
)

func newEnded() *ended {
	what := &ended{}
	what.one.init(what)
	what.alone[0] = &what.one
	return what
}

func (b *batchEnded) init(of *ended) {
	b.of = of
	b.end = b.tell
	b.batch.Operations = b.one[:0]
}

// newLine returns the place of a line.
func (x *opsStream) newLine(line []byte) *ended {
	free := &freeEnded
	if wire.IsOfSeveral(line) {
		free = &freeSeveral
	}
	what := free.Get().(*ended)
	what.stream, what.bytes = x, len(line)
	return what
}

// divide makes batches of what was asked.
func (what *ended) divide() {
	what.batches = what.alone[:]
	what.one.asked = &what.asked.Batch
	if several := what.asked.Batches; len(several) > 0 {
		for len(what.more) < len(several) {
			b := &batchEnded{}
			b.init(what)
			what.more = append(what.more, b)
		}
		what.batches = what.more[:len(several)]
		for i := range several {
			what.batches[i].asked = &several[i]
		}
	}
	what.left.Store(int32(len(what.batches)))
}

// compile makes the operations of the batch what the node carries out.
func (b *batchEnded) compile(node string) (err error) {
	b.batch.Operations, err = compile(b.batch.Operations[:0], b.asked.Ops, node)
	return err
}

// tell notes what became of a batch, and has the line answered if it was the last.
// It is called by the committer, too, and holds nobody up.
func (b *batchEnded) tell(o node.Outcome) {
	b.Outcome = o
	if b.of.left.Add(-1) == 0 {
		b.of.end()
	}
}

// end has the answer sent.
func (what *ended) end() {
	x := what.stream
	x.mu.Lock()
	x.mu.ready = append(x.mu.ready, what)
	x.mu.Unlock()
	signal(x.wake)
}

// refuse ends a line none of whose batches goes to the node.
func (what *ended) refuse(err error) {
	what.refused = err
	what.end()
}

// places returns how many lines it counts as.
func (what *ended) places() int { return max(1, len(what.asked.Batches)) }

// free keeps the memory for another line.
func (what *ended) free() {
	what.memory.Clear()
	for _, b := range what.batches {
		b.clear()
	}
	what.stream, what.asked, what.refused, what.batches = nil, wire.OpsLine{}, nil, nil
	what.bytes, what.held = 0, false
	if what.isOfSeveral {
		freeSeveral.Put(what)
		return
	}
	what.more = nil
	freeEnded.Put(what)
}

func (b *batchEnded) clear() {
	ops := b.batch.Operations
	if clear(ops); cap(ops) > endedOpsKept || ops == nil {
		b.one[0] = delta.Operation{} // which may be wrong, and is in ops no more
		ops = b.one[:0]
	}
	b.batch.Operations, b.batch.Ended = ops[:0], nil
	b.asked, b.Outcome = nil, node.Outcome{}
}
