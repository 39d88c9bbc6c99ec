package lint

import (
	"slices"
	"strings"
)

// owners says for every third-party module which packages may import it, in
// tests too: a format, a file or a connection that two packages touch has two
// sets of rules. A module that is not listed may not be used.
var owners = map[string][]string{
	"github.com/coreos/go-systemd/v22":    {"cmd/ssnode"},
	"github.com/fxamacker/cbor/v2":        {"delta"},
	"github.com/google/renameio/v2":       {"cmd/ssnode", "store"},
	"github.com/hashicorp/memberlist":     {"antientropy/gossip"},
	"github.com/jedib0t/go-pretty/v6":     {"cmd/ssnode"},
	"github.com/klauspost/compress":       {"internal/zst"},
	"github.com/pelletier/go-toml/v2":     {"cmd/ssnode"},
	"github.com/prometheus/client_golang": {"api", "node"},
	"github.com/schollz/progressbar/v3":   {"cmd/ssnode"},
	"github.com/urfave/cli/v2":            {"cmd/ssnode"},
	"go.etcd.io/bbolt":                    {"store"},
	"golang.org/x/sys":                    {"store"},
	"golang.org/x/term":                   {"cmd/ssnode"},
}

// testModules may be imported by the tests of every package, and by nothing
// else.
var testModules = []string{
	"github.com/cockroachdb/datadriven",
	"github.com/rogpeppe/go-internal",
	"go.uber.org/goleak",
	"pgregory.net/rapid",
}

func checkDependencies(t *Tree) []Problem {
	var found problems
	for _, p := range t.own() {
		for _, f := range p.Files {
			for _, i := range f.imports() {
				if why := refused(t, p, f, i.Path); why != "" {
					found.add(f.Path, t.line(i.Pos), "%s", why)
				}
			}
		}
	}
	return found.sorted()
}

// refused says why a file may not import a third-party package, or nothing.
func refused(t *Tree, p *Package, f *File, importPath string) string {
	if _, inside := t.inside(importPath); inside || isStandard(importPath) {
		return ""
	}
	if module := moduleIn(testModules, importPath); module != "" {
		if f.Test {
			return ""
		}
		return module + " is for tests alone; move its use into a _test.go file"
	}
	for module, packages := range owners {
		if !isWithin(importPath, module) {
			continue
		}
		if slices.Contains(packages, p.Dir) {
			return ""
		}
		return module + " belongs to " + strings.Join(packages, ", ") + "; use what they offer instead, or extend it"
	}
	return importPath + " has no owner; do without it, or name one in internal/lint/dependencies.go and give the reason in docs/decisions/"
}

// moduleIn returns the module that an import path is of, or "".
func moduleIn(modules []string, importPath string) string {
	i := slices.IndexFunc(modules, func(module string) bool { return isWithin(importPath, module) })
	if i < 0 {
		return ""
	}
	return modules[i]
}

func isWithin(importPath, module string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}
