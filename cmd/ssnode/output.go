package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// outputFormat is how a command prints what it found.
type outputFormat string

const (
	formatTable  outputFormat = "table"  // for people
	formatJSON   outputFormat = "json"   // one document, as HTTP answers it
	formatNDJSON outputFormat = "ndjson" // one row a line
)

// output prints what a command found.
type output struct {
	w      io.Writer
	format outputFormat
	quiet  bool
	style  style
}

// outputOf returns the output that outputFlags ask for.
func outputOf(c *cli.Context) (*output, error) {
	o := &output{w: c.App.Writer, format: outputFormat(c.String("output")), quiet: c.Bool("quiet"), style: styleOf(c.App.Writer)}
	switch o.format {
	case formatTable, formatJSON, formatNDJSON:
	default:
		return nil, usageErrorf("--output %q is unknown: use table, json or ndjson", o.format)
	}
	if o.quiet && isGiven(c, "output") {
		return nil, usageErrorf("--quiet and --output exclude each other: give one of them")
	}
	return o, nil
}

// json prints one value as a line of JSON.
func (o *output) json(v any) error {
	encoded, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	return o.line(string(encoded))
}

// line prints a line.
func (o *output) line(line string) error {
	_, err := io.WriteString(o.w, line+"\n")
	return err
}

// names prints names, one a line.
func (o *output) names(names []string) error {
	for _, name := range names {
		if err := o.line(name); err != nil {
			return err
		}
	}
	return nil
}

// listing is what a command found, in all the ways in which it can be printed.
type listing struct {
	// document is what HTTP answers, rows its rows.
	document any
	rows     []any
	// names are what each row is called.
	names []string
	// table prints it for people.
	table func(o *output) error
}

// print prints a listing as it is asked for.
func (o *output) print(l listing) error {
	switch {
	case o.quiet:
		return o.names(l.names)
	case o.format == formatJSON:
		return o.json(l.document)
	case o.format == formatNDJSON:
		for _, row := range l.rows {
			if err := o.json(row); err != nil {
				return err
			}
		}
		return nil
	}
	return l.table(o)
}

// rowsOf makes rows of any type rows of a listing.
func rowsOf[Row any](rows []Row) []any {
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out
}

// style is what the place that output goes to can show.
type style struct {
	// ascii says that it shows no more than ASCII.
	ascii bool
	// colour says that it shows colours, and that they are wanted.
	colour bool
}

// styleOf returns what w can show. A locale that says something else than
// UTF-8 is taken at its word; one that says nothing is not.
func styleOf(w io.Writer) style {
	return style{ascii: !isUTF8(), colour: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func isUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(os.Getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

// isTerminal reports whether somebody watches w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// shorten cuts a text to so many columns, visibly: its head and its tail stay,
// so that two long texts that begin alike can be told apart, and so does how
// many characters it has, where there is room to say it.
func (s style) shorten(what string, columns int) string {
	if text.StringWidth(what) <= columns {
		return what
	}
	note := s.ellipsis(columns)
	if counted := fmt.Sprintf("%s(%d)%[1]s", note, utf8.RuneCountInString(what)); text.StringWidth(counted)+4 <= columns {
		note = counted
	}
	room := max(0, columns-text.StringWidth(note))
	tail := tailOf(what, room/2)
	return headOf(what, room-text.StringWidth(tail)) + note + tail
}

// ellipsis returns the sign of what is left out.
func (s style) ellipsis(columns int) string {
	switch {
	case !s.ascii:
		return "…"
	case columns < 5:
		return "."
	}
	return "..."
}

// headOf returns as much of the beginning of a text as has room.
func headOf(what string, columns int) string {
	for i, r := range what {
		if columns -= text.RuneWidth(r); columns < 0 {
			return what[:i]
		}
	}
	return what
}

// tailOf returns as much of the end of a text as has room. It does not begin
// with what belongs to the character before it.
func tailOf(what string, columns int) string {
	start := len(what)
	for end := start; end > 0; {
		r, size := utf8.DecodeLastRuneInString(what[:end])
		width := text.RuneWidth(r)
		if columns -= width; columns < 0 {
			break
		}
		if end -= size; width > 0 {
			start = end
		}
	}
	return what[start:]
}

// emit prints a listing and then returns err, so that what was found is shown
// also where the exit code says that it was not enough.
func (o *output) emit(l listing, err error) error {
	if failed := o.print(l); failed != nil {
		return failed
	}
	return err
}

// showing returns the action of a command without arguments that asks a node
// for one document and shows it.
func showing[T any](ask func(*client.Client, context.Context) (T, error), show func(T) listing) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := noArguments(c); err != nil {
			return err
		}
		return withNode(c, func(out *output, node *client.Client) error {
			document, err := ask(node, c.Context)
			if err != nil {
				return err
			}
			return out.print(show(document))
		})
	}
}

// withNode does something with the output that is asked for and a client of the
// node, which it closes.
func withNode(c *cli.Context, do func(*output, *client.Client) error) error {
	out, err := outputOf(c)
	if err != nil {
		return err
	}
	node, err := connect(c)
	if err != nil {
		return err
	}
	defer node.Close()
	return do(out, node)
}
