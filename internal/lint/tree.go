package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Tree is a module as the rules see it.
type Tree struct {
	// Module is the path that go.mod gives.
	Module string
	// Packages are the directories with Go files, ascending. Those below
	// testdata are not among them.
	Packages []*Package
	// Texts are all text files, Go or not, ascending by path.
	Texts []Text
	// Paths has every file and directory, also those that are no text.
	Paths map[string]bool

	fset *token.FileSet
}

// Package is the Go files of one directory, tests included.
type Package struct {
	// Dir is the directory relative to the root of the module, "." for the
	// root itself: what the tables of this package call a package.
	Dir string
	// Nested says that the directory belongs to a module of its own, which may
	// import what it likes but is written like everything else.
	Nested bool
	Files  []*File
}

// File is one Go file.
type File struct {
	Text
	Syntax *ast.File
	// Test says that the name ends in _test.go.
	Test bool
}

// Text is one file that people read.
type Text struct {
	Path string
	Body string
}

// Name returns the base name.
func (t Text) Name() string { return path.Base(t.Path) }

// textBytesMax bounds what is taken for a text; nothing that people write by
// hand is larger.
const textBytesMax = 1 << 20

// Load reads and parses the module whose root is fsys.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet(), Paths: map[string]bool{}}
	dirs := map[string]*Package{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isIgnored(name):
			return fs.SkipDir
		case isIgnored(name): // .git of a second work tree, which says where the first is
			return nil
		}
		t.Paths[name] = true
		if !entry.Type().IsRegular() {
			return nil
		}
		return t.read(fsys, name, entry, dirs)
	})
	if err != nil {
		return nil, fmt.Errorf("load module: %w", err)
	}
	if t.Module == "" {
		return nil, fmt.Errorf("load module: no go.mod at the root says what it is called")
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		p := dirs[dir]
		p.Nested = t.isNested(dir)
		t.Packages = append(t.Packages, p)
	}
	return t, nil
}

// isIgnored reports whether a directory holds nothing that people wrote: what
// git keeps for itself, what was built, and inputs that tools have found.
func isIgnored(dir string) bool {
	return dir == "bin" || path.Base(dir) == ".git" ||
		strings.HasSuffix(dir, "testdata/fuzz") || strings.HasSuffix(dir, "testdata/rapid")
}

func (t *Tree) read(fsys fs.FS, name string, entry fs.DirEntry, dirs map[string]*Package) error {
	info, err := entry.Info()
	if err != nil || info.Size() > textBytesMax {
		return err
	}
	body, err := fs.ReadFile(fsys, name)
	if err != nil || !utf8.Valid(body) {
		return err
	}
	text := Text{Path: name, Body: string(body)}
	t.Texts = append(t.Texts, text)
	switch {
	case name == "go.mod":
		t.Module = moduleOf(text.Body)
	case path.Ext(name) == ".go" && !strings.Contains("/"+name, "/testdata/"):
		return t.parse(text, dirs)
	}
	return nil
}

func (t *Tree) parse(text Text, dirs map[string]*Package) error {
	syntax, err := parser.ParseFile(t.fset, text.Path, text.Body, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(text.Path)
	if dirs[dir] == nil {
		dirs[dir] = &Package{Dir: dir}
	}
	f := &File{Text: text, Syntax: syntax, Test: strings.HasSuffix(text.Path, "_test.go")}
	dirs[dir].Files = append(dirs[dir].Files, f)
	return nil
}

// moduleOf returns the path that the text of a go.mod gives to its module.
func moduleOf(gomod string) string {
	for line := range strings.Lines(gomod) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// isNested reports whether a go.mod other than that of the root rules dir.
func (t *Tree) isNested(dir string) bool {
	return slices.ContainsFunc(t.Texts, func(text Text) bool {
		module := path.Dir(text.Path)
		return text.Name() == "go.mod" && module != "." && (dir == module || strings.HasPrefix(dir, module+"/"))
	})
}

// line returns the line of a place in a Go file.
func (t *Tree) line(pos token.Pos) int { return t.fset.Position(pos).Line }

// own returns the packages of this module without those of nested ones.
func (t *Tree) own() []*Package {
	return slices.DeleteFunc(slices.Clone(t.Packages), func(p *Package) bool { return p.Nested })
}

// inside returns the package of this module that an import path names, as the
// directory of it, and false for every other import path.
func (t *Tree) inside(importPath string) (string, bool) {
	if importPath == t.Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.Module+"/")
}

// code returns the files of a package that are not tests.
func (p *Package) code() []*File {
	return slices.DeleteFunc(slices.Clone(p.Files), func(f *File) bool { return f.Test })
}

// Import is one import of a file.
type Import struct {
	Path string
	// Name is what the file calls the package.
	Name string
	Pos  token.Pos
}

// imports returns the imports of a file.
func (f *File) imports() []Import {
	var out []Import
	for _, spec := range f.Syntax.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it before
		}
		i := Import{Path: importPath, Name: defaultName(importPath), Pos: spec.Pos()}
		if spec.Name != nil {
			i.Name = spec.Name.Name
		}
		out = append(out, i)
	}
	return out
}

// defaultName returns the name under which an import is known if it is given
// none: the last element of its path that is not a version.
func defaultName(importPath string) string {
	dir, name := path.Split(importPath)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" && dir != "" {
		return path.Base(dir)
	}
	return name
}

// isStandard reports whether an import path is one of the standard library,
// whose first element has no dot.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
