package api

import (
	"cmp"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// write sends the answers of a stream, as they come, until all lines that were
// read have come to an end. It returns why some have no answer, if so: the client
// no longer reads, or the node ended before it said what became of them.
func (x *opsStream) write() (cut error) {
	for {
		all, isLast := x.takeEnded()
		switch {
		case len(all) == 0 && isLast:
			return cut
		case len(all) == 0:
			return cmp.Or(cut, x.server.node.Err(), node.ErrClosed)
		case cut == nil:
			if cut = x.send(all); cut != nil {
				x.end(cut)
			}
		}
		x.sent(all)
	}
}

// send writes answers, and has them go out if no others are there.
func (x *opsStream) send(all []*ended) error {
	for _, what := range all {
		x.text = x.appendAnswer(x.text[:0], what)
		if err := x.answers.writeText(x.text); err != nil {
			return err
		}
	}
	if x.hasEnded() {
		return nil
	}
	return x.answers.flush()
}

// takeEnded waits for lines that have come to an end, and returns them. Without
// any, either it was the last or the node has ended before it said what became
// of the others.
func (x *opsStream) takeEnded() (all []*ended, isLast bool) {
	for {
		if all, isLast = x.swapEnded(); len(all) > 0 || isLast {
			return all, isLast
		}
		select {
		case <-x.wake:
		case <-x.server.node.Done():
			x.end(errStopping)
			<-x.isRead
			return x.swapEnded()
		}
	}
}

func (x *opsStream) swapEnded() (all []*ended, isLast bool) {
	clear(x.sending)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sending, x.mu.ready = x.mu.ready, x.sending[:0]
	return x.sending, x.mu.lines == 0 && isClosed(x.isRead)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (x *opsStream) hasEnded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.mu.ready) > 0
}

// sent makes room for other lines. These may be used again.
func (x *opsStream) sent(all []*ended) {
	bytes, held := 0, 0
	for _, what := range all {
		bytes += what.bytes
		if what.held {
			held += what.bytes
		}
	}
	x.server.metrics.observeLines(all)
	x.server.gate.release(held)
	x.count(-len(all), -bytes)
	signal(x.room)
	for _, what := range all {
		what.free() // L1
	}
}

// appendAnswer appends the line that answers.
func (x *opsStream) appendAnswer(b []byte, what *ended) []byte {
	if what.Err != nil {
		return what.refusal().Append(b)
	}
	text := wire.AppendAnswer(b, what.asked.Ref, what.asked.ID)
	for i, did := range what.Written.Results {
		text = text.Result(&what.asked.Ops[i], did.Changed, did.Priority)
	}
	x.token = what.Written.AppendToken(x.token[:0])
	return text.Token(x.token)
}

// refusal answers a line that was not carried out. An error of the node says which
// operation it is about.
func (what *ended) refusal() wire.OpsAnswer {
	err := what.Err
	if what.held {
		err = explainBatch(what.asked.Ops, err)
	}
	return wire.OpsAnswer{Ref: what.asked.Ref, BatchResult: failedBatch(wire.Batch{ID: what.asked.ID}, err)}
}
