package lint

import (
	"go/format"
	"path"
	"slices"
	"strings"
)

// linesMax bounds a Go file that is no test: one noun, which a reader can hold
// in mind.
const linesMax = 500

// emptyNames say nothing about what is inside, and so collect everything.
var emptyNames = []string{"base", "common", "helper", "helpers", "misc", "shared", "types", "util", "utils"}

func checkFormat(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		for _, f := range p.Files {
			formatted, err := format.Source([]byte(f.Body))
			if err == nil && string(formatted) != f.Body {
				found.add(f.Path, firstDifference(f.Body, string(formatted)), "not formatted; run gofmt -w %s", f.Path)
			}
		}
	}
	return found.sorted()
}

// firstDifference returns the first line at which two texts differ.
func firstDifference(a, b string) int {
	line := 1
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			break
		}
		if a[i] == '\n' {
			line++
		}
	}
	return line
}

func checkNames(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		for _, f := range p.Files {
			name := strings.TrimSuffix(f.Syntax.Name.Name, "_test")
			if slices.Contains(emptyNames, name) {
				found.add(f.Path, t.line(f.Syntax.Package), "package %s is named after nothing; name it after what it is about", name)
			}
			if base := strings.TrimSuffix(strings.TrimSuffix(f.Name(), ".go"), "_test"); slices.Contains(emptyNames, base) {
				found.add(f.Path, 0, "the file is named after nothing; name it after the noun that it defines")
			}
		}
	}
	return found.sorted()
}

// checkDocs wants every package to say what it is, in code where there is any:
// godoc does not show what tests say.
func checkDocs(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		files := p.code()
		if len(files) == 0 {
			files = p.Files
		}
		name := files[0].Syntax.Name.Name
		opening := "Package " + name + " "
		if name == "main" {
			opening = "Command " + path.Base(p.Dir) + " "
		}
		if !slices.ContainsFunc(files, func(f *File) bool {
			return strings.HasPrefix(f.Syntax.Doc.Text(), opening)
		}) {
			found.add(p.Dir, 0, "no package comment begins with %q; write one that says what it is, what it guarantees and what it leaves to others", opening)
		}
	}
	return found.sorted()
}

func checkLength(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		for _, f := range p.code() {
			if lines := strings.Count(f.Body, "\n"); lines > linesMax {
				found.add(f.Path, 0, "%d lines, at most %d are allowed; split it by noun", lines, linesMax)
			}
		}
	}
	return found.sorted()
}
