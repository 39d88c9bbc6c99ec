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

// TestRun_NobodyLeftToDecide runs seeds in which a directory was lost with what
// it alone knew, and a record is left that only its origin holds. Everybody
// stays ahead for ever; the origin issues the record again.
func TestRun_NobodyLeftToDecide(t *testing.T) {
	for _, seed := range []uint64{114} {
		r := sim.Run(sim.Config{Seed: seed, Steps: 2500})
		if !r.OK() {
			t.Errorf("seed %d, %s: %s\nreplay with: go run ./cmd/%s", seed, r.Faults, r.Violations[0], r.Replay())
		}
		if r.Marks[sim.MarkReissued] == 0 {
			t.Errorf("seed %d: no record was issued again; look for a seed in which one is", seed)
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
