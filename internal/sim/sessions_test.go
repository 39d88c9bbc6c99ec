package sim_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/sim"
)

// TestRun_HoldsInSessions runs a few seeds of the faults in which most happens
// while a session is open. It is what internal/mutant breaks the rules of
// sessions against.
func TestRun_HoldsInSessions(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		r := sim.Run(sim.Config{Seed: seed, Faults: "sessions", Nodes: 4, Steps: 2500, Pause: 25})
		if !r.OK() {
			t.Fatalf("seed %d, %s: %s\nreplay with: go run ./cmd/%s", seed, r.Faults, r.Violations[0], r.Replay())
		}
	}
}
