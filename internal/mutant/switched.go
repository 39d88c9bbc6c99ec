package mutant

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
)

// The mutants of a package share a binary: to build one for each takes seconds,
// to run its test milliseconds. In the shared one each has a number, and the
// environment says which break is on:
//
//	func (c *Commit) take(x Entry) bool {
//		if switchedOn == "7" {
//			return c.take__7(x)
//		}
//		…as it is…
//	}
//
//	func (c *Commit) take__7(x Entry) bool { …broken… }
//
// The broken function is a whole one, and stands in for the other wherever that
// is called, by itself too: it does what it would do in its place. Where that
// is not so, or the break is not within the body of one function, the mutant
// has a binary of its own.
const (
	switchVariable    = "switchedOn"
	switchEnvironment = "SSNODE_MUTANT"
	switchFile        = "zz_switched_on.go"
)

// sources are contents of files, by their names relative to the root.
type sources map[string][]byte

// switched returns the files that have the mutants in them, each under its
// index, and those that it has to leave alone.
func switched(root string, mutants []Mutant) (files sources, alone map[int]bool, err error) {
	files, alone = sources{}, map[int]bool{}
	byFile := map[string]*switchedFile{}
	for i, m := range mutants {
		f := byFile[m.File]
		if f == nil {
			if f, err = readSwitchedFile(root, m.File); err != nil {
				return nil, nil, err
			}
			byFile[m.File] = f
		}
		broken, err := m.apply(root)
		if err != nil {
			return nil, nil, err
		}
		if !f.add(strconv.Itoa(i), bytes.Index(f.content, []byte(m.Old)), len(m.Old), broken) {
			alone[i] = true
		}
	}
	for name, f := range byFile {
		if files[name], err = f.source(); err != nil {
			return nil, nil, err
		}
		files[filepath.Join(filepath.Dir(name), switchFile)] = fmt.Appendf(nil,
			"package %s\n\nimport \"os\"\n\nvar %s = os.Getenv(%q)\n", f.syntax.Name.Name, switchVariable, switchEnvironment)
	}
	return files, alone, nil
}

// switchedFile is a file, to which broken functions are added.
type switchedFile struct {
	content   []byte
	positions *token.FileSet
	syntax    *ast.File
	broken    bytes.Buffer
}

func readSwitchedFile(root, name string) (*switchedFile, error) {
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	f := &switchedFile{content: content, positions: token.NewFileSet()}
	f.syntax, err = parser.ParseFile(f.positions, name, content, parser.SkipObjectResolution)
	return f, err
}

// add adds the function that is broken from at on, and returns whether it can
// be switched to.
func (f *switchedFile) add(number string, at, length int, broken []byte) bool {
	i := f.functionAround(at, at+length)
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, "", broken, parser.SkipObjectResolution)
	if i < 0 || err != nil || len(file.Decls) != len(f.syntax.Decls) {
		return false
	}
	function := f.syntax.Decls[i].(*ast.FuncDecl)
	stand, ok := file.Decls[i].(*ast.FuncDecl)
	if !ok || !isSwitchable(function) || !isSwitchable(stand) {
		return false
	}
	nameParameters(function)
	nameParameters(stand)
	stand.Name = ast.NewIdent(function.Name.Name + "__" + number)
	f.broken.WriteString("\n\n")
	if err := format.Node(&f.broken, positions, stand); err != nil {
		return false
	}
	function.Body.List = append([]ast.Stmt{detour(number, stand)}, function.Body.List...)
	return true
}

// functionAround returns the index of the declaration of the function in whose
// body the bytes from start to end are, -1 if there is none.
func (f *switchedFile) functionAround(start, end int) int {
	for i, d := range f.syntax.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil &&
			f.positions.Position(d.Body.Lbrace).Offset < start && end <= f.positions.Position(d.Body.Rbrace).Offset {
			return i
		}
	}
	return -1
}

func (f *switchedFile) source() ([]byte, error) {
	var out bytes.Buffer
	err := format.Node(&out, f.positions, f.syntax)
	out.Write(f.broken.Bytes())
	return out.Bytes(), err
}

// isSwitchable returns whether another function may stand in for f: nobody can
// call init, and a call of recover has to be that of the deferred function.
func isSwitchable(f *ast.FuncDecl) bool {
	is := f.Recv != nil || f.Name.Name != "init"
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok && x.Name == "recover" {
			is = false
		}
		return is
	})
	return is
}

// nameParameters gives names to the parameters of f that have none, so that
// they can be passed on.
func nameParameters(f *ast.FuncDecl) {
	unnamed := 0
	for _, list := range []*ast.FieldList{f.Recv, f.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			if field.Names == nil {
				field.Names = []*ast.Ident{ast.NewIdent("_")}
			}
			for i, name := range field.Names {
				if name.Name == "_" {
					field.Names[i] = ast.NewIdent("unnamed__" + strconv.Itoa(unnamed))
					unnamed++
				}
			}
		}
	}
}

// detour is the statement by which a function leaves everything to the one that
// stands in for it.
func detour(number string, stand *ast.FuncDecl) ast.Stmt {
	call := &ast.CallExpr{Fun: callee(stand)}
	for _, field := range stand.Type.Params.List {
		for _, name := range field.Names {
			call.Args = append(call.Args, ast.NewIdent(name.Name))
		}
		if _, ok := field.Type.(*ast.Ellipsis); ok {
			call.Ellipsis = 1
		}
	}
	body := []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{call}}}
	if stand.Type.Results == nil {
		body = []ast.Stmt{&ast.ExprStmt{X: call}, &ast.ReturnStmt{}}
	}
	on := &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(number)}
	return &ast.IfStmt{
		Cond: &ast.BinaryExpr{X: ast.NewIdent(switchVariable), Op: token.EQL, Y: on},
		Body: &ast.BlockStmt{List: body},
	}
}

// callee is the function as it calls itself.
func callee(f *ast.FuncDecl) ast.Expr {
	name := ast.NewIdent(f.Name.Name)
	if f.Recv != nil {
		return &ast.SelectorExpr{X: ast.NewIdent(f.Recv.List[0].Names[0].Name), Sel: name}
	}
	if f.Type.TypeParams == nil {
		return name
	}
	var arguments []ast.Expr
	for _, field := range f.Type.TypeParams.List {
		for _, n := range field.Names {
			arguments = append(arguments, ast.NewIdent(n.Name))
		}
	}
	return &ast.IndexListExpr{X: name, Indices: arguments}
}
