package lint

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// clockOwners may start goroutines and look at the clock, for the reason
// given; whoever starts a goroutine also stops and awaits it. For all others
// time is a number that they are handed, and concurrency is their caller's.
var clockOwners = map[string]string{
	"antientropy/gossip": "memberlist calls back from goroutines of its own",
	"api":                "its servers and streams",
	"client":             "it runs in processes of others and follows a stream",
	"cmd/ssnode":         "it is the process",
	"node":               "it owns the queue, the protocol loop and every timer",
}

// clock are the functions of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func checkClock(t *Tree) []Problem {
	var found problems
	for _, p := range t.own() {
		if _, ok := clockOwners[p.Dir]; ok {
			continue
		}
		for _, f := range p.code() {
			checkGoroutines(t, p, f, &found)
			checkClockReads(t, p, f, &found)
		}
	}
	return found.sorted()
}

func checkGoroutines(t *Tree, p *Package, f *File, found *problems) {
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if startsGoroutine(n) {
			found.add(f.Path, t.line(n.Pos()), "%s may not start a goroutine, only %s; let the caller decide what runs at the same time",
				p.Dir, namesOfClockOwners())
		}
		return true
	})
}

// startsGoroutine reports whether a piece of syntax is a go statement, or the
// call of a method that hides one, like that of sync.WaitGroup.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		method, ok := n.Fun.(*ast.SelectorExpr)
		return ok && method.Sel.Name == "Go"
	}
	return false
}

func checkClockReads(t *Tree, p *Package, f *File, found *problems) {
	for _, i := range f.imports() {
		if i.Path != "time" {
			continue
		}
		for _, use := range selections(f, i.Name) {
			if slices.Contains(clock, use.Sel.Name) {
				found.add(f.Path, t.line(use.Pos()), "%s may not call time.%s, only %s; take the time as an argument",
					p.Dir, use.Sel.Name, namesOfClockOwners())
			}
		}
	}
}

func namesOfClockOwners() string {
	return strings.Join(slices.Sorted(maps.Keys(clockOwners)), ", ")
}
