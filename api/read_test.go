package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

func TestServer_Lookup_Forms(t *testing.T) {
	s := serve(t, api.Options{})
	token := string(s.register(t, "default", "n1", "a", "m").Token)
	one := `{"keyspace":"default","key":"foo","from":"a","to":"m","servers":[{"node":"n1","priority":1,"address":"10.0.0.1:99","liveness":"alive"}],"token":"` + token + `"}`
	gap := `{"keyspace":"default","key":"zoo","from":"m","to":null,"servers":[],"token":"` + token + `"}`
	both := `{"lookups":[` + one + `,` + gap + `],"token":"` + token + `"}`
	for _, test := range []struct {
		method, path, body, accept, want string
	}{
		{"GET", "/v1/lookup?key=foo", "", "", one},
		{"GET", "/v1/lookup?key=foo&at_least=" + token, "", "", one},
		{"GET", "/v1/lookup?key=zoo&keyspace=default", "", "", gap},
		{"GET", "/v1/lookup?key=foo&key=zoo", "", "", both},
		{"POST", "/v1/lookup", `{"key":"foo"}`, "", one},
		{"POST", "/v1/lookup", `{"keys":["foo","zoo"]}`, "", both},
		{"POST", "/v1/lookup", `{"keys":["foo","zoo"]}`, "application/x-ndjson", one + "\n" + gap},
	} {
		if status, text := s.ask(t, test.method, test.path, test.body, "Accept", test.accept); status != 200 || text != test.want {
			t.Errorf("%s %s %s: %d\n%s, want\n%s", test.method, test.path, test.body, status, text, test.want)
		}
	}
	s.refused(t, "GET", "/v1/lookup", "", 400, wire.CodeInvalid, "no key")
	s.refused(t, "GET", "/v1/lookup?key=hex:0", "", 400, wire.CodeInvalid, "hexadecimal")
	s.refused(t, "GET", "/v1/lookup?key=a&keyspace=a:b", "", 400, wire.CodeInvalid, "keyspace name")
	s.refused(t, "GET", "/v1/lookup?key=a&keyspace=b&keyspace=c", "", 400, wire.CodeInvalid, "2 times")
	s.refused(t, "GET", "/v1/lookup?key=a&fuzzy=1", "", 400, wire.CodeInvalid, `unknown parameter "fuzzy": here are`)
	s.refused(t, "GET", "/v1/lookup?key=%zz", "", 400, wire.CodeInvalid, "percent-encode")
	s.refused(t, "POST", "/v1/lookup", `{"key":"a","keys":["b"]}`, 400, wire.CodeInvalid, "both")
	s.refused(t, "POST", "/v1/lookup", `{"keys":[`+strings.Repeat(`"a",`, 10_000)+`"a"]}`, 413, wire.CodeTooLarge, "10001 keys")
}

// TestServer_Lookup_AtLeast_WaitsForWhatIsNotSeen asks with a token of events
// that this node cannot have seen.
func TestServer_Lookup_AtLeast_WaitsForWhatIsNotSeen(t *testing.T) {
	s := serve(t, api.Options{WaitTimeout: 50 * time.Millisecond})
	elsewhere := node.WholeToken(crdt.Context{crdt.ReplicaID{7}: 1}).String()
	s.refused(t, "GET", "/v1/lookup?key=a&at_least="+elsewhere, "", 503, wire.CodeUnavailable, "not yet seen")
}

