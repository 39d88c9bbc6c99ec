// Package mutant shows that tests would notice. A Mutant is a small break of
// the code: in a copy of one file one snippet is replaced by another. Run
// builds the tests of a package with such breaks, of which the environment
// switches one on, and requires that one test, which passes without the break,
// fails with it. What cannot be switched is built with the copy in place of the
// file.
//
// A mutant that does not build proves nothing, nor does one whose test is not
// there, panics before it begins or hangs: each of these is an error. So that
// mutants do not rot, a snippet that no longer occurs exactly once is an error
// too, and says which mutant is to be adapted to the code.
//
// It is used by tests only. Files are left alone: the compiler is given the
// copy by `go test -overlay`.
package mutant

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Mutant is one break and the test that has to notice it.
type Mutant struct {
	// Name says what is broken, as the name of a subtest.
	Name string
	// File is the broken file, relative to the root of the module.
	File string
	// Old is a snippet that occurs exactly once in File, New what replaces it.
	Old, New string
	// Test is the name of the test that notices.
	Test string
}

// Run requires of every mutant that its test in the package pkg, a directory
// relative to the root of the module, passes without the break and fails with
// it. One build serves all mutants that can be switched on in it.
func Run(t *testing.T, pkg string, mutants []Mutant) {
	t.Parallel()
	root := moduleRoot(t)
	for _, m := range mutants {
		if _, err := m.apply(root); err != nil {
			t.Errorf("%v", err)
		}
	}
	if t.Failed() {
		return
	}
	shared, err := buildShared(t.TempDir(), root, pkg, mutants)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.passes(mutants); err != nil {
		t.Fatal(err)
	}
	for i, m := range mutants {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			if err := m.notices(t.TempDir(), shared, i); err != nil {
				t.Error(err)
			}
		})
	}
}

// apply returns the broken content of the file.
func (m Mutant) apply(root string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return nil, fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	if n := bytes.Count(content, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("mutant %q: its snippet occurs %d times in %s, want once; adapt the mutant to the code:\n%s", m.Name, n, m.File, m.Old)
	}
	return bytes.Replace(content, []byte(m.Old), []byte(m.New), 1), nil
}

// notices returns why nothing is proven by the mutant, the i-th of a shared
// binary, or nil if its test fails with the break as a test does.
func (m Mutant) notices(dir string, shared *binary, i int) error {
	b := shared
	if shared.alone[i] {
		broken, err := m.apply(shared.root)
		if err != nil {
			return err
		}
		if b, err = build(dir, shared.root, shared.pkg, sources{m.File: broken}); err != nil {
			return fmt.Errorf("the mutant does not build: %w", err)
		}
	}
	out, err := b.run(strconv.Itoa(i), m.Test)
	switch {
	case err == nil:
		return fmt.Errorf("%s does not notice the break", m.Test)
	case !strings.Contains(out, "--- FAIL: "+m.Test+" ("):
		return fmt.Errorf("%s did not fail as a test does: %w\n%s", m.Test, err, out)
	}
	return nil
}

// moduleRoot returns the directory of go.mod above the test.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test: mutants are built from the sources of the module")
		}
		dir = parent
	}
}
