package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

const (
	// unsentBytesMax bounds what waits to be sent on a stream, in bytes. What
	// would go over it is sent as a request of its own.
	unsentBytesMax = 4 << 20
	// togetherBytes is how much is worth waiting for others who write: if all of very
	// many went out together, the node would have nothing to do until they have.
	togetherBytes = 8 << 10
	// idleMax is how long a stream is kept that nobody uses. A node keeps it
	// twice as long.
	idleMax = time.Minute
)

// errElsewhere says that a batch was not carried out on the stream, and may be
// sent as a request of its own.
var errElsewhere = errors.New("not carried out on the stream")

// opsStream is one POST /v1/ops/stream that is open. Writers add batches, the
// transport takes as the body of the request the lines that are there (Read), and
// one goroutine reads the answers (follow).
//
// What became of a line that has no answer when the stream ends is known in two
// cases: nothing, if the transport had not taken it, and nothing, if the node has
// said why it ends the stream.
type opsStream struct {
	client *Client
	node   string
	// lineMax is how long a line may be, batchesMax how many batches it may have, 0
	// if the node knows no lines of several.
	lineMax, batchesMax int
	// cancel ends the request.
	cancel context.CancelCauseFunc

	mu struct {
		sync.Mutex
		// hasEnded says that no line is taken any more; answers may still come.
		hasEnded bool
		// unsent are lines; the transport has taken what is before sent, and
		// taken bytes in all.
		unsent []byte
		sent   int
		taken  int64
		// waiting are the lines without an answer, refs is the number of the last. One
		// that is open is at the end of unsent, without its own end.
		waiting map[int64]*line
		refs    int64
		open    *line
		alarm   alarm
		// lateness ends lines whose time is over. One timer for all of them costs
		// less than one for each, or a context.
		lateness lateness
	}
	// more tells the transport that there is something to take.
	more *sync.Cond
	// replies are answers that came together; they belong to follow.
	replies []reply
}

func newOpsStream(c *Client) *opsStream {
	s := &opsStream{client: c}
	s.more = sync.NewCond(&s.mu)
	s.mu.waiting = map[int64]*line{}
	return s
}

// open begins to take lines, as the node has said that it does.
func (s *opsStream) open(o wire.OpsOpening) {
	s.node, s.lineMax, s.batchesMax = o.Node, o.LineBytesMax, min(o.BatchesMax, lineBatchesMax)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.alarm.start(idleMax, s.lookAtSilence)
	s.mu.lateness.start(s.endLate)
}

// write carries out a batch, or returns errElsewhere. It waits no longer than
// timeout, and shares its line with others, if that is not 0.
func (s *opsStream) write(ctx context.Context, batch wire.Batch, timeout time.Duration) (wire.Results, error) {
	if err := ctx.Err(); err != nil {
		return wire.Results{}, s.client.unreachable(ctx, err)
	}
	x, err := newPending(batch, s.node)
	if err != nil {
		return wire.Results{}, fmt.Errorf("encode operations: %w", err)
	}
	if timeout != 0 {
		x.due = time.Now().Add(timeout)
	}
	if !s.add(x, timeout != 0) {
		x.free()
		return wire.Results{}, errElsewhere
	}
	if err := x.await(ctx); err != nil {
		return wire.Results{}, s.gaveUp(err)
	}
	defer x.free()
	return x.results(batch, s.node)
}

// gaveUp says that nobody waits for an answer any more.
func (s *opsStream) gaveUp(cause error) error { return fmt.Errorf("ask %s: %w", s.client.base, cause) }

// Read hands the transport lines that are there, and waits until some are. It
// returns io.EOF when none will come any more.
//
// Whoever can run runs first: answers that came together have woken many, and
// what they write now goes out together. A chunk costs a system call here and
// another at the node, several times what a line does.
func (s *opsStream) Read(p []byte) (int, error) {
	for before, n := 0, s.awaitLines(); before < n && n < togetherBytes; { // while more are written
		runtime.Gosched()
		before, n = n, s.unsent()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.open != nil && s.mu.open.begin < s.mu.taken+int64(len(p)) {
		s.closeLine() // N1
	}
	if s.mu.sent == len(s.mu.unsent) {
		return 0, io.EOF
	}
	n := copy(p, s.mu.unsent[s.mu.sent:])
	s.mu.sent += n
	s.mu.taken += int64(n)
	if s.mu.sent >= s.ahead() { // then it costs a byte for each that was taken, at most
		s.mu.unsent, s.mu.sent = append(s.mu.unsent[:0], s.mu.unsent[s.mu.sent:]...), 0
	}
	return n, nil
}

// awaitLines waits until there are lines, or none will come any more, and returns how many
// bytes there are.
func (s *opsStream) awaitLines() (bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ahead() == 0 && !s.mu.hasEnded {
		s.more.Wait()
	}
	return s.ahead()
}

// unsent returns how many bytes of lines there are.
func (s *opsStream) unsent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead()
}

// Close ends the body: the transport takes no more of it. What it has not taken
// goes elsewhere.
func (s *opsStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.hasEnded = true
	s.dropUnsent()
	for ref, x := range s.mu.waiting {
		if x.begin >= s.mu.taken {
			delete(s.mu.waiting, ref)
			x.end(errElsewhere)
		}
	}
	return nil
}

// shut takes no more lines. It reports whether none waits for an answer; if
// some do, the stream ends with the last.
func (s *opsStream) shut() (isIdle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.hasEnded = true
	s.more.Signal()
	return len(s.mu.waiting) == 0
}

// end tells all who wait that no answer will come, or sends them elsewhere if
// what they wrote was not carried out.
func (s *opsStream) end(isRefusal bool, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.hasEnded = true
	s.mu.alarm.stop()
	s.mu.lateness.stop()
	s.dropUnsent()
	for _, x := range s.mu.waiting {
		if isRefusal || x.begin >= s.mu.taken {
			x.end(errElsewhere)
		} else {
			x.end(cause)
		}
	}
	clear(s.mu.waiting)
}

// dropUnsent drops what the transport has not taken: those who wrote it write it
// elsewhere. The caller holds mu.
func (s *opsStream) dropUnsent() {
	s.mu.unsent, s.mu.sent, s.mu.open = nil, 0, nil
	s.more.Signal()
}

// lookAtSilence ends a stream of a node that has said nothing for too long, and
// one that nobody uses: then the node answers with its end.
func (s *opsStream) lookAtSilence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	quiet := s.client.options.SilenceMax
	switch {
	case s.mu.alarm.isEarly():
	case s.mu.hasEnded || len(s.mu.waiting) > 0:
		s.cancel(silentFor(quiet))
	default:
		s.mu.hasEnded = true
		s.more.Signal()
		s.mu.alarm.again(quiet)
	}
}
