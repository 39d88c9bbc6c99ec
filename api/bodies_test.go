package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/wire"
)

// TestServer_Gate_BodiesAreBoundedTogether: one body is let in whatever its
// size, another beside it is not.
func TestServer_Gate_BodiesAreBoundedTogether(t *testing.T) {
	s := serve(t, api.Options{BodyBytesMax: 1})
	first, release := s.fillBodies(t)
	deadline := time.Now().Add(10 * time.Second)
	ask := func() (int, string) { return s.ask(t, "POST", "/v1/ops", `{"ops":[{"op":"release"}]}`) }
	if status, text := ask(); status != 503 {
		t.Errorf("a body beside one that fills all room: %d %s", status, text)
	}
	release()
	if status := <-first; status != 200 {
		t.Errorf("the first body: %d", status)
	}
	for status, text := ask(); status != 200; status, text = ask() { // its handler ends after its answer
		if time.Now().After(deadline) {
			t.Fatalf("a body after it: %d %s", status, text)
		}
	}
}

// fillBodies has a body take all room until release; then its status comes.
func (s *served) fillBodies(t *testing.T) (first chan int, release func()) {
	t.Helper()
	hold, release := newSlowBody(`{"ops":[{"op":"register"}]}`)
	first = make(chan int, 1)
	go func() {
		r := s.send(t, "POST", "/v1/ops", hold)
		r.Body.Close()
		first <- r.StatusCode
	}()
	<-hold.begun
	deadline := time.Now().Add(10 * time.Second)
	// Another body sent before it has arrived might be let in before it.
	for isEmpty := true; isEmpty; time.Sleep(time.Millisecond) {
		_, text := s.ask(t, "GET", "/metrics", "")
		isEmpty = strings.Contains(text, "\nssnode_queue_length{queue=\"http_bodies\"} 0\n")
		if time.Now().After(deadline) {
			t.Fatal("it does not arrive")
		}
	}
	return first, release
}

// slowBody is a body that arrives when it is told to.
type slowBody struct {
	text        string
	begun, goOn chan struct{}
	sent        bool
}

func newSlowBody(text string) (*slowBody, func()) {
	b := &slowBody{text: text, begun: make(chan struct{}), goOn: make(chan struct{})}
	return b, func() { close(b.goOn) }
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.sent {
		return 0, io.EOF
	}
	b.sent = true
	close(b.begun)
	<-b.goOn
	return copy(p, b.text), io.EOF
}

// TestServer_Refused_IsToldAtOnce: who is refused hears of it though his body has
// not ended, and may never. The connection is of no use after that, and is closed.
func TestServer_Refused_IsToldAtOnce(t *testing.T) {
	s := serve(t, api.Options{BodyBytesMax: 1})
	first, release := s.fillBodies(t)
	for name, c := range map[string]struct {
		head   string // of the request, but for its host
		body   string // what of the body is sent
		status int
	}{
		"no room for the body":   {"POST /v1/ops HTTP/1.1\r\nContent-Length: 1000\r\n", "{", 503},
		"the same, of any size":  {"POST /v1/ops HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "1\r\n{\r\n", 503},
		"declared too large":     {fmt.Sprintf("POST /v1/ops HTTP/1.1\r\nContent-Length: %d\r\n", wire.BodyBytesMax+1), "{", 413},
		"a method that is not":   {"DELETE /v1/ops HTTP/1.1\r\nContent-Length: 1000\r\n", "{", 405},
		"a path that is not":     {"POST /v1/nothing HTTP/1.1\r\nContent-Length: 1000\r\n", "{", 404},
		"a page of another site": {"POST /v1/ops HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 1000\r\n", "{", 403},
	} {
		t.Run(name, func(t *testing.T) { s.hearsWhileSending(t, c.head, c.body, c.status) })
	}
	release()
	if status := <-first; status != 200 {
		t.Errorf("the body that took all room: %d", status)
	}
	s.hearsWhileSending(t, "POST /v1/ops HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s", wire.BodyBytesMax+2, strings.Repeat(" ", wire.BodyBytesMax+1)), 413)
}

// hearsWhileSending sends the beginning of a request over a connection of its
// own, and wants an answer before the end of it, which closes the connection.
func (s *served) hearsWhileSending(t *testing.T, head, body string, status int) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // it waits for ever otherwise
	if _, err := fmt.Fprintf(c, "%sHost: %s\r\n\r\n%s", head, c.RemoteAddr(), body); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer while the body is being sent: %v", err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status || !r.Close {
		t.Errorf("%d %s, %v; closed: %t; want %d, and an end", r.StatusCode, text, err, r.Close, status)
	}
}

// TestServer_Refused_KeepsConnections whose requests were read to their end: a
// mistake in a body costs no connection.
func TestServer_Refused_KeepsConnections(t *testing.T) {
	s := serve(t, api.Options{})
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/v1/ops", "{"}, {"POST", "/v1/ops", `{"ops":[{"op":"what"}]}`}, {"GET", "/v1/nothing", ""}, {"POST", "/v1/claims", ""},
	} {
		r := s.send(t, c.method, c.path, strings.NewReader(c.body))
		r.Body.Close()
		if r.StatusCode < 400 || r.Close {
			t.Errorf("%s %s %s: %d, closed: %t", c.method, c.path, c.body, r.StatusCode, r.Close)
		}
	}
}

// TestServer_Refused_HTTP2: there a request that is refused ends alone, and its
// connection goes on.
func TestServer_Refused_HTTP2(t *testing.T) {
	s := serve(t, api.Options{BodyBytesMax: 1})
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, ended := &http.Server{Handler: s.server.Handler(), Protocols: &only}, make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	dialled := 0
	transport := &http.Transport{Protocols: &only, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-ended
	}()
	first, release := s.fillBodies(t)
	for range 3 {
		body, write := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/v1/ops", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 1000
		answer, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.ProtoMajor != 2 || answer.StatusCode != 503 {
			t.Errorf("%s %d", answer.Proto, answer.StatusCode)
		}
		write.Close()
	}
	if dialled != 1 {
		t.Errorf("%d connections for three requests, want 1", dialled)
	}
	release()
	<-first
}
