package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

func TestServer_Operator_RefusesWhatMakesNoSense(t *testing.T) {
	s := serve(t, api.Options{})
	many := `{"addresses":[` + strings.Repeat(`"h:1",`, 100) + `"h:1"]}`
	id := "0123456789abcdef0123456789abcdef"
	for _, x := range []struct {
		method, path, body string
		status             int
		code               wire.Code
		words              string
	}{
		{"POST", "/v1/join", `{}`, 400, wire.CodeInvalid, "HOST:PORT"},
		{"POST", "/v1/join", many, 413, wire.CodeTooLarge, "101 addresses"},
		{"POST", "/v1/join", `{"addresses":["nonsense"]}`, 400, wire.CodeInvalid, "host:port"},
		{"POST", "/v1/join", `{"addresses":["127.0.0.1:1"]}`, 503, wire.CodeUnavailable, "join 127.0.0.1:1: dial"},
		{"POST", "/v1/join", `{"addresses":["` + s.node.GossipAddr() + `"]}`, 409, wire.CodeConflict, "the node itself"},
		{"POST", "/v1/forget", `{}`, 400, wire.CodeInvalid, "nobody to forget"},
		{"POST", "/v1/forget", `{"node":"a b"}`, 400, wire.CodeInvalid, "node name"},
		{"POST", "/v1/forget", `{"node":"n1"}`, 409, wire.CodeConflict, "use leave"},
		{"POST", "/v1/forget", `{"node":"n7"}`, 404, wire.CodeNotFound, "has ever been known"},
		{"POST", "/v1/forget", `{"node":"n7","replica":"` + id + `"}`, 400, wire.CodeInvalid, "both"},
		{"POST", "/v1/forget", `{"replica":"` + id + `","release":true}`, 400, wire.CodeInvalid, "not of replicas"},
		{"POST", "/v1/forget", `{"replica":"xyz"}`, 400, wire.CodeInvalid, "32 hexadecimal digits"},
		{"POST", "/v1/forget", `{"replica":"` + id + `"}`, 404, wire.CodeNotFound, "no event"},
		{"POST", "/v1/forget", `{"replica":"` + s.node.Replica().String() + `"}`, 409, wire.CodeConflict, "n1 goes by it"},
		{"GET", "/v1/forget", ``, 405, wire.CodeInvalid, "use POST"},
		{"PUT", "/v1/nodes/a%20b", `{}`, 400, wire.CodeInvalid, "node name"},
		{"PUT", "/v1/nodes/n7", `{"adress":"x"}`, 400, wire.CodeInvalid, "adress"},
		{"PUT", "/v1/nodes/n7", `{"labels":{"a b":"x"}}`, 400, wire.CodeInvalid, "label"},
		{"PUT", "/v1/nodes/n7", `{"address":"` + strings.Repeat("x", 5000) + `"}`, 413, wire.CodeTooLarge, "node record"},
		{"PUT", "/v1/nodes/n1", `{"address":"` + strings.Repeat("x", 5000) + `"}`, 413, wire.CodeTooLarge, "node record"},
		{"GET", "/v1/fingerprints?from=x", ``, 400, wire.CodeInvalid, "position"},
		{"GET", "/v1/fingerprints?from=0A", ``, 400, wire.CodeInvalid, "position"},
		{"GET", "/v1/fingerprints?from=02&to=01", ``, 400, wire.CodeInvalid, "reversed"},
		{"GET", "/v1/fingerprints?from=02&to=01&entries=1", ``, 400, wire.CodeInvalid, "reversed"},
		{"GET", "/v1/fingerprints?from=02&to=01&parts=4", ``, 400, wire.CodeInvalid, "reversed"},
		{"GET", "/v1/fingerprints?parts=4&entries=1", ``, 400, wire.CodeInvalid, "exclude each other"},
		{"GET", "/v1/fingerprints?parts=257", ``, 400, wire.CodeInvalid, "256"},
		{"POST", "/v1/fingerprints", `{"parts":300}`, 400, wire.CodeInvalid, "256"},
		{"GET", "/v1/fingerprints?cut=02&cut=01", ``, 400, wire.CodeInvalid, "ascend"},
	} {
		s.refused(t, x.method, x.path, x.body, x.status, x.code, x.words)
	}
	if nodes, err := s.Nodes(t.Context(), client.Query{}); err != nil || len(nodes.Nodes) != 1 || nodes.Nodes[0].Address != "10.0.0.1:99" {
		t.Errorf("what was refused changed something: %+v %v", nodes, err)
	}
}