// TestServer_Lookup_AtLeast_WaitsAsLongAsAsked has a node that by itself would
// wait for very long.
func TestServer_Lookup_AtLeast_WaitsAsLongAsAsked(t *testing.T) {
	s := serve(t, api.Options{WaitTimeout: time.Hour})
	elsewhere := node.WholeToken(crdt.Context{crdt.ReplicaID{7}: 1}).String()
	s.refused(t, "GET", "/v1/lookup?key=a&timeout=1ms&at_least="+elsewhere, "", 503, wire.CodeUnavailable, "not yet seen")
	s.refused(t, "POST", "/v1/lookup", `{"key":"a","at_least":"`+elsewhere+`","timeout":"0s"}`, 503, wire.CodeUnavailable, "not yet seen")
	s.refused(t, "POST", "/v1/lookup", `{"key":"a","timeout":"soon"}`, 400, wire.CodeInvalid, `"timeout"`)
	_, err := s.LookupBy(t.Context(), wire.LookupRequest{Keys: wire.List[string]{"a"}, AtLeast: wire.Token(elsewhere), Timeout: "1ms"})
	if wire.CodeOf(err) != wire.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

// TestServer_Listings_InPages_AreTheWhole reads every listing in pages of
// every size, and requires what one answer has.
func TestServer_Listings_InPages_AreTheWhole(t *testing.T) {
	s := serve(t, api.Options{})
	for i, node := range []string{"n1", "n2", "n1", "n3", "n2"} {
		s.register(t, "default", node, fmt.Sprintf("k%d", i), fmt.Sprintf("k%d", i+2))
		s.register(t, fmt.Sprintf("space%d", i), node, "hex:00", "hex:00ff")
	}
	pages(t, func(limit int, after string) ([]wire.Claim, string, error) {
		r, err := s.Claims(t.Context(), client.Query{AllKeyspaces: true, Limit: limit, After: after})
		return r.Claims, r.Next, err
	}, 10)
	pages(t, func(limit int, after string) ([]wire.Subrange, string, error) {
		r, err := s.Ranges(t.Context(), client.Query{Limit: limit, After: after})
		return r.Subranges, r.Next, err
	}, 7)
	pages(t, func(limit int, after string) ([]wire.Subrange, string, error) {
		r, err := s.Ranges(t.Context(), client.Query{Limit: limit, After: after, Node: "n2", Bounds: bounds("k2", "")})
		return r.Subranges, r.Next, err
	}, 3)

	var streamed []wire.Claim
	token, err := s.EachClaim(t.Context(), client.Query{AllKeyspaces: true}, func(c wire.Claim) error {
		streamed = append(streamed, c)
		return nil
	})
	if err != nil || len(streamed) != 10 || token == "" {
		t.Errorf("streamed %d claims, token %q, %v", len(streamed), token, err)
	}
	stop := errors.New("stop")
	rows := 0
	if _, err := s.EachSubrange(t.Context(), client.Query{}, func(wire.KeyspaceRow) error { rows++; return stop }); !errors.Is(err, stop) || rows != 1 {
		t.Errorf("%v after %d rows", err, rows)
	}

	s.refused(t, "GET", "/v1/claims?after=nonsense", "", 400, wire.CodeInvalid, `"after"`)
	s.refused(t, "GET", "/v1/claims?limit=0", "", 400, wire.CodeInvalid, `"limit"`)
	s.refused(t, "GET", "/v1/claims?all_keyspaces=true&keyspace=x", "", 400, wire.CodeInvalid, "both")
	s.refused(t, "GET", "/v1/claims?node=a%20b", "", 400, wire.CodeInvalid, "node name")
	s.refused(t, "GET", "/v1/ranges?from=b&to=a", "", 400, wire.CodeInvalid, "reversed")
	s.refused(t, "GET", "/v1/ranges?to=", "", 400, wire.CodeInvalid, "empty key")
	s.refused(t, "GET", "/v1/ranges?all_keyspaces=true", "", 400, wire.CodeInvalid, `unknown parameter "all_keyspaces"`)
}

// pages reads a listing as a whole and in pages.
func pages[Row any](t *testing.T, list func(limit int, after string) ([]Row, string, error), want int) {
	t.Helper()
	whole, next, err := list(0, "")
	if err != nil || next != "" || len(whole) != want {
		t.Fatalf("%d rows, next %q, %v; want %d rows", len(whole), next, err, want)
	}
	for limit := 1; limit <= want+1; limit++ {
		var all []Row
		for after := ""; ; {
			rows, next, err := list(limit, after)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) > limit {
				t.Fatalf("%d rows in a page of %d", len(rows), limit)
			}
			all = append(all, rows...)
			if after = next; next == "" {
				break
			}
		}
		if got, want := wireText(t, all), wireText(t, whole); got != want {
			t.Errorf("in pages of %d:\n%s, want\n%s", limit, got, want)
		}
	}
}

