package mutant

import (
	"path/filepath"
	"strings"
	"testing"
)

// fixture is a module of one small package, and plus a mutant of it that its
// test notices.
func fixture(t *testing.T) (string, Mutant) {
	t.Helper()
	root, err := filepath.Abs("testdata/fixture")
	if err != nil {
		t.Fatal(err)
	}
	return root, Mutant{
		Name: "minus", File: "sum/sum.go", Old: "return a + b }", New: "return a - b }", Test: "TestSum",
	}
}

// TestMutant_Notices: what is proof, and what is not.
func TestMutant_Notices(t *testing.T) {
	t.Parallel()
	root, plus := fixture(t)
	for name, test := range map[string]struct {
		change func(*Mutant)
		want   string // part of the error, empty for none
	}{
		"noticed":             {func(*Mutant) {}, ""},
		"not noticed":         {func(m *Mutant) { m.Test = "TestSum_WithZero" }, "does not notice"},
		"does not parse":      {func(m *Mutant) { m.New = "return a +/ b }" }, "does not build"},
		"has a wrong type":    {func(m *Mutant) { m.New = `return a - "b" }` }, "does not build"},
		"no such test":        {func(m *Mutant) { m.Test = "TestNothing" }, "does not notice"},
		"dies before it runs": {func(m *Mutant) { m.Old, m.New = "return true }", `panic("no") }` }, "did not fail as a test does"},
		"snippet is gone":     {func(m *Mutant) { m.Old = "a * b" }, "occurs 0 times in sum/sum.go"},
		"snippet is twice":    {func(m *Mutant) { m.Old = "return " }, "times in sum/sum.go, want once"},
		"file is gone":        {func(m *Mutant) { m.File = "sum/none.go" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plus
			test.change(&m)
			err := buildAndNotice(t, root, m)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func buildAndNotice(t *testing.T, root string, m Mutant) error {
	shared, err := buildShared(t.TempDir(), root, "sum", []Mutant{m})
	if err != nil {
		return err
	}
	return m.notices(t.TempDir(), shared, 0)
}

// TestBinary_Passes: a test that fails anyhow, or that is not there, notices nothing.
func TestBinary_Passes(t *testing.T) {
	t.Parallel()
	root, m := fixture(t)
	shared, err := buildShared(t.TempDir(), root, "sum", []Mutant{m})
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.passes([]Mutant{m}); err != nil {
		t.Errorf("a test that passes: %v", err)
	}
	for _, test := range []string{"TestWrong", "TestNothing"} {
		m.Test = test
		if err := shared.passes([]Mutant{m}); err == nil || !strings.Contains(err.Error(), "does not pass") {
			t.Errorf("%s: %v", test, err)
		}
	}
}
