package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
)

// side is one thing of a group.
type side struct {
	name  string
	write write
	// before and after are called around a turn; they may be nil. The connections
	// that a side needs for itself alone are there in its turn only: a hundred idle
	// ones of one side cost all others in the process a fifth of their rate.
	before, after func() error
	// target is what its rate over that of the best peer of the group shall be,
	// 0 for a peer itself or for what is shown beside.
	target float64
	peer   bool

	rates, p50, p99, cpu measure.Series
}

// group is a number of sides with equally many writers.
type group struct {
	name    string
	writers int
	sides   []*side
}

// groups measures the sides whose name matches, group by group.
func (s settings) groups(x *sides, name *regexp.Regexp) error {
	all := []group{
		{name: "process", writers: 1, sides: []*side{
			{name: "ssnode, in process", write: x.inProcess(), target: 1 / 1.3},
			{name: "bbolt, one commit of the same bytes", write: x.bareBolt(), peer: true},
		}},
		{name: "http1", writers: 1, sides: []*side{
			{name: "ssnode, over one stream", write: x.one(x.client, 1), target: 1},
			{name: "ssnode, an HTTP request each", write: x.one(x.plain, 1)},
			{name: "etcd, one connection", write: x.etcdPut(1, 1), peer: true},
			{name: "a server that only appends, over one stream", write: x.one(x.least, 1)},
		}},
		x.concurrent(64), x.concurrent(256),
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "writers\tside\twrites/s\tp50 ms\tp99 ms\tCPU µs/write\tover the best peer\ttarget\t")
	for _, g := range all {
		if s.only != "" && s.only != g.name {
			continue
		}
		g.choose(name)
		if err := g.run(s.turns, s.long); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		g.print(out)
	}
	return out.Flush()
}

func (x *sides) concurrent(writers int) group {
	return group{name: fmt.Sprintf("http%d", writers), writers: writers, sides: []*side{
		{name: "ssnode, one operation each over one stream", write: x.one(x.client, writers), target: 1.2, after: x.closeIdle},
		{name: "ssnode, an HTTP request each", write: x.one(x.plain, writers), after: x.closeIdle},
		{name: "ssnode, coalesced by the client", write: x.coalesced(writers), target: 3, after: x.closeIdle},
		{name: "etcd, one connection", write: x.etcdPut(writers, 1), peer: true},
		{
			name: "etcd, a connection each", write: x.etcdPut(writers, writers), peer: true,
			before: func() error { return x.connect(writers) }, after: func() error { return x.connect(1) },
		},
		{name: "etcd, transactions of the same grouping", write: x.etcdGrouped(writers)},
		{name: "a server that only appends, over one stream", write: x.one(x.least, writers), after: x.closeIdle},
	}}
}

// choose leaves only the sides whose name matches.
func (g *group) choose(name *regexp.Regexp) {
	g.sides = slices.DeleteFunc(g.sides, func(one *side) bool { return !name.MatchString(one.name) })
}

func (g group) run(turns int, long time.Duration) error {
	rivals := make([]func() (float64, error), len(g.sides))
	for i, one := range g.sides {
		rivals[i] = func() (_ float64, err error) {
			if one.before != nil {
				err = one.before()
			}
			if one.after != nil {
				defer func() { err = errors.Join(err, one.after()) }()
			}
			if err != nil {
				return 0, err
			}
			before := measure.CPU()
			rate, took, err := measure.Load(g.writers, long, one.write)
			one.cpu = append(one.cpu, float64((measure.CPU()-before).Microseconds())/float64(len(took)))
			one.p50 = append(one.p50, milliseconds(took.Quantile(0.5)))
			one.p99 = append(one.p99, milliseconds(took.Quantile(0.99)))
			return rate, err
		}
	}
	all, err := measure.Turns(turns, rivals...)
	for i := range all {
		g.sides[i].rates = all[i]
	}
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// best returns the rates of the best peer of each turn.
func (g group) best() measure.Series {
	var best measure.Series
	for _, one := range g.sides {
		if !one.peer {
			continue
		}
		if best == nil {
			best = append(best, one.rates...)
		}
		for i, rate := range one.rates {
			best[i] = max(best[i], rate)
		}
	}
	return best
}

func (g group) print(out *tabwriter.Writer) {
	best := g.best()
	for _, one := range g.sides {
		target, ratio := "", measure.Series(nil)
		if best != nil {
			ratio = one.rates.Over(best)
		}
		if one.target > 0 && best != nil {
			target = fmt.Sprintf("≥ %.2f, held", one.target)
			if ratio.Median() < one.target {
				target = fmt.Sprintf("≥ %.2f, MISSED", one.target)
			}
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%.2f\t%.2f\t%s\t%s\t%s\t\n", g.writers, one.name, one.rates, one.p50.Median(), one.p99.Median(), one.cpu, ratio, target)
	}
}
