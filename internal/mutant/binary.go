package mutant

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// testTimeout ends a test that a break has sent into an endless loop, and is not met
// by all tests of a package together on a busy machine, which may take half a minute.
const testTimeout = "3m"

// randomOptions keep random tests from noting, beside the sources, what they
// have failed with, and from looking half a minute for a shorter case. Binaries
// without such tests do not know them. With a break they also get so many cases
// that chance does not decide whether they notice: they end at the first that
// does.
var (
	randomOptions = []string{"-rapid.nofailfile", "-rapid.shrinktime=1ms"}
	manyCases     = "-rapid.checks=20000"
)

// binary is the compiled tests of a package.
type binary struct {
	root, pkg, path string
	// isRandom says that it knows randomOptions.
	isRandom bool
	// alone are the indices of the mutants that cannot be switched on in it.
	alone map[int]bool
}

// buildShared builds the binary in which mutants can be switched on. If they
// cannot be built together, since one of them cannot at all, it has none.
func buildShared(dir, root, pkg string, mutants []Mutant) (*binary, error) {
	files, alone, err := switched(root, mutants)
	if err != nil {
		return nil, err
	}
	b, err := build(filepath.Join(dir, "shared"), root, pkg, files)
	if err != nil {
		for i := range mutants {
			alone[i] = true
		}
		b, err = build(filepath.Join(dir, "unbroken"), root, pkg, nil)
	}
	if err != nil {
		return nil, err
	}
	b.alone = alone
	return b, nil
}

// build compiles the tests of a package, with the given files in place of
// theirs. Without optimisation of the module's own packages, and without what
// only a debugger needs, that takes half the time.
func build(dir, root, pkg string, files sources) (*binary, error) {
	overlay, err := writeOverlay(dir, root, files)
	if err != nil {
		return nil, err
	}
	b := &binary{root: root, pkg: pkg, path: filepath.Join(dir, "mutant.test")}
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=./...=-N -l", "-ldflags=-s -w", "-overlay", overlay, "-o", b.path, "./"+pkg)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	b.isRandom = exec.Command(b.path, append([]string{"-test.run=^$"}, randomOptions...)...).Run() == nil
	return b, nil
}

// writeOverlay writes the files to dir, and the description by which the
// compiler takes them for those of the module.
func writeOverlay(dir, root string, files sources) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for name, content := range files {
		path := filepath.Join(dir, strings.ReplaceAll(filepath.ToSlash(name), "/", "__"))
		replace[filepath.Join(root, name)] = path
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return "", err
		}
	}
	description, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, description, 0o600)
}

// passes returns which of the tests of the mutants do not pass while none is
// switched on, or nil.
func (b *binary) passes(mutants []Mutant) error {
	var tests []string
	for _, m := range mutants {
		tests = append(tests, m.Test)
	}
	slices.Sort(tests)
	tests = slices.Compact(tests)
	out, err := b.run("", tests...)
	var failed []error
	for _, name := range tests {
		if !strings.Contains(out, "--- PASS: "+name+" (") {
			failed = append(failed, fmt.Errorf("%s does not pass in %s without a break (%v):\n%s", name, b.pkg, err, out))
		}
	}
	return errors.Join(failed...)
}

// run runs tests by name, in the directory of their package, with one mutant
// switched on, or none.
func (b *binary) run(mutant string, tests ...string) (string, error) {
	args := []string{"-test.v", "-test.timeout=" + testTimeout, "-test.run=^(" + strings.Join(tests, "|") + ")$"}
	if b.isRandom {
		args = append(args, randomOptions...)
	}
	if b.isRandom && mutant != "" {
		args = append(args, manyCases)
	}
	cmd := exec.Command(b.path, args...)
	cmd.Dir = filepath.Join(b.root, b.pkg)
	cmd.Env = append(os.Environ(), switchEnvironment+"="+mutant)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
