package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
	"pgregory.net/rapid"
)

// TestPicture_Draw_FitsAndLeavesNothingOut draws random key spaces: every line
// fits, every server and every gap is there, and ASCII is ASCII.
func TestPicture_Draw_FitsAndLeavesNothingOut(t *testing.T) {
	names := rapid.SampledFrom([]string{"n1", "n2", "a-rather-long-name-of-a-node", "节点", "n" + strings.Repeat("y", 200), strings.Repeat("节", 50), strings.Repeat("e\u0301", 60)})
	keys := rapid.SampledFrom([]string{"a", "b", "m", "ключ", "\x00\x01", "z" + strings.Repeat("z", 300), "a,b", "+inf", strings.Repeat("界", 24), strings.Repeat("o\u0308", 30), strings.Repeat("界", 23) + "z"})
	rapid.Check(t, func(r *rapid.T) {
		var claims []ranges.Weighted
		for range rapid.IntRange(0, 12).Draw(r, "claims") {
			key := keys.Draw(r, "key")
			rng := rapid.SampledFrom([]ranges.Range{ranges.Everything(), ranges.Prefix(key), {From: key, To: ranges.Unbounded()}}).Draw(r, "range")
			claims = append(claims, ranges.Weighted{
				Claim:    ranges.Claim{Keyspace: "default", Node: names.Draw(r, "node"), Range: rng},
				Priority: rapid.Int64Range(1, 1<<53-1).Draw(r, "priority"),
			})
		}
		listed := wire.Ranges{
			Keyspace: rapid.SampledFrom([]string{"default", strings.Repeat("k", 255)}).Draw(r, "keyspace"),
			Next:     rapid.SampledFrom([]string{"", "a", strings.Repeat("界", 24)}).Draw(r, "next"),
		}
		gaps, servers := 0, 0
		for s := range ranges.NewTable(claims).All() {
			row := wire.FormText.Subrange(s)
			for i := range row.Servers {
				row.Servers[i].Liveness = wire.LivenessDead // its mark is in no name
			}
			listed.Subranges = append(listed.Subranges, row)
			servers += len(s.Servers)
			if s.IsGap() {
				gaps++
			}
		}
		p := &picture{style: style{ascii: rapid.Bool().Draw(r, "ascii")}, width: rapid.IntRange(pictureWidthMin, pictureWidthMax).Draw(r, "width"), ranges: listed}
		p.draw()
		drawn := p.text()
		for line := range strings.Lines(drawn) {
			if n := text.StringWidth(strings.TrimSuffix(line, "\n")); n > p.width {
				r.Fatalf("a line is %d wide of %d:\n%s", n, p.width, drawn)
			}
		}
		if got := strings.Count(drawn, "nobody (gap)"); got != gaps {
			r.Fatalf("%d gaps are drawn, there are %d:\n%s", got, gaps, drawn)
		}
		if got := strings.Count(drawn, p.style.mark(wire.LivenessDead)+" ") - 1; got != servers { // one is in the legend
			r.Fatalf("%d servers are drawn, there are %d:\n%s", got, servers, drawn)
		}
		if p.style.ascii && !isASCII(drawn) {
			r.Fatalf("that is not ASCII:\n%s", drawn)
		}
	})
}

// isASCII reports whether all but the letters of keys and names is ASCII.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsMark(r) }) < 0
}

func TestStyle_Shorten_IsVisible(t *testing.T) {
	s := style{}
	if got := s.shorten(strings.Repeat("k", 32), 32); got != strings.Repeat("k", 32) {
		t.Errorf("what fits is cut: %s", got)
	}
	if got := s.shorten(strings.Repeat("k", 4095)+"z", 32); got != strings.Repeat("k", 12)+"…(4096)…"+strings.Repeat("k", 11)+"z" {
		t.Errorf("%s", got)
	}
	if got := (style{ascii: true}).shorten(strings.Repeat("k", 100), 20); got != "kkkkk...(100)...kkkk" {
		t.Errorf("%s", got)
	}
}

// TestStyle_Shorten_FitsAndKeepsBothEnds cuts random texts to random widths:
// what fits is left alone, the rest fits then, is cut visibly and, if there is
// room for it, shows its beginning and its end.
func TestStyle_Shorten_FitsAndKeepsBothEnds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := style{ascii: rapid.Bool().Draw(r, "ascii")}
		what := rapid.StringOfN(rapid.SampledFrom([]rune("ab界é\u0301")), 0, 60, -1).Draw(r, "text")
		columns := rapid.IntRange(1, 40).Draw(r, "columns")
		got := s.shorten(what, columns)
		switch {
		case text.StringWidth(what) <= columns:
			if got != what {
				r.Fatalf("what fits is cut: %q", got)
			}
			return
		case text.StringWidth(got) > columns:
			r.Fatalf("%q is wider than %d", got, columns)
		case columns >= 7:
			sign := s.ellipsis(columns)
			head, _, cut := strings.Cut(got, sign)
			tail := got[strings.LastIndex(got, sign)+len(sign):]
			if !cut || head == "" || tail == "" || !strings.HasPrefix(what, head) || !strings.HasSuffix(what, tail) {
				r.Fatalf("%q does not show both ends of %q", got, what)
			}
		}
	})
}

func TestPicture_Server_CutsOnlyWithoutRoom(t *testing.T) {
	name := strings.Repeat("n", 60)
	p := &picture{width: pictureWidth, gutter: 4}
	if got := p.server(wire.Server{Node: name, Priority: 1 << 40, Liveness: wire.LivenessAlive}); !strings.Contains(got, "● nnn") || strings.Contains(got, name) {
		t.Errorf("a name of 60 with 13 digits in 73 columns: %s", got)
	}
	if got := p.server(wire.Server{Node: name, Priority: 12345678, Liveness: wire.LivenessAlive}); got != "● "+name+" 12345678" {
		t.Errorf("what has room is cut: %s", got)
	}
}

func TestBoundText_ParsesBack(t *testing.T) {
	for _, key := range []string{"a", "a,b", "[", "-inf", "+inf", " a", "hex:", "\x00", "text:x", `\`} {
		b := wire.BoundsOf(ranges.Single(key))
		r, err := wire.ParseRange(rangeText(b))
		if err != nil || r != ranges.Single(key) {
			t.Errorf("%q is written as %s, which is read as %v, %v", key, rangeText(b), r, err)
		}
	}
}
