package gossip

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// A port that is not that of gossip, say of HTTP, takes a connection and waits:
// what is said then is what was tried and what to look at.
func TestTransport_Join_NobodyWhoGossips(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := fast("n1")
	o.StreamTimeout = time.Second
	p := start(t, o)
	_, err = p.Join(context.Background(), []string{silent.Addr().String()})
	for _, want := range []string{"took the connection", "did not answer like a member", "gossip port", "i/o timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
	for text, want := range map[string]string{
		"dial tcp 10.0.0.9:7480: i/o timeout":                  "no connection came about over TCP: check the address, and firewalls between",
		"dial tcp 10.0.0.9:7480: connect: connection refused":  "nobody listens there over TCP: check that the node runs, and that this is its gossip port",
		"read tcp 10.0.0.1:4->10.0.0.9:7480: connection reset": "read tcp 10.0.0.1:4->10.0.0.9:7480: connection reset",
	} {
		if got := explainJoin(errors.New("failed to join 10.0.0.9:7480: "+text), "10.0.0.9:7480").Error(); !strings.Contains(got, want) || !strings.Contains(got, text) {
			t.Errorf("%s is told as %q", text, got)
		}
	}
}
