package api

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/scalesmall/ssnode/node"
)

// Errors of Listen that no other moment will mend.
var (
	// ErrExposed is wrapped when an address can be reached from other machines
	// and nobody said that this is meant.
	ErrExposed = errors.New("can be reached from other machines")
	// ErrAddress is wrapped when an address is not of the form HOST:PORT.
	ErrAddress = errors.New("want HOST:PORT, for instance 127.0.0.1:7481")
)

// Listen listens on host:port; port 0 picks a free one. An address that is not
// loopback is refused unless insecure says that the network is trusted: the
// interface has no credentials.
func Listen(ctx context.Context, address string, insecure bool) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("api address %q: %w", address, ErrAddress)
	}
	var config net.ListenConfig
	if _, err := net.DefaultResolver.LookupPort(ctx, "tcp", port); err != nil {
		return nil, fmt.Errorf("api address %q: there is no such port: %w", address, ErrAddress)
	}
	if !insecure && !node.IsLoopback(host) {
		return nil, fmt.Errorf("api address %q %w and has no credentials: use 127.0.0.1, or say --insecure if everybody on that network is trusted", address, ErrExposed)
	}
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on api address %q: %w; choose another port, or 0 for a free one", address, err)
	}
	return l, nil
}
