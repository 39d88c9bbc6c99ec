package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
)

// announce says who the member is, where it listens and how another joins it.
func (m *member) announce(url string) error {
	return printf(m.stdout, `node %s of cluster %s, replica %s
  data    %s
  api     %s
  gossip  %s
another node joins with:
  %s
`, m.node.Name(), m.node.Cluster(), m.node.Replica(), m.settings.DataDir, url, m.node.GossipAddr(), m.joinCommand())
}

// urlOn returns the URL of a listener. One that listens everywhere is reached
// at the host of another address.
func urlOn(listener net.Addr, other string) string {
	address := listener.String()
	host, port, err := net.SplitHostPort(address)
	if err == nil && net.ParseIP(host).IsUnspecified() {
		if host, _, err = net.SplitHostPort(other); err == nil {
			address = net.JoinHostPort(host, port)
		}
	}
	return "http://" + address
}

// joinCommand returns the command line that starts another node in this
// cluster. What is on loopback can only be joined on this machine, where the
// default ports are taken.
func (m *member) joinCommand() string {
	args := []string{"ssnode run --data-dir DIRECTORY --node NAME --join", m.node.GossipAddr()}
	if m.node.Cluster() != store.DefaultCluster {
		args = append(args, "--cluster", m.node.Cluster())
	}
	host, _, err := net.SplitHostPort(m.node.GossipAddr())
	if err == nil && net.ParseIP(host).IsLoopback() {
		args = append(args, "--gossip 127.0.0.1:0 --api 127.0.0.1:0")
	} else {
		args = append(args, "--gossip HOST:7480")
	}
	if m.settings.GossipKeyFile != "" {
		args = append(args, "--gossip-key-file", m.settings.GossipKeyFile)
	} else if m.settings.Insecure {
		args = append(args, "--insecure")
	}
	return strings.Join(args, " ")
}

// explainOpen adds what to do to the errors of opening a node.
func explainOpen(err error) error {
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w; if that is this node, it already runs: see ssnode status", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; choose another port with --gossip, or 0 for a free one", err)
	case errors.Is(err, store.ErrOptions):
		return usageErrorf("%w", err)
	case errors.Is(err, node.ErrNameTaken):
		return fmt.Errorf("%w; choose another --node, or stop the other process", err)
	}
	return err
}
