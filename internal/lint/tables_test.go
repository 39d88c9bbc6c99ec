package lint

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLayers_Table_IsDownwards holds that the table of layers has no cycle and
// names nothing that has no row.
func TestLayers_Table_IsDownwards(t *testing.T) {
	if cycle := findCycle(layers); cycle != nil {
		t.Errorf("the layers go round in a circle: %v", cycle)
	}
	for p, below := range layers {
		for _, q := range below {
			if _, ok := layers[q]; !ok {
				t.Errorf("%s may import %s, which has no row", p, q)
			}
		}
		if !slices.IsSorted(below) {
			t.Errorf("the row of %s is not sorted", p)
		}
	}
}

func TestLayers_Table_CycleIsFound(t *testing.T) {
	if cycle := findCycle(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}); cycle == nil {
		t.Error("no cycle found in a table that has one")
	}
}

// TestLayers_Table_StoreAndAntientropyMeetOnlyInNode holds the one arrow that
// matters most: what is decided about messages knows nothing of files.
func TestLayers_Table_StoreAndAntientropyMeetOnlyInNode(t *testing.T) {
	for p := range layers {
		below := reach(layers, p)
		meet := below["store"] && below["antientropy"]
		if meet && p != "node" && !below["node"] && p != "cmd/ssnode" {
			t.Errorf("store and antientropy meet in %s", p)
		}
	}
}

// TestLayers_Table_MatchesArchitecture holds docs/architecture.md to the table.
// Third-party modules, in italics there, are not compared.
func TestLayers_Table_MatchesArchitecture(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| [^|]* \\|([^|]*)\\|$")
	documented := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		imports := []string{}
		for name := range strings.SplitSeq(m[2], ",") {
			if name = strings.TrimSpace(name); name != "" && !strings.HasPrefix(name, "*") {
				imports = append(imports, name)
			}
		}
		documented[m[1]] = imports
	}
	for p, below := range layers {
		if d, ok := documented[p]; !ok || !slices.Equal(d, below) {
			t.Errorf("docs/architecture.md says that %s imports %v, the table of layers %v", p, d, below)
		}
	}
	for p := range documented {
		if _, ok := layers[p]; !ok {
			t.Errorf("docs/architecture.md has a row for %s, the table of layers has none", p)
		}
	}
}

// TestTables_Packages_HaveRows holds that every other table speaks of packages
// that the table of layers knows.
func TestTables_Packages_HaveRows(t *testing.T) {
	named := slices.Concat(purePackages, slices.Collect(maps.Keys(clockOwners)), slices.Collect(maps.Keys(exceptions)))
	for _, packages := range owners {
		named = append(named, packages...)
	}
	for _, p := range named {
		if _, ok := layers[p]; !ok {
			t.Errorf("a table names %s, which has no row in that of layers", p)
		}
	}
}

// TestTables_PurePackages_ImportOnlyPure holds that a pure package cannot
// reach an impure one through another.
func TestTables_PurePackages_ImportOnlyPure(t *testing.T) {
	for _, p := range purePackages {
		for q := range reach(layers, p) {
			if !slices.Contains(purePackages, q) {
				t.Errorf("%s is pure and reaches %s, which is not", p, q)
			}
		}
		if _, ok := clockOwners[p]; ok {
			t.Errorf("%s is pure and may look at the clock", p)
		}
	}
}

// reach returns what can be reached from a package, without itself.
func reach(table map[string][]string, from string) map[string]bool {
	reached := map[string]bool{}
	todo := slices.Clone(table[from])
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		if !reached[p] {
			reached[p] = true
			todo = append(todo, table[p]...)
		}
	}
	return reached
}

// findCycle returns packages of which each reaches itself, or nil.
func findCycle(table map[string][]string) []string {
	var cycle []string
	for p := range table {
		if reach(table, p)[p] {
			cycle = append(cycle, p)
		}
	}
	slices.Sort(cycle)
	return cycle
}
