package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// against returns a client of a server that answers as h does.
func against(t *testing.T, o client.Options, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	c, err := client.New(server.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return c
}

// says answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestNew_Addresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:7481": "http://127.0.0.1:7481", "127.0.0.1:7481": "http://127.0.0.1:7481",
		"http://h:1/": "http://h:1", "https://h/behind/": "https://h/behind", "[::1]:80": "http://[::1]:80",
	} {
		c, err := client.New(address, client.Options{})
		if err != nil || c.Address() != want {
			t.Errorf("%q: %v, want %s", address, err, want)
		}
	}
	for _, address := range []string{"", "http://", "ftp://h", "http://h?x=1", "http://h#x", "http://u:p@h", "http://h:x", "http://a b"} {
		if _, err := client.New(address, client.Options{}); !errors.Is(err, client.ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", address, err)
		}
	}
}

func TestClient_NobodyListens_IsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := client.New(address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Status(t.Context())
	var unreachable *client.UnreachableError
	if !errors.Is(err, client.ErrUnreachable) || !errors.As(err, &unreachable) || unreachable.Address != "http://"+address {
		t.Errorf("%v, want an UnreachableError", err)
	}
	if want := "the node at http://" + address + " cannot be reached: dial tcp"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%q does not begin with %q", err, want)
	}
	if err := c.Watch(t.Context(), client.WatchOptions{Resume: true}, func(wire.WatchLine) error { return nil }); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("a watch: %v", err)
	}
}

func TestClient_ContextEnds_IsNotTheNodesFault(t *testing.T) {
	c := against(t, client.Options{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("%v, want the deadline", err)
	}
}

func TestClient_Errors_KeepTheirCode(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		code   wire.Code
		words  string
	}{
		"of a node":         {404, `{"error":"nobody","code":"not_found"}`, wire.CodeNotFound, "nobody"},
		"with more fields":  {503, `{"error":"not ready","code":"unavailable","ready":false}`, wire.CodeUnavailable, "not ready"},
		"of a proxy":        {502, `<html>Bad Gateway`, wire.CodeUnavailable, "Bad Gateway"},
		"of something else": {404, `404 page not found`, wire.CodeNotFound, "check the address"},
		"empty":             {500, ``, wire.CodeInternal, "500"},
		"a redirection":     {302, ``, wire.CodeInternal, "302"},
		"very long":         {400, strings.Repeat("x", 1<<20), wire.CodeInvalid, "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
				if test.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				says(test.status, test.body)(w, r)
			})
			_, err := c.Status(t.Context())
			said := strings.HasPrefix(test.body, `{"error"`)
			if wire.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.words) || len(err.Error()) > 1000 || said && err.Error() != test.words {
				t.Errorf("%s %v, want %s with %q", wire.CodeOf(err), err, test.code, test.words)
			}
		})
	}
}

