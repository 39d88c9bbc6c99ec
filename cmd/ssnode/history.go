package main

import (
	"time"

	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

func historyCommand() *cli.Command {
	return &cli.Command{
		Name: "history", Category: groupRead, Usage: "what was done to the claims, oldest first",
		Description: "Shows the newest events that this node still has. What concerns its own ranges is kept\n" +
			"for long, all else for a short time; when something was dropped, that is said.\n\n" +
			"Example: ssnode history --from a --to m --limit 20",
		Flags: flags(keyspaceFlag(), allKeyspacesFlag(), rangeFlags("the part to show"),
			nodeFlag("a node: only what was done to its claims"), limitFlag(), addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			a, err := ask(c)
			if err != nil {
				return err
			}
			defer a.node.Close()
			h, err := a.node.History(c.Context, a.query)
			if err != nil {
				return err
			}
			if (a.out.format == formatNDJSON || a.out.quiet) && !h.Complete {
				if err := printf(c.App.ErrWriter, "ssnode: %s\n", incompleteHistory); err != nil {
					return err
				}
			}
			return a.out.print(historyListing(h, a.query.AllKeyspaces))
		},
	}
}

const incompleteHistory = "this is not all: older events were dropped, never arrived as events, or lie beyond --limit"

func historyListing(h wire.History, several bool) listing {
	l := listing{document: h, rows: rowsOf(h.Events)}
	for _, e := range h.Events {
		l.names = append(l.names, e.Dot)
	}
	l.table = func(o *output) error {
		columns := []string{"Time", "Operation", "Range", "Node", "#Amount", "Event"}
		if several {
			columns = append(columns, "Keyspace")
		}
		g := o.grid(columns...)
		for _, e := range h.Events {
			cells := []any{clock(e.Time, time.TimeOnly+".000"), string(e.Op), o.eventRange(e), e.Node, amountOf(e), shortDot(e.Dot)}
			if several {
				cells = append(cells, e.Keyspace)
			}
			g.row(cells...)
		}
		if err := g.print(); err != nil {
			return err
		}
		if h.Complete {
			return o.line("This is all that ever happened here; times are of the origins' clocks.")
		}
		if err := o.line("Incomplete: " + incompleteHistory + "."); err != nil {
			return err
		}
		return o.missing(h.Missing)
	}
	return l
}

// missingShown is how many ranges that lack events a table names.
const missingShown = 10

// missing says of which ranges a history lacks events.
func (o *output) missing(list []wire.Missing) error {
	for i, m := range list {
		if i == missingShown {
			return o.line("  and of " + formatInt(int64(len(list)-i)) + " more ranges")
		}
		if err := o.line("  events are missing of " + orElse(m.Keyspace, "every keyspace") + " " + o.style.bounds(m.Bounds)); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) eventRange(e wire.Event) string {
	if e.Bounds == nil {
		return "-"
	}
	return o.style.bounds(*e.Bounds)
}

func amountOf(e wire.Event) string {
	switch {
	case e.By > 0 && e.Op == wire.OpDecrease:
		return "-" + formatInt(e.By)
	case e.By > 0:
		return "+" + formatInt(e.By)
	case e.Priority > 0:
		return formatInt(e.Priority)
	}
	return ""
}

// shortDot shows the beginning of a replica id, which is enough to tell those
// of one cluster apart.
func shortDot(dot string) string {
	const shown = 8
	for i, r := range dot {
		if r == ':' && i > shown {
			return dot[:shown] + dot[i:]
		}
	}
	return dot
}
