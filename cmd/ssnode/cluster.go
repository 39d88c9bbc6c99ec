package main

import (
	"fmt"
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
		g := o.grid("Node", "Liveness", "Sync", "#Behind", "Last session", "#Sent", "#Received", "API", "Gossip", "Heard")
		for _, m := range listed.Members {
			g.row(m.Node, o.alive(m.Liveness), synced(m.InSync, m.SyncSince), m.Behind, sessionText(m.LastSession),
				formatBytes(int64(m.BytesSent)), formatBytes(int64(m.BytesReceived)),
				orDash(strings.TrimPrefix(m.Address, "http://")), orDash(m.Gossip), heard(m.LastHeard))
		}
		return g.print()
	}
	return l
}

// synced says whether a member is in sync, and for how long that has been so.
func synced(is bool, since time.Time) string {
	text := "no"
	if is {
		text = "yes"
	}
	if since.IsZero() {
		return text
	}
	return text + ", " + ago(time.Since(since))
}

// ago shows how long something has lasted, as precisely as anybody wants to
// know.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return formatInt(int64(max(0, d/time.Second))) + " s"
	case d < time.Hour:
		return formatInt(int64(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return formatInt(int64(d/time.Hour)) + " h"
	}
	return formatInt(int64(d/(24*time.Hour))) + " days"
}

// sessionText says when and how the last fetch from a member ended.
func sessionText(s *wire.Session) string {
	if s == nil {
		return "-"
	}
	text := strings.ReplaceAll(string(s.Kind), "_", " ") + " " + clock(s.Ended, time.TimeOnly)
	if s.OK {
		return text
	}
	return text + " failed"
}

// session adds what passed, and why it failed.
func (o *output) session(s *wire.Session) string {
	text := sessionText(s)
	if s == nil || s.OK && s.Bytes == 0 {
		return text
	}
	text += ", " + formatBytes(int64(s.Bytes))
	if s.OK {
		return text
	}
	return text + ": " + s.Failure
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
	pairs := [][2]string{
		{"node", s.Node + " of cluster " + s.Cluster},
		{"ready", ready},
		{"api", s.API},
		{"gossip", s.Gossip},
		{"members", formatInt(int64(s.Members))},
		{"claims", formatInt(int64(s.Claims))},
		{"state", s.Fingerprint},
		{"replica", s.Replica + ", " + string(s.Identity)},
		{"log", formatInt(s.LogRecords) + " records, " + formatBytes(s.LogBytes)},
	}
	for _, h := range s.History {
		pairs = append(pairs, [2]string{"", historyText(h)})
	}
	pairs = append(pairs, [][2]string{
		{"file", formatBytes(s.DBBytes) + ", " + formatBytes(s.DBFreeBytes) + " of it free"},
		{"version", s.Version},
	}...)
	if s.Rival != "" {
		pairs = append(pairs, [2]string{"rival", s.Rival})
	}
	if s.WaitingRecords > 0 {
		pairs = append(pairs, [2]string{"waiting", waitingText(s)})
	}
	if r := s.Repair; r != nil {
		pairs = append(pairs, [2]string{"repair", repairText(r)})
	}
	if err := o.properties(pairs); err != nil {
		return err
	}
	if err := o.tiersTable(s.Replication); err != nil || len(s.Peers) == 0 {
		return err
	}
	return o.peersTable(s.Peers)
}

// repairText says how far a repair is.
func repairText(r *wire.Repair) string {
	text := fmt.Sprintf("from %s for %s, because %s: %d entries so far", r.Member, ago(time.Since(r.Since)), r.Reason, r.Entries)
	switch {
	case r.Sketch:
		text += ", by a sketch"
	case r.Expected > 0:
		text += fmt.Sprintf(", %d of about %d records compared", r.Compared, r.Expected)
	case r.SpansBegun > 0:
		text += fmt.Sprintf(", %d of %s done", r.SpansDone, plural(r.SpansBegun, "range"))
	}
	return text
}

// waitingShown is how many of those for whom records wait a table names.
const waitingShown = 3

// waitingText says for whom released records wait.
func waitingText(s wire.Status) string {
	var whom []string
	for i, w := range s.Waiting {
		if i == waitingShown {
			whom = append(whom, "and others, see ssnode compact --dry-run")
			break
		}
		whom = append(whom, formatInt(w.Records)+" for "+orElse(w.Node, "replica "+w.Replica))
	}
	return plural(int(s.WaitingRecords), "released record") + ": " + strings.Join(whom, ", ") + "; forget those that do not come back"
}

func (o *output) peersTable(peers []wire.Peer) error {
	g := o.grid("Peer", "Liveness", "Sync", "#Behind", "Last session", "#Sent", "#Received")
	for _, p := range peers {
		g.row(p.Node, o.alive(p.Liveness), synced(p.InSync, p.SyncSince), p.Behind, o.session(p.LastSession),
			formatBytes(int64(p.BytesSent)), formatBytes(int64(p.BytesReceived)))
	}
	return g.print()
}

// historyText says what of the log is of one class.
func historyText(h wire.HistoryClass) string {
	about := "about its own ranges"
	if h.Class == wire.ClassOther {
		about = "about others"
	}
	text := formatInt(h.Records) + " " + about + ", " + formatBytes(h.Bytes)
	if !h.Oldest.IsZero() {
		text += ", since " + clock(h.Oldest, time.TimeOnly)
	}
	return text
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
