package main

import (
	"bytes"
	"testing"

	"github.com/scalesmall/ssnode/wire"
)

// TestWatcher_Print_QuietTellsReleasedFromClaimed also has what -q leaves out.
func TestWatcher_Print_QuietTellsReleasedFromClaimed(t *testing.T) {
	var shown bytes.Buffer
	w := &watcher{out: &output{w: &shown, quiet: true}}
	for _, kind := range []wire.WatchType{wire.WatchClaim, wire.WatchBookmark, wire.WatchReleased} {
		if err := w.print(wire.WatchLine{Type: kind, Keyspace: "k", Node: "n1"}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "k:[-inf, +inf) of n1\n-k:[-inf, +inf) of n1\n"; shown.String() != want {
		t.Errorf("got\n%swant\n%s", shown.String(), want)
	}
}
