package rival

import (
	"context"
	"errors"
	"net"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
)

// Node is a running member of a cluster of one, with its HTTP interface.
type Node struct {
	*node.Node
	server  *api.Server
	address string
	serving chan error
}

// StartNode starts the node of a data directory.
func StartNode(dir string) (*Node, error) {
	n, err := node.Open(context.Background(), node.Options{DataDir: dir, Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	out := &Node{Node: n, server: api.New(n, api.Options{}), address: l.Addr().String(), serving: make(chan error, 1)}
	go func() { out.serving <- out.server.Serve(l) }()
	return out, nil
}

// Client returns a client of the node.
func (n *Node) Client(o client.Options) (*client.Client, error) {
	return client.New(n.address, o)
}

// Close stops the node.
func (n *Node) Close() error {
	err := n.server.Shutdown(context.Background())
	return errors.Join(err, <-n.serving, n.Node.Close())
}
