package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/scalesmall/ssnode/wire"
)

// headerToken carries the token of a streamed listing.
const headerToken = "Ssnode-Token"

// errorLine is how the line begins that says what went wrong after a stream
// had begun. No row begins like that.
var errorLine = []byte(`{"error":`)

// each streams the rows of a listing. A stream that the node could not finish
// ends in an error, never in what looks like all.
func each[Row any](ctx context.Context, c *Client, path string, q Query, visit func(Row) error) (wire.Token, error) {
	r, err := c.open(ctx, request{method: http.MethodGet, path: path, query: q.values(), accept: typeNDJSON})
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	err = c.eachLine(ctx, r, func(line []byte) error {
		var row Row
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("the answer to %s has a line that is not what a node says: %w", path, err)
		}
		return visit(row)
	})
	return wire.Token(r.Header.Get(headerToken)), err
}

// stopped marks an error of visit, which is not one of the transport.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// eachLine calls visit for every line of a stream until it ends. The slice is
// visit's only until it returns.
func (c *Client) eachLine(ctx context.Context, r *http.Response, visit func([]byte) error) error {
	lines := newLines(r.Body)
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrTooLong):
			return err
		case err != nil:
			return c.unreachable(ctx, fmt.Errorf("its answer was cut off: %w", err))
		}
		if isErrorLine(line) {
			return decodeError(line)
		}
		if err := visit(line); err != nil {
			return err
		}
	}
}

func isErrorLine(line []byte) bool { return bytes.HasPrefix(line, errorLine) }

func decodeError(line []byte) error {
	var e wire.Error
	if err := json.Unmarshal(line, &e); err != nil {
		return wire.Errorf(wire.CodeInternal, "the answer is incomplete: %s", line)
	}
	return &e
}

// lines reads lines of bounded length.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, 64<<10)} }

// isReady reports whether a whole line is there: to read it leaves those read
// before as they are.
func (l *lines) isReady() bool {
	there, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(there, '\n') >= 0
}

// next returns the next line without its end, and io.EOF after the last. A
// last line that has no end was cut off: io.ErrUnexpectedEOF.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == nil {
		return line[: len(line)-1 : len(line)-1], nil
	}
	long := append([]byte(nil), line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(long) > lineBytesMax {
			return nil, fmt.Errorf("%w: a line has more than %d bytes", ErrTooLong, lineBytesMax)
		}
		line, err = l.r.ReadSlice('\n')
		long = append(long, line...)
	}
	switch {
	case err == nil:
		return long[:len(long)-1], nil
	case errors.Is(err, io.EOF) && len(long) > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}
