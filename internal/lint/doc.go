// Package lint holds the rules of this module that no compiler checks: which
// package may import which, who owns a dependency, a goroutine or the clock,
// what keeps the pure packages pure, and how files are written.
//
// A rule is a function of a Tree, the parsed files of the module, to the
// Problems that it finds there. The test of this package applies every rule to
// the module that it is part of, so `go test ./...` holds them:
//
//	tree, err := lint.Load(os.DirFS(root))
//	for _, rule := range lint.Rules() {
//		for _, p := range rule.Check(tree) {
//			t.Error(p)
//		}
//	}
//
// Rules look at syntax alone and need neither the go command nor a build, so
// files for other systems and tags are held to them as well. Each has a test
// on a small input that violates it, because a check that cannot fail proves
// nothing. Types and control flow are left to go vet and staticcheck, which
// .ci/run calls.
package lint
