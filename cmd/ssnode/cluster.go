package main

import (
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

func membersCommand() *cli.Command {
	return &cli.Command{
		Name: "members", Category: groupCluster, Usage: "the members of the cluster, as one node sees them",
		Flags:  flags(addrFlag(), outputFlags()),
		Action: showing((*client.Client).Members, membersListing),
	}
}

func membersListing(listed wire.Members) listing {
	l := listing{document: listed, rows: rowsOf(listed.Members)}
	for _, m := range listed.Members {
		l.names = append(l.names, m.Node)
	}
	l.table = func(o *output) error {
		g := o.grid("Node", "Liveness", "Sync", "#Behind", "API", "Gossip", "Heard")
		for _, m := range listed.Members {
			g.row(m.Node, o.style.mark(m.Liveness)+" "+string(m.Liveness), yesNo(m.InSync), m.Behind, orDash(strings.TrimPrefix(m.Address, "http://")), orDash(m.Gossip), heard(m.LastHeard))
		}
		return g.print()
	}
	return l
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func heard(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return clock(t, time.TimeOnly)
}

// clock shows a time of today in the given layout, and of another day with its
// date before that.
func clock(t time.Time, layout string) string {
	t = t.Local()
	if t.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return t.Format(layout)
	}
	return t.Format(time.DateOnly + " " + layout)
}

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Category: groupCluster, Usage: "what a node says of its own condition",
		Description: "Exits with 0 also if the node is not ready; /readyz and the field \"ready\" say that.",
		Flags:       flags(addrFlag(), outputFlags()),
		Action:      showing((*client.Client).Status, statusListing),
	}
}

func statusListing(status wire.Status) listing {
	return listing{
		document: status, rows: []any{status}, names: []string{status.Node},
		table: func(o *output) error { return o.statusTable(status) },
	}
}

func (o *output) statusTable(s wire.Status) error {
	ready := "yes"
	if !s.Ready {
		ready = o.style.alarm("no") + ": " + strings.Join(s.NotReady, "; ")
	}
	rows := [][2]string{
		{"node", s.Node + " of cluster " + s.Cluster},
		{"ready", ready},
		{"api", s.API},
		{"gossip", s.Gossip},
		{"members", formatInt(int64(s.Members))},
		{"claims", formatInt(int64(s.Claims))},
		{"state", s.Fingerprint},
		{"replica", s.Replica + ", " + string(s.Identity)},
		{"log", formatInt(s.LogRecords) + " records, " + formatBytes(s.LogBytes)},
		{"file", formatBytes(s.DBBytes) + ", " + formatBytes(s.DBFreeBytes) + " of it free"},
		{"version", s.Version},
	}
	if s.Rival != "" {
		rows = append(rows, [2]string{"rival", s.Rival})
	}
	return o.properties(rows)
}

// properties prints names and values, one pair a line.
func (o *output) properties(pairs [][2]string) error {
	w := table.NewWriter()
	w.SetStyle(o.style.table())
	for _, p := range pairs {
		w.AppendRow(table.Row{p[0], p[1]})
	}
	return o.line(w.Render())
}
