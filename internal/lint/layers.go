package lint

import "slices"

// layers says for every package which packages of this module its code may
// import. Arrows only point down to what a row names: there is no way around
// through a third package, and a package without a row may not exist. Tests
// may import what they like, but see owners.
//
// The table is that of docs/architecture.md.
var layers = map[string][]string{
	"crdt":               {},
	"ranges":             {},
	"delta":              {"crdt", "ranges"},
	"compaction":         {"crdt", "delta", "ranges"},
	"antientropy":        {"crdt", "delta", "ranges"},
	"antientropy/gossip": {"antientropy", "crdt", "delta"},
	"store":              {"compaction", "crdt", "delta", "internal/zst", "ranges"},
	"node":               {"antientropy", "antientropy/gossip", "compaction", "crdt", "delta", "ranges", "store"},
	"wire":               {"ranges"},
	"dump":               {"crdt", "delta", "ranges", "store", "wire"},
	"api":                {"compaction", "crdt", "delta", "dump", "node", "ranges", "store", "wire"},
	"client":             {"ranges", "wire"},
	"cmd/ssnode":         {"api", "client", "dump", "internal/heapfloor", "internal/sim", "internal/zst", "node", "ranges", "store", "wire"},
	"internal/crash":     {},
	"internal/heapfloor": {},
	"internal/lint":      {},
	"internal/mutant":    {},
	"internal/sim":       {"antientropy", "compaction", "crdt", "delta", "ranges"},
	"internal/zst":       {},
}

func checkLayers(t *Tree) []Problem {
	var found problems
	for _, p := range t.own() {
		allowed, ok := layers[p.Dir]
		if !ok {
			found.add(p.Dir, 0, "the package has no row in the table of layers; add one to internal/lint/layers.go and docs/architecture.md, with the reason in docs/decisions/")
			continue
		}
		for _, f := range p.code() {
			checkArrows(t, p, f, allowed, &found)
		}
	}
	return found.sorted()
}

func checkArrows(t *Tree, p *Package, f *File, allowed []string, found *problems) {
	for _, i := range f.imports() {
		target, ok := t.inside(i.Path)
		if !ok || slices.Contains(allowed, target) {
			continue
		}
		found.add(f.Path, t.line(i.Pos), "%s may not import %s, only %v; hand in what it needs as an argument, or move the code to where both may be used",
			p.Dir, target, allowed)
	}
}
