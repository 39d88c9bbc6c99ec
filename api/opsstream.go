package api

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

const (
	// opsLinesMax bounds the lines of one stream that are under way, of which one of
	// several batches counts as so many, and opsBytesMax their bytes: past either no
	// more is read before answers have been sent.
	opsLinesMax = 1024
	opsBytesMax = 4 << 20
	// opsBatchesMax bounds the batches of a line.
	opsBatchesMax = 256
	// opsGroupMax bounds the batches that go to the node as one, but for what is more
	// than that in the last line.
	opsGroupMax = 256
)

// errStopping ends a stream when the server does.
var errStopping = wire.Errorf(wire.CodeUnavailable, "this node stops: what has no answer was not carried out, write it to another")

// opsStream is one POST /v1/ops/stream: lines are read and handed to the node,
// and answered when they are durable.
//
//	handler   reads lines, hands over those that are there, waits for room
//	committer tells what became of them
//	writer    sends answers, those that are there together
//
// The handler alone reads and the writer alone writes, until it has ended: then
// whatever ends the stream is told. By then every line that was read has its
// answer, so that one without was not carried out.
type opsStream struct {
	server   *Server
	exchange *exchange
	// ctx ends when the server stops, or when the client no longer reads.
	ctx   context.Context
	end   context.CancelCauseFunc
	lines *opsLines
	// group are the batches that are not yet handed over, taken and takenBytes the
	// lines that were read and are not yet counted. The handler owns them.
	group             []*node.Submission
	taken, takenBytes int
	// sending are lines that the writer answers; it encodes the answers in text,
	// their tokens in token, and answers takes them.
	sending     []*ended
	text, token []byte
	answers     *lineWriter

	mu struct {
		sync.Mutex
		// lines and bytes were read and counted, and their answers not yet sent. A
		// line may come to an end before it is counted, but all are by when no more
		// is read.
		lines, bytes int
		// ready have come to an end.
		ready []*ended
	}
	// isRead is closed when no more is read.
	isRead chan struct{}
	// wake has a token when the writer, room when the handler has something to
	// look at.
	wake, room chan struct{}
}

