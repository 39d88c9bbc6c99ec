package ranges

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/cockroachdb/datadriven"
)

// TestIndex_Scripts runs the scripts of testdata, one index per file. The commands:
//
//	set                 one claim a line: node [from, to) priority
//	remove              one claim a line: node [from, to)
//	table               the subranges
//	overlapping [a, m)  the subranges that have a key in the range
//	lookup KEY…         the subrange of each key
//	coverage min=N      gaps and thin subranges
//	covering [a, m)     the claims that have a key in the range
//	uncovered [a, m)    the parts of the range that no claim covers
//
// set and remove print the table that results. go test -run TestIndex_Scripts -rewrite
// writes what comes out; read the difference before you keep it.
func TestIndex_Scripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			datadriven.RunTest(t, path, script{NewIndex("ks")}.run)
		})
	}
}

type script struct{ *Index }

func (s script) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "set":
		for line := range strings.Lines(d.Input) {
			f := strings.Fields(line)
			s.Set(scriptRange(t, f[1]+f[2]), f[0], scriptNumber(t, f[3]))
		}
		return tableText(s.Table().All())
	case "remove":
		for line := range strings.Lines(d.Input) {
			f := strings.Fields(line)
			s.Remove(scriptRange(t, f[1]+f[2]), f[0])
		}
		return tableText(s.Table().All())
	case "table":
		return tableText(s.Table().All())
	case "overlapping":
		return tableText(s.Table().Overlapping(scriptRange(t, d.Input)))
	case "lookup":
		return s.lookup(strings.Fields(d.Input))
	case "coverage":
		return s.coverage(t, d)
	case "covering":
		return claimsText(s.Covering(scriptRange(t, d.Input)))
	case "uncovered":
		r := scriptRange(t, d.Input)
		return rangesText(UncoveredBy(r, s.Covering(r)))
	}
	t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	return ""
}

func (s script) lookup(keys []string) string {
	var b strings.Builder
	for _, key := range keys {
		found := s.Table().Lookup(key)
		fmt.Fprintf(&b, "%s: %s %s\n", key, rangeText(found.Range), serversText(found.Servers))
	}
	return b.String()
}

func (s script) coverage(t *testing.T, d *datadriven.TestData) string {
	var min int
	d.ScanArgs(t, "min", &min)
	c := s.Table().Coverage(min)
	return fmt.Sprintf("complete: %v\ngaps:\n%sthin:\n%s", c.IsComplete(), rangesText(c.Gaps), tableText(slices.Values(c.Thin)))
}

func scriptNumber(t *testing.T, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scriptRange reads what rangeText writes, with or without spaces.
func scriptRange(t *testing.T, text string) Range {
	text = strings.ReplaceAll(text, " ", "")
	from, to, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "["), ")"), ",")
	if !ok {
		t.Fatalf("%q is not a range", text)
	}
	r := Range{From: from, To: Before(to)}
	if from == "-inf" {
		r.From = ""
	}
	if to == "+inf" {
		r.To = Unbounded()
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	return r
}

func rangeText(r Range) string {
	from, to := r.From, r.To.Key
	if from == "" {
		from = "-inf"
	}
	if r.To.Unbounded {
		to = "+inf"
	}
	return "[" + from + ", " + to + ")"
}

func serversText(servers []Server) string {
	if len(servers) == 0 {
		return "nobody"
	}
	var out []string
	for _, s := range servers {
		out = append(out, fmt.Sprintf("%s=%d", s.Node, s.Priority))
	}
	return strings.Join(out, " ")
}

func tableText(subranges iter.Seq[Subrange]) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for s := range subranges {
		fmt.Fprintf(w, "%s\t%s\n", rangeText(s.Range), serversText(s.Servers))
	}
	w.Flush()
	return b.String()
}

func claimsText(claims []Weighted) string {
	var b strings.Builder
	for _, c := range claims {
		fmt.Fprintf(&b, "%s %s %d\n", c.Node, rangeText(c.Range), c.Priority)
	}
	return b.String()
}

func rangesText(list []Range) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintln(&b, rangeText(r))
	}
	return b.String()
}
