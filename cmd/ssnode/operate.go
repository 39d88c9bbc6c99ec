package main

import (
	"fmt"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// operating runs a command that has a node do something and prints what came
// of it.
func operating[T any](c *cli.Context, do func(*client.Client) (T, error), show func(T) listing) error {
	return withNode(c, func(out *output, node *client.Client) error {
		done, err := do(node)
		if err != nil {
			return out.failed(err)
		}
		return out.print(show(done))
	})
}

func joinCommand() *cli.Command {
	return &cli.Command{
		Name: "join", Category: groupCluster, Usage: "have a node meet members at other addresses",
		ArgsUsage: "HOST:PORT...",
		Description: "The addresses are those at which members gossip; one member is enough to meet all. Whoever is\n" +
			"met is remembered on disk and rejoined for ever. Fails, and says why, if nobody is met:\n" +
			"because nobody answers, or because they are of another cluster or protocol version.\n\n" +
			"Example: ssnode join 10.0.0.2:7480",
		Flags: flags(addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usageErrorf("join needs an address, HOST:PORT, at which a member gossips; see ssnode join --help")
			}
			return operating(c, func(n *client.Client) (wire.Joined, error) { return n.Join(c.Context, c.Args().Slice()...) }, joinedListing)
		},
	}
}

func joinedListing(j wire.Joined) listing {
	return listing{document: j, rows: []any{j}, names: j.Joined, table: func(o *output) error {
		if err := o.line("joined " + strings.Join(j.Joined, ", ")); err != nil {
			return err
		}
		for _, f := range j.Failed {
			if err := o.line("not met at " + f.Address + ": " + f.Error); err != nil {
				return err
			}
		}
		return nil
	}}
}

func leaveCommand() *cli.Command {
	return &cli.Command{
		Name: "leave", Category: groupCluster, Usage: "have a node leave its cluster in order, and stop",
		Description: "The others list it as left, not as dead, and wait for it no more. Its claims stay, for when\n" +
			"it comes back, unless --release takes them away. Started again, it is a member as before.\n\n" +
			"Example: ssnode leave --release",
		Flags: flags(&cli.BoolFlag{Name: "release", Usage: "release the node's claims"}, addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return operating(c, func(n *client.Client) (wire.Left, error) { return n.Leave(c.Context, c.Bool("release")) }, leftListing)
		},
	}
}

func leftListing(l wire.Left) listing {
	return listing{document: l, rows: []any{l}, names: []string{l.Node}, table: func(o *output) error {
		kept := "its claims stay"
		if l.Released > 0 {
			kept = plural(l.Released, "claim") + " released"
		}
		if err := o.line(l.Node + " has left and stops; " + kept); err != nil {
			return err
		}
		return o.waited(l.OnDisk, l.Missing)
	}}
}

func forgetCommand() *cli.Command {
	return &cli.Command{
		Name: "forget", Category: groupCluster, Usage: "retire a node that does not come back",
		ArgsUsage: "NODE",
		Description: "Nobody lists it, waits for it or looks for it any more, also those who are away at the moment;\n" +
			"records that wait for it are freed. Refused while it is alive. Its claims stay unless\n" +
			"--release takes them away. If it comes back after all, it goes by a new replica id.\n\n" +
			"With --replica, retires one replica instead: one that status or compact say records wait for.\n\n" +
			"Example: ssnode forget n3 --release",
		Flags: flags(
			&cli.StringFlag{Name: "replica", Usage: "forget the replica of this `ID` instead of a node"},
			&cli.BoolFlag{Name: "release", Usage: "release the node's claims"},
			addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			q, err := forgetRequest(c)
			if err != nil {
				return err
			}
			return operating(c, func(n *client.Client) (wire.Forgotten, error) { return n.Forget(c.Context, q) },
				func(f wire.Forgotten) listing { return forgottenListing(q, f) })
		},
	}
}

func forgetRequest(c *cli.Context) (wire.ForgetRequest, error) {
	q := wire.ForgetRequest{Replica: c.String("replica"), Release: c.Bool("release")}
	switch {
	case !c.IsSet("replica"):
		name, err := oneArgument(c, "the name of a node")
		q.Node = name
		return q, err
	case c.Args().Present():
		return q, usageErrorf("forget takes the name of a node, or --replica, not both")
	case q.Release:
		return q, usageErrorf("--release belongs to a node: claims are of nodes, not of replicas")
	}
	return q, refuseEmpty(c, "replica")
}

func forgottenListing(q wire.ForgetRequest, f wire.Forgotten) listing {
	return listing{document: f, rows: []any{f}, names: f.Replicas, table: func(o *output) error {
		who := orElse(q.Node, "replica "+q.Replica)
		if !f.Changed {
			return o.line(who + " was forgotten before; nothing was left to do")
		}
		text := who + " is forgotten: " + plural(len(f.Replicas), "replica") + " retired"
		if q.Release {
			text += ", " + plural(f.Released, "claim") + " released"
		}
		if err := o.line(text); err != nil {
			return err
		}
		return printf(o.w, "token %s\n", f.Token)
	}}
}

func nodesCommand() *cli.Command {
	return &cli.Command{
		Name: "nodes", Category: groupCluster, Usage: "what every node says of itself, and whether it lives",
		Description: "Service is where a node serves its users, as it says with --service; API is its HTTP interface.\n" +
			"Nodes that serve ranges need not be members: PUT /v1/nodes/NAME says where such a one is.\n" +
			"Exit code 3 if --node names one that has said nothing of itself.\n\n" +
			"Example: ssnode nodes -o json",
		Flags: flags(nodeFlag("one node"), limitFlag(), addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if err := refuseEmpty(c, "node"); err != nil {
				return err
			}
			if c.IsSet("limit") && c.Int("limit") < 1 {
				return usageErrorf("--limit %d: give a number from 1", c.Int("limit"))
			}
			q := client.Query{Node: c.String("node"), Limit: c.Int("limit")}
			var listed wire.Nodes
			err := operating(c, func(n *client.Client) (_ wire.Nodes, err error) {
				listed, err = n.Nodes(c.Context, q)
				return listed, err
			}, nodesListing)
			if err == nil && q.Node != "" && len(listed.Nodes) == 0 {
				return &exitError{code: wire.ExitNotFound, err: fmt.Errorf("no node %q has said anything of itself; ssnode nodes shows those that have", q.Node)}
			}
			return err
		},
	}
}

func nodesListing(listed wire.Nodes) listing {
	l := listing{document: listed, rows: rowsOf(listed.Nodes)}
	for _, n := range listed.Nodes {
		l.names = append(l.names, n.Node)
	}
	l.table = func(o *output) error {
		g := o.grid("Node", "Liveness", "Service", "API", "Labels")
		for _, n := range listed.Nodes {
			g.row(n.Node, o.alive(n.Liveness), orDash(n.Address), orDash(strings.TrimPrefix(n.API, "http://")), orDash(strings.Join(labelTexts(n.Labels), " ")))
		}
		return g.printUpTo(listed.Next != "")
	}
	return l
}

// alive shows a liveness for a table.
func (o *output) alive(l wire.Liveness) string { return o.style.mark(l) + " " + string(l) }
