package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
)

// exchange is one request and its answer. It is used by one goroutine.
type exchange struct {
	server  *Server
	route   string
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	began   time.Time
	// status is that of the answer, 0 while there is none.
	status int
	failed error
	// held is how much room its body takes; read says that it was read to its
	// end.
	held int
	read bool
}

func (s *Server) newExchange(route string, w http.ResponseWriter, r *http.Request) *exchange {
	return &exchange{server: s, route: route, w: w, r: r, control: http.NewResponseController(w), began: time.Now()}
}

// end counts and logs the exchange.
func (e *exchange) end() {
	e.server.gate.release(e.held)
	took := time.Since(e.began)
	e.server.metrics.observe(e, took)
	log, level := e.server.options.Logger, slog.LevelDebug
	if e.status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !log.Enabled(e.r.Context(), level) {
		return
	}
	attrs := []any{"method", e.r.Method, "path", e.r.URL.Path, "status", e.status, "took", took, "peer", e.r.RemoteAddr}
	if e.failed != nil {
		attrs = append(attrs, "error", e.failed)
	}
	log.Log(e.r.Context(), level, "request", attrs...)
}

// wantsStream reports whether the client asked for one line per row.
func (e *exchange) wantsStream() bool {
	return strings.Contains(e.r.Header.Get("Accept"), typeNDJSON)
}

// body reads the request's body into v. An empty body is an empty object.
func (e *exchange) body(v any) error {
	_ = e.control.SetReadDeadline(time.Now().Add(e.server.options.ReadTimeout))
	defer func() { _ = e.control.SetReadDeadline(time.Time{}) }()
	if e.r.ContentLength == 0 {
		return nil
	}
	if e.r.ContentLength > wire.BodyBytesMax {
		return wire.Errorf(wire.CodeTooLarge, "the body has %d bytes, at most %d are allowed: send it in smaller parts", e.r.ContentLength, wire.BodyBytesMax)
	}
	size := int(e.r.ContentLength)
	if size < 0 {
		size = wire.BodyBytesMax // it does not say
	}
	if err := e.server.gate.admit(size); err != nil {
		return err
	}
	e.held = size
	return wire.Decode(untilEnd{e}, wire.BodyBytesMax, v)
}

// untilEnd reads the body, and notes its end.
type untilEnd struct{ *exchange }

func (u untilEnd) Read(p []byte) (int, error) {
	n, err := u.r.Body.Read(p)
	u.read = u.read || err == io.EOF
	return n, err
}

// answer sends v as the whole answer.
func (e *exchange) answer(v any) error { return e.answerStatus(http.StatusOK, v) }

func (e *exchange) answerStatus(status int, v any) error {
	text, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	e.begin(status, typeJSON)
	if _, err := e.w.Write(append(text, '\n')); err != nil {
		e.failed = err // the client went away: there is nobody to tell
	}
	return nil
}

// begin sends the head of the answer and starts its deadline.
func (e *exchange) begin(status int, contentType string) {
	e.extend()
	h := e.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	e.status = status
	e.w.WriteHeader(status)
}

// extend gives the reader of the answer another timeout.
func (e *exchange) extend() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.server.options.WriteTimeout))
}

// fail answers with an error, or ends a stream with one.
func (e *exchange) fail(err error) {
	e.failed = err
	if e.status != 0 {
		e.failStream(err)
		return
	}
	answer := errorOf(err)
	status := answer.Code.HTTPStatus()
	var m *methodError
	if errors.As(err, &m) {
		status = http.StatusMethodNotAllowed
		e.w.Header().Set("Allow", strings.Join(m.allowed, ", "))
	}
	e.leaveUnread()
	_ = e.answerStatus(status, answer)
}

// leaveUnread has the connection closed after the answer if the body was not
// read to its end. Else net/http would read the rest first, up to 256 KiB, and
// whoever sends slowly, or waits for the answer, would not hear of it until
// then. Where a connection has many requests it does not, and what was said here
// would end all of them.
func (e *exchange) leaveUnread() {
	if e.r.ProtoMajor < 2 && e.r.ContentLength != 0 && !e.read {
		e.w.Header().Set("Connection", "close")
	}
}

func (e *exchange) failStream(err error) {
	text, failure := wire.Marshal(errorOf(err))
	if failure != nil {
		return
	}
	e.extend()
	_, _ = e.w.Write(append(text, '\n'))
}
