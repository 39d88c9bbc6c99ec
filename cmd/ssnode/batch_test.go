package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/client"
)

// lossy passes requests on to a node, and loses the answer to one write: the
// node has carried it out, and the connection ends.
type lossy struct {
	to     *httputil.ReverseProxy
	writes atomic.Int64
	lost   int64
}

func (l *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/ops" || l.writes.Add(1) != l.lost {
		l.to.ServeHTTP(w, r)
		return
	}
	l.to.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func startLossy(t *testing.T, to string, lost int64) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(&lossy{to: httputil.NewSingleHostReverseProxy(u), lost: lost})
	t.Cleanup(s.Close)
	return s.URL
}

// TestBatch_LostAnswer_AskedAgain: a batch whose answer was lost says so, and
// the command line that it gives carries out nothing twice.
func TestBatch_LostAnswer_AskedAgain(t *testing.T) {
	d := &testDaemon{t: t, name: "n1", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0"}
	t.Cleanup(d.kill)
	d.start()
	for name, c := range map[string]struct {
		keyspace string
		flags    []string
		lost     int64
		said     string
	}{
		"a chunk":   {"chunk", []string{"--chunk", "1"}, 2, "the chunk from line 2 to 2: whether the write was carried out is not known"},
		"the whole": {"whole", nil, 1, "ops.ndjson: whether the write was carried out is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ops.ndjson")
			line := `{"op":"increase","keyspace":"` + c.keyspace + `","node":"n1","from":"a","to":"b","by":1}` + "\n"
			if err := os.WriteFile(file, []byte(strings.Repeat(line, 3)), 0o600); err != nil {
				t.Fatal(err)
			}
			command := append([]string{"ssnode", "batch", "--addr", startLossy(t, "http://"+d.api, c.lost)}, c.flags...)
			var stderr bytes.Buffer
			if code := run(t.Context(), append(command, file), nil, io.Discard, &stderr); code != 4 {
				t.Errorf("an answer that was lost ends it with %d, want 4", code)
			}
			_, again, found := strings.Cut(stderr.String(), "with: ")
			if !found || !strings.Contains(stderr.String(), c.said) {
				t.Fatalf("it says\n%s", stderr.String())
			}
			again, _, _ = strings.Cut(again, "\n")
			stderr.Reset()
			if code := run(t.Context(), strings.Fields(again), nil, io.Discard, &stderr); code != 0 {
				t.Fatalf("%s\nends with %d: %s", again, code, stderr.String())
			}
			claims, err := d.client.Claims(t.Context(), client.Query{Keyspace: c.keyspace})
			if err != nil || len(claims.Claims) != 1 || claims.Claims[0].Priority != 3 {
				t.Errorf("after three Increases by 1, of which one was asked for twice: %+v, %v", claims.Claims, err)
			}
		})
	}
}

// TestWrite_LostAnswer_SaysSo: one operation has no id to ask again with.
func TestWrite_LostAnswer_SaysSo(t *testing.T) {
	d := &testDaemon{t: t, name: "n1", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0"}
	t.Cleanup(d.kill)
	d.start()
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"ssnode", "increase", "--addr", startLossy(t, "http://"+d.api, 1), "--from", "a", "--by", "1"}, nil, io.Discard, &stderr)
	if code != 4 || !strings.Contains(stderr.String(), "whether the write was carried out is not known") {
		t.Errorf("an answer that was lost ends it with %d, and says\n%s", code, stderr.String())
	}
}
