package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/internal/sim"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

const (
	// simRows is into about how many rows the picture divides the time of
	// faults.
	simRows = 20
	// simDurationMax and simStepsMax bound one simulation, which keeps every
	// event in memory: more is found by other seeds than by a longer run.
	simDurationMax = time.Hour
	simStepsMax    = 10_000_000
)

func simCommand() *cli.Command {
	return &cli.Command{
		Name:     "sim",
		Category: groupOther,
		Usage:    "simulate a cluster under faults and check that its members agree",
		Description: "Runs the code that a node runs, for many nodes on one thread, over a simulated\n" +
			"network and disks that crash. While there are faults, what must never happen is\n" +
			"checked at every step; then the faults end, and all nodes must agree byte for\n" +
			"byte. Equal flags give equal runs. Ends with exit code 0 only if everything\n" +
			"that could be checked held, and says what could not; with 5 otherwise.\n\n" + describeFaults(),
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that decides everything", Value: 1},
			&cli.IntFlag{Name: "nodes", Usage: "`N` nodes at the beginning, 0 to let the seed draw 2 to 5", Value: 5},
			&cli.StringFlag{Name: "faults", Usage: "`NAME` of the faults, see above", Value: "light"},
			&cli.DurationFlag{Name: "duration", Usage: "how long there are faults, in simulated time: a `DURATION` such as 10s, at most 1h", Value: 10 * time.Second},
			&cli.Uint64Flag{Name: "steps", Usage: "end the faults after `N` steps instead, at most 10000000, a step being one thing that happens to one node"},
			&cli.DurationFlag{Name: "pause", Usage: "the longest time between two writes or faults, in simulated time: a `DURATION`; with --steps as much shorter as there are more nodes than five", Value: 200 * time.Millisecond},
			&cli.BoolFlag{Name: "trace", Usage: "print everything that happens instead of a picture"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			config, err := simConfig(c)
			if err != nil {
				return err
			}
			return simulate(config, c.App.Writer)
		},
	}
}

func describeFaults() string {
	var b strings.Builder
	b.WriteString("Faults:\n")
	for _, f := range sim.Faults() {
		fmt.Fprintf(&b, "  %-10s %s\n", f.Name, f.About)
	}
	fmt.Fprintf(&b, "  %-10s %s", sim.Drawn, "the seed draws one of these")
	return b.String()
}

func simConfig(c *cli.Context) (sim.Config, error) {
	config := sim.Config{Seed: c.Uint64("seed"), Nodes: c.Int("nodes"), Faults: c.String("faults"), Steps: c.Uint64("steps")}
	if config.Pause = uint64(c.Duration("pause").Milliseconds()); config.Pause < 1 || c.Duration("pause") < 0 {
		return config, usageErrorf("--pause %s: give a duration of at least 1ms, for instance 60ms", c.Duration("pause"))
	}
	if config.Faults == sim.Drawn {
		config.Faults = ""
	}
	if isGiven(c, "steps") && (config.Steps == 0 || config.Steps > simStepsMax) {
		return config, usageErrorf("--steps %d: give a number from 1 to %d; other seeds find more than a longer run", config.Steps, simStepsMax)
	}
	if config.Steps == 0 || isGiven(c, "duration") {
		d := c.Duration("duration")
		if d < time.Millisecond || d > simDurationMax {
			return config, usageErrorf("--duration %s: give a duration from 1ms to 1h, for instance 10s; other seeds find more than a longer run", d)
		}
		config.Duration = uint64(d.Milliseconds())
		config.SliceMillis = max(1, config.Duration/simRows)
	} else {
		config.SliceMillis = 500
	}
	if err := config.Validate(); err != nil {
		return config, usageErrorf("%v", err)
	}
	if c.Bool("trace") {
		w := c.App.Writer
		config.Trace = func(line string) { _, _ = io.WriteString(w, line+"\n") }
	}
	return config, nil
}

// simulate runs a simulation and tells how it went.
func simulate(config sim.Config, w io.Writer) error {
	began := time.Now()
	r := sim.Run(config)
	p := &simPicture{report: r, style: styleOf(w)}
	if config.Trace == nil {
		p.draw()
	}
	p.summary(time.Since(began))
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return err
	}
	if !r.OK() {
		return exit(wire.ExitCheckFailed)
	}
	return nil
}

// simPicture draws a run: a row per slice of time, whose bar is as full as the
// members agree. Members that are down are drawn apart.
//
//	 time  agree                         of  writes  messages      KiB  repairs
//	0.5 s  ██████████░░░░░░░░░░××        50      12      1830    402.1        0
type simPicture struct {
	report sim.Report
	style  style
	text   strings.Builder
}

// simBar is the width of a bar.
const simBar = 30

func (p *simPicture) draw() {
	r := p.report
	fmt.Fprintf(&p.text, "seed %d, faults: %s\n\n", r.Config.Seed, r.Faults)
	fmt.Fprintf(&p.text, "%9s  %-*s %9s %7s %9s %9s %8s\n", "time", simBar, "in agreement", "", "writes", "messages", "KiB", "repairs")
	healing := false
	for _, s := range p.rows() {
		if !s.Faulted && !healing {
			healing = true
			fmt.Fprintf(&p.text, "%9s  all faults have ended\n", "")
		}
		fmt.Fprintf(&p.text, "%7.2f s  %s %9s %7d %9d %9.1f %8d\n", float64(s.From)/1000, p.bar(s),
			fmt.Sprintf("%d/%d", s.Agreeing, s.Members), s.Writes, s.Frames, float64(s.Bytes)/1024, s.Repairs)
	}
	p.text.WriteString("\n")
}

// rows are the slices that are worth a row: of a long time in which nothing
// changes after the faults, only the beginning and the end.
func (p *simPicture) rows() []sim.Slice {
	slices := slices.Clone(p.report.Slices)
	if most := 2*simRows + simRows/2; len(slices) > most {
		slices = append(slices[:most-5:most-5], slices[len(slices)-5:]...)
	}
	return slices
}

func (p *simPicture) bar(s sim.Slice) string {
	full, empty, down := "█", "░", "×"
	if p.style.ascii {
		full, empty, down = "#", ".", "x"
	}
	members := max(1, s.Members)
	agreeing := s.Agreeing * simBar / members
	off := (s.Members - s.Up) * simBar / members
	return strings.Repeat(full, agreeing) + strings.Repeat(empty, simBar-agreeing-off) + strings.Repeat(down, off)
}

func (p *simPicture) summary(took time.Duration) {
	r := p.report
	fmt.Fprintf(&p.text, "%d steps under faults in %.1f s simulated, then %.1f s until all agreed; %d writes, %d events, %d messages, %d repairs.\n",
		r.Steps, float64(r.FaultedMillis)/1000, float64(r.HealMillis)/1000, r.Writes, r.Events, r.Frames, r.Repairs)
	fmt.Fprintf(&p.text, "Trace hash %016x. It took %.1f s.\n", r.Hash, took.Seconds())
	switch {
	case r.OK() && r.Checked.IsComplete():
		fmt.Fprintf(&p.text, "Everything held: %d claims at the end, and %d views of claims on the way.\n", r.Checked.Claims.All(), r.Checked.Views.All())
		return
	case r.OK():
		fmt.Fprintf(&p.text, "What was checked held.\n%s", r.Checked)
		return
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&p.text, "VIOLATED %s\n", v)
	}
	fmt.Fprintf(&p.text, "Replay it with a trace: %s\n", r.Replay())
}
