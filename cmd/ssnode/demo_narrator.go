package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/scalesmall/ssnode/wire"
)

// narrator prints the story.
type narrator struct{ out io.Writer }

func (n *narrator) chapter(number int, title string) {
	fmt.Fprintf(n.out, "\n%d. %s\n\n", number, title)
}

func (n *narrator) line(format string, args ...any) {
	fmt.Fprintf(n.out, "   "+format+"\n", args...)
}

// command prints what a user would type.
func (n *narrator) command(format string, args ...any) {
	n.line("  $ ssnode "+format, args...)
}

func (n *narrator) statusTable(statuses []wire.Status) {
	n.line("  node  claims  log records  fingerprint")
	for _, x := range statuses {
		n.line("  %-4s  %6d  %11d  %s", x.Node, x.Claims, x.LogRecords, x.Fingerprint)
	}
}

// demoPictureWidth leaves room for the margin on 80 columns.
const demoPictureWidth = 72

// keyMap prints the picture of the keyspace.
func (n *narrator) keyMap(ranges wire.Ranges, liveness map[string]wire.Liveness) {
	drawn := draw(styleOf(n.out), demoPictureWidth, ranges, liveness)
	for line := range strings.Lines(drawn) {
		n.line("  %s", strings.TrimSuffix(line, "\n"))
	}
}
