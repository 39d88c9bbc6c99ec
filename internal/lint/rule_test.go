package lint

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRules_Check_ThisModule holds every rule against the module that this
// package is part of.
func TestRules_Check_ThisModule(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, p := range rule.Check(tree) {
				t.Error(p)
			}
		})
	}
}

// The module that the cases below add their files to. It breaks no rule.
var sound = map[string]string{
	"go.mod":      "module example.org/m\n",
	"crdt/doc.go": "// Package crdt is an example.\npackage crdt\n",
}

// ruleCase is a small module, and the problems that one rule finds there:
// their beginnings, in order.
type ruleCase struct {
	name  string
	files map[string]string
	want  []string
}

var ruleCases = map[string][]ruleCase{
	"layers": {
		{"downwards", map[string]string{
			"delta/a.go": "package delta\nimport _ \"example.org/m/crdt\"\n",
		}, nil},
		{"upwards", map[string]string{
			"crdt/a.go": "package crdt\nimport (\n\t_ \"fmt\"\n\t_ \"example.org/m/delta\"\n)\n",
		}, []string{"crdt/a.go:4: crdt may not import delta"}},
		{"across", map[string]string{
			"store/a.go": "package store\nimport x \"example.org/m/antientropy/gossip\"\nvar _ x.X\n",
		}, []string{"store/a.go:2: store may not import antientropy/gossip"}},
		{"in a test", map[string]string{
			"crdt/a_test.go": "package crdt\nimport _ \"example.org/m/delta\"\n",
		}, nil},
		{"for another system", map[string]string{
			"crdt/a_plan9.go": "//go:build plan9\n\npackage crdt\nimport _ \"example.org/m/delta\"\n",
		}, []string{"crdt/a_plan9.go:4: crdt may not import delta"}},
		{"a package without a row", map[string]string{
			"extra/a.go": "package extra\n",
		}, []string{"extra: the package has no row"}},
		{"the root without a row", map[string]string{
			"crdt/a.go": "package crdt\nimport _ \"example.org/m\"\n",
			"m.go":      "package m\n",
		}, []string{".: the package has no row", "crdt/a.go:2: crdt may not import ."}},
		{"a module of its own", map[string]string{
			"bench/go.mod":   "module example.org/m/bench\n",
			"bench/x/a.go":   "package x\nimport _ \"example.org/m/crdt\"\n",
			"benchmark/a.go": "package benchmark\n",
		}, []string{"benchmark: the package has no row"}},
	},
	"dependencies": {
		{"by its owner", map[string]string{
			"store/a.go": "package store\nimport _ \"go.etcd.io/bbolt/errors\"\n",
		}, nil},
		{"by another", map[string]string{
			"node/a.go": "package node\nimport _ \"go.etcd.io/bbolt\"\n",
		}, []string{"node/a.go:2: go.etcd.io/bbolt belongs to store"}},
		{"by another's test", map[string]string{
			"node/a_test.go": "package node\nimport _ \"go.etcd.io/bbolt\"\n",
		}, []string{"node/a_test.go:2: go.etcd.io/bbolt belongs to store"}},
		{"one that only begins alike", map[string]string{
			"store/a.go": "package store\nimport _ \"go.etcd.io/bbolt2\"\n",
		}, []string{"store/a.go:2: go.etcd.io/bbolt2 has no owner"}},
		{"for tests, in code", map[string]string{
			"crdt/a.go":      "package crdt\nimport _ \"pgregory.net/rapid\"\n",
			"crdt/b_test.go": "package crdt\nimport _ \"pgregory.net/rapid\"\n",
		}, []string{"crdt/a.go:2: pgregory.net/rapid is for tests alone"}},
		{"in a module of its own", map[string]string{
			"bench/go.mod": "module example.org/m/bench\n",
			"bench/a.go":   "package bench\nimport _ \"go.etcd.io/etcd\"\n",
		}, nil},
	},
	"pure": {
		{"packages that bring something in", map[string]string{
			"ranges/a.go": "package ranges\nimport (\n_ \"time\"\n_ \"os\"\n_ \"os/exec\"\n_ \"net\"\n_ \"net/http\"\n_ \"io/ioutil\"\n_ \"log\"\n_ \"log/slog\"\n_ \"math/rand\"\n_ \"sync\"\n_ \"sync/atomic\"\n_ \"timezone\"\n_ \"strings\"\n)\n",
		}, []string{
			"ranges/a.go:3: ranges is pure and may not import time:",
			"ranges/a.go:4: ranges is pure and may not import os:",
			"ranges/a.go:5: ranges is pure and may not import os/exec:",
			"ranges/a.go:6: ranges is pure and may not import net:",
			"ranges/a.go:7: ranges is pure and may not import net/http:",
			"ranges/a.go:8: ranges is pure and may not import io/ioutil:",
			"ranges/a.go:9: ranges is pure and may not import log:",
			"ranges/a.go:10: ranges is pure and may not import log/slog:",
			"ranges/a.go:11: ranges is pure and may not import math/rand:",
			"ranges/a.go:12: ranges is pure and may not import sync:",
			"ranges/a.go:13: ranges is pure and may not import sync/atomic:",
		}},
		{"the global source of randomness", map[string]string{
			"antientropy/a.go": "package antientropy\nimport \"math/rand/v2\"\nfunc f(r *rand.Rand) int { return r.IntN(2) }\nfunc g() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }\nfunc h() int { return rand.IntN(2) }\n",
			"delta/a.go":       "package delta\nimport _ \"math/rand/v2\"\n",
		}, []string{
			"antientropy/a.go:5: antientropy is pure and may use only",
			"delta/a.go:2: delta is pure and may not import math/rand/v2",
		}},
		{"more of an impure package than its values", map[string]string{
			"wire/a.go": "package wire\nimport h \"net/http\"\nconst a = h.StatusOK\nvar b = h.Get\n",
			"wire/b.go": "package wire\nimport \"time\"\nvar t time.Time\nvar n = time.Now()\n",
		}, []string{
			"wire/a.go:4: wire is pure and may use only [Status*] of net/http, not Get",
			"wire/b.go:4: wire is pure and may use only [Time] of time, not Now",
		}},
		{"concurrency", map[string]string{
			"compaction/a.go": "package compaction\nfunc f(c chan int) {\n\tgo f(nil)\n\tselect {\n\tcase c <- 1:\n\tcase <-c:\n\t}\n}\n",
		}, []string{
			"compaction/a.go:2: compaction is pure and may not have a channel",
			"compaction/a.go:3: compaction is pure and may not start a goroutine",
			"compaction/a.go:4: compaction is pure and may not select",
			"compaction/a.go:5: compaction is pure and may not send",
			"compaction/a.go:6: compaction is pure and may not receive",
		}},
		{"the standard streams", map[string]string{
			"crdt/a.go": "package crdt\nimport \"fmt\"\nfunc f() {\n\tprintln(1)\n\tfmt.Printf(\"\")\n\t_ = fmt.Sprint(fmt.Errorf(\"\"))\n}\n",
		}, []string{
			"crdt/a.go:4: crdt is pure and may not print",
			"crdt/a.go:5: crdt is pure and may not print",
		}},
		{"tests and other packages", map[string]string{
			"crdt/a_test.go": "package crdt\nimport _ \"time\"\nfunc f() { go f() }\n",
			"node/a.go":      "package node\nimport _ \"time\"\nfunc f() { go f() }\n",
		}, nil},
	},
	"globals": {
		{"a variable that is changed", map[string]string{
			"crdt/a.go": "package crdt\nvar n, table, list = 0, map[int]int{}, []int{1}\nvar s struct{ x *int }\n",
			"crdt/b.go": "package crdt\nfunc f() {\n\tn++\n\ttable[1] = 2\n\tdelete(table, 1)\n\ts.x = &n\n\tlist[0], _ = 1, 2\n\tfor n = range 3 {\n\t}\n}\n",
		}, []string{
			"crdt/b.go:3: crdt is pure and may not change its variable n",
			"crdt/b.go:4: crdt is pure and may not change its variable table",
			"crdt/b.go:5: crdt is pure and may not change its variable table",
			"crdt/b.go:6: crdt is pure and may not change its variable n",
			"crdt/b.go:6: crdt is pure and may not change its variable s",
			"crdt/b.go:7: crdt is pure and may not change its variable list",
			"crdt/b.go:8: crdt is pure and may not change its variable n",
		}},
		{"variables that are read, and others of their name", map[string]string{
			"crdt/a.go": "package crdt\nimport \"errors\"\nvar n, err = 0, errors.New(\"\")\nfunc f(n int) (err error) {\n\tn++\n\terr = nil\n\treturn\n}\nfunc g() int { return n }\n",
		}, nil},
		{"tests and other packages", map[string]string{
			"crdt/a_test.go": "package crdt\nvar n int\nfunc f() { n++ }\n",
			"node/a.go":      "package node\nvar n int\nfunc f() { n++ }\n",
		}, nil},
	},
	"clock": {
		{"a goroutine, and the time of day", map[string]string{
			"store/a.go": "package store\nimport t \"time\"\nconst d = t.Second\nfunc f() {\n\tgo f()\n\t_ = t.Now()\n\tt.Sleep(d)\n\twg.Go(f)\n}\n",
		}, []string{
			"store/a.go:5: store may not start a goroutine",
			"store/a.go:6: store may not call time.Now",
			"store/a.go:7: store may not call time.Sleep",
			"store/a.go:8: store may not start a goroutine",
		}},
		{"tests, and the owners", map[string]string{
			"store/a_test.go": "package store\nimport \"time\"\nvar a = time.Now()\n",
			"node/a.go":       "package node\nimport \"time\"\nfunc f() { go f(); time.Sleep(1) }\n",
		}, nil},
	},
	"format": {
		{"spaces", map[string]string{
			"crdt/a.go":      "package crdt\n\nvar a  = 1\n",
			"crdt/b_test.go": "package crdt\n\nvar b = 1\n",
		}, []string{"crdt/a.go:3: not formatted"}},
	},
	"names": {
		{"packages and files", map[string]string{
			"util/a.go":            "package util\n",
			"crdt/helpers_test.go": "package crdt_test\n",
			"crdt/uses.go":         "package crdt\n",
		}, []string{"crdt/helpers_test.go: the file is named after nothing", "util/a.go:1: package util is named after nothing"}},
	},
	"docs": {
		{"none, and one for something else", map[string]string{
			"store/a.go":      "package store\n",
			"node/a.go":       "// Package nodes has nodes.\npackage node\n",
			"cmd/ssnode/a.go": "// Package main is a command.\npackage main\n",
			"wire/a.go":       "package wire\n",
			"wire/a_test.go":  "// Package wire says what it is where godoc does not look.\npackage wire\n",
		}, []string{
			`cmd/ssnode: no package comment begins with "Command ssnode "`,
			`node: no package comment begins with "Package node "`,
			`store: no package comment begins with "Package store "`,
			`wire: no package comment begins with "Package wire "`,
		}},
		{"in any file", map[string]string{
			"store/a.go":      "package store\n",
			"store/b.go":      "// Package store stores.\npackage store\n",
			"cmd/ssnode/a.go": "// Command ssnode commands.\npackage main\n",
			"node/a_test.go":  "// Package node has nothing but tests.\npackage node\n",
		}, nil},
	},
	"length": {
		{"one line too many", map[string]string{
			"crdt/a.go":      "package crdt\n" + strings.Repeat("//\n", 499),
			"crdt/b.go":      "package crdt\n" + strings.Repeat("//\n", 500),
			"crdt/c_test.go": "package crdt\n" + strings.Repeat("//\n", 5000),
		}, []string{"crdt/b.go: 501 lines, at most 500"}},
	},
	"skips": {
		{"too little said", map[string]string{
			"crdt/a_test.go": "package crdt\nimport \"testing\"\nfunc f(t *testing.T, s string) {\n\tt.Skip()\n\tt.SkipNow()\n\tt.Skip(\"slow\")\n\tt.Skipf(s)\n\tt.Skipf(\"the kernel has no user namespaces; run as root: %v\", s)\n}\n",
		}, []string{"crdt/a_test.go:4: ", "crdt/a_test.go:5: ", "crdt/a_test.go:6: ", "crdt/a_test.go:7: "}},
	},
	"test-names": {
		{"names of one part", map[string]string{
			"crdt/a_test.go": "package crdt\nimport \"testing\"\nfunc TestDot(t *testing.T) {}\nfunc TestDot_String(t *testing.T) {}\nfunc TestDot_(t *testing.T) {}\nfunc FuzzDot_parse(f *testing.F) {}\nfunc Benchmarkdot(b *testing.B) {}\nfunc BenchmarkDot(b *testing.B) {}\nfunc FuzzParse_Dot(f *testing.F) {}\nfunc TestMain(m *testing.M) {}\nfunc TestHelper(t *testing.T, n int) {}\n",
		}, []string{
			"crdt/a_test.go:3: TestDot does not", "crdt/a_test.go:5: TestDot_ does not",
			"crdt/a_test.go:6: FuzzDot_parse does not", "crdt/a_test.go:7: Benchmarkdot does not",
		}},
	},
	"text": {
		{"what is not done", map[string]string{
			"docs/a.md":  "# A\n\nT" + "ODO: write\n",
			"crdt/a.go":  "package crdt\n\n// F" + "IXME\n",
			"docs/b.md":  "mktemp a.XXXXXX, Todo\n",
			"scripts/ci": "# X" + "XX\n",
		}, []string{"crdt/a.go:3: F" + "IXME marks", "docs/a.md:3: T" + "ODO marks", "scripts/ci:1: X" + "XX marks"}},
		{"paths of one machine", map[string]string{
			"a.md": "see /wo" + "rk/shared/x\ncd \"/ro" + "ot/go\"\n`/ho" + "me/ann/x`\n",
			"b.md": "https://example.org/work/x, ./work/x, work/x, /var/lib/ssnode, a/home/b\n",
		}, []string{"a.md:1: /wo" + "rk/shared is a path", "a.md:2: /ro" + "ot/go is a path", "a.md:3: /ho" + "me/ann is a path"}},
	},
	"links": {
		{"to what is there, and what is not", map[string]string{
			"README.md":   "[a](docs/a.md), [b](crdt), [c](docs/) and [d](docs/c.md)\n[e](https://example.org/e), [f](#f), [g](mailto:g)\n",
			"docs/a.md":   "\n[up](../README.md#top), [beside](b.png), [wrong](README.md)\n",
			"docs/b.png":  "\xff",
			"crdt/doc.go": "// Package crdt is about [x](y).\npackage crdt\n",
		}, []string{"README.md:1: the link leads to docs/c.md", "docs/a.md:2: the link leads to docs/README.md"}},
		{"from comments", map[string]string{
			"README.md":    "# R\n",
			"docs/a.md":    "# A, as in NOWHERE.md\n",
			"crdt/doc.go":  "// Package crdt is docs/a.md as code, see README.md too.\npackage crdt\n\n// V is of README2.md, 2.\nvar v = \"x.md\" // and docs/b.md (A.\n",
			"crdt/test.go": "package crdt\n\nvar w = \"// no.md\"\n",
		}, []string{"crdt/doc.go:4: the comment names README2.md", "crdt/doc.go:5: the comment names docs/b.md"}},
	},
}

