package sim

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestReport_Replay_NamesAllThatDecides holds that the command has every field
// of the configuration that changes the run.
func TestReport_Replay_NamesAllThatDecides(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Seed: 7}, "ssnode sim --seed 7 --nodes 0 --faults drawn --pause 60ms --steps 3000 --trace"},
		{Config{Seed: 7, Nodes: 50, Faults: "heavy", Duration: 10_000, Pause: 200}, "ssnode sim --seed 7 --nodes 50 --faults heavy --pause 200ms --duration 10000ms --trace"},
		{Config{Seed: 7, Nodes: 3, Faults: "light", Steps: 5, Duration: 10}, "ssnode sim --seed 7 --nodes 3 --faults light --pause 60ms --steps 5 --duration 10ms --trace"},
	} {
		r := Report{Config: c.config}
		if got := r.Replay(); got != c.want {
			t.Errorf("%+v: replay with %q, want %q", c.config, got, c.want)
		}
	}
}

// TestRun_Refuses_WhatCannotBeSimulated says what is wrong with a configuration, and does not run.
func TestRun_Refuses_WhatCannotBeSimulated(t *testing.T) {
	for want, c := range map[string]Config{
		"no faults of the name": {Faults: "earthquakes"},
		"501 nodes":             {Nodes: 501},
		"-1 nodes":              {Nodes: -1},
	} {
		r := Run(c)
		if r.OK() || !strings.Contains(r.Violations[0], want) || r.Steps > 0 {
			t.Errorf("%+v: violations %q after %d steps, want one that says %q", c, r.Violations, r.Steps, want)
		}
	}
}

// TestRun_Panic_IsViolation holds that whatever breaks within a run is reported
// with its seed instead of ending the process.
func TestRun_Panic_IsViolation(t *testing.T) {
	lines := 0
	r := Run(Config{Seed: 1, Steps: 500, Trace: func(string) {
		if lines++; lines == 20 {
			panic("the reader has gone")
		}
	}})
	if r.OK() || !strings.Contains(r.Violations[0], "panic: the reader has gone") {
		t.Errorf("violations %q, want the panic", r.Violations)
	}
}

// TestCluster_Checks_NoticeDamage breaks a replica behind the back of the code, and
// wants each check that looks at it to notice.
func TestCluster_Checks_NoticeDamage(t *testing.T) {
	for name, damage := range map[string]func(*cluster, *member){
		"V1": func(_ *cluster, m *member) { m.dir.memory = newDirectory(m.dir.replica.ID).memory },
		"V3": func(_ *cluster, m *member) { m.dir.replica.Fingerprint.Sum.Lo++ },
		"V4": func(_ *cluster, m *member) { m.dir.replica.ContextHash.Lo++ },
		"L4": func(k *cluster, m *member) {
			e := delta.Entry{Key: k.oracle.keys()[0], Counter: crdt.PNCounter{{Origin: m.dir.replica.ID, Era: 1, Last: 1, Watermark: 1}}}
			m.dir.memory.Write(&delta.Effects{Entries: []delta.EntryChange{delta.NewEntryChange(e.Key, delta.Entry{}, e)}})
		},
		"L2": func(k *cluster, m *member) {
			*m.dir = *newDirectory(m.dir.replica.ID)
			m.dir.replica.Context = k.members[0].dir.replica.Context.Clone()
			m.dir.replica.ContextHash = k.members[0].dir.replica.ContextHash
		},
	} {
		r := newReport(Config{})
		k := newCluster(5, &r)
		k.net.delayMax, k.diskMax = 5, 1
		for _, name := range []string{"n1", "n2"} {
			k.join(name, k.freshDirectory())
		}
		k.shape(profiles[0])
		k.run(1000)
		for range 20 {
			k.members[0].writeAtRandom()
			k.run(200)
		}
		k.run(2000)
		k.checkFinal()
		if len(r.Violations) > 0 {
			t.Fatalf("undamaged: %q", r.Violations)
		}
		damage(k, k.members[1])
		k.checkFinal()
		if !strings.Contains(strings.Join(r.Violations, "\n"), name+":") {
			t.Errorf("%s does not notice; violations %q", name, r.Violations)
		}
	}
}

// failAt runs a seed whose first member is damaged behind the back of the code
// after some time, so that a check fails sooner or later.
func failAt(seed, millis uint64) Report {
	c := Config{Seed: seed, Faults: "heavy", Steps: 3000}
	r := newReport(c)
	k := newCluster(c.Seed, &r)
	k.begin(c.withDefaults())
	k.after(millis, kindOther, 0, func() { k.members[0].dir.replica.Fingerprint.Sum.Lo++ })
	k.underFaults(c.withDefaults())
	return r
}

// TestRun_FailingSeed_ReplaysAlike replays a run that fails a hundred times:
// every time it fails at the same step, with the same words and the same trace.
func TestRun_FailingSeed_ReplaysAlike(t *testing.T) {
	for _, seed := range []uint64{3, 8} {
		want := failAt(seed, 400)
		if want.OK() {
			t.Fatalf("seed %d does not fail", seed)
		}
		for i := range 100 {
			got := failAt(seed, 400)
			if got.Hash != want.Hash || got.Violations[0] != want.Violations[0] || got.stepsSoFar() != want.stepsSoFar() {
				t.Fatalf("seed %d: replay %d fails with %q, hash %016x after %d steps; the first run with %q, hash %016x after %d",
					seed, i+1, got.Violations[0], got.Hash, got.stepsSoFar(), want.Violations[0], want.Hash, want.stepsSoFar())
			}
		}
		if other := failAt(seed, 401); other.Hash == want.Hash {
			t.Errorf("seed %d: a failure of another moment has the same hash", seed)
		}
	}
}
