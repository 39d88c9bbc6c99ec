package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// TestClient_SilentNode_IsUnreachable asks what accepts connections and never
// says a word.
func TestClient_SilentNode_IsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := client.New(l.Addr().String(), client.Options{SilenceMax: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Status(context.Background()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("Status of a silent node: %v; want ErrUnreachable", err)
	}
}

// TestClient_NodeThatStops_IsUnreachable asks one that falls silent within its
// answer.
func TestClient_NodeThatStops_IsUnreachable(t *testing.T) {
	asked := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"node":`))
		_ = http.NewResponseController(w).Flush()
		<-asked
	}))
	defer s.Close()
	defer close(asked)
	c, err := client.New(s.URL, client.Options{SilenceMax: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Status(context.Background()); !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), "said nothing for 20ms") {
		t.Errorf("Status of a node that stops: %v; want ErrUnreachable and how long it was silent", err)
	}
}

// TestClient_NodeThatWaitsAsAsked_IsNotSilent looks up with a token whose wait
// outlasts what a node may otherwise take.
func TestClient_NodeThatWaitsAsAsked_IsNotSilent(t *testing.T) {
	c := against(t, client.Options{SilenceMax: 10 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		var asked wire.LookupRequest
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if asked.Timeout == "" {
			<-r.Context().Done() // it answers when nobody listens any more, however late that is
			return
		}
		time.Sleep(100 * time.Millisecond)
		_, _ = w.Write([]byte(`{"lookups":[]}`))
	})
	q := wire.LookupRequest{Keys: wire.List[string]{"a"}, AtLeast: "T", Timeout: "1m"}
	if _, err := c.LookupBy(t.Context(), q); err != nil {
		t.Error(err)
	}
	q.Timeout = ""
	if _, err := c.LookupBy(t.Context(), q); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("of one that was not asked to wait: %v", err)
	}
}
