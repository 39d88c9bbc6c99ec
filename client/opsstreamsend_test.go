package client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// counting is a connection that notes what is sent over it, and how much is wanted at
// a time of what is read.
type counting struct {
	net.Conn
	notes *notes
}

type notes struct {
	sync.Mutex
	sent   []string
	wanted int
}

func (c counting) Write(p []byte) (int, error) {
	c.notes.Lock()
	defer c.notes.Unlock()
	c.notes.sent = append(c.notes.sent, string(p))
	return c.Conn.Write(p)
}

func (c counting) Read(p []byte) (int, error) {
	c.notes.Lock()
	c.notes.wanted = max(c.notes.wanted, len(p))
	c.notes.Unlock()
	return c.Conn.Read(p)
}

// answerEach serves a stream of writes, each answered at once.
func answerEach(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/ops/stream" {
		_, _ = io.WriteString(w, `{"results":[],"token":"of a request","on_disk":["n1"],"missing":[]}`)
		return
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	w.WriteHeader(http.StatusContinue)
	fmt.Fprintln(w, `{"node":"n1","line_bytes_max":1000000,"lines_max":10}`)
	_ = control.Flush()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line wire.OpsLine
		if wire.Unmarshal(lines.Bytes(), &line) != nil {
			return
		}
		fmt.Fprintf(w, `{"ref":%d,"results":[],"token":"over a stream"}`+"\n", line.Ref)
		_ = control.Flush()
	}
}

// TestClient_Write_SendsALineAtOnce: a line that is longer than what a transport sends at a
// time goes out in one piece, also by a transport of the caller's, of which other requests
// keep the connections that they have.
func TestClient_Write_SendsALineAtOnce(t *testing.T) {
	n := &notes{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return counting{c, n}, err
	}}
	defer transport.CloseIdleConnections()
	c := against(t, client.Options{Transport: transport}, answerEach)
	for token := wire.Token(""); token != "over a stream"; {
		r, err := writeOne(t.Context(), c, "opener")
		if err != nil {
			t.Fatal(err)
		}
		token = r.Token
	}
	n.Lock()
	n.sent = nil
	n.Unlock()
	long := strings.Repeat("k", 20<<10)
	if r, err := writeOne(t.Context(), c, long); err != nil || r.Token != "over a stream" {
		t.Fatalf("%+v, %v", r, err)
	}
	n.Lock()
	defer n.Unlock()
	if len(n.sent) != 1 || !strings.Contains(n.sent[0], long) {
		t.Errorf("a line of some 20 KiB goes out in %d pieces", len(n.sent))
	}
	if n.wanted < 32<<10 {
		t.Errorf("answers are read in pieces of %d bytes", n.wanted)
	}
	if transport.WriteBufferSize != 0 || transport.ReadBufferSize != 0 {
		t.Error("the transport of the caller was changed")
	}
}
