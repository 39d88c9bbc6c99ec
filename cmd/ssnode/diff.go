package main

import (
	"context"
	"errors"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// diffLimit is how many differences are shown at once that were not told.
const diffLimit = 1000

func diffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Category: groupCluster, Usage: "what two nodes do not hold alike",
		ArgsUsage: "ADDR_A ADDR_B",
		Description: "Descends by fingerprints into what differs, so it costs what the difference is worth. Nodes\n" +
			"that are written to differ by what is on its way; that is said where it may be so.\n\n" +
			"Exit code 5 if they differ.\n\n" +
			"Example: ssnode diff http://127.0.0.1:7481 http://127.0.0.1:7482",
		Flags: flags(&cli.IntFlag{Name: "limit", Usage: "at most `N` differences (default: 1000; no limit with -o ndjson)"}, outputFlags()),
		Action: func(c *cli.Context) error {
			d, err := newDiffer(c)
			if err != nil {
				return err
			}
			defer d.a.Close()
			defer d.b.Close()
			return d.run(c.Context)
		},
	}
}

// differ compares two nodes and prints what it finds.
type differ struct {
	a, b  *client.Client
	out   *output
	limit int // 0: none
	found wire.Diff
	count int
}

func newDiffer(c *cli.Context) (*differ, error) {
	if c.Args().Len() != 2 {
		return nil, usageErrorf("diff needs the addresses of two nodes, for instance http://127.0.0.1:7481; see ssnode diff --help")
	}
	if c.IsSet("limit") && c.Int("limit") < 1 {
		return nil, usageErrorf("--limit %d: give a number from 1", c.Int("limit"))
	}
	out, err := outputOf(c)
	if err != nil {
		return nil, err
	}
	d := &differ{out: out, limit: c.Int("limit")}
	if d.limit == 0 && !d.streams() {
		d.limit = diffLimit
	}
	o := client.Options{UserAgent: "ssnode/" + versionText()}
	if d.a, err = client.New(c.Args().Get(0), o); err != nil {
		return nil, err
	}
	d.b, err = client.New(c.Args().Get(1), o)
	return d, err
}

// streams reports whether differences are printed as they are found.
func (d *differ) streams() bool { return d.out.format == formatNDJSON || d.out.quiet }

// errLimit ends a comparison that has found as much as was asked for.
var errLimit = errors.New("enough differences")

func (d *differ) run(ctx context.Context) error {
	found, err := client.Diff(ctx, d.a, d.b, d.take)
	if err != nil && !errors.Is(err, errLimit) {
		if errors.Is(err, client.ErrClusters) {
			err = usageErrorf("%w", err)
		}
		return d.out.failed(err)
	}
	found.Differences, found.More = d.found.Differences, errors.Is(err, errLimit)
	if !d.streams() {
		if err := d.out.print(listing{document: found, table: func(o *output) error { return o.diffTable(found) }}); err != nil {
			return err
		}
	}
	if found.Equal {
		return nil
	}
	return exit(wire.ExitCheckFailed)
}

func (d *differ) take(x wire.Difference) error {
	if d.count++; d.limit > 0 && d.count > d.limit {
		return errLimit
	}
	switch {
	case d.out.quiet:
		return d.out.line(subjectText(x.Subject))
	case d.out.format == formatNDJSON:
		return d.out.json(x)
	}
	d.found.Differences = append(d.found.Differences, x)
	return nil
}

func (o *output) diffTable(d wire.Diff) error {
	if d.Equal {
		return o.line(d.A.Node + " and " + d.B.Node + " hold the same: " + d.A.Fingerprint)
	}
	g := o.grid("What", "Range", "Node", "On "+d.A.Node, "On "+d.B.Node)
	for _, x := range d.Differences {
		what, bounds, who := string(x.Type), "", x.Node
		switch x.Type {
		case wire.StateClaim:
			what, bounds = "claim in "+x.Keyspace, o.style.bounds(*x.Bounds)
		case wire.StateForgotten:
			what, who = "forgotten replica", x.Replica
		}
		g.row(what, bounds, who, contentText(x.Type, x.A), contentText(x.Type, x.B))
	}
	if err := g.printUpTo(d.More); err != nil {
		return err
	}
	if d.SameEvents {
		return o.line("Both have seen the same events, so this does not go away by itself unless one repairs it: see their logs for \"diverged\".")
	}
	return o.line("They have not seen the same events: this may be still on its way; ask again.")
}

func subjectText(s wire.Subject) string {
	switch s.Type {
	case wire.StateClaim:
		return "claim " + s.Keyspace + ":" + rangeText(*s.Bounds) + " " + s.Node
	case wire.StateNode:
		return "node " + s.Node
	}
	return "forgotten " + s.Replica
}

// contentText says what a node holds of something, for people.
func contentText(t wire.StateType, c *wire.Content) string {
	switch {
	case c == nil:
		return "-"
	case t == wire.StateForgotten:
		return "forgotten"
	case t == wire.StateNode && c.Retired:
		return "forgotten, " + c.Sum[:8]
	case t == wire.StateNode:
		return strings.Join(append([]string{orDash(c.Address)}, labelTexts(c.Labels)...), " ") + ", " + c.Sum[:8]
	}
	shown := "released"
	if c.Priority > 0 {
		shown = "priority " + formatInt(c.Priority)
	}
	// The same priority may be made of different contributions.
	return shown + ", " + plural(c.Records, "record") + " " + c.Sum[:8]
}
