package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a node with its interface, on a free port of loopback.
type served struct {
	*client.Client
	node   *node.Node
	server *api.Server
	url    string
	// raw is for requests that the client would not send.
	raw *http.Client
}

// serve starts a node named n1 and its interface, and stops both at the end.
func serve(t testing.TB, o api.Options) *served {
	t.Helper()
	return serveNode(t, o, node.Options{Node: "n1", Service: "10.0.0.1:99", Labels: map[string]string{"zone": "a"}})
}

// serveNode is serve for a node with options of its own.
func serveNode(t testing.TB, o api.Options, of node.Options) *served {
	t.Helper()
	if of.Gossip = "127.0.0.1:0"; of.DataDir == "" {
		of.DataDir = filepath.Join(t.TempDir(), "data")
	}
	// Tests share the ports of loopback: a cluster of its own keeps a node from
	// meeting that of another test, at an address which that had before.
	of.Cluster = t.Name()
	n, err := node.Open(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	l, err := api.Listen(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{node: n, server: api.New(n, o), url: "http://" + l.Addr().String(), raw: &http.Client{Transport: &http.Transport{}}}
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(l) }()
	if s.Client, err = client.New(s.url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		s.raw.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(s.server.Shutdown(ctx), <-ended, n.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request and returns the status and the body.
func (s *served) ask(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r := s.send(t, method, path, strings.NewReader(body), header...)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, strings.TrimSpace(string(text))
}

func (s *served) send(t *testing.T, method, path string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	return s.sendUntil(t.Context(), t, method, path, body, header...)
}

// sendUntil is send until ctx ends, which cuts the connection.
func (s *served) sendUntil(ctx context.Context, t *testing.T, method, path string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := s.raw.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refused requires an answer that is an error with a code and some words.
func (s *served) refused(t *testing.T, method, path, body string, status int, code wire.Code, words string) {
	t.Helper()
	got, text := s.ask(t, method, path, body)
	var e wire.Error
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%s %s: %q is not an error: %v", method, path, text, err)
	}
	if got != status || e.Code != code || !strings.Contains(e.Message, words) {
		t.Errorf("%s %s: %d %s %q, want %d %s with %q", method, path, got, e.Code, e.Message, status, code, words)
	}
}

// register claims a range for a node, with priority 1.
func (s *served) register(t *testing.T, keyspace, node, from, to string) wire.Results {
	t.Helper()
	r, err := s.Write(t.Context(), []wire.Operation{{Op: wire.OpRegister, Keyspace: keyspace, Node: node, Bounds: bounds(from, to)}}, client.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bounds(from, to string) wire.Bounds {
	if to == "" {
		return wire.Bounds{From: from}
	}
	return wire.Bounds{From: from, To: &to}
}

func TestServer_UnknownPathsAndMethods_AreErrorsInJSON(t *testing.T) {
	s := serve(t, api.Options{})
	s.refused(t, "GET", "/", "", 404, wire.CodeNotFound, "no such path: /")
	s.refused(t, "GET", "/v1/", "", 404, wire.CodeNotFound, "no such path")
	s.refused(t, "POST", "/v2/ops", "{}", 404, wire.CodeNotFound, "no such path")
	s.refused(t, "DELETE", "/v1/claims", "", 405, wire.CodeInvalid, "use GET")
	s.refused(t, "GET", "/v1/ops", "", 405, wire.CodeInvalid, "use POST")
	s.refused(t, "PUT", "/v1/lookup", "", 405, wire.CodeInvalid, "use GET or POST")
	r := s.send(t, "GET", "/v1/ops", nil)
	r.Body.Close()
	if got := r.Header.Get("Allow"); got != "POST" {
		t.Errorf("Allow is %q", got)
	}
	r = s.send(t, "HEAD", "/v1/status", nil)
	r.Body.Close()
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
}

func TestServer_RequestsOfOtherSites_AreForbidden(t *testing.T) {
	s := serve(t, api.Options{})
	body := `{"ops":[{"op":"register"}]}`
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://example.com"}} {
		status, text := s.ask(t, "POST", "/v1/ops", body, header...)
		if status != 403 || !strings.Contains(text, `"code":"forbidden"`) {
			t.Errorf("%v: %d %s", header, status, text)
		}
	}
	if claims, err := s.Claims(t.Context(), client.Query{}); err != nil || len(claims.Claims) != 0 {
		t.Errorf("%v %v, want no claims", claims, err)
	}
}

// TestServer_NamesOfOthers_AreForbidden asks as a page does whose name was made
// to resolve to 127.0.0.1: for the browser it is all one origin.
func TestServer_NamesOfOthers_AreForbidden(t *testing.T) {
	s := serve(t, api.Options{})
	if err := s.node.SetAPI(t.Context(), "https://Shards.example:7481"); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, host string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(`{"ops":[{"op":"register"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Content-Type", "text/plain")
		q.Header.Set("Origin", "http://"+host)
		q.Header.Set("Sec-Fetch-Site", "same-origin")
		r, err := s.raw.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(text)
	}
	for _, host := range []string{"evil.example", "evil.example:7481", "localhost.evil.example", "127.0.0.1.evil.example:7481", "0x7f.1", "shards.example.evil.example"} {
		for _, path := range []string{"POST /v1/ops", "GET /v1/status", "GET /nowhere"} {
			method, path, _ := strings.Cut(path, " ")
			if status, text := ask(method, path, host); status != 403 || !strings.Contains(text, `"code":"forbidden"`) || !strings.Contains(text, "--advertise-api") {
				t.Errorf("%s %s at %s: %d %s", method, path, host, status, text)
			}
		}
	}
	if claims, err := s.Claims(t.Context(), client.Query{}); err != nil || len(claims.Claims) != 0 {
		t.Errorf("%v %v, want no claims", claims, err)
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.1:1", "[::1]:7481", "[::1]", "203.0.113.1:7481", "localhost", "LOCALHOST:7481", "localhost.", "shards.example", "shards.example:443"} {
		if status, text := ask("GET", "/v1/status", host); status != 200 {
			t.Errorf("at %s: %d %s", host, status, text)
		}
	}
}

func TestListen_Addresses(t *testing.T) {
	for address, want := range map[string]error{
		"0.0.0.0:0": api.ErrExposed, ":0": api.ErrExposed, "[::]:0": api.ErrExposed,
		"203.0.113.1:0": api.ErrExposed, "example.com:0": api.ErrExposed,
		"nonsense": api.ErrAddress, "": api.ErrAddress,
		"127.0.0.1:0": nil, "localhost:0": nil,
	} {
		l, err := api.Listen(t.Context(), address, false)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", address, err, want)
		}
		if l != nil {
			l.Close()
		}
	}
	l, err := api.Listen(t.Context(), "0.0.0.0:0", true)
	if err != nil {
		t.Fatalf("insecure: %v", err)
	}
	l.Close()
}

func TestServer_Shutdown_EndsStreamsAndWaitsForAnswers(t *testing.T) {
	s := serve(t, api.Options{})
	r := s.send(t, "GET", "/v1/watch", nil)
	defer r.Body.Close()
	token := s.register(t, "default", "n1", "a", "m").Token
	waited := make(chan error, 1)
	go func() {
		_, err := s.Wait(context.Background(), token, client.WriteOptions{Wait: wire.MemberCount{N: 5}, Timeout: time.Minute})
		waited <- err
	}()
	time.Sleep(50 * time.Millisecond) // the wait is under way, or is refused, which is right too
	began := time.Now()
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); err != nil {
		t.Errorf("the watch was cut off: %v", err)
	}
	if err := <-waited; err != nil && !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("the wait: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second { // half of what the wait asked for
		t.Errorf("it took %s", took)
	}
	if _, err := s.Status(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("after the shutdown: %v", err)
	}
}

// TestServer_ClientThatDoesNotRead_IsCutOff opens a stream of everything and
// reads none of it: the server must not wait for it for ever.
func TestServer_ClientThatDoesNotRead_IsCutOff(t *testing.T) {
	s := serve(t, api.Options{WriteTimeout: 100 * time.Millisecond})
	long := strings.Repeat("x", 4000)
	for i := range 4 {
		var ops []wire.Operation
		for j := range 200 {
			ops = append(ops, wire.Operation{Op: wire.OpRegister, Bounds: wire.Bounds{From: fmt.Sprintf("%s%d%03d", long, i, j)}})
		}
		if _, err := s.Write(t.Context(), ops, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// More than any socket buffer holds, in one piece: the server may hang up after the first.
	request := "GET /v1/claims HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
	if _, err := io.WriteString(conn, strings.Repeat(request, 8)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
			return // the server has hung up
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the server still waits for a client that does not read")
}

func TestServer_Health_AndMetrics(t *testing.T) {
	s := serve(t, api.Options{Version: "v9"})
	for path, want := range map[string]string{"/livez": `{"live":true}`, "/readyz": `{"ready":true}`} {
		if status, text := s.ask(t, "GET", path, ""); status != 200 || text != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	s.register(t, "default", "n1", "a", "m")
	status, text := s.ask(t, "GET", "/metrics", "")
	if status != 200 {
		t.Fatal(status)
	}
	for _, want := range []string{
		`ssnode_info{cluster="` + t.Name() + `",node="n1",version="v9"} 1`,
		"ssnode_ready 1", "ssnode_claims 1", "ssnode_identity_confirmed 1", "ssnode_keyspaces 1",
		`ssnode_members{liveness="alive"} 1`, `ssnode_member_in_sync{member="n1"} 1`,
		`ssnode_http_requests_total{method="POST",path="/v1/ops",status="200"} 1`,
		`ssnode_delta_delay_seconds_bucket{le="0.001"} 0`, `ssnode_delta_delay_seconds_bucket{le="60"} 0`, "ssnode_delta_delay_seconds_count 0",
		`ssnode_member_changes_total{liveness="suspect"} 0`, `ssnode_member_changes_total{liveness="alive"} 0`,
		"ssnode_db_bytes ", "ssnode_log_records ", "go_goroutines ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	if err := s.node.Close(); err != nil {
		t.Fatal(err)
	}
	if status, text := s.ask(t, "GET", "/readyz", ""); status != 503 || !strings.Contains(text, `"code":"unavailable"`) {
		t.Errorf("readyz of a closed node: %d %s", status, text)
	}
	s.refused(t, "POST", "/v1/ops", `{"ops":[{"op":"register"}]}`, 503, wire.CodeUnavailable, "closed")
}

func TestServer_Status_AndMembers(t *testing.T) {
	s := serve(t, api.Options{Version: "v9"})
	if err := s.node.SetAPI(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	status, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Node != "n1" || status.Cluster != t.Name() || status.Version != "v9" || status.API != s.url || !status.Ready || status.Members != 1 || status.Identity != wire.IdentityConfirmed || status.Gossip == "" || len(status.Replica) != 32 || status.DBBytes == 0 {
		t.Errorf("status: %+v", status)
	}
	members, err := s.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(members.Members) != 1 || members.Members[0].Node != "n1" || members.Members[0].Liveness != wire.LivenessAlive || !members.Members[0].InSync || members.Members[0].Address != s.url {
		t.Errorf("members: %+v", members)
	}
	nodes, err := s.Nodes(t.Context(), client.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Nodes) != 1 || nodes.Nodes[0].Address != "10.0.0.1:99" || nodes.Nodes[0].Labels["zone"] != "a" {
		t.Errorf("nodes: %+v", nodes)
	}
	s.refused(t, "GET", "/v1/status?x=1", "", 400, wire.CodeInvalid, `unknown parameter "x"`)
}

func TestServer_Dump_IsWhatTheClientReads(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n1", "a", "m")
	read := func(canonical bool) string {
		var b bytes.Buffer
		err := s.Dump(t.Context(), canonical, func(line []byte) error { b.Write(append(line, '\n')); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	full, canonical := read(false), read(true)
	if !strings.HasPrefix(full, `{"type":"meta"`) || !strings.Contains(full, `{"type":"delta"`) || !strings.Contains(full, `{"type":"end"`) {
		t.Errorf("the full dump is:\n%s", full)
	}
	if strings.Contains(canonical, `"meta"`) || strings.Contains(canonical, `"delta"`) || !strings.Contains(canonical, `"contributions":[{`) {
		t.Errorf("the canonical dump is:\n%s", canonical)
	}
	s.refused(t, "GET", "/v1/dump?canonical=maybe", "", 400, wire.CodeInvalid, "true or false")
}

func TestServer_Compact_DryRunChangesNothing(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n2", "a", "m")
	before, err := s.Compact(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Compact(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if before.LogRecordsBefore == 0 || before.LogRecordsBefore != after.LogRecordsBefore {
		t.Errorf("%+v, then %+v", before, after)
	}
	s.refused(t, "POST", "/v1/compact", `{"dryrun":true}`, 400, wire.CodeInvalid, "dryrun")
}
