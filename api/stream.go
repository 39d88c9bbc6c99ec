package api

import (
	"bufio"
	"net/http"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// headerToken carries the token of a streamed listing.
const headerToken = "Ssnode-Token"

// lineWriter writes an NDJSON answer: lines are collected, and sent when there
// are enough or when somebody flushes. Every sending has its own deadline, so
// that a client that stops reading ends the stream and nothing else.
type lineWriter struct {
	exchange *exchange
	// conn is the connection that it goes by, nil if that is not known.
	conn   *conn
	buffer *bufio.Writer
}

// lines begins an NDJSON answer.
func (e *exchange) lines() *lineWriter {
	e.begin(http.StatusOK, typeNDJSON)
	l := &lineWriter{exchange: e, conn: connOf(e.r)}
	l.buffer = bufio.NewWriterSize(joined{l}, 32<<10)
	return l
}

// joined has each write go out in one piece.
type joined struct{ lines *lineWriter }

func (j joined) Write(p []byte) (n int, err error) {
	err = j.lines.conn.together(func() (err error) {
		n, err = deadlined{j.lines.exchange}.Write(p)
		return err
	})
	return n, err
}

// deadlined gives every write another timeout.
type deadlined struct{ exchange *exchange }

func (d deadlined) Write(p []byte) (int, error) {
	d.exchange.extend()
	return d.exchange.w.Write(p)
}

// write adds a line.
func (l *lineWriter) write(v any) error {
	text, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	return l.writeText(text)
}

func (l *lineWriter) writeText(text []byte) error {
	if _, err := l.buffer.Write(text); err != nil {
		return gone{err}
	}
	if err := l.buffer.WriteByte('\n'); err != nil {
		return gone{err}
	}
	return nil
}

// flush sends what was written.
func (l *lineWriter) flush() error {
	err := l.conn.together(func() error {
		if err := l.buffer.Flush(); err != nil {
			return err
		}
		return l.exchange.control.Flush()
	})
	if err != nil {
		return gone{err}
	}
	l.rest()
	return nil
}

// rest takes the deadline back when all was sent: over HTTP/2 it is a timer, which would
// end a stream that has nothing to send.
func (l *lineWriter) rest() {
	if l.exchange.r.ProtoMajor > 1 {
		_ = l.exchange.control.SetWriteDeadline(time.Time{})
	}
}

// gone says that the client no longer reads. There is nobody to tell.
type gone struct{ error }

func (g gone) Unwrap() error { return g.error }

// stream answers with one line per row that rows hands out.
func stream[Row any](e *exchange, reflected wire.Token, rows func(func(Row) error) error) error {
	e.w.Header().Set(headerToken, string(reflected))
	l := e.lines()
	if err := rows(func(row Row) error { return l.write(row) }); err != nil {
		_ = l.buffer.Flush() // what went before belongs before the error
		return err
	}
	return l.flush()
}

func eachOf[Row any](rows []Row, visit func(Row) error) error {
	for _, row := range rows {
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}
