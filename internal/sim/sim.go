package sim

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
)

// Config says what to simulate. Equal configurations give equal runs.
type Config struct {
	// Seed decides everything that the other fields leave open.
	Seed uint64
	// Nodes is the number of members at the beginning. Default: the seed draws
	// 2 to 5. At most 500.
	Nodes int
	// Faults is the name of a profile, as Faults lists them. Default: the seed
	// draws one.
	Faults string
	// Steps ends the phase of faults after so many steps. A step is one thing
	// that happens to one member: a frame arrives, a commit or a read ends, a
	// timer ticks, a user writes, something breaks. Default: 3000, unless
	// Duration is set.
	Steps uint64
	// Duration ends the phase of faults after so many simulated milliseconds.
	// 0 for no end but Steps.
	Duration uint64
	// Pause is the longest time between two things that users or faults do, in
	// simulated milliseconds. Without a Duration as much more is done as there
	// are more members than five at the beginning. Default 60.
	Pause uint64
	// HealMax is within how many simulated milliseconds all members must agree
	// after the faults have ended. Default 60,000: what a member waits after
	// a series of failures is up to a third of that.
	HealMax uint64
	// SliceMillis is the length of the time slices of Report.Slices, 0 for
	// none.
	SliceMillis uint64
	// Trace is called with every line of a readable trace. Optional. It
	// changes nothing.
	Trace func(line string)
}

const (
	nodesMax       = 500
	stepsDefault   = 3000
	pauseDefault   = 60
	healMaxDefault = 60_000
)

// Validate reports what is wrong with the configuration, or nil.
func (c Config) Validate() error {
	if c.Nodes < 0 || c.Nodes > nodesMax {
		return fmt.Errorf("%d nodes: 1 to %d can be simulated", c.Nodes, nodesMax)
	}
	if c.Faults != "" {
		_, err := profileOf(c.Faults)
		return err
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Steps == 0 && c.Duration == 0 {
		c.Steps = stepsDefault
	}
	if c.Pause == 0 {
		c.Pause = pauseDefault
	}
	if c.HealMax == 0 {
		c.HealMax = healMaxDefault
	}
	return c
}

// Run simulates one cluster: faults for a while, then none until all members
// agree, or something was found that must not be. A panic of the code under
// test is a violation like any other.
func Run(c Config) (report Report) {
	report = newReport(c)
	if err := c.Validate(); err != nil {
		report.Violations = append(report.Violations, err.Error())
		return report
	}
	k := newCluster(c.Seed, &report)
	k.write = c.Trace
	defer func() {
		if cause := recover(); cause != nil {
			k.fail("panic: %v\n%s", cause, ownFrames(string(debug.Stack())))
		}
	}()
	k.simulate(c.withDefaults())
	return report
}

// simulate is a whole run.
func (k *cluster) simulate(c Config) {
	k.begin(c)
	k.underFaults(c)
	k.report.Steps = k.report.stepsSoFar()
	k.report.FaultedMillis = k.now
	k.heal()
	k.converge(c.HealMax)
	k.report.HealMillis = k.now - k.report.FaultedMillis
	if len(k.report.Violations) == 0 {
		k.checkFinal()
	}
	for _, m := range k.members {
		m.countMarks()
	}
	k.endSlices()
	k.countRun()
}

// begin draws what is left open, and starts the members.
func (k *cluster) begin(c Config) {
	p := profiles[1+k.random.IntN(len(profiles)-1)]
	if c.Faults != "" {
		p, _ = profileOf(c.Faults)
	}
	k.report.Faults = p.name
	k.shape(p)
	k.faulting = true
	k.remembersStarts, k.asksAll = c.Seed%2 == 0, c.Seed%4 == 0
	k.slice.length, k.pause = c.SliceMillis, c.Pause
	n := c.Nodes
	if n == 0 {
		n = 2 + k.random.IntN(4)
	}
	for i := range n {
		k.add(fmt.Sprintf("n%d", i+1), k.freshDirectory())
	}
	k.tellAll()
	users := 1
	if c.Duration == 0 {
		users = (n + membersPerUser - 1) / membersPerUser
	}
	for range users {
		k.actAgain()
	}
}

// membersPerUser is for how many members something is done within a pause, where
// steps are counted: what many members tell each other by themselves would leave
// no steps for writes and faults.
const membersPerUser = 5

// actAgain lets something be done every now and then while there are faults.
func (k *cluster) actAgain() {
	k.after(k.upTo(k.pause), kindAct, 0, func() {
		if k.faulting {
			k.act()
			k.actAgain()
		}
	})
}

// underFaults is the first phase.
func (k *cluster) underFaults(c Config) {
	end := uint64(math.MaxUint64)
	if c.Duration > 0 {
		end = c.Duration
	}
	for steps := uint64(1); c.Steps == 0 || steps <= c.Steps; steps++ {
		if !k.step(end) {
			break
		}
		if steps%quietEvery == 0 {
			k.checkQuiet()
		}
	}
}

// ownFrames keeps the part of a stack that a reader needs.
func ownFrames(stack string) string {
	lines := strings.Split(stack, "\n")
	return strings.Join(lines[:min(len(lines), 40)], "\n")
}
