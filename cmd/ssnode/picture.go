package main

import (
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/scalesmall/ssnode/wire"
	"golang.org/x/term"
)

const (
	// pictureWidth is how wide a picture is where nobody watches.
	pictureWidth = 80
	// pictureWidthMax keeps a picture readable on a wide screen.
	pictureWidthMax = 120
	// pictureWidthMin is the least that a picture can be drawn in: bounds of
	// boundWidthMin, the sides of a box, and in it that nobody serves it.
	pictureWidthMin = 20
	// boundWidthMin and boundWidthMax are how much of a bound is shown.
	boundWidthMin, boundWidthMax = 5, 24
)

// picture draws the key space of one keyspace from top to bottom: a box for
// every subrange, all of the same height, with the bounds on its edges and its
// servers inside.
//
//	-inf ┌──────────────────────────┐
//	     │░░░░░ nobody (gap) ░░░░░░░│
//	   a ├──────────────────────────┤
//	     │ ● n1 10  ● n2 5          │
//	+inf └──────────────────────────┘
type picture struct {
	style  style
	width  int
	ranges wire.Ranges

	lines  []string
	gutter int
}

// widthOf returns how wide a picture may be.
func widthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= pictureWidthMin {
			return min(width, pictureWidthMax)
		}
	}
	return pictureWidth
}

func (p *picture) line(text string) { p.lines = append(p.lines, strings.TrimRight(text, " ")) }

// prose adds words, in as many lines as they take.
func (p *picture) prose(words ...string) {
	row := ""
	for _, word := range words {
		word = p.style.shorten(word, p.width)
		switch {
		case row == "":
			row = word
		case text.StringWidth(row)+1+text.StringWidth(word) > p.width:
			p.line(row)
			row = word
		default:
			row += " " + word
		}
	}
	p.line(row)
}

func (p *picture) text() string { return strings.Join(p.lines, "\n") }

func (p *picture) draw() {
	p.width = max(p.width, pictureWidthMin)
	p.gutter = p.boundsWidth()
	p.headline()
	subranges := p.ranges.Subranges
	for i, x := range subranges {
		p.edge(i, x.Bounds.From, "-inf")
		p.box(x)
	}
	if n := len(subranges); n > 0 {
		last := subranges[n-1].Bounds
		p.edge(-1, deref(last.To), "+inf")
	}
	if p.ranges.Next != "" {
		next := p.style.shorten(p.ranges.Next, boundWidthMax)
		p.prose("There", "is", "more", "from", next, "on;", "use", "--from,", "--to", "or", "a", "higher", "--limit.")
	}
	p.legend()
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func (p *picture) headline() {
	gaps, nodes := 0, map[string]bool{}
	for _, x := range p.ranges.Subranges {
		if len(x.Servers) == 0 {
			gaps++
		}
		for _, s := range x.Servers {
			nodes[s.Node] = true
		}
	}
	words := []string{"keyspace", p.style.shorten(p.ranges.Keyspace, p.width-1) + ":"}
	if p.ranges.Next != "" {
		words = append(words, "the", "first")
	}
	words = append(words, plural(len(p.ranges.Subranges), "subrange")+",", plural(gaps, "gap")+",", plural(len(nodes), "node"))
	if p.ranges.Next != "" {
		words = append(words, "in", "them")
	}
	p.prose(words...)
}

// boundsWidth returns how wide the widest bound is.
func (p *picture) boundsWidth() int {
	widest := len("-inf")
	for _, x := range p.ranges.Subranges {
		widest = max(widest, text.StringWidth(p.bound(x.Bounds.From, "")), text.StringWidth(p.bound(deref(x.Bounds.To), "")))
	}
	return widest
}

func (p *picture) bound(key, none string) string {
	if key == "" {
		return none
	}
	return p.style.shorten(boundText(key), max(boundWidthMin, min((p.width-3)/3, boundWidthMax)))
}

// inner is the width between the sides of a box.
func (p *picture) inner() int { return p.width - p.gutter - 3 }

// edge draws the edge above subrange i, or, for -1, the one below the last.
func (p *picture) edge(i int, key, none string) {
	left, right, across := "├", "┤", "─"
	switch {
	case i == 0:
		left, right = "┌", "┐"
	case i < 0:
		left, right = "└", "┘"
	}
	if p.style.ascii {
		left, right, across = "+", "+", "-"
	}
	bound := p.bound(key, none)
	p.line(strings.Repeat(" ", max(0, p.gutter-text.StringWidth(bound))) + bound + " " + left + strings.Repeat(across, p.inner()) + right)
}

// box draws the inside of a subrange, in as many lines as its servers take.
func (p *picture) box(x wire.Subrange) {
	if len(x.Servers) == 0 {
		p.inside(p.gap())
		return
	}
	row := ""
	for _, s := range x.Servers {
		cell := " " + p.server(s) + " "
		if row != "" && visibleWidth(row)+visibleWidth(cell) > p.inner() {
			p.inside(row)
			row = ""
		}
		row += cell
	}
	p.inside(row)
}

// server returns one server: its mark, name and priority. They are cut only
// where they have no line for themselves, and then the name first.
func (p *picture) server(s wire.Server) string {
	mark, priority := p.style.mark(s.Liveness), formatInt(s.Priority)
	room := p.inner() - text.StringWidth(mark) - len("    ")
	name := p.style.shorten(s.Node, max(room/2, room-len(priority)))
	priority = p.style.shorten(priority, room-text.StringWidth(name))
	return p.style.paint(s.Liveness, mark) + " " + name + " " + priority
}

// gap fills a box so that nobody can overlook it.
func (p *picture) gap() string {
	shade := "░"
	if p.style.ascii {
		shade = "."
	}
	what := " nobody (gap) "
	if p.inner() < len(what) {
		what = strings.TrimSpace(what)
	}
	room := max(0, p.inner()-len(what))
	return p.style.alarm(strings.Repeat(shade, room/2) + what + strings.Repeat(shade, room-room/2))
}

func (p *picture) inside(content string) {
	side := "│"
	if p.style.ascii {
		side = "|"
	}
	fill := max(0, p.inner()-visibleWidth(content))
	p.line(strings.Repeat(" ", p.gutter+1) + side + content + strings.Repeat(" ", fill) + side)
}

func visibleWidth(s string) int { return text.StringWidthWithoutEscSequences(s) }

func (p *picture) legend() {
	var words []string
	for _, l := range []wire.Liveness{wire.LivenessAlive, wire.LivenessSuspect, wire.LivenessDead} {
		words = append(words, p.style.mark(l)+" "+string(l)+" ")
	}
	words = append(words, p.style.mark(wire.LivenessUnknown)+" "+string(wire.LivenessUnknown)+";")
	p.prose(append(words, "the", "numbers", "are", "priorities")...)
}

// paint colours what is said of a node, where colours are wanted.
func (s style) paint(l wire.Liveness, what string) string {
	colours := map[wire.Liveness]text.Color{
		wire.LivenessAlive: text.FgGreen, wire.LivenessSuspect: text.FgYellow, wire.LivenessDead: text.FgRed,
	}
	if colour, ok := colours[l]; ok && s.colour {
		return text.Colors{colour}.Sprint(what)
	}
	return what
}

// alarm colours what somebody should look at.
func (s style) alarm(what string) string {
	if s.colour {
		return text.Colors{text.FgRed}.Sprint(what)
	}
	return what
}