func TestServer_SetNode_IsShownByListingsAndLookups(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "outside", "a", "m")
	w, err := s.SetNode(t.Context(), "outside", wire.NodeRequest{Address: "10.0.0.9:1", Labels: wire.Labels{"zone": "b"}})
	if err != nil || !w.Changed || w.Address != "10.0.0.9:1" || w.Token == "" {
		t.Fatalf("%+v %v", w, err)
	}
	if again, err := s.SetNode(t.Context(), "outside", wire.NodeRequest{Address: "10.0.0.9:1", Labels: wire.Labels{"zone": "b"}}); err != nil || again.Changed {
		t.Errorf("the same again: %+v %v", again, err)
	}
	found, err := s.Lookup(t.Context(), "default", "b", w.Token)
	if err != nil || len(found.Servers) != 1 || found.Servers[0].Address != "10.0.0.9:1" || found.Servers[0].Liveness != wire.LivenessUnknown {
		t.Errorf("lookup: %+v %v", found, err)
	}
	if status, err := s.Status(t.Context()); err != nil || status.Members != 1 {
		t.Errorf("who is no member is counted: %+v %v", status, err)
	}
	gone, err := s.Forget(t.Context(), wire.ForgetRequest{Node: "outside", Release: true})
	if err != nil || !gone.Changed || gone.Released != 1 {
		t.Errorf("forget: %+v %v", gone, err)
	}
	if nodes, err := s.Nodes(t.Context(), client.Query{}); err != nil || len(nodes.Nodes) != 1 {
		t.Errorf("nodes: %+v %v", nodes, err)
	}
}

func TestServer_Leave_AnswersAndTakesNoMoreWrites(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n1", "a", "m")
	left, err := s.Leave(t.Context(), true)
	if err != nil || left.Released != 1 || left.Node != "n1" || !slices.Equal(left.OnDisk, []string{"n1"}) {
		t.Fatalf("%+v %v", left, err)
	}
	select {
	case <-s.node.Departed():
	default:
		t.Error("whoever runs the node is not told to end it")
	}
	s.refused(t, "POST", "/v1/ops", `{"ops":[{"op":"register"}]}`, 503, wire.CodeUnavailable, "leaving")
	s.refused(t, "POST", "/v1/join", `{"addresses":["127.0.0.1:1"]}`, 503, wire.CodeUnavailable, "leaving")
	if status, text := s.ask(t, "GET", "/readyz", ""); status != 503 || !strings.Contains(text, "leaving") {
		t.Errorf("readyz: %d %s", status, text)
	}
	if claims, err := s.Claims(t.Context(), client.Query{}); err != nil || len(claims.Claims) != 0 {
		t.Errorf("reads: %+v %v", claims, err)
	}
}

func TestServer_Gate_FullRefusesAndCounts(t *testing.T) {
	s := serve(t, api.Options{RequestsMax: 1})
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var once atomic.Bool
		ended <- s.Watch(ctx, client.WatchOptions{}, func(wire.WatchLine) error {
			if !once.Swap(true) {
				close(begun)
			}
			return nil
		})
	}()
	<-begun
	s.refused(t, "GET", "/v1/claims", "", 503, wire.CodeUnavailable, "try again")
	for _, path := range []string{"/livez", "/readyz", "/v1/status"} {
		if status, text := s.ask(t, "GET", path, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	_, text := s.ask(t, "GET", "/metrics", "")
	for _, want := range []string{`ssnode_dropped_total{queue="http_requests"} 1`, `ssnode_queue_length{queue="http_requests"} 1`, "ssnode_watchers 1", "ssnode_alone 0"} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if status, _ := s.ask(t, "GET", "/v1/claims", ""); status == 200 {
			break // the server has noticed that the watch is over
		}
		if time.Now().After(deadline) {
			t.Fatal("the room of a request that is over is not given back")
		}
	}
}

// pages of docs must name what operators see.
var (
	metricName = regexp.MustCompile(`(?m)^(ssnode_[a-z_]+)`)
	queueName  = regexp.MustCompile(`queue="([a-z_]+)"`)
)

