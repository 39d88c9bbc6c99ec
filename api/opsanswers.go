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
	lines, bytes, held := 0, 0, 0
	for _, what := range all {
		lines, bytes = lines+what.places(), bytes+what.bytes
		if what.held {
			held += what.bytes
		}
	}
	x.server.metrics.observeLines(all)
	x.server.gate.release(held)
	x.count(-lines, -bytes)
	signal(x.room)
	for _, what := range all {
		what.free() // L1
	}
}

// appendAnswer appends the line that answers.
func (x *opsStream) appendAnswer(b []byte, what *ended) []byte {
	ref := what.asked.Ref
	switch {
	case what.refused != nil:
		return wire.OpsAnswer{Ref: ref, BatchResult: failedBatch(what.asked.Batch, what.refused)}.Append(b)
	case len(what.asked.Batches) > 0:
		return x.appendSeveral(b, what)
	case what.one.Err != nil:
		return wire.OpsAnswer{Ref: ref, BatchResult: what.one.failed()}.Append(b)
	}
	x.token = what.one.Written.AppendToken(x.token[:0])
	text := wire.AppendAnswer(b, ref)
	what.one.append(&text)
	return text.Token(x.token)
}

// appendSeveral appends what answers a line of several batches.
func (x *opsStream) appendSeveral(b []byte, what *ended) []byte {
	text := wire.AppendAnswerToSeveral(b, what.asked.Ref)
	for _, b := range what.batches {
		if b.Err != nil {
			text.Failed(b.failed())
		} else {
			b.append(&text)
		}
	}
	x.token = appendTokenOfAll(x.token[:0], what.batches)
	return text.Token(x.token)
}

// append appends what a batch that was carried out did.
func (b *batchEnded) append(text *wire.AnswerText) {
	text.Batch(b.asked.ID)
	for i, did := range b.Written.Results {
		text.Result(&b.asked.Ops[i], did.Changed, did.Priority)
	}
}

// appendTokenOfAll appends the text of the token that names the events of all
// batches that were applied. Mostly they are events of one replica, of which the
// last stands for all.
func appendTokenOfAll(text []byte, batches []*batchEnded) []byte {
	var last node.Written
	for _, b := range batches {
		switch mine := b.Written.Last; {
		case mine.IsZero():
		case last.Last.IsZero(), mine.Replica == last.Last.Replica:
			if mine.Sequence > last.Last.Sequence {
				last = b.Written
			}
		default: // it was renamed between them
			return appendTokenOfReplicas(text, batches)
		}
	}
	return last.AppendToken(text)
}

func appendTokenOfReplicas(text []byte, batches []*batchEnded) []byte {
	all := token{}
	for _, b := range batches {
		all.Join(b.Written.Token())
	}
	return append(text, tokenOf(all)...)
}

// failed is what became of a batch that was not carried out. An error of the node
// says which operation it is about.
func (b *batchEnded) failed() wire.BatchResult {
	return failedBatch(*b.asked, explainBatch(b.asked.Ops, b.Err))
}
