package api_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// serveAged is serve for a node that has seen ten thousand replicas retire.
func serveAged(t *testing.T) *served {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	err := store.Load(dir, store.Options{Cluster: t.Name(), Node: "n1"}, func(l *store.Loader) error {
		for i := range uint64(10_000) {
			r := crdt.ReplicaID{0xee}
			binary.BigEndian.PutUint64(r[8:], i)
			if err := l.Seen(r, i+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return serveNode(t, api.Options{}, node.Options{DataDir: dir})
}

// TestServer_Tokens_DoNotGrowWithWhoHasRetired counts the characters of all
// tokens that are handed out, and hands them in again.
func TestServer_Tokens_DoNotGrowWithWhoHasRetired(t *testing.T) {
	s := serveAged(t)
	written := s.register(t, "default", "n1", "a", "m").Token
	tokens := map[string]wire.Token{"write": written}
	note := func(name string, token wire.Token, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tokens[name] = token
	}
	ctx, q := t.Context(), client.Query{Keyspace: "default"}
	found, err := s.Lookup(ctx, "default", "b", written)
	note("lookup", found.Token, err)
	listed, err := s.Ranges(ctx, q)
	note("ranges", listed.Token, err)
	claims, err := s.Claims(ctx, q)
	note("claims", claims.Token, err)
	keyspaces, err := s.Keyspaces(ctx)
	note("keyspaces", keyspaces.Token, err)
	streamed, err := s.EachClaim(ctx, q, func(wire.Claim) error { return nil })
	note("a stream of claims", streamed, err)
	status, err := s.Status(ctx)
	note("status", status.Context, err)
	s.watch(t, "", func(line wire.WatchLine) bool { note("snapshot_end", line.Token, nil); return line.Token != "" })
	before := tokens["snapshot_end"]
	s.register(t, "default", "n1", "m", "z")
	s.watch(t, before, func(line wire.WatchLine) bool { note("bookmark", line.Token, nil); return line.Token != "" })
	for name, token := range tokens {
		// One member is listed: 17 bytes, 1 + 1 + 17 + 1 of the list.
		if want := map[bool]int{false: 50, true: 27}[name == "write"]; len(token) != want {
			t.Errorf("%s: a token of %d characters, want %d", name, len(token), want)
		}
		if _, err := s.Lookup(ctx, "default", "b", token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if status, text := s.ask(t, "GET", "/v1/wait?members=all&token="+url.QueryEscape(string(token)), ""); status != 200 || !strings.Contains(text, `"missing":[]`) {
			t.Errorf("%s: a wait is answered %d %s", name, status, text)
		}
		if name == "write" {
			continue // it says nothing of those who retired, so a watch from there has to begin anew
		}
		lines := s.watch(t, token, func(line wire.WatchLine) bool { return line.Token != "" })
		if last := lines[len(lines)-1]; last != "bookmark" {
			t.Errorf("%s: a watch does not resume: %q", name, lines)
		}
	}
}

// TestServer_Tokens_OfAnotherCluster names a context that this node cannot
// know: it says so.
func TestServer_Tokens_OfAnotherCluster(t *testing.T) {
	other := serveAged(t)
	token := other.register(t, "default", "n1", "a", "m").Token
	found, err := other.Lookup(t.Context(), "default", "b", token)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, api.Options{})
	s.refused(t, "GET", "/v1/lookup?key=a&timeout=1ms&at_least="+string(found.Token), "", 503, wire.CodeUnavailable, "not yet seen")
	if status, text := s.ask(t, "GET", "/v1/wait?timeout=1ms&token="+string(found.Token), ""); status != 200 || !strings.Contains(text, `"missing":["n1"]`) {
		t.Errorf("a wait is answered %d %s", status, text)
	}
	// A name of nothing that this node would have to wait for.
	unknown := base64.RawURLEncoding.EncodeToString(append([]byte{1, 16: 9}, 0x80))
	for _, path := range []string{"/v1/lookup?key=a&timeout=1ms&at_least=", "/v1/wait?timeout=1ms&token="} {
		s.refused(t, "GET", path+unknown, "", 410, wire.CodeTrimmed, "take a newer token")
	}
}
