package api

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// TestServer_OpsStream_NodeSaysNothing: a line of which it is not known what
// became of it must not pass for one that was not carried out, so the stream
// breaks off and has no last line.
func TestServer_OpsStream_NodeSaysNothing(t *testing.T) {
	n, err := node.Open(t.Context(), node.Options{DataDir: filepath.Join(t.TempDir(), "data"), Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := New(n, Options{})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	line := wire.OpsLine{Ref: 1, Batch: wire.Batch{ID: "never", Ops: wire.List[wire.Operation]{{Op: wire.OpRegister}}}}
	if _, err := compile(nil, line.Ops, "n1"); err != nil {
		t.Fatal(err)
	}
	digest, err := digestOf(line.Ops)
	if err != nil {
		t.Fatal(err)
	}
	s.answers.claim("never", digest, func(node.Outcome) {}) // by somebody who never ends it
	reader, writer := io.Pipe()
	defer writer.Close()
	r, err := http.Post(web.URL+"/v1/ops/stream", typeNDJSON, reader)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := writer.Write(append(line.Append(nil), '\n')); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(r.Body)
	if first, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(first, `{"node":"n1"`) {
		t.Fatalf("the first line is %q, %v", first, err)
	}
	for isUnderWay := false; !isUnderWay; time.Sleep(time.Millisecond) {
		s.answers.mu.Lock()
		isUnderWay = len(s.answers.mu.all["never"].told) == 2
		s.answers.mu.Unlock()
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(answers); !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 {
		t.Errorf("the stream ends with %q, %v, want it broken off", rest, err)
	}
}

// TestServer_OpsStream_BodiesAreBounded: a line that has no room beside what is
// held already is refused, and may be sent again.
func TestServer_OpsStream_BodiesAreBounded(t *testing.T) {
	n, err := node.Open(t.Context(), node.Options{DataDir: filepath.Join(t.TempDir(), "data"), Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	s := New(n, Options{BodyBytesMax: 100})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	write := func(op string) string {
		r, err := http.Post(web.URL+"/v1/ops/stream", typeNDJSON, strings.NewReader(`{"ref":1,"ops":[{"op":"`+op+`"}]}`+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if err := s.gate.admit(90); err != nil {
		t.Fatal(err)
	}
	if text := write("register"); !strings.Contains(text, `{"ref":1,"results":[],"error":"the bodies of requests under way`) || !strings.Contains(text, `"code":"unavailable"`) {
		t.Errorf("without room: %s", text)
	}
	s.gate.release(90)
	for range 20 { // in the memory of each other
		if text := write("register"); !strings.Contains(text, `"priority":1`) || s.gate.mu.bodyBytes != 0 {
			t.Errorf("with room: %s, and %d bytes are held", text, s.gate.mu.bodyBytes)
		}
		if text := write("tighten"); !strings.Contains(text, `"code":"invalid"`) || s.gate.mu.bodyBytes != 0 {
			t.Errorf("one that is wrong: %s, and %d bytes are held", text, s.gate.mu.bodyBytes)
		}
	}
}
