package api

import (
	"sync"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// ended is a line that was carried out or refused, or will be, and all that it
// needs on the way. When its answer is sent nobody knows of it any more, and its
// memory serves another line, perhaps of another stream:
//
//	L1  A line comes to an end once (end), and with that it is the writer's. The
//	    node looks at nothing of it from then on, nor does who had it told.
//
// One of which nobody ever hears is left to the collector of garbage.
type ended struct {
	stream *opsStream
	asked  wire.OpsLine
	node.Outcome
	// bytes is what its text takes, held says that the gatekeeper knows.
	bytes int
	held  bool

	// end is tell, made once.
	end    func(node.Outcome)
	memory wire.LineMemory
	batch  node.Submission
	// one is room for the operation of most batches.
	one [1]delta.Operation
}

// endedOpsKept is room for how many operations a line keeps for the next.
const endedOpsKept = 8

var freeEnded = sync.Pool{New: func() any {
	what := &ended{}
	what.end = what.tell
	what.batch.Operations = what.one[:0]
	return what
}}

// newEnded returns a line of so many bytes.
func (x *opsStream) newEnded(bytes int) *ended {
	what := freeEnded.Get().(*ended)
	what.stream, what.bytes = x, bytes
	return what
}

// compile makes the operations of the batch what the node carries out.
func (what *ended) compile(node string) (err error) {
	what.batch.Operations, err = compile(what.batch.Operations[:0], what.asked.Ops, node)
	return err
}

// tell has the answer sent. It is called by the committer, too, and holds nobody
// up.
func (what *ended) tell(o node.Outcome) {
	x := what.stream
	what.Outcome = o
	x.mu.Lock()
	x.mu.ready = append(x.mu.ready, what)
	x.mu.Unlock()
	signal(x.wake)
}

// free keeps the memory for another line.
func (what *ended) free() {
	what.memory.Clear()
	ops := what.batch.Operations
	if clear(ops); cap(ops) > endedOpsKept || ops == nil {
		ops = what.one[:0]
	}
	what.batch.Operations, what.batch.Ended = ops[:0], nil
	what.stream, what.asked, what.Outcome = nil, wire.OpsLine{}, node.Outcome{}
	what.bytes, what.held = 0, false
	freeEnded.Put(what)
}
