package client

import (
	"cmp"
	"iter"
	"sync"

	"github.com/scalesmall/ssnode/wire"
)

const (
	// lineBatchesMax bounds the batches of a line, and lineBytesShared its bytes, if
	// it has several: more would wait for each other, and a transport takes no more at
	// a time.
	lineBatchesMax  = 256
	lineBytesShared = 32 << 10
)

// line is one line of a stream, from its first batch to its answer: that of
// Client.Write, or one that writers share. While it is open batches join it. It is
// closed when the transport takes the first of its bytes, so that begin says of all
// its batches whether they were taken:
//
//	N1  What the transport has not taken of a line, it has taken of none of its
//	    batches; what joins a line is before its end.
type line struct {
	ref int64
	// begin is where it begins in the body, bytes how long it is at most with its end,
	// if others may join it.
	begin int64
	bytes int
	// isSeveral says that it has the form of several batches, though it be one.
	isSeveral bool
	// batches are in the order of the line; nobody waits for those that are nil.
	batches []*pending
}

var freeLines = sync.Pool{New: func() any { return &line{} }}

// newLine returns an empty line. It belongs to the stream.
func newLine(ref, begin int64, isSeveral bool) *line {
	x := freeLines.Get().(*line)
	x.ref, x.begin, x.isSeveral = ref, begin, isSeveral
	return x
}

// free keeps the memory for another line; the stream has it no more.
func (x *line) free() {
	clear(x.batches)
	x.batches, x.bytes = x.batches[:0], 0
	freeLines.Put(x)
}

// read reads the rest of an answer, behind its number. It reports whether that
// says what was expected: then the batches have ended. Of several some may have
// become anything else.
func (x *line) read(rest []byte) bool {
	parts := wire.AnswerToOne(rest)
	if x.isSeveral {
		parts = wire.AnswerToSeveral(rest)
	}
	for _, b := range x.batches {
		if !readPart(&parts, b) {
			return false
		}
	}
	token, ok := parts.Token()
	if !ok {
		return false
	}
	for _, b := range x.waiting() {
		b.token = token
		b.ended <- struct{}{}
	}
	return true
}

// readPart reads what became of a batch, which is nil if nobody waits for it.
func readPart(parts *wire.AnswerParts, b *pending) bool {
	if b != nil && parts.Read(&b.asked) {
		b.isRead = true
		return true
	}
	var other wire.BatchResult
	if !parts.ReadAny(&other) {
		return false
	}
	if b != nil {
		b.isRead, b.answer = false, other
	}
	return true
}

// waiting yields the batches for which somebody waits, with their places.
func (x *line) waiting() iter.Seq2[int, *pending] {
	return func(yield func(int, *pending) bool) {
		for i, b := range x.batches {
			if b != nil && !yield(i, b) {
				return
			}
		}
	}
}

// end ends all batches that somebody waits for.
func (x *line) end(err error) {
	for _, b := range x.waiting() {
		b.end(wire.BatchResult{}, err)
	}
}

// take hands each batch what an answer in any words says of it.
func (x *line) take(answer wire.OpsAnswer) {
	for i, b := range x.waiting() {
		b.end(x.partOf(answer, i))
	}
}

// partOf returns what an answer says of a batch. A line that is refused as a whole
// for what is in it goes elsewhere if several are in it: so nobody suffers for what
// another wrote.
func (x *line) partOf(answer wire.OpsAnswer, place int) (wire.BatchResult, error) {
	err := answer.Err()
	switch {
	case !x.isSeveral:
		return answer.BatchResult, nil
	case len(x.batches) > 1 && isContentRefused(err):
		return wire.BatchResult{}, errElsewhere
	case err != nil:
		return wire.BatchResult{}, err
	case len(answer.Batches) != len(x.batches):
		return wire.BatchResult{}, wrongCount(len(answer.Batches), len(x.batches))
	}
	part := answer.Batches[place]
	part.Token = cmp.Or(part.Token, answer.Token)
	return part, nil
}
