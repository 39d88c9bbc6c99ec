package main

import (
	"context"
	"errors"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// mapSubrangesMax is how many subranges a picture has that was not told.
const mapSubrangesMax = 200

func mapCommand() *cli.Command {
	return &cli.Command{
		Name: "map", Category: groupRead, Usage: "a picture of the key space: who serves what, and where nobody does",
		Description: "Example: ssnode map --keyspace users",
		Flags: flags(keyspaceFlag(), allKeyspacesFlag(), rangeFlags("the part to show"), limitFlag(),
			&cli.BoolFlag{Name: "ascii", Usage: "draw with ASCII only"},
			addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			a, err := ask(c)
			if err != nil {
				return err
			}
			defer a.node.Close()
			if a.out.format != formatTable || a.out.quiet {
				return a.ranges(c.Context)
			}
			if a.query.Limit == 0 {
				a.query.Limit = mapSubrangesMax
			}
			a.out.style.ascii = a.out.style.ascii || c.Bool("ascii")
			return a.pictures(c.Context)
		},
	}
}

// pictures draws every keyspace that is asked for.
func (a *asked) pictures(ctx context.Context) error {
	liveness, err := livenesses(ctx, a.node)
	if err != nil {
		return err
	}
	keyspaces, err := a.keyspaces(ctx)
	if err != nil {
		return err
	}
	for i, keyspace := range keyspaces {
		q := a.query
		q.Keyspace, q.AllKeyspaces = keyspace, false
		listed, err := a.node.Ranges(ctx, q)
		if err != nil {
			return err
		}
		drawn := draw(a.out.style, widthOf(a.out.w), listed, liveness)
		if i > 0 {
			drawn = "\n" + drawn
		}
		if err := a.out.line(drawn); err != nil {
			return err
		}
	}
	if len(keyspaces) == 0 {
		return a.out.line("No keyspace has claims.")
	}
	return nil
}

// draw returns the picture of a keyspace, with what is believed of its servers.
func draw(s style, width int, listed wire.Ranges, liveness map[string]wire.Liveness) string {
	for _, x := range listed.Subranges {
		for j := range x.Servers {
			x.Servers[j].Liveness = livenessOf(liveness, x.Servers[j].Node)
		}
	}
	p := &picture{style: s, width: width, ranges: listed}
	p.draw()
	return p.text()
}

// livenesses returns what a node believes of every node that it knows.
func livenesses(ctx context.Context, of *client.Client) (map[string]wire.Liveness, error) {
	nodes, err := of.Nodes(ctx, client.Query{})
	if err != nil {
		return nil, errors.Join(errors.New("ask who lives"), err)
	}
	out := map[string]wire.Liveness{}
	for _, n := range nodes.Nodes {
		out[n.Node] = n.Liveness
	}
	return out, nil
}

func livenessOf(known map[string]wire.Liveness, node string) wire.Liveness {
	if l, ok := known[node]; ok {
		return l
	}
	return wire.LivenessUnknown
}