func wireText(t *testing.T, v any) string {
	t.Helper()
	text, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestServer_Watch_TokenResumes watches, stops, and goes on with the token:
// nothing that happened in between may be missing.
func TestServer_Watch_TokenResumes(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n1", "a", "m")
	var token wire.Token
	seen := s.watch(t, "", func(line wire.WatchLine) bool { token = line.Token; return line.Type == wire.WatchSnapshotEnd })
	requireLines(t, seen, "claim n1 a 1", "node n1", "snapshot_end")
	s.register(t, "default", "n2", "b", "c")
	by := int64(3)
	if _, err := s.Write(t.Context(), []wire.Operation{{Op: wire.OpIncrease, Bounds: bounds("a", "m"), By: &by}}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	seen = s.watch(t, token, func(line wire.WatchLine) bool { return line.Type == wire.WatchBookmark })
	slices.Sort(seen[:len(seen)-1]) // they tell states, so any order will do
	requireLines(t, seen, "claim n1 a 4", "claim n2 b 1", "node n1", "bookmark")
	s.refused(t, "GET", "/v1/watch?token=zzz", "", 400, wire.CodeInvalid, "token")
	s.refused(t, "POST", "/v1/watch", `{"keyspace":"a","all_keyspaces":true}`, 400, wire.CodeInvalid, "both")
	s.refused(t, "POST", "/v1/watch", `{"from":"b","to":"a"}`, 400, wire.CodeInvalid, "reversed")
	s.refused(t, "GET", "/v1/watch?token="+url.QueryEscape(node.WholeToken(crdt.Context{crdt.ReplicaID{7}: 1}).String())+"&limit=1", "", 400, wire.CodeInvalid, "limit")
}

// watch returns the lines up to the last one.
func (s *served) watch(t *testing.T, token wire.Token, last func(wire.WatchLine) bool) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var lines []string
	enough := errors.New("enough")
	err := s.Watch(ctx, client.WatchOptions{Token: token}, func(line wire.WatchLine) error {
		text := string(line.Type)
		if line.Node != "" {
			text += " " + line.Node
		}
		if line.Bounds != nil {
			text += fmt.Sprintf(" %s %d", line.From, line.Priority)
		}
		lines = append(lines, text)
		if last(line) {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%v after %v", err, lines)
	}
	return lines
}

func requireLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the lines are:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestServer_History_SaysWhatItDoesNotHave(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n1", "a", "m")
	s.register(t, "default", "n1", "x", "")
	h, err := s.History(t.Context(), client.Query{Bounds: bounds("a", "b")})
	if err != nil || len(h.Events) != 1 || !h.Complete || h.Events[0].Op != wire.OpRegister || h.Events[0].Priority != 1 || h.Events[0].From != "a" {
		t.Errorf("%+v %v", h, err)
	}
	h, err = s.History(t.Context(), client.Query{Limit: 1})
	if err != nil || len(h.Events) != 1 || h.Complete || h.Events[0].From != "x" {
		t.Errorf("the newest: %+v %v", h, err)
	}
	for path, want := range map[string]string{
		"/v1/history?limit=1": "false", "/v1/history?keyspace=default": "true", "/v1/history?keyspace=other": "true",
	} {
		r := s.send(t, "GET", path, strings.NewReader(""), "Accept", "application/x-ndjson")
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if last := lines[len(lines)-1]; err != nil || last != `{"complete":`+want+`}` || r.Header.Get("Ssnode-Complete") != want {
			t.Errorf("%s as a stream: %q, %s, %v", path, r.Header, text, err)
		}
		if _, has := r.Header["Ssnode-Token"]; has {
			t.Errorf("%s has a token: %q", path, r.Header)
		}
	}
	s.refused(t, "GET", "/v1/history?limit=100001", "", 400, wire.CodeInvalid, `"limit"`)
}
