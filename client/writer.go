package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// Defaults and bounds of a Writer.
const (
	writerRequests = 2
	writerWaiting  = 16_384
	writerTimeout  = 30 * time.Second
	// writerBodyBytes is how much of what waits goes into one request, and
	// writerBatches how many batches do. One that is larger goes alone.
	writerBodyBytes = 1 << 20
	writerBatches   = 2_000
)

// Errors of a Writer.
var (
	// ErrOutcome is wrapped when a write was sent and no answer came, or none
	// that says what became of it: it may have been carried out, now or later.
	// A batch with an ID may be written again, by the same node without harm;
	// any other had better be looked for first.
	ErrOutcome = errors.New("whether the write was carried out is not known")
	// ErrWriterFull is returned when as many writes wait as may.
	ErrWriterFull = errors.New("too many writes wait; try again later")
	// ErrWriterClosed is returned by a Writer that was closed. Nothing was
	// sent.
	ErrWriterClosed = errors.New("the writer is closed")
)

// WriterOptions configure a Writer. The zero value works.
type WriterOptions struct {
	// Requests is how many requests may be under way at the same time.
	// Default 2: while one waits for the disk the next is on its way. What is
	// written meanwhile waits, and goes together.
	Requests int
	// Waiting bounds the writes that wait to be sent; one past it gets
	// ErrWriterFull. Default 16,384.
	Waiting int
	// Timeout bounds one request, beyond Write.Timeout, or a batch on the stream,
	// whatever becomes of others of its line. Past it the outcome of its writes is not
	// known. Default 30s.
	Timeout time.Duration
	// Write is as in Client.Write, the same for all.
	Write WriteOptions
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.Requests == 0 {
		o.Requests = writerRequests
	}
	if o.Waiting == 0 {
		o.Waiting = writerWaiting
	}
	if o.Timeout == 0 {
		o.Timeout = writerTimeout
	}
	return o
}

// Writer writes for many goroutines at a time. What they write goes over the stream
// of the client, as in Client.Write, but shares lines of it: what waits when the
// transport takes the next goes as one, if the node takes such lines. Where there is
// no stream, or they wait for other members, what they write while requests are
// under way goes to the node together in the next one. Either way what comes
// together becomes durable in one transaction. It adds no delay: who writes alone is
// sent at once. Each batch stays all or none by itself and has its own result or
// error, and whoever gives up waiting leaves the others as they are.
//
// Batches of different calls are carried out in no particular order. A Writer
// is safe for concurrent use.
type Writer struct {
	client  *Client
	options WriterOptions

	mu struct {
		sync.Mutex
		waiting []*write
		senders int
		closed  bool
	}
	sending sync.WaitGroup
}

// NewWriter returns a writer that sends through c.
func (c *Client) NewWriter(o WriterOptions) *Writer {
	return &Writer{client: c, options: o.withDefaults()}
}

// Write carries out a batch, all or none, and returns when it is durable, as
// Client.Write does; OnDisk and Missing are about everything that was sent
// together, and Token may name the events of all that shared a line.
//
// An error that the node answered for this batch is a *wire.Error: then nothing
// of it was applied. One that wraps ErrOutcome says that this is not known; if
// ctx ends before the batch is in a request, or a line, it does not, and the batch
// is not sent.
func (w *Writer) Write(ctx context.Context, batch wire.Batch) (wire.Results, error) {
	if err := w.begin(); err != nil {
		return wire.Results{}, err
	}
	defer w.sending.Done()
	results, err := w.overStream(ctx, batch)
	if errors.Is(err, errElsewhere) {
		return w.inGroup(ctx, batch)
	}
	return results, err
}

// overStream carries out a batch over the stream of the client, or returns
// errElsewhere. There it goes with what others write as well.
func (w *Writer) overStream(ctx context.Context, batch wire.Batch) (wire.Results, error) {
	if ctx.Err() != nil {
		return wire.Results{}, fmt.Errorf("write: %w", context.Cause(ctx))
	}
	results, err := w.client.streams.write(ctx, batch, w.options.Write, w.options.Timeout)
	if err == nil || errors.Is(err, errElsewhere) {
		return results, err
	}
	return results, explain(err)
}

// begin notes a write that is under way, which Close awaits.
func (w *Writer) begin() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.closed {
		return ErrWriterClosed
	}
	w.sending.Add(1)
	return nil
}

