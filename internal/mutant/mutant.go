// Package mutant shows that tests would notice. A Mutant is a small break of
// the code: in a copy of one file one snippet is replaced by another. Run
// builds the test of a package with the copy in place of the file and requires
// that one test, which passes without the break, fails with it.
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
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testTimeout ends a test that a break has sent into an endless loop.
const testTimeout = "30s"

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
// it. The unbroken tests are built once; each mutant costs one build of what
// its file changes.
func Run(t *testing.T, pkg string, mutants []Mutant) {
	root := moduleRoot(t)
	for _, m := range mutants {
		if _, err := m.apply(root); err != nil {
			t.Errorf("%v", err)
		}
	}
	if err := passes(t.TempDir(), root, pkg, mutants); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		return
	}
	for _, m := range mutants {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			if err := m.notices(t.TempDir(), root, pkg); err != nil {
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

// passes returns which of the tests do not pass with the code as it is, or nil.
func passes(dir, root, pkg string, mutants []Mutant) error {
	binary := filepath.Join(dir, "unbroken.test")
	if out, err := build(root, pkg, binary, ""); err != nil {
		return fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	var tests []string
	for _, m := range mutants {
		tests = append(tests, m.Test)
	}
	slices.Sort(tests)
	tests = slices.Compact(tests)
	out, err := run(root, pkg, binary, tests...)
	var failed []error
	for _, name := range tests {
		if !strings.Contains(out, "--- PASS: "+name+" (") {
			failed = append(failed, fmt.Errorf("%s does not pass in %s without a break (%v):\n%s", name, pkg, err, out))
		}
	}
	return errors.Join(failed...)
}

// notices returns why nothing is proven by the mutant, or nil if its test fails
// with the break as a test does.
func (m Mutant) notices(dir, root, pkg string) error {
	overlay, err := m.overlay(dir, root)
	if err != nil {
		return err
	}
	binary := filepath.Join(dir, "broken.test")
	if out, err := build(root, pkg, binary, overlay); err != nil {
		return fmt.Errorf("the mutant does not build: %w\n%s", err, out)
	}
	out, err := run(root, pkg, binary, m.Test)
	switch {
	case err == nil:
		return fmt.Errorf("%s does not notice the break", m.Test)
	case !strings.Contains(out, "--- FAIL: "+m.Test+" ("):
		return fmt.Errorf("%s did not fail as a test does: %w\n%s", m.Test, err, out)
	}
	return nil
}

// overlay writes the broken file and the description by which the compiler
// takes it for the file.
func (m Mutant) overlay(dir, root string) (string, error) {
	broken, err := m.apply(root)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, filepath.Base(m.File))
	if err := os.WriteFile(copied, broken, 0o600); err != nil {
		return "", err
	}
	description, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root, m.File): copied},
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, description, 0o600)
}

// build compiles the tests of a package. Without optimisation, and without what
// only a debugger needs, that takes a third less.
func build(root, dir, binary, overlay string) (string, error) {
	args := []string{"test", "-c", "-vet=off", "-gcflags=-N -l", "-ldflags=-s -w", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./"+dir)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs tests by name, in the directory of their package.
func run(root, dir, binary string, tests ...string) (string, error) {
	args := []string{"-test.v", "-test.timeout=" + testTimeout, "-test.run=^(" + strings.Join(tests, "|") + ")$"}
	if exec.Command(binary, "-test.run=^$", noFailFile).Run() == nil {
		args = append(args, noFailFile)
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Join(root, dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// noFailFile keeps random tests from noting, beside the sources, what they have
// failed with. Binaries without such tests do not know it.
const noFailFile = "-rapid.nofailfile"

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
