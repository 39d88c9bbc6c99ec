package sim_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/sim"
)

// TestRun_HoldsInSessions runs a few seeds of the faults in which most happens
// while a session is open. It is what internal/mutant breaks the rules of
// sessions against.
func TestRun_HoldsInSessions(t *testing.T) {
	for seed := range uint64(60) {
		r := sim.Run(sim.Config{Seed: seed, Faults: "sessions", Nodes: 4, Steps: 2500, Pause: 25})
		if !r.OK() {
			t.Fatalf("seed %d, %s: %s\nreplay with: go run ./cmd/%s", seed, r.Faults, r.Violations[0], r.Replay())
		}
	}
}

// TestRun_HoldsAtSeedsOfRareRules runs the seeds that tell a rule of sessions
// from its absence: a peer is restored while a session with it is open.
func TestRun_HoldsAtSeedsOfRareRules(t *testing.T) {
	for _, seed := range []uint64{100_000, 100_016} {
		if r := sim.Run(sim.Config{Seed: seed, Steps: 1500}); !r.OK() {
			t.Errorf("seed %d, %s: %s\nreplay with: go run ./cmd/%s", seed, r.Faults, r.Violations[0], r.Replay())
		}
	}
}
