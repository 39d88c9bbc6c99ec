package sim

import (
	"flag"
	"testing"
)

var spreadTable = flag.Bool("sim.spread", false, "measure how updates spread in the large: `make spread`")

func measured(t *testing.T, c SpreadConfig) Spread {
	t.Helper()
	s := MeasureSpread(c)
	for _, v := range s.Violations {
		t.Errorf("%+v: %s", c, v)
	}
	t.Logf("%s", s)
	return s
}

// TestMeasureSpread_Push: of 100 members, pushes alone reach more than 99.9 %,
// with at most 8 copies of a payload for each member, and all are equal soon.
func TestMeasureSpread_Push(t *testing.T) {
	s := measured(t, SpreadConfig{Seed: 1, Updates: 10})
	if s.Copies > 8 || s.Pushed < 0.999 {
		t.Errorf("%.2f copies, %.3f %% by push; want at most 8 and at least 99.9", s.Copies, 100*s.Pushed)
	}
}

// TestMeasureSpread_Rounds: a cluster is equal within 2·log₂ n + 4 rounds, by
// pushes, and as well by checks and pulls alone.
func TestMeasureSpread_Rounds(t *testing.T) {
	sizes := []int{10, 100}
	if testing.Short() {
		sizes = sizes[:1]
	}
	for _, n := range sizes {
		for _, c := range []SpreadConfig{{Seed: 1, Nodes: n, Updates: 3}, {Seed: 1, Nodes: n, Updates: 3, NoPush: true}} {
			if s := measured(t, c); s.Rounds > RoundsMax(n) {
				t.Errorf("%s: want at most %.1f rounds", s, RoundsMax(n))
			}
		}
	}
}

// TestMeasureSpread_Faults: whatever is lost, all are equal in the end.
func TestMeasureSpread_Faults(t *testing.T) {
	for _, c := range []SpreadConfig{
		{Seed: 1, Nodes: 30, Updates: 5, LossPercent: 30},
		{Seed: 1, Nodes: 30, Updates: 5, PartitionMillis: 60_000},
	} {
		if s := measured(t, c); s.EqualMillis > 10_000 {
			t.Errorf("%s: want at most 10 s", s)
		}
	}
}

// TestMeasureSpread_Table prints the table of docs/protocol.md.
func TestMeasureSpread_Table(t *testing.T) {
	if !*spreadTable {
		t.Skip("measures clusters of up to 1,000 members, which takes minutes: run make spread")
	}
	for _, c := range []SpreadConfig{
		{Nodes: 10}, {Nodes: 10, NoPush: true},
		{Nodes: 100}, {Nodes: 100, NoPush: true},
		{Nodes: 100, LossPercent: 10}, {Nodes: 100, LossPercent: 30}, {Nodes: 100, PartitionMillis: 60_000},
		{Nodes: 1000, Updates: 5}, {Nodes: 1000, Updates: 5, NoPush: true},
	} {
		for seed := range uint64(5) {
			c.Seed = 1 + seed
			s := measured(t, c)
			if c.LossPercent+int(c.PartitionMillis) == 0 && s.Rounds > RoundsMax(c.Nodes) {
				t.Errorf("%s: want at most %.1f rounds", s, RoundsMax(c.Nodes))
			}
		}
	}
}
