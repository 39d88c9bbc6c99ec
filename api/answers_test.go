package api

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// TestAnswers_Once_ForgetsTheOldest holds the bounds of what is remembered.
func TestAnswers_Once_ForgetsTheOldest(t *testing.T) {
	a := newAnswers()
	writes := 0
	write := func(results int) func() (node.Written, error) {
		return func() (node.Written, error) {
			writes++
			return node.Written{Results: make([]delta.Result, results)}, nil
		}
	}
	ops := []wire.Operation{{Op: wire.OpRegister}}
	// Three of these exceed the bound on results.
	for i := range 3 {
		if _, err := a.once(fmt.Sprint(i), ops, write(answersResultsMax/2)); err != nil {
			t.Fatal(err)
		}
	}
	if a.mu.results > answersResultsMax || len(a.mu.all) != len(a.mu.order) {
		t.Fatalf("%d results of %d batches, %d in order", a.mu.results, len(a.mu.all), len(a.mu.order))
	}
	if _, err := a.once("2", ops, write(1)); err != nil || writes != 3 {
		t.Errorf("the newest batch: %d writes, want 3, %v", writes, err)
	}
	if _, err := a.once("0", ops, write(1)); err != nil || writes != 4 {
		t.Errorf("the oldest batch, which must be forgotten: %d writes, want 4, %v", writes, err)
	}
	for i := range answersMax + 10 {
		if _, err := a.once(fmt.Sprint("many", i), ops, write(1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.mu.all) > answersMax || len(a.mu.order) > answersMax {
		t.Errorf("%d batches are remembered, at most %d should be", len(a.mu.all), answersMax)
	}
}

func TestAnswers_Once_ForgetsWhatWasRefused(t *testing.T) {
	a := newAnswers()
	refusal := errors.New("refused")
	ops := []wire.Operation{{Op: wire.OpRegister}}
	if _, err := a.once("x", ops, func() (node.Written, error) { return node.Written{}, refusal }); !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	if len(a.mu.all) != 0 {
		t.Errorf("%d batches are remembered", len(a.mu.all))
	}
}

// TestRepairOf_TellsHowFar: the place that a repair has reached is told as a
// keyspace and the text of a key, where it is one.
func TestRepairOf_TellsHowFar(t *testing.T) {
	at := delta.StartingIn("shop", ranges.Range{From: "a\x00b", To: ranges.Unbounded()}).From
	for key, want := range map[delta.Key]string{
		at: "shop hex:610062", delta.KeyspaceSpan("shop").From: "shop ", "": "nowhere", delta.NodeSpan.From: "nowhere",
	} {
		r := repairOf(node.Repair{Member: "n2", Through: key, Compared: 3, Expected: 4, SpansBegun: 5, SpansDone: 2, Sketch: true})
		got := "nowhere"
		if r.Through != nil {
			got = r.ThroughKeyspace + " " + *r.Through
		}
		if got != want || r.Member != "n2" || r.Compared != 3 || r.Expected != 4 || r.SpansBegun != 5 || r.SpansDone != 2 || !r.Sketch {
			t.Errorf("%q is told as %q, not %q: %+v", key, got, want, r)
		}
	}
}

// TestAnswers_Keep_SharesNothing: results are cut from pieces that many batches
// share, of which what is remembered for long must keep none.
func TestAnswers_Keep_SharesNothing(t *testing.T) {
	a, piece := newAnswers(), make([]delta.Result, 64)
	ops := []wire.Operation{{Op: wire.OpRegister}}
	if _, err := a.once("x", ops, func() (node.Written, error) { return node.Written{Results: piece[:1:1]}, nil }); err != nil {
		t.Fatal(err)
	}
	piece[0].Priority = 7
	if kept := a.mu.all["x"].Written.Results; len(kept) != 1 || kept[0].Priority != 0 {
		t.Errorf("what is remembered is in the piece of others: %+v", kept)
	}
}
