package lint

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestTree_Load_Packages(t *testing.T) {
	tree := load(t, map[string]string{
		"crdt/testdata/bad.go":            "this is no Go",
		"crdt/testdata/fuzz/FuzzX_Y/ab12": "an input that was found",
		".git/hooks/x.go":                 "nor is this",
		"bin/tool":                        "\xff\xfe",
		"picture.png":                     "\xff\xfe",
		"bench/go.mod":                    "module example.org/m/bench\n",
		"bench/a.go":                      "package bench\n",
	})
	if tree.Module != "example.org/m" {
		t.Errorf("the module is %q", tree.Module)
	}
	var packages, texts []string
	for _, p := range tree.Packages {
		packages = append(packages, p.Dir)
	}
	for _, text := range tree.Texts {
		texts = append(texts, text.Path)
	}
	if got, want := strings.Join(packages, " "), "bench crdt"; got != want {
		t.Errorf("packages are %s, want %s", got, want)
	}
	if got, want := strings.Join(texts, " "), "bench/a.go bench/go.mod crdt/doc.go crdt/testdata/bad.go go.mod"; got != want {
		t.Errorf("texts are %s, want %s", got, want)
	}
	if !tree.Packages[0].Nested || tree.Packages[1].Nested {
		t.Error("bench is a module of its own, crdt is not")
	}
}

func TestTree_Load_Refuses(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"a Go file that does not parse": {"go.mod": {Data: []byte("module m\n")}, "a.go": {Data: []byte("package")}},
		"no go.mod":                     {"a/a.go": {Data: []byte("package a\n")}},
		"a go.mod without a name":       {"go.mod": {Data: []byte("go 1.26\n")}},
	} {
		if _, err := Load(fsys); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestImport_Name_Default(t *testing.T) {
	for importPath, want := range map[string]string{
		"fmt":                          "fmt",
		"math/rand":                    "rand",
		"math/rand/v2":                 "rand",
		"github.com/fxamacker/cbor/v2": "cbor",
		"v2":                           "v2",
		"go.etcd.io/bbolt/version":     "version",
	} {
		if got := defaultName(importPath); got != want {
			t.Errorf("%s is called %s, want %s", importPath, got, want)
		}
	}
}
