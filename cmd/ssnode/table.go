package main

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/scalesmall/ssnode/wire"
)

// keyWidthMax is how many columns of a key a table shows.
const keyWidthMax = 32

// listWidthMax is how many columns a list of servers takes before it goes on in
// the next line.
const listWidthMax = 72

// grid is a table under way. Columns whose name begins with '#' are numbers,
// those that begin with '&' are lists.
type grid struct {
	output *output
	writer table.Writer
}

func (o *output) grid(columns ...string) *grid {
	g := &grid{output: o, writer: table.NewWriter()}
	g.writer.SetStyle(o.style.table())
	header := make(table.Row, len(columns))
	var configs []table.ColumnConfig
	for i, name := range columns {
		header[i] = strings.TrimLeft(name, "#&")
		switch name[0] {
		case '#':
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		case '&':
			configs = append(configs, table.ColumnConfig{Number: i + 1, WidthMax: listWidthMax, WidthMaxEnforcer: wrapList})
		}
	}
	g.writer.SetColumnConfigs(configs)
	g.writer.AppendHeader(header)
	return g
}

// wrapList breaks a list behind commas only, so that a node keeps its priority.
func wrapList(list string, width int) string {
	var lines []string
	line := ""
	for i, item := range strings.Split(list, ", ") {
		switch {
		case i == 0:
			line = item
		case text.StringWidth(line)+len(", ,")+text.StringWidth(item) > width:
			lines, line = append(lines, line+","), item
		default:
			line += ", " + item
		}
	}
	return strings.Join(append(lines, line), "\n")
}

func (g *grid) row(cells ...any) { g.writer.AppendRow(table.Row(cells)) }

func (g *grid) print() error { return g.output.line(g.writer.Render()) }

// printUpTo prints a table that --limit may have cut off, and says so.
func (g *grid) printUpTo(more bool) error {
	if err := g.print(); err != nil || !more {
		return err
	}
	return g.output.line("There are more; raise --limit to see them.")
}

// table returns the style of tables: light lines where they can be shown.
func (s style) table() table.Style {
	t := table.StyleLight
	if s.ascii {
		t = table.StyleDefault
	}
	t.Format.Header = text.FormatDefault
	t.Options.SeparateRows = false
	return t
}

// bounds returns a range for a table: "[a, m)", long keys cut.
func (s style) bounds(b wire.Bounds) string {
	return formatBounds(b, func(text string) string { return s.shorten(text, keyWidthMax) })
}

// rangeText returns a range in full, as wire.ParseRange reads it.
func rangeText(b wire.Bounds) string {
	return formatBounds(b, func(text string) string { return text })
}

func formatBounds(b wire.Bounds, show func(string) string) string {
	from, to := "-inf", "+inf"
	if b.From != "" {
		from = show(boundText(b.From))
	}
	if b.To != nil {
		to = show(boundText(*b.To))
	}
	return "[" + from + ", " + to + ")"
}

// boundText returns the text of a key so that it cannot be taken for a part of
// the text of a range.
func boundText(text string) string {
	switch {
	case text == "-inf" || text == "+inf":
		return "text:" + text
	case !strings.ContainsAny(text, `,[]()\`) && strings.TrimSpace(text) == text:
		return text
	}
	key, err := wire.ParseKey(text)
	if err != nil {
		return strconv.Quote(text)
	}
	return "hex:" + hex.EncodeToString([]byte(key))
}

// servers returns a server list for a table: "n1 10, n2 5".
func (s style) servers(servers []wire.Server) string {
	if len(servers) == 0 {
		return "nobody (gap)"
	}
	parts := make([]string, len(servers))
	for i, server := range servers {
		parts[i] = server.Node + " " + strconv.FormatInt(server.Priority, 10)
		if m := s.mark(server.Liveness); m != "" {
			parts[i] = m + " " + parts[i]
		}
	}
	return strings.Join(parts, ", ")
}

// mark returns the sign of a liveness, "" if nothing is known to say.
func (s style) mark(l wire.Liveness) string {
	if l == "" {
		return ""
	}
	marks := map[wire.Liveness][2]string{
		wire.LivenessAlive:   {"●", "+"},
		wire.LivenessSuspect: {"◐", "~"},
		wire.LivenessDead:    {"○", "x"},
		wire.LivenessLeft:    {"◌", "-"},
	}
	m, ok := marks[l]
	switch {
	case !ok:
		return "?"
	case s.ascii:
		return m[1]
	}
	return m[0]
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// plural returns a number with what it counts.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
