package main

import (
	"context"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// asked is a command that asks a node: what was asked for and how to print it.
type asked struct {
	query client.Query
	out   *output
	node  *client.Client
}

// ask reads what the flags of a listing say. Close the node when done.
func ask(c *cli.Context) (*asked, error) {
	if err := noArguments(c); err != nil {
		return nil, err
	}
	a := &asked{}
	var err error
	if a.query.Keyspace, a.query.AllKeyspaces, err = keyspaceOf(c); err != nil {
		return nil, err
	}
	if a.query.Bounds, err = boundsOf(c); err != nil {
		return nil, err
	}
	if err := refuseEmpty(c, "node"); err != nil {
		return nil, err
	}
	if c.IsSet("limit") && c.Int("limit") < 1 {
		return nil, usageErrorf("--limit %d: give a number from 1", c.Int("limit"))
	}
	a.query.Node, a.query.Limit = c.String("node"), c.Int("limit")
	if a.out, err = outputOf(c); err != nil {
		return nil, err
	}
	a.node, err = connect(c)
	return a, err
}

func rangesCommand() *cli.Command {
	return &cli.Command{
		Name: "ranges", Category: groupRead, Usage: "the subranges of the key space, and who serves each",
		Description: "A subrange is a maximal run of keys with the same servers. Gaps are subranges too.\n\n" +
			"Example: ssnode ranges --keyspace users",
		Flags: flags(keyspaceFlag(), allKeyspacesFlag(), rangeFlags("the part to show"),
			nodeFlag("a node: only what it serves"), limitFlag(), addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			a, err := ask(c)
			if err != nil {
				return err
			}
			defer a.node.Close()
			return a.ranges(c.Context)
		},
	}
}

func (a *asked) ranges(ctx context.Context) error {
	keyspaces, err := a.keyspaces(ctx)
	if err != nil {
		return err
	}
	if a.out.format == formatNDJSON && !a.out.quiet {
		return a.streamRanges(ctx, keyspaces)
	}
	all, more, err := a.pages(ctx, keyspaces)
	if err != nil {
		return err
	}
	return a.out.print(rangesListing(all, a.query.AllKeyspaces, more))
}

// pages returns the subranges of keyspaces, at most --limit of all of them
// together, and whether there are more.
func (a *asked) pages(ctx context.Context, keyspaces []string) (all []wire.Ranges, more bool, err error) {
	left := a.query.Limit
	for _, keyspace := range keyspaces {
		full := a.query.Limit > 0 && left == 0
		q := a.query
		if q.Keyspace, q.AllKeyspaces, q.Limit = keyspace, false, left; full {
			q.Limit = 1 // only to see whether there is one
		}
		listed, err := a.node.Ranges(ctx, q)
		switch {
		case err != nil:
			return nil, false, err
		case full && len(listed.Subranges) > 0:
			return all, true, nil
		case full:
			continue
		}
		all = append(all, listed)
		if listed.Next != "" {
			return all, true, nil
		}
		left -= len(listed.Subranges)
	}
	return all, false, nil
}

// keyspaces returns the keyspaces that are asked for.
func (a *asked) keyspaces(ctx context.Context) ([]string, error) {
	if !a.query.AllKeyspaces {
		return []string{a.query.Keyspace}, nil
	}
	listed, err := a.node.Keyspaces(ctx)
	var names []string
	for _, k := range listed.Keyspaces {
		names = append(names, k.Keyspace)
	}
	return names, err
}

func (a *asked) streamRanges(ctx context.Context, keyspaces []string) error {
	left := a.query.Limit
	for _, keyspace := range keyspaces {
		if a.query.Limit > 0 && left == 0 {
			return nil
		}
		q := a.query
		q.Keyspace, q.AllKeyspaces, q.Limit = keyspace, false, left
		_, err := a.node.EachSubrange(ctx, q, func(row wire.KeyspaceRow) error {
			left--
			return a.out.json(row)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func rangesListing(all []wire.Ranges, several, more bool) listing {
	l := listing{table: func(o *output) error { return o.rangesTable(all, several, more) }}
	for _, r := range all {
		within := ""
		if several {
			within = r.Keyspace + ":"
		}
		for _, x := range r.Subranges {
			l.names = append(l.names, within+rangeText(x.Bounds))
		}
	}
	if several {
		l.document = struct {
			Keyspaces wire.List[wire.Ranges] `json:"keyspaces"`
		}{all}
	} else {
		l.document = all[0]
	}
	return l
}

func (o *output) rangesTable(all []wire.Ranges, several, more bool) error {
	columns := []string{"Range", "&Servers, most preferred first"}
	if several {
		columns = append([]string{"Keyspace"}, columns...)
	}
	g := o.grid(columns...)
	for _, r := range all {
		for _, x := range r.Subranges {
			cells := []any{o.style.bounds(x.Bounds), o.style.servers(x.Servers)}
			if several {
				cells = append([]any{r.Keyspace}, cells...)
			}
			g.row(cells...)
		}
	}
	return g.printUpTo(more)
}

func claimsCommand() *cli.Command {
	return &cli.Command{
		Name: "claims", Category: groupRead, Usage: "which node claims which range, with what priority",
		Description: "Example: ssnode claims --node n1",
		Flags: flags(keyspaceFlag(), allKeyspacesFlag(), rangeFlags("the part to show"),
			nodeFlag("a node: only its claims"), limitFlag(), addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			a, err := ask(c)
			if err != nil {
				return err
			}
			defer a.node.Close()
			return a.claims(c.Context)
		},
	}
}

func (a *asked) claims(ctx context.Context) error {
	if a.out.format == formatNDJSON && !a.out.quiet {
		_, err := a.node.EachClaim(ctx, a.query, func(row wire.Claim) error { return a.out.json(row) })
		return err
	}
	listed, err := a.node.Claims(ctx, a.query)
	if err != nil {
		return err
	}
	var names []string
	for _, x := range listed.Claims {
		names = append(names, x.Keyspace+":"+rangeText(x.Bounds)+" "+x.Node)
	}
	return a.out.print(listing{document: listed, names: names, table: func(o *output) error {
		return o.claimsTable(listed, a.query.AllKeyspaces)
	}})
}

func (o *output) claimsTable(listed wire.Claims, several bool) error {
	columns := []string{"Range", "Node", "#Priority"}
	if several {
		columns = append([]string{"Keyspace"}, columns...)
	}
	g := o.grid(columns...)
	for _, x := range listed.Claims {
		cells := []any{o.style.bounds(x.Bounds), x.Node, x.Priority}
		if several {
			cells = append([]any{x.Keyspace}, cells...)
		}
		g.row(cells...)
	}
	return g.printUpTo(listed.Next != "")
}

func keyspacesCommand() *cli.Command {
	return &cli.Command{
		Name: "keyspaces", Category: groupRead, Usage: "the keyspaces that have claims",
		Flags:  flags(addrFlag(), outputFlags()),
		Action: showing((*client.Client).Keyspaces, keyspacesListing),
	}
}

func keyspacesListing(listed wire.Keyspaces) listing {
	l := listing{document: listed, rows: rowsOf(listed.Keyspaces)}
	for _, k := range listed.Keyspaces {
		l.names = append(l.names, k.Keyspace)
	}
	l.table = func(o *output) error {
		g := o.grid("Keyspace", "#Claims", "#Subranges")
		for _, k := range listed.Keyspaces {
			g.row(k.Keyspace, k.Claims, k.Subranges)
		}
		return g.print()
	}
	return l
}
