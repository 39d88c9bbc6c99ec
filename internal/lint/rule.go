package lint

import (
	"cmp"
	"fmt"
	"slices"
)

// Rule is one thing that must hold for every file of the tree.
type Rule struct {
	// Name is short and stable: test names and messages bear it.
	Name string
	// Check returns what violates the rule, ascending by place.
	Check func(*Tree) []Problem
}

// Problem is one violation, told so that its reader knows what to change.
type Problem struct {
	// Path is relative to the root of the module. Line counts from 1; it is 0
	// where the problem is the file or the package as a whole.
	Path string
	Line int
	Text string
}

// String returns the problem in the form that editors jump to.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Path + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Text)
}

// Compare orders problems by place.
func (p Problem) Compare(other Problem) int {
	return cmp.Or(cmp.Compare(p.Path, other.Path), cmp.Compare(p.Line, other.Line), cmp.Compare(p.Text, other.Text))
}

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		{"layers", checkLayers},
		{"dependencies", checkDependencies},
		{"pure", checkPure},
		{"globals", checkGlobals},
		{"clock", checkClock},
		{"format", checkFormat},
		{"names", checkNames},
		{"docs", checkDocs},
		{"length", checkLength},
		{"skips", checkSkips},
		{"test-names", checkTestNames},
		{"text", checkText},
		{"links", checkLinks},
	}
}

// problems collects what one rule finds.
type problems []Problem

func (ps *problems) add(path string, line int, format string, args ...any) {
	*ps = append(*ps, Problem{Path: path, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (ps problems) sorted() []Problem {
	slices.SortFunc(ps, Problem.Compare)
	return ps
}