// opsStream serves POST /v1/ops/stream.
func (s *Server) opsStream(e *exchange) error {
	if err := e.control.EnableFullDuplex(); err != nil {
		return wire.Errorf(wire.CodeInvalid, "this connection cannot be read and answered at the same time (%v): use POST /v1/ops", err)
	}
	x := &opsStream{server: s, exchange: e, isRead: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	stopped, cancel := s.untilStopped(context.WithoutCancel(e.r.Context()))
	defer cancel()
	x.ctx, x.end = context.WithCancelCause(stopped)
	defer x.end(nil)
	if c := connOf(e.r); c != nil {
		c.readAhead()
	}
	x.lines = newOpsLines(x)
	defer context.AfterFunc(x.ctx, x.lines.interrupt)()
	if err := x.open(); err != nil {
		return err
	}
	return x.run()
}

// open sends the opening line, to a client that asked whether to go on when it
// was told to: nothing tells it once the answer has begun.
func (x *opsStream) open() error {
	if x.exchange.r.Header.Get("Expect") != "" {
		x.exchange.w.WriteHeader(http.StatusContinue)
	}
	x.answers = x.exchange.lines()
	if err := x.answers.write(wire.OpsOpening{Node: x.server.node.Name(), LineBytesMax: wire.OpsLineBytesMax, LinesMax: opsLinesMax, BatchesMax: opsBatchesMax}); err != nil {
		return err
	}
	return x.answers.flush()
}

func (x *opsStream) run() error {
	var writing sync.WaitGroup
	var cut error
	writing.Go(func() { cut = x.write() })
	err := x.read()
	close(x.isRead)
	signal(x.wake)
	writing.Wait()
	if err != nil || cut != nil {
		x.lines.interrupt() // nobody waits for the rest of the body
	}
	if cut != nil {
		x.breakOff(cut)
		return nil
	}
	x.exchange.extend() // for its end, which net/http sends: the last answer may be long ago
	return err
}

// breakOff ends a stream some lines of which have no answer, though they may be
// carried out: the client must not find an end in order.
func (x *opsStream) breakOff(cut error) {
	x.exchange.failed = cut
	_ = x.exchange.control.SetWriteDeadline(time.Unix(1, 0))
}

// read takes lines until there are no more, and hands over those that are there
// together.
func (x *opsStream) read() error {
	for {
		line, err := x.lines.next()
		if err == nil {
			err = x.take(line)
		}
		if err != nil {
			x.submit()
			return x.lines.explain(err)
		}
		if !x.lines.isReady() || len(x.group) >= opsGroupMax {
			x.submit()
			if err := x.awaitRoom(); err != nil {
				return err
			}
		}
	}
}

// take has a line wait to be handed over, or be answered if it is refused. An
// error ends the stream.
func (x *opsStream) take(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	what := x.newLine(line)
	if err := what.asked.UnmarshalIn(&what.memory, line); err != nil {
		ref, ok := wire.RefOf(line)
		if !ok {
			return err
		}
		what.asked = wire.OpsLine{Ref: ref}
		x.refuse(what, err)
		return nil
	}
	x.begin(what)
	return nil
}

// begin begins to carry out a line.
func (x *opsStream) begin(what *ended) {
	err := validateLine(&what.asked)
	if err == nil {
		err = x.server.gate.admit(what.bytes)
	}
	if err != nil {
		what.asked = wire.OpsLine{Ref: what.asked.Ref, Batch: wire.Batch{ID: what.asked.ID}}
		x.refuse(what, err)
		return
	}
	what.held = true
	what.divide()
	x.taken, x.takenBytes = x.taken+what.places(), x.takenBytes+what.bytes
	for _, b := range what.batches { // when the last has begun the line may have ended
		x.beginBatch(b)
	}
}

// validateLine refuses a line that is neither one batch nor several.
func validateLine(l *wire.OpsLine) error {
	switch {
	case l.Batches == nil:
		return nil
	case l.Ops != nil || l.ID != "":
		return wire.Errorf(wire.CodeInvalid, "\"batches\" beside \"ops\" or \"id\": give one batch, or several with their own")
	case len(l.Batches) == 0:
		return wire.Errorf(wire.CodeInvalid, "no batches: give at least one in \"batches\"")
	case len(l.Batches) > opsBatchesMax:
		return wire.Errorf(wire.CodeTooLarge, "%d batches, at most %d are allowed in a line: send several lines", len(l.Batches), opsBatchesMax)
	}
	return nil
}

// beginBatch begins to carry out a batch, or ends it if it is refused.
func (x *opsStream) beginBatch(b *batchEnded) {
	err := b.compile(x.server.node.Name())
	if err == nil {
		err = validateBatchID(b.asked.ID)
	}
	switch {
	case err != nil:
		b.end(node.Outcome{Err: err})
	case b.asked.ID == "":
		x.hand(b, b.end)
	default:
		x.server.answers.start(b.asked.ID, b.asked.Ops, func(ended func(node.Outcome)) { x.hand(b, ended) }, b.end)
	}
}

// hand has a batch go to the node with the group.
func (x *opsStream) hand(b *batchEnded, ended func(node.Outcome)) {
	b.batch.Ended = ended
	x.group = append(x.group, &b.batch)
}

func (x *opsStream) submit() {
	x.count(x.taken, x.takenBytes)
	x.taken, x.takenBytes = 0, 0
	x.server.node.Submit(x.ctx, x.group)
	clear(x.group)
	x.group = x.group[:0]
}

// refuse answers a line that does not go to the node.
func (x *opsStream) refuse(what *ended, err error) {
	x.count(1, what.bytes)
	what.refuse(err)
}

// count counts lines whose answers are to be sent.
func (x *opsStream) count(lines, bytes int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mu.lines += lines
	x.mu.bytes += bytes
}

// awaitRoom waits until another line may be read.
func (x *opsStream) awaitRoom() error {
	for !x.hasRoom() {
		select {
		case <-x.room:
		case <-x.ctx.Done():
			return x.lines.explain(context.Cause(x.ctx))
		}
	}
	return nil
}

func (x *opsStream) hasRoom() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.mu.lines < opsLinesMax && x.mu.bytes < opsBytesMax
}

// signal leaves a token, unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
