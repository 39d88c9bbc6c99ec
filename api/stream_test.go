package api_test

import (
	"bufio"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
)

// overHTTP2 returns the same interface behind a server that speaks HTTP/2.
func (s *served) overHTTP2(t *testing.T) *served {
	web := httptest.NewUnstartedServer(s.server.Handler())
	web.EnableHTTP2 = true
	web.StartTLS()
	t.Cleanup(web.Close)
	other := *s
	other.url, other.raw = web.URL, web.Client()
	return &other
}

// watched begins to watch, and returns the lines that come.
func (s *served) watched(t *testing.T) *bufio.Reader {
	r := s.send(t, "GET", "/v1/watch", nil)
	t.Cleanup(func() { r.Body.Close() })
	return bufio.NewReader(r.Body)
}

// until reads lines up to one with some words, "" for the end.
func until(t *testing.T, lines *bufio.Reader, words string) {
	t.Helper()
	for {
		switch line, err := lines.ReadString('\n'); {
		case err != nil && (words != "" || err != io.EOF):
			t.Fatalf("before %q comes %q, %v", words, line, err)
		case err != nil, words != "" && strings.Contains(line, words):
			return
		}
	}
}

// TestServer_Stream_QuietForLong: a stream that has had nothing to send for longer than
// a reader has for a line goes on, and ends in order, over HTTP/2 as well, where a
// deadline is a timer.
func TestServer_Stream_QuietForLong(t *testing.T) {
	const readers, quiet = time.Second, 2250 * time.Millisecond // a change has a bookmark within a second
	s := serve(t, api.Options{WriteTimeout: readers})
	var writes []*opsStream
	var watches []*bufio.Reader
	for _, over := range []*served{s, s.overHTTP2(t)} {
		writes, watches = append(writes, over.stream(t)), append(watches, over.watched(t))
		until(t, watches[len(watches)-1], "snapshot_end")
	}
	time.Sleep(quiet)
	for i, x := range writes {
		x.send(registerLine(i, "a"))
		if a := x.answer(); a.Err() != nil {
			t.Errorf("%+v", a)
		}
	}
	for _, lines := range watches {
		until(t, lines, `"from":"a"`)
	}
	time.Sleep(quiet)
	for _, x := range writes {
		x.body.Close()
		until(t, x.answers, "")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(t.Context()) }()
	for _, lines := range watches {
		until(t, lines, "")
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
