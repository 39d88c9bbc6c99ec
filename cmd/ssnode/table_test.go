package main

import (
	"strings"
	"testing"
)

// TestWrapList_KeepsNodeAndPriorityTogether wraps what is too long for a cell.
func TestWrapList_KeepsNodeAndPriorityTogether(t *testing.T) {
	list := "● n1 20, ● n2 10, ● n3 5"
	for width, want := range map[int]string{
		80: list,
		20: "● n1 20, ● n2 10,\n● n3 5",
		9:  "● n1 20,\n● n2 10,\n● n3 5",
		1:  "● n1 20,\n● n2 10,\n● n3 5",
	} {
		if got := wrapList(list, width); got != want {
			t.Errorf("in %d columns: %q, want %q", width, got, want)
		}
	}
	if got := wrapList("nobody (gap)", 5); strings.Contains(got, "\n") {
		t.Errorf("a single item was broken: %q", got)
	}
}
