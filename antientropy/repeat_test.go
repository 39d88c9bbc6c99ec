package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// TestCore_Pull_IsRepeatedByWhatAPeerTakes: where answers take longer than the
// pause to the first repetition, the first pulls are asked again for nothing,
// and later ones are not. One that is lost is asked again all the same.
func TestCore_Pull_IsRepeatedByWhatAPeerTakes(t *testing.T) {
	k, a, b := quiet(t, 3)
	pull := func(hold func(deliver func())) (repeated uint64) {
		t.Helper()
		a.hold = nil
		k.faults.loss = 100
		if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(1), Amount: 1}); err != nil {
			t.Fatal(err)
		}
		k.run(1000)
		k.faults.loss = 0
		a.hold = hold
		before := b.core.Counters()
		b.core.Heard("a", a.core.CheckPayload())
		k.run(3000)
		if !k.isConverged() {
			t.Fatal("what was pulled has not come")
		}
		return b.core.Counters().PullsRepeated - before.PullsRepeated
	}
	if n := pull(nil); n != 0 {
		t.Fatalf("asked again %d times at once", n)
	}
	slowly := func(deliver func()) { k.after(400, deliver) }
	var last uint64
	for range 4 {
		last = pull(slowly)
	}
	c := b.core.Counters()
	if last != 0 || c.PullsRepeated == 0 || c.PullsFailed != 0 {
		t.Errorf("where answers take 400 ms the fifth pull is asked again %d times, all of them %d times; %d fail", last, c.PullsRepeated, c.PullsFailed)
	}

	held := 0
	losing := func(deliver func()) {
		if held++; held > 1 {
			slowly(deliver)
		}
	}
	if n := pull(losing); n != 1 || b.core.Counters().PullsFailed != 0 {
		t.Errorf("a lost answer is asked for again %d times", n)
	}
}