// TestServer_Metrics_AreDocumented: every metric and every queue that a member
// with a peer tells of is in docs/operations.md, and nothing else is.
func TestServer_Metrics_AreDocumented(t *testing.T) {
	a, b := servePair(t)
	page, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Status(t.Context()); err != nil { // or no request was counted yet
		t.Fatal(err)
	}
	told := map[string]bool{}
	scrape := func() bool {
		_, text := a.ask(t, "GET", "/metrics", "")
		for _, m := range metricName.FindAllStringSubmatch(text, -1) {
			told[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(m[1], "")] = true
		}
		for _, m := range queueName.FindAllStringSubmatch(text, -1) {
			told["queue "+m[1]] = true
		}
		return told["ssnode_member_last_session_ok"]
	}
	// What b writes while a is cut off a has to fetch, unless it is queued for a
	// until the cut ends, and comes by itself: then it is tried again.
	for deadline := time.Now().Add(time.Minute); !scrape() && time.Now().Before(deadline); {
		a.network.Cut("n1", "n2")
		if _, err := b.Write(t.Context(), []wire.Operation{{Op: wire.OpIncrease, Node: "n2", Bounds: bounds("a", "b"), By: new(int64(1))}}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		a.network.HealAll()
		for tried := time.Now().Add(4 * time.Second); !scrape() && time.Now().Before(tried); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(ssnode_[a-z_]+)`").FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = true
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if !strings.HasPrefix(m[1], "ssnode_") {
			documented["queue "+m[1]] = true
		}
	}
	for name := range told {
		if !documented[name] {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
	for name := range documented {
		if !told[name] {
			t.Errorf("docs/operations.md has %s, which nobody tells of", name)
		}
	}
}

// counting counts the requests and bytes of a client.
type counting struct {
	http.RoundTripper
	requests atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// TestDiff_Entries_CostFollowsTheDifference compares two members that agree on
// much and differ in little.
func TestDiff_Entries_CostFollowsTheDifference(t *testing.T) {
	a, b := servePair(t)
	const claims = 5000 // a sixteenth of them fits no page
	for from := 0; from < claims; from += 1000 {
		var ops []wire.Operation
		for i := from; i < from+1000; i++ {
			ops = append(ops, wire.Operation{Op: wire.OpRegister, Node: "n1", Bounds: bounds(fmt.Sprintf("k%05d", i), fmt.Sprintf("k%05d~", i))})
		}
		if _, err := a.Write(t.Context(), ops, client.WriteOptions{Wait: wire.MemberCount{All: true}}); err != nil {
			t.Fatal(err)
		}
	}
	var counted counting
	counted.RoundTripper = &http.Transport{}
	diff := func() (wire.Diff, []string, int64) {
		t.Helper()
		before := counted.requests.Load()
		ca, errA := client.New(a.url, client.Options{Transport: &counted})
		cb, errB := client.New(b.url, client.Options{Transport: &counted})
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		var rows []string
		found, err := client.Diff(t.Context(), ca, cb, func(x wire.Difference) error {
			row := fmt.Sprintf("%s %s", x.Node, x.From)
			for _, side := range []*wire.Content{x.A, x.B} {
				if side == nil {
					row += " -"
				} else {
					row += fmt.Sprintf(" %d", side.Priority)
				}
			}
			rows = append(rows, row)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, rows, counted.requests.Load() - before
	}
	t.Cleanup(func() { counted.RoundTripper.(*http.Transport).CloseIdleConnections() })
	found, rows, cost := diff()
	if !found.Equal || !found.SameEvents || len(rows) != 0 || cost != 2 {
		t.Errorf("of equal nodes: %+v, %v, in %d requests", found, rows, cost)
	}
	a.network.Cut("n1", "n2")
	increase := func(s *served, node string, i int) {
		t.Helper()
		by := int64(3)
		if _, err := s.Write(t.Context(), []wire.Operation{{Op: wire.OpIncrease, Node: node, Bounds: bounds(fmt.Sprintf("k%05d", i), fmt.Sprintf("k%05d~", i)), By: &by}}, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	increase(a.served, "n1", 7)
	increase(b.served, "n1", 2000)
	increase(b.served, "n2", 2999)
	found, rows, cost = diff()
	if want := []string{"n1 k00007 4 1", "n1 k02000 1 4", "n2 k02999 - 3"}; !slices.Equal(rows, want) || found.Equal || found.SameEvents {
		t.Errorf("%+v: %v, want %v", found, rows, want)
	}
	if cost > 2+3*8 {
		t.Errorf("3 differences among %d claims took %d requests", claims, cost)
	}
	// One side holds nothing of a part: it is listed, page by page.
	fresh := serve(t, api.Options{})
	listed := 0
	c, err := client.New(fresh.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := client.Diff(t.Context(), a.Client, c, func(x wire.Difference) error {
		if x.Type == wire.StateClaim {
			listed++
		}
		return nil
	}); err != nil || listed != claims {
		t.Errorf("against a fresh node %d claims differ, %v", listed, err)
	}
}

// TestServer_Fingerprints_PartsMakeTheWhole: parts that a node cuts by itself
// are those that it is asked about.
func TestServer_Fingerprints_PartsMakeTheWhole(t *testing.T) {
	s := serve(t, api.Options{})
	for i := range 50 {
		s.register(t, "default", "n1", fmt.Sprintf("k%02d", i), "")
	}
	whole, err := s.State(t.Context(), wire.StateRequest{})
	if err != nil || len(whole.Parts) != 1 || whole.Parts[0].Records != 51 || whole.Parts[0].To != nil {
		t.Fatalf("%+v %v", whole, err)
	}
	cut, err := s.State(t.Context(), wire.StateRequest{Parts: 8})
	if err != nil || len(cut.Parts) < 4 || len(cut.Parts) > 8 {
		t.Fatalf("%+v %v", cut, err)
	}
	query := "/v1/fingerprints?"
	var records uint64
	for _, p := range cut.Parts {
		if records += p.Records; p.From != "" {
			query += "&cut=" + p.From
		}
	}
	if records != 51 {
		t.Errorf("the parts have %d records", records)
	}
	_, text := s.ask(t, "GET", query, "")
	var again wire.State
	if err := json.Unmarshal([]byte(text), &again); err != nil || wireText(t, again.Parts) != wireText(t, cut.Parts) {
		t.Errorf("cut there, the parts are %s, want %s", wireText(t, again.Parts), wireText(t, cut.Parts))
	}
}

// member is a served node of a pair.
type member struct {
	*served
	network *node.Network
}

// servePair returns two members of one cluster that have met.
func servePair(t *testing.T) (a, b member) {
	t.Helper()
	network := node.NewNetwork()
	a = member{serveNode(t, api.Options{}, node.Options{Node: "n1", Faults: network}), network}
	b = member{serveNode(t, api.Options{}, node.Options{Node: "n2", Faults: network, Join: []string{a.node.GossipAddr()}}), network}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		ma, mb := a.node.Members(), b.node.Members()
		if len(ma) == 2 && ma[1].InSync && len(mb) == 2 && mb[0].InSync {
			return a, b
		}
		if time.Now().After(deadline) {
			t.Fatalf("they have not met: %+v %+v", ma, mb)
		}
	}
}

// TestServer_Metrics_DelaysAndMemberChanges: what a member wrote has a delay where it
// came to, and the member was found alive there.
func TestServer_Metrics_DelaysAndMemberChanges(t *testing.T) {
	a, b := servePair(t)
	b.register(t, "default", "n2", "a", "m")
	for deadline := time.Now().Add(10 * time.Second); len(a.node.Lookup("default", "b").Servers) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("n1 does not show what n2 wrote")
		}
	}
	_, text := a.ask(t, "GET", "/metrics", "")
	told := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		told[name] = value
	}
	count, all := told["ssnode_delta_delay_seconds_count"], told[`ssnode_delta_delay_seconds_bucket{le="+Inf"}`]
	if minute := told[`ssnode_delta_delay_seconds_bucket{le="60"}`]; count == "" || count == "0" || minute != count || all != count {
		t.Errorf("%q deltas have a delay, %q of them of a minute at most, %q in all", count, minute, all)
	}
	if alive := told[`ssnode_member_changes_total{liveness="alive"}`]; alive == "" || alive == "0" {
		t.Errorf("members became alive %q times", alive)
	}
}
