package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// skipReasonBytesMin is the least a skip must say, in bytes: what is missing
// here, and what to do to have the test run.
const skipReasonBytesMin = 40

// checkSkips refuses skips without a reason. A skipped test looks like one
// that has passed to all who do not ask for details.
func checkSkips(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		for _, f := range p.Files {
			ast.Inspect(f.Syntax, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && f.Test && isQuietSkip(call) {
					found.add(f.Path, t.line(n.Pos()), "a skip that says too little; make the test run everywhere, or say in at least %d bytes what is missing and how to run it", skipReasonBytesMin)
				}
				return true
			})
		}
	}
	return found.sorted()
}

func isQuietSkip(call *ast.CallExpr) bool {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isOneOf([]string{"Skip", "Skipf", "SkipNow"}, fun.Sel.Name) {
		return false
	}
	if len(call.Args) == 0 {
		return true
	}
	reason, ok := call.Args[0].(*ast.BasicLit)
	if !ok || reason.Kind != token.STRING {
		return true
	}
	text, err := strconv.Unquote(reason.Value)
	return err != nil || len(strings.TrimSpace(text)) < skipReasonBytesMin
}

// testName is Test, what is tested, and after an underscore each what is done
// with it and under which condition: TestStore_Apply_ErrClosed. What is fuzzed
// or measured may be a function without more to say: FuzzParseDot.
var testName = regexp.MustCompile(`^(Test[A-Z][A-Za-z0-9]*_|(Fuzz|Benchmark)([A-Z][A-Za-z0-9]*_)?)[A-Z0-9][A-Za-z0-9]*(_[A-Z0-9][A-Za-z0-9]*)*$`)

// checkTestNames wants the name of a test to say which promise has been broken
// when it fails.
func checkTestNames(t *Tree) []Problem {
	var found problems
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, decl := range f.Syntax.Decls {
				fun, ok := decl.(*ast.FuncDecl)
				if f.Test && ok && isTest(fun) && !testName.MatchString(fun.Name.Name) {
					found.add(f.Path, t.line(fun.Pos()), "%s does not read like TestType_Method_Condition; say what is tested and what must hold", fun.Name.Name)
				}
			}
		}
	}
	return found.sorted()
}

// isTest reports whether the go command runs a function as a test, a fuzz test
// or a benchmark.
func isTest(fun *ast.FuncDecl) bool {
	if fun.Recv != nil || fun.Type.Params.NumFields() != 1 {
		return false
	}
	pointer, ok := fun.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	of, ok := pointer.X.(*ast.SelectorExpr)
	return ok && isIdent(of.X, "testing") && isOneOf([]string{"T", "F", "B"}, of.Sel.Name) &&
		isOneOf([]string{"Test*", "Fuzz*", "Benchmark*"}, fun.Name.Name)
}
