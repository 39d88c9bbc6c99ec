package lint

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// checkGlobals refuses code in pure packages that changes a variable of the
// package: such a variable is state that no argument shows.
func checkGlobals(t *Tree) []Problem {
	var found problems
	for _, p := range t.own() {
		if slices.Contains(purePackages, p.Dir) {
			checkPackageGlobals(t, p, &found)
		}
	}
	return found.sorted()
}

func checkPackageGlobals(t *Tree, p *Package, found *problems) {
	var files []*ast.File
	for _, f := range p.code() {
		files = append(files, f.Syntax)
	}
	globals := resolve(t.fset, files)
	for _, f := range p.code() {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			for _, x := range written(n) {
				if id := root(x); id != nil && globals[id] {
					found.add(f.Path, t.line(n.Pos()), "%s is pure and may not change its variable %s; make it a field or an argument", p.Dir, id.Name)
				}
			}
			return true
		})
	}
}

// resolve returns the identifiers in files that refer to variables of their
// package. What is imported need not be known for that, so every type error is
// ignored: the compiler reports it.
func resolve(fset *token.FileSet, files []*ast.File) map[*ast.Ident]bool {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Error: func(error) {}, IgnoreFuncBodies: false}
	pkg, _ := config.Check("p", fset, files, info)
	globals := map[*ast.Ident]bool{}
	for id, object := range info.Uses {
		if v, ok := object.(*types.Var); ok && pkg != nil && v.Parent() == pkg.Scope() {
			globals[id] = true
		}
	}
	return globals
}

// written returns the expressions that a piece of syntax changes, or whose
// address it takes so that others can.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if isIdent(n.Fun, "delete") || isIdent(n.Fun, "clear") || isIdent(n.Fun, "copy") {
			return n.Args[:min(1, len(n.Args))]
		}
	}
	return nil
}

// root returns the variable that an expression is a part of, or nil.
func root(x ast.Expr) *ast.Ident {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e
		case *ast.IndexExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		default:
			return nil
		}
	}
}