// TestRules_Check_SmallModules sees every rule fail where it should, and only
// there.
func TestRules_Check_SmallModules(t *testing.T) {
	for _, rule := range Rules() {
		for _, c := range ruleCases[rule.Name] {
			t.Run(rule.Name+"/"+c.name, func(t *testing.T) {
				found := rule.Check(load(t, c.files))
				if len(found) != len(c.want) {
					t.Fatalf("found %q, want %q", found, c.want)
				}
				for i, p := range found {
					if !strings.HasPrefix(p.String(), c.want[i]) {
						t.Errorf("found %q, want %q", p, c.want[i])
					}
				}
			})
		}
	}
}

// TestRules_Check_EachCanFail holds that no rule is without a module that
// breaks it, and that the tables of cases and of rules name the same.
func TestRules_Check_EachCanFail(t *testing.T) {
	names := map[string]bool{}
	for _, rule := range Rules() {
		names[rule.Name] = true
		if !slices.ContainsFunc(ruleCases[rule.Name], func(c ruleCase) bool { return len(c.want) > 0 }) {
			t.Errorf("rule %s has no case that violates it", rule.Name)
		}
		if found := rule.Check(load(t, nil)); len(found) > 0 {
			t.Errorf("rule %s finds %q in a module that breaks no rule", rule.Name, found)
		}
	}
	for name := range maps.Keys(ruleCases) {
		if !names[name] {
			t.Errorf("cases for %s, which is no rule", name)
		}
	}
}

// load returns the tree of the sound module with some files added.
func load(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, set := range []map[string]string{sound, files} {
		for name, body := range set {
			fsys[name] = &fstest.MapFile{Data: []byte(body)}
		}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