func TestClient_Answers_AreBoundedAndChecked(t *testing.T) {
	long := against(t, client.Options{AnswerBytesMax: 100}, says(200, `{"node":"`+strings.Repeat("x", 100)+`"}`))
	if _, err := long.Status(t.Context()); !errors.Is(err, client.ErrTooLong) {
		t.Errorf("a long answer: %v", err)
	}
	strange := against(t, client.Options{}, says(200, `<html>`))
	if _, err := strange.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "not what a node says") {
		t.Errorf("a strange answer: %v", err)
	}
	newer := against(t, client.Options{}, says(200, `{"node":"n1","added_later":1}`))
	if s, err := newer.Status(t.Context()); err != nil || s.Node != "n1" {
		t.Errorf("a newer answer: %+v %v", s, err)
	}
	cut := against(t, client.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"node"`)
	})
	if _, err := cut.Status(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("an answer that was cut off: %v", err)
	}
}

// TestClient_Streams_EndWhole holds that a stream that was cut off, or that
// the node could not finish, never looks like all there is.
func TestClient_Streams_EndWhole(t *testing.T) {
	const row = `{"keyspace":"default","node":"n1","from":"a","to":null,"priority":1}` + "\n"
	tests := map[string]struct {
		answer http.HandlerFunc
		rows   int
		want   func(error) bool
	}{
		"whole":             {says(200, row+row), 2, func(err error) bool { return err == nil }},
		"empty":             {says(200, ""), 0, func(err error) bool { return err == nil }},
		"a failure":         {says(200, row+`{"error":"disk","code":"unavailable"}`+"\n"), 1, func(err error) bool { return wire.CodeOf(err) == wire.CodeUnavailable }},
		"half a line":       {says(200, row+`{"keyspace"`), 1, func(err error) bool { return errors.Is(err, client.ErrUnreachable) }},
		"something else":    {says(200, row+"<html>\n"), 1, func(err error) bool { return err != nil }},
		"a connection lost": {cutOff(row), 1, func(err error) bool { return errors.Is(err, client.ErrUnreachable) }},
		"a refusal":         {says(400, `{"error":"no","code":"invalid"}`), 0, func(err error) bool { return wire.CodeOf(err) == wire.CodeInvalid }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := against(t, client.Options{}, test.answer)
			rows := 0
			_, err := c.EachClaim(t.Context(), client.Query{}, func(claim wire.Claim) error {
				rows++
				if claim.Node != "n1" {
					t.Errorf("%+v", claim)
				}
				return nil
			})
			if rows != test.rows || !test.want(err) {
				t.Errorf("%d rows, then %v", rows, err)
			}
		})
	}
}

// cutOff sends so much of a stream and loses the connection.
func cutOff(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, part)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestClient_Watch_Resumes loses the connection twice, and requires that the
// watch goes on with the last token it was given.
func TestClient_Watch_Resumes(t *testing.T) {
	var asked atomic.Int32
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		var q wire.WatchRequest
		if err := wire.Decode(r.Body, 1<<10, &q); err != nil {
			t.Error(err)
		}
		want := wire.Token("")
		if n > 1 {
			want = wire.Token(fmt.Sprint("t", n-1))
		}
		if q.Token != want {
			t.Errorf("asked for the %d. time with the token %q, want %q", n, q.Token, want)
		}
		cutOff(fmt.Sprintf(`{"type":"claim","node":"n%d","from":"a","to":null,"priority":1}`+"\n"+`{"type":"bookmark","token":"t%d"}`+"\n", n, n))(w, r)
	})
	enough := errors.New("enough")
	lines, lost := 0, 0
	err := c.Watch(t.Context(), client.WatchOptions{Resume: true, Lost: func(error) { lost++ }}, func(wire.WatchLine) error {
		if lines++; lines == 6 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || lost != 2 {
		t.Errorf("%v, lost %d times", err, lost)
	}
	asked.Store(0)
	if err := c.Watch(t.Context(), client.WatchOptions{}, func(wire.WatchLine) error { return nil }); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("without Resume: %v", err)
	}
}

func TestClient_Watch_ContextEnds_IsNoError(t *testing.T) {
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"type":"snapshot_end","token":"t"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Watch(ctx, client.WatchOptions{Resume: true}, func(wire.WatchLine) error {
		cancel()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestClient_Requests_RefuseWhatIsNotUTF8 requires that text which JSON cannot
// carry is refused before anything is sent: it would arrive as another name or
// another key.
func TestClient_Requests_RefuseWhatIsNotUTF8(t *testing.T) {
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent", r.Method, r.URL)
		_, _ = io.WriteString(w, `{}`)
	})
	const bad = "n\xff"
	for name, call := range map[string]func() error{
		"write": func() error {
			_, err := c.Write(t.Context(), []wire.Operation{{Op: wire.OpRegister, Node: bad}}, client.WriteOptions{})
			return err
		},
		"batches": func() error {
			_, err := c.WriteBatches(t.Context(), []wire.Batch{{Ops: []wire.Operation{{Op: wire.OpRegister, Bounds: wire.Bounds{From: bad}}}}}, client.WriteOptions{})
			return err
		},
		"lookup":     func() error { _, err := c.Lookup(t.Context(), "default", bad, ""); return err },
		"lookup all": func() error { _, err := c.LookupAll(t.Context(), "default", []string{"a", bad}, ""); return err },
		"wait":       func() error { _, err := c.Wait(t.Context(), bad, client.WriteOptions{}); return err },
		"watch": func() error {
			return c.Watch(t.Context(), client.WatchOptions{Keyspace: bad, Resume: true}, func(wire.WatchLine) error { return nil })
		},
	} {
		if err := call(); wire.CodeOf(err) != wire.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClient_Requests_SayWhatIsAsked(t *testing.T) {
	var got string
	c := against(t, client.Options{UserAgent: "test/1"}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.String() + " " + string(body)
		if r.Header.Get("User-Agent") != "test/1" {
			t.Errorf("the user agent is %q", r.Header.Get("User-Agent"))
		}
		_, _ = io.WriteString(w, `{}`)
	})
	to := "m&"
	key := "foo"
	for want, call := range map[string]func() error{
		"GET /v1/claims?after=A&from=a+b&keyspace=k&limit=3&node=n1&to=m%26 ": func() error {
			_, err := c.Claims(t.Context(), client.Query{Keyspace: "k", Node: "n1", Bounds: wire.Bounds{From: "a b", To: &to}, Limit: 3, After: "A"})
			return err
		},
		"GET /v1/ranges ":                    func() error { _, err := c.Ranges(t.Context(), client.Query{}); return err },
		"GET /v1/claims?all_keyspaces=true ": func() error { _, err := c.Claims(t.Context(), client.Query{AllKeyspaces: true}); return err },
		"GET /v1/keyspaces ":                 func() error { _, err := c.Keyspaces(t.Context()); return err },
		"GET /v1/history?keyspace=k ":        func() error { _, err := c.History(t.Context(), client.Query{Keyspace: "k"}); return err },
		`POST /v1/lookup {"key":"foo"}`:      func() error { _, err := c.Lookup(t.Context(), "", key, ""); return err },
		`POST /v1/compact {"dry_run":true}`:  func() error { _, err := c.Compact(t.Context(), true); return err },
		`POST /v1/wait {"token":"T","members":"all","timeout":"1s"}`: func() error {
			_, err := c.Wait(t.Context(), "T", client.WriteOptions{Wait: wire.MemberCount{All: true}, Timeout: time.Second})
			return err
		},
	} {
		if err := call(); err != nil || got != want {
			t.Errorf("%v, asked %q, want %q", err, got, want)
		}
	}
}
