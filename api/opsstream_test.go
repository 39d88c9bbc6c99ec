package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// opsStream is a stream of writes as a client of another language has it.
type opsStream struct {
	t       *testing.T
	body    *io.PipeWriter
	answers *bufio.Reader
	cut     context.CancelFunc
}

// stream opens a stream and reads its first line.
func (s *served) stream(t *testing.T, header ...string) *opsStream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	reader, writer := io.Pipe()
	r := s.sendUntil(ctx, t, "POST", "/v1/ops/stream", reader, header...)
	t.Cleanup(func() { writer.Close(); r.Body.Close() })
	x := &opsStream{t: t, body: writer, answers: bufio.NewReader(r.Body), cut: cancel}
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%s %s", r.Status, r.Header.Get("Content-Type"))
	}
	if first := x.next(); first != `{"node":"n1","line_bytes_max":1048576,"lines_max":1024,"batches_max":256}` {
		t.Errorf("the first line is %s", first)
	}
	return x
}

// send writes lines.
func (x *opsStream) send(lines ...string) {
	x.t.Helper()
	if _, err := io.WriteString(x.body, strings.Join(lines, "\n")+"\n"); err != nil {
		x.t.Fatal(err)
	}
}

// next returns the next line, "" at the end.
func (x *opsStream) next() string {
	x.t.Helper()
	line, err := x.answers.ReadString('\n')
	if err != nil && err != io.EOF {
		x.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// answer returns the next answer.
func (x *opsStream) answer() wire.OpsAnswer {
	x.t.Helper()
	var a wire.OpsAnswer
	if line := x.next(); json.Unmarshal([]byte(line), &a) != nil {
		x.t.Fatalf("%q is no answer", line)
	}
	return a
}

// refused requires that the node ends the stream and says why.
func (x *opsStream) refused(code wire.Code, words string) {
	x.t.Helper()
	var e wire.Error
	if line := x.next(); json.Unmarshal([]byte(line), &e) != nil || !strings.HasPrefix(line, `{"error":`) || e.Code != code || !strings.Contains(e.Message, words) {
		x.t.Errorf("the last line is %s, want %s with %q", line, code, words)
	}
	if line := x.next(); line != "" {
		x.t.Errorf("after the last line comes %s", line)
	}
}

func registerLine(ref int, from string) string {
	return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"register","from":%q,"to":%q}]}`, ref, from, from+"~")
}

// TestServer_OpsStream_EachLineHasItsOwnAnswer: what is wrong with a line harms
// no other, and carries the code that a request would have had.
func TestServer_OpsStream_EachLineHasItsOwnAnswer(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	lines := map[int64]struct {
		text, words string
		code        wire.Code
	}{
		1:  {text: registerLine(1, "a")},
		2:  {`{"ref":2,"ops":[{"op":"decrease","from":"b","to":"c","by":1}]}`, "decrease default:[b, c) of n1", wire.CodeNotFound},
		3:  {`{"ref":3,"ops":[{"op":"register","prio":1}]}`, `"prio" is not known here`, wire.CodeInvalid},
		4:  {`{"ref":4,"ops":[]}`, "no operations", wire.CodeInvalid},
		5:  {`{"ref":5,"ops":[{"op":"register","from":"d","to":"e"},{"op":"split"}]}`, "operation 2 of 2", wire.CodeInvalid},
		6:  {`{"ref":6,"ops":[{"op":"register","from":"f","to":"g"}],"id":"` + strings.Repeat("x", 256) + `"}`, "256 bytes", wire.CodeInvalid},
		7:  {text: `{"ref":7,"ops":[{"op":"increase","from":"h","to":"i","by":3}],"id":"once"}`},
		8:  {text: `{"ref":8,"ops":[{"op":"increase","from":"h","to":"i","by":3}],"id":"once"}`},
		9:  {`{"ref":9,"ops":[{"op":"increase","from":"h","to":"i","by":4}],"id":"once"}`, "was used for other operations", wire.CodeConflict},
		10: {text: registerLine(10, "j")},
	}
	for ref := int64(1); ref <= int64(len(lines)); ref++ {
		x.send(lines[ref].text, "") // an empty line says nothing
	}
	for range len(lines) {
		a := x.answer()
		want := lines[a.Ref]
		switch err := a.Err(); {
		case want.code == "" && (err != nil || len(a.Results) != 1 || !a.Results[0].Changed || a.Token == ""):
			t.Errorf("line %d: %+v", a.Ref, a)
		case want.code != "" && (wire.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.words) || len(a.Results) != 0):
			t.Errorf("line %d: %+v, want %s with %q", a.Ref, a, want.code, want.words)
		}
		delete(lines, a.Ref)
	}
	if len(lines) != 0 {
		t.Errorf("no answer to %v", lines)
	}
	x.body.Close()
	if last := x.next(); last != "" {
		t.Errorf("after the last answer comes %s", last)
	}
	claims, err := s.Claims(t.Context(), client.Query{Keyspace: "default"})
	if err != nil || fmt.Sprint(len(claims.Claims)) != "3" || claims.Claims[1].Priority != 3 {
		t.Errorf("claims are %+v, %v", claims.Claims, err)
	}
	if _, text := s.ask(t, "GET", "/metrics", ""); !strings.Contains(text, `ssnode_http_stream_lines_total{code="ok"} 4`) || !strings.Contains(text, `ssnode_http_stream_lines_total{code="invalid"} 4`) {
		t.Error("the metrics do not tell of the lines")
	}
}

// TestServer_OpsStream_LastLineNeedsNoEnd: what was sent whole is carried out.
func TestServer_OpsStream_LastLineNeedsNoEnd(t *testing.T) {
	s := serve(t, api.Options{})
	status, text := s.ask(t, "POST", "/v1/ops/stream", `{"ops":[{"op":"register"}]}`)
	if lines := strings.Split(text, "\n"); status != 200 || len(lines) != 2 || !strings.HasPrefix(lines[1], `{"ref":0,"results":[{"op":"register"`) {
		t.Errorf("%d %s", status, text)
	}
}

// TestServer_OpsStream_ExpectsToGoOn: a client that waits for 100 Continue, as
// curl does, gets it.
func TestServer_OpsStream_ExpectsToGoOn(t *testing.T) {
	s := serve(t, api.Options{})
	s.raw.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	reader, writer := io.Pipe()
	go func() { _, _ = io.WriteString(writer, registerLine(1, "a")+"\n"); writer.Close() }()
	r := s.send(t, "POST", "/v1/ops/stream", reader, "Expect", "100-continue")
	defer r.Body.Close()
	if text, err := io.ReadAll(r.Body); err != nil || strings.Count(string(text), "\n") != 2 {
		t.Errorf("%s %v", text, err)
	}
}

// TestServer_OpsStream_LineThatCannotBeAnswered ends the stream: what came
// before is carried out and answered, what comes after is neither.
func TestServer_OpsStream_LineThatCannotBeAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		line, words string
		code        wire.Code
	}{
		"too long":        {`{"ref":2,"id":"` + strings.Repeat("x", wire.OpsLineBytesMax) + `"}`, "more than 1048576 bytes", wire.CodeTooLarge},
		"a byte too long": {strings.Repeat(" ", wire.OpsLineBytesMax-len(registerLine(2, "b"))) + registerLine(2, "b"), "more than 1048576 bytes", wire.CodeTooLarge},
		"no JSON":         {`{"ref":2,`, "not JSON", wire.CodeInvalid},
		"without number":  {`{"opps":[]}`, `"opps" is not known here`, wire.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, api.Options{})
			x := s.stream(t)
			x.send(registerLine(1, "a"))
			go func() { _, _ = io.WriteString(x.body, test.line+"\n"+registerLine(3, "c")+"\n") }()
			if a := x.answer(); a.Ref != 1 || a.Err() != nil {
				t.Errorf("the first line: %+v", a)
			}
			x.refused(test.code, test.words)
			if claims, err := s.Claims(t.Context(), client.Query{Keyspace: "default"}); err != nil || len(claims.Claims) != 1 {
				t.Errorf("claims are %+v, %v", claims.Claims, err)
			}
		})
	}
}

// TestServer_OpsStream_LongestLine fits.
func TestServer_OpsStream_LongestLine(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	line := registerLine(1, "a")
	go func() {
		_, _ = io.WriteString(x.body, strings.Repeat(" ", wire.OpsLineBytesMax-len(line)-1)+line+"\n")
	}()
	if a := x.answer(); a.Ref != 1 || a.Err() != nil {
		t.Errorf("%+v", a)
	}
}

// TestServer_OpsStream_ConnectionIsCut: lines that were there are carried out,
// half a line is not, and nothing is left behind.
func TestServer_OpsStream_ConnectionIsCut(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	x.send(registerLine(1, "a"))
	x.answer()
	x.send(registerLine(2, "b"))
	_, _ = io.WriteString(x.body, strings.TrimSuffix(registerLine(3, "c"), "}"))
	x.cut()
	s.awaitIdle(t)
	claims, err := s.Claims(t.Context(), client.Query{Keyspace: "default"})
	if err != nil || len(claims.Claims) > 2 || len(claims.Claims) < 1 {
		t.Errorf("claims are %+v, %v", claims.Claims, err)
	}
}

// awaitIdle waits until no request but its own is under way, nor its body held.
func (s *served) awaitIdle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		_, text := s.ask(t, "GET", "/metrics", "")
		if strings.Contains(text, `ssnode_queue_length{queue="http_requests"} 0`) && strings.Contains(text, `ssnode_queue_length{queue="http_bodies"} 0`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a request is still under way")
		}
	}
}

// TestServer_OpsStream_Shutdown: what was read is answered, then the client is
// told, and the shutdown waits for no more.
func TestServer_OpsStream_Shutdown(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	const lines = 500
	for i := range lines {
		x.send(registerLine(i, fmt.Sprintf("%04d", i)))
	}
	x.answer() // of one the others of which are on their way
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(ctx) }()
	answered := 1
	for {
		line := x.next()
		if strings.HasPrefix(line, `{"error":`) {
			if !strings.Contains(line, `"this node stops`) || !strings.Contains(line, `"code":"unavailable"`) {
				t.Errorf("the last line is %s", line)
			}
			break
		}
		var a wire.OpsAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q instead of a last line", line)
		}
		if a.Err() == nil {
			answered++
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if status, err := s.node.Status(); err != nil || status.Claims != answered {
		t.Errorf("%d lines were answered, %d carried out, %v", answered, status.Claims, err)
	}
}

// TestServer_OpsStream_NodeCloses: the client is told as well.
func TestServer_OpsStream_NodeCloses(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	x.send(registerLine(1, "a"))
	x.answer()
	if err := s.node.Close(); err != nil {
		t.Fatal(err)
	}
	x.refused(wire.CodeUnavailable, "this node stops")
}

// TestServer_OpsStream_Idle: a stream that nobody uses ends, and so does one
// whose line does not come to its end.
func TestServer_OpsStream_Idle(t *testing.T) {
	// So long a busy machine may take to send a request, and four times that to begin
	// a line.
	s := serve(t, api.Options{ReadTimeout: time.Second})
	x := s.stream(t)
	_, _ = io.WriteString(x.body, `{"ref":1,`)
	x.refused(wire.CodeInvalid, "has not arrived whole within 1s")
	x = s.stream(t)
	x.refused(wire.CodeUnavailable, "nothing was written for 4s")
}

// longRefusal is a line that is refused with as long a text.
func longRefusal(ref int64) string {
	return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"%s"}]}`, ref, strings.Repeat("x", 16<<10)) + "\n"
}

// TestServer_OpsStream_ReadsNoMoreThanItAnswers: when nobody reads the answers
// no more lines are read, and it goes on when somebody does.
func TestServer_OpsStream_ReadsNoMoreThanItAnswers(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	const lines = 1536 // 24 MiB, more than sockets take
	var sent atomic.Int64
	go func() {
		for ref := range int64(lines) {
			if _, err := io.WriteString(x.body, longRefusal(ref)); err != nil {
				return
			}
			sent.Add(1)
		}
	}()
	for last := int64(-1); last != sent.Load() || last == 0; time.Sleep(200 * time.Millisecond) {
		last = sent.Load()
	}
	if n := sent.Load(); n == lines {
		t.Errorf("all %d lines were read, and no answer", n)
	}
	for range lines {
		if line := x.next(); !strings.HasSuffix(line, `"code":"invalid"}`) {
			t.Fatalf("the answer is %s", line)
		}
	}
}

// TestServer_OpsStream_SlowReader: who does not read for too long is cut off.
func TestServer_OpsStream_SlowReader(t *testing.T) {
	s := serve(t, api.Options{WriteTimeout: time.Second})
	x := s.stream(t)
	for ref := int64(0); ; ref++ {
		if _, err := io.WriteString(x.body, longRefusal(ref)); err != nil {
			break
		}
		if ref > 1<<16 {
			t.Fatal("it reads on and on")
		}
	}
	s.awaitIdle(t)
	rest, err := io.ReadAll(x.answers)
	if at := strings.LastIndexByte(string(rest), '\n'); err == nil || strings.Contains(string(rest[at+1:]), `{"error":`) {
		t.Errorf("it ends with …%.80s and %v, want it broken off", rest[at+1:], err)
	}
}

// TestServer_OpsStream_ManyWriteAtOnce has more lines under way than may be.
func TestServer_OpsStream_ManyWriteAtOnce(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	const lines = 3000
	var all strings.Builder
	for i := range lines {
		all.WriteString(registerLine(i, fmt.Sprintf("%05d", i)) + "\n")
	}
	go func() {
		_, _ = io.WriteString(x.body, all.String())
		x.body.Close()
	}()
	seen := map[int64]bool{}
	for range lines {
		a := x.answer()
		if a.Err() != nil || seen[a.Ref] || a.Results[0].From != fmt.Sprintf("%05d", a.Ref) {
			t.Fatalf("%+v, seen before: %v", a, seen[a.Ref])
		}
		seen[a.Ref] = true
	}
	if last := x.next(); last != "" {
		t.Errorf("after all answers comes %s", last)
	}
}

// TestServer_OpsStream_SameConnectionAfterwards: a stream that its client ends
// leaves a connection that can be used.
func TestServer_OpsStream_SameConnectionAfterwards(t *testing.T) {
	s := serve(t, api.Options{})
	dials := 0
	s.raw.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for range 3 {
		x := s.stream(t)
		x.send(registerLine(1, "a"))
		x.answer()
		x.body.Close()
		if last := x.next(); last != "" {
			t.Fatalf("the last line is %s", last)
		}
	}
	if dials > 1 {
		t.Errorf("%d connections for three streams, one after the other", dials)
	}
}

// TestServer_OpsStream_ShutdownUnderTheClient: while the Go client writes from
// many goroutines the server goes. What it acknowledged is there, and nothing
// is there twice.
func TestServer_OpsStream_ShutdownUnderTheClient(t *testing.T) {
	s := serve(t, api.Options{})
	by := int64(1)
	op := wire.Operation{Op: wire.OpIncrease, Bounds: bounds("a", "m"), By: &by}
	const writers = 20
	var acknowledged, unknown atomic.Int64
	ended := make(chan error, writers)
	for range writers {
		go func() {
			for {
				_, err := s.Write(t.Context(), []wire.Operation{op}, client.WriteOptions{})
				var dial *net.OpError
				switch {
				case err == nil:
					acknowledged.Add(1)
					continue
				case errors.As(err, &dial) && dial.Op == "dial" || wire.CodeOf(err) == wire.CodeUnavailable:
				case errors.Is(err, client.ErrUnreachable):
					unknown.Add(1)
				}
				ended <- err
				return
			}
		}()
	}
	for acknowledged.Load() < 500 {
		time.Sleep(time.Millisecond)
	}
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range writers {
		if err := <-ended; !errors.Is(err, client.ErrUnreachable) && wire.CodeOf(err) != wire.CodeUnavailable {
			t.Errorf("a writer ends with %v", err)
		}
	}
	claims, _, err := s.node.Claims(node.Filter{Keyspace: "default"})
	if err != nil || len(claims) != 1 {
		t.Fatalf("%v, %v", claims, err)
	}
	if got, least := claims[0].Priority, acknowledged.Load(); got < least || got > least+unknown.Load() {
		t.Errorf("%d were acknowledged, of %d it is not known; the claim shows %d", least, unknown.Load(), got)
	}
}
