package mutant

import (
	"slices"
	"strings"
	"testing"
)

// shapes are mutants of functions of every shape that is called differently,
// several of one function, and three for which no other function can stand in.
func shapes() (mutants []Mutant, alone []int) {
	m := func(before, after, test string) Mutant {
		return Mutant{Name: before, File: "sum/sum.go", Old: before, New: after, Test: test}
	}
	return []Mutant{
		m("range amounts", "range amounts[1:]", "TestAccount"),
		m("a.balance += x", "a.balance++; _ = x", "TestAccount"),
		m(`kind = "account"`, `kind = "none"`, "TestAccount"),
		m("return 0\n", "return 1\n", "TestCount"),
		m("1 + Count(list[1:],", "2 + Count(list[1:],", "TestCount"),
		m("	f()\n	return true", "	return false", "TestSurvive"),
		m("*survived = true", "", "TestSurvive"),
		m(`initialized = "yes"`, `initialized = "no"`, "TestInitialized"),
		m("limit = 3", "limit = 4", "TestInitialized"),
	}, []int{6, 7, 8}
}

// TestSwitched_IsNoticed: a break is noticed in the shared binary, which is the
// code as it is while none is on.
func TestSwitched_IsNoticed(t *testing.T) {
	t.Parallel()
	root, _ := fixture(t)
	mutants, alone := shapes()
	shared, err := buildShared(t.TempDir(), root, "sum", mutants)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.passes(mutants); err != nil {
		t.Error(err)
	}
	for i, m := range mutants {
		if shared.alone[i] != slices.Contains(alone, i) {
			t.Errorf("%s is built alone: %v", m.Name, shared.alone[i])
		}
		if err := m.notices(t.TempDir(), shared, i); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestSwitched_OneByOne: what cannot be built together is built alone, and only
// the mutant that does not build is an error.
func TestSwitched_OneByOne(t *testing.T) {
	t.Parallel()
	root, m := fixture(t)
	wrong := m
	wrong.New = `return a - "b" }`
	shared, err := buildShared(t.TempDir(), root, "sum", []Mutant{m, wrong})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.notices(t.TempDir(), shared, 0); err != nil {
		t.Error(err)
	}
	if err := wrong.notices(t.TempDir(), shared, 1); err == nil || !strings.Contains(err.Error(), "does not build") {
		t.Errorf("got %v", err)
	}
}