// inGroup carries out a batch in a request with what others write.
func (w *Writer) inGroup(ctx context.Context, batch wire.Batch) (wire.Results, error) {
	text, err := wire.MarshalRequest(batch)
	if err != nil {
		return wire.Results{}, fmt.Errorf("encode batch: %w", err)
	}
	x := &write{id: batch.ID, text: text, answered: make(chan struct{})}
	if err := w.enqueue(x); err != nil {
		return wire.Results{}, err
	}
	select {
	case <-x.answered:
		return x.results, x.err
	case <-ctx.Done():
		return wire.Results{}, w.abandon(ctx, x)
	}
}

// Close refuses further writes and returns when those that wait or are under
// way have their answers.
func (w *Writer) Close() {
	w.mu.Lock()
	w.mu.closed = true
	w.mu.Unlock()
	w.sending.Wait()
}

// Waiting returns how many writes wait to be sent, those included whose callers
// have given up meanwhile.
func (w *Writer) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.mu.waiting)
}

// enqueue has a write wait to be sent, and sees that somebody sends it.
func (w *Writer) enqueue(x *write) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.mu.waiting) >= w.options.Waiting {
		return ErrWriterFull
	}
	w.mu.waiting = append(w.mu.waiting, x)
	if w.mu.senders < w.options.Requests {
		w.mu.senders++
		w.sending.Go(w.send)
	}
	return nil
}

// abandon takes a write back if it was not sent, and says how it stands.
func (w *Writer) abandon(ctx context.Context, x *write) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x.sent {
		return fmt.Errorf("%w: %w", ErrOutcome, context.Cause(ctx))
	}
	x.abandoned = true
	return fmt.Errorf("write: %w", context.Cause(ctx))
}

// send sends what waits until nothing does.
func (w *Writer) send() {
	for group := w.take(); len(group) > 0; group = w.take() {
		w.post(group)
	}
}

// take returns what goes into the next request, oldest first; with nothing to
// take the sender is gone.
func (w *Writer) take() []*write {
	w.mu.Lock()
	defer w.mu.Unlock()
	group, rest := split(w.mu.waiting)
	w.mu.waiting = rest
	for _, x := range group {
		x.sent = true
	}
	if len(group) == 0 {
		w.mu.senders--
	}
	return group
}

// post sends a group and hands everybody an answer. A request that the node
// refuses for what is in it has changed nothing: then its halves go each alone,
// so that nobody suffers for what another wrote.
func (w *Writer) post(group []*write) {
	answer, err := w.request(group)
	switch {
	case err == nil:
		for i, x := range group {
			x.answer(answer, answer.Batches[i])
		}
	case len(group) > 1 && isContentRefused(err):
		w.post(group[:len(group)/2])
		w.post(group[len(group)/2:])
	default:
		for _, x := range group {
			x.end(wire.Results{}, explain(err))
		}
	}
}

func (w *Writer) request(group []*write) (*wire.BatchResults, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timeout+w.options.Write.Timeout)
	defer cancel()
	body, err := encodeGroup(group, w.options.Write)
	if err != nil {
		return nil, err
	}
	answer := &wire.BatchResults{}
	if err := w.client.postPatiently(ctx, pathOps, body, w.options.Write.Timeout, answer); err != nil {
		return nil, err
	}
	if len(answer.Batches) != len(group) {
		return nil, wrongCount(len(answer.Batches), len(group))
	}
	return answer, nil
}

// wrongCount says that an answer is not about what was sent.
func wrongCount(answered, sent int) error {
	return fmt.Errorf("the answer has %d batches, sent were %d; check the address", answered, sent)
}

// isRefused reports whether a node has refused a request before it did
// anything.
func isRefused(err error) bool {
	var answer *wire.Error
	return errors.As(err, &answer) && answer.Code.HTTPStatus() < http.StatusInternalServerError
}

// isContentRefused reports whether it was refused for what is in it.
func isContentRefused(err error) bool {
	code := wire.CodeOf(err)
	return isRefused(err) && (code == wire.CodeInvalid || code == wire.CodeTooLarge)
}

// explain adds that the outcome is not known, where it is not.
func explain(err error) error {
	var dial *net.OpError
	if isRefused(err) || errors.As(err, &dial) && dial.Op == "dial" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOutcome, err)
}
