package lint

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// purePackages compute: what they return depends on their arguments and on
// nothing else, so the simulator runs what production runs and a test is a
// page of text. They have no clock, goroutine, I/O, log, randomness of their
// own or state outside their values.
var purePackages = []string{"antientropy", "compaction", "crdt", "delta", "ranges", "wire"}

// impure are the packages of the standard library that bring in from outside
// what a pure package must be given, and why. A pattern ending in /... stands
// for everything below as well.
var impure = map[string]string{
	"context":       "it brings goroutines and deadlines in",
	"crypto/rand":   "randomness must be an argument",
	"embed":         "files must be an argument",
	"expvar/...":    "it is global state",
	"hash/maphash":  "its seed differs from process to process",
	"io/fs":         "files must be an argument",
	"io/ioutil":     "I/O must be a request to the caller",
	"log/...":       "what happened must be told by a value or an event",
	"math/rand/...": "randomness must be an argument",
	"net/...":       "I/O must be a request to the caller",
	"os/...":        "I/O must be a request to the caller",
	"path/filepath": "it depends on the system",
	"plugin":        "it depends on the system",
	"runtime/...":   "it depends on the process",
	"sync/...":      "one goroutine owns a value, so nothing needs a lock",
	"syscall/...":   "I/O must be a request to the caller",
	"testing/...":   "it belongs in _test.go files",
	"time":          "the time must be an argument, as a number with its unit in its name",
}

// exceptions are the parts of impure packages that a pure package may use,
// because they are values or take all that they depend on as arguments. A
// trailing * stands for any ending.
var exceptions = map[string]map[string][]string{
	"antientropy": {"math/rand/v2": {"New", "NewPCG", "NewChaCha8", "Rand", "Source", "PCG", "ChaCha8"}},
	"wire":        {"net/http": {"Status*"}, "time": {"Time"}},
}

func checkPure(t *Tree) []Problem {
	var found problems
	for _, p := range t.own() {
		if !slices.Contains(purePackages, p.Dir) {
			continue
		}
		for _, f := range p.code() {
			checkPureImports(t, p, f, &found)
			checkPureStatements(t, p, f, &found)
		}
	}
	return found.sorted()
}

func checkPureImports(t *Tree, p *Package, f *File, found *problems) {
	for _, i := range f.imports() {
		why := impurity(i.Path)
		if why == "" {
			continue
		}
		parts, ok := exceptions[p.Dir][i.Path]
		if !ok {
			found.add(f.Path, t.line(i.Pos), "%s is pure and may not import %s: %s", p.Dir, i.Path, why)
			continue
		}
		for _, use := range selections(f, i.Name) {
			if !isOneOf(parts, use.Sel.Name) {
				found.add(f.Path, t.line(use.Pos()), "%s is pure and may use only %v of %s, not %s: %s",
					p.Dir, parts, i.Path, use.Sel.Name, why)
			}
		}
	}
}

// impurity says why a pure package may not import a path, or nothing.
func impurity(importPath string) string {
	for pattern, why := range impure {
		below, ok := strings.CutSuffix(pattern, "/...")
		if importPath == pattern || ok && isWithin(importPath, below) {
			return why
		}
	}
	return ""
}

// isOneOf reports whether a name is matched by one of the patterns.
func isOneOf(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// selections returns where a file selects something of the package that it
// calls name.
func selections(f *File, name string) []*ast.SelectorExpr {
	var out []*ast.SelectorExpr
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && isIdent(s.X, name) {
			out = append(out, s)
		}
		return true
	})
	return out
}

func isIdent(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

func checkPureStatements(t *Tree, p *Package, f *File, found *problems) {
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if what, instead := impureNode(n); what != "" {
			found.add(f.Path, t.line(n.Pos()), "%s is pure and may not %s; %s", p.Dir, what, instead)
		}
		return true
	})
}

// impureNode says what impure thing a piece of syntax does, and what to do
// instead. The second answer is empty where the first is.
func impureNode(n ast.Node) (what, instead string) {
	const caller = "return what is to be done and let the caller, who owns a goroutine, do it"
	switch n := n.(type) {
	case *ast.GoStmt:
		return "start a goroutine", caller
	case *ast.SelectStmt:
		return "select", caller
	case *ast.ChanType:
		return "have a channel", "return a slice or an iterator"
	case *ast.SendStmt:
		return "send to a channel", "return a slice or an iterator"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "receive from a channel", "take the value as an argument"
		}
	case *ast.CallExpr:
		if prints(n.Fun) {
			return "print", "return the text"
		}
	}
	return "", ""
}

// prints reports whether calling fun reads or writes the standard streams.
func prints(fun ast.Expr) bool {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name == "print" || fun.Name == "println"
	case *ast.SelectorExpr:
		return isIdent(fun.X, "fmt") && isOneOf([]string{"Print*", "Scan*"}, fun.Sel.Name)
	}
	return false
}
