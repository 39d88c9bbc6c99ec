package sim

import "fmt"

// Report is what became of a run.
type Report struct {
	Config Config
	// Faults is the name of the profile, given or drawn.
	Faults string
	// Hash is that of the trace: of every step, frame and commit.
	Hash uint64
	// Violations are empty if everything held.
	Violations []string
	// Steps happened under faults; ByKind counts all, by what they are.
	Steps  uint64
	ByKind map[string]uint64
	// FaultedMillis is how long there were faults, HealMillis how long it then
	// took until all members agreed, in simulated time.
	FaultedMillis, HealMillis uint64
	// Writes were acknowledged, Events issued, Commits durable.
	Writes, Events, Commits uint64
	// Frames and Bytes were sent; Repairs are sessions that were completed.
	Frames, Bytes, Repairs uint64
	Marks                  Marks
	// Checked is how much was held against the oracle.
	Checked Checked
	Slices  []Slice
}

func newReport(c Config) Report { return Report{Config: c, ByKind: map[string]uint64{}} }

// OK reports whether everything held.
func (r *Report) OK() bool { return len(r.Violations) == 0 }

func (r *Report) stepsSoFar() uint64 {
	var n uint64
	for _, x := range r.ByKind {
		n += x
	}
	return n
}

// Replay is the command that repeats the run with a readable trace.
func (r *Report) Replay() string {
	c := r.Config.withDefaults()
	s := fmt.Sprintf("ssnode sim --seed %d --nodes %d --faults %s --pause %dms", c.Seed, c.Nodes, orDrawn(c.Faults), c.Pause)
	if c.Steps > 0 {
		s += fmt.Sprintf(" --steps %d", c.Steps)
	}
	if c.Duration > 0 {
		s += fmt.Sprintf(" --duration %dms", c.Duration)
	}
	return s + " --trace"
}

// Drawn is the name of faults that the seed is to draw.
const Drawn = "drawn"

func orDrawn(name string) string {
	if name == "" {
		return Drawn
	}
	return name
}
