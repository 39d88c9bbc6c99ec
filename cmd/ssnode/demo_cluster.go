package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/node"
)

// demoCluster is the three nodes of the demo and the network between them.
type demoCluster struct {
	dir     string
	network *node.Network
	nodes   map[string]*demoNode
	// join is the gossip address of the first node.
	join string
	// gossip is where nodes that are processes gossip, so that one that was
	// killed comes back at its address.
	gossip map[string]string
}

func newDemoCluster(dir string) *demoCluster {
	return &demoCluster{dir: dir, network: node.NewNetwork(), nodes: map[string]*demoNode{}, gossip: map[string]string{}}
}

// demoNode is one node: inside this process, or a process of its own.
type demoNode struct {
	name   string
	client *client.Client

	node   *node.Node
	server *api.Server

	process *exec.Cmd
	log     *os.File
}

// startInside starts a node in this process.
func (c *demoCluster) startInside(ctx context.Context, name string) error {
	n, err := node.Open(ctx, node.Options{
		DataDir: filepath.Join(c.dir, name), Node: name, Cluster: "demo",
		Gossip: "127.0.0.1:0", Join: c.seeds(), Faults: c.network,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("start node %s: %w", name, err)
	}
	c.nodes[name] = &demoNode{name: name, node: n}
	if c.join == "" {
		c.join = n.GossipAddr()
	}
	return c.nodes[name].serve(ctx)
}

func (c *demoCluster) seeds() []string {
	if c.join == "" {
		return nil
	}
	return []string{c.join}
}

// serve puts HTTP in front of a node of this process.
func (d *demoNode) serve(ctx context.Context) error {
	l, err := api.Listen(ctx, "127.0.0.1:0", false)
	if err != nil {
		return err
	}
	d.server = api.New(d.node, api.Options{})
	go d.server.Serve(l)
	url := "http://" + l.Addr().String()
	if d.client, err = client.New(url, client.Options{}); err != nil {
		return err
	}
	return d.node.SetAPI(ctx, url)
}

// startProcess starts a node as a process of its own, and waits for its API.
func (c *demoCluster) startProcess(ctx context.Context, name string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to start node %s: %w", name, err)
	}
	data := filepath.Join(c.dir, name)
	addrFile := filepath.Join(c.dir, name+".addr")
	if err := os.RemoveAll(addrFile); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "run", "--data-dir", data, "--node", name, "--cluster", "demo",
		"--api", "127.0.0.1:0", "--gossip", cmp.Or(c.gossip[name], "127.0.0.1:0"), "--join", c.join, "--addr-file", addrFile)
	cmd.Stdout, cmd.Stderr = io.Discard, log
	cmd.Args[0] = os.Args[0]
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start node %s: %w", name, err), log.Close())
	}
	d := &demoNode{name: name, process: cmd, log: log}
	c.nodes[name] = d
	if err := d.connect(ctx, addrFile); err != nil {
		return err
	}
	status, err := d.client.Status(ctx)
	c.gossip[name] = status.Gossip
	return err
}

// connect waits for a process to say where its API is.
func (d *demoNode) connect(ctx context.Context, addrFile string) error {
	var address []byte
	err := eventually(ctx, fmt.Sprintf("node %s tells where it listens", d.name), func() (bool, error) {
		var err error
		address, err = os.ReadFile(addrFile)
		return err == nil, nil
	})
	if err == nil {
		d.client, err = client.New(strings.TrimSpace(string(address)), client.Options{})
	}
	return err
}

// kill ends a process with kill -9.
func (c *demoCluster) kill(name string) error {
	d := c.nodes[name]
	if err := d.process.Process.Kill(); err != nil {
		return err
	}
	_ = d.process.Wait() // reports the kill
	d.process = nil
	d.client.Close()
	return d.log.Close()
}

// stop ends every node that still runs.
func (c *demoCluster) stop() error {
	var errs []error
	for _, name := range []string{"n3", "n2", "n1"} {
		if d := c.nodes[name]; d != nil {
			errs = append(errs, d.stop())
		}
	}
	return errors.Join(errs...)
}

func (d *demoNode) stop() error {
	if d.client != nil {
		d.client.Close()
	}
	if d.process != nil {
		_ = d.process.Process.Signal(os.Interrupt)
		return errors.Join(d.process.Wait(), d.log.Close())
	}
	var err error
	if d.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = d.server.Shutdown(ctx)
	}
	if d.node != nil {
		err = errors.Join(err, d.node.Close())
	}
	return err
}

// eventually asks until it is so, or fails when the demo's or ten seconds'
// time is over.
func eventually(ctx context.Context, what string, isSo func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		ok, err := isSo()
		switch {
		case err != nil:
			return fmt.Errorf("until %s: %w", what, err)
		case ok:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it took too long until %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
