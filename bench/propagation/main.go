// Command propagation measures how long an acknowledged write takes to be visible on
// all nodes, beside a plain memberlist broadcast of as many bytes in the same
// run.
//
//	go run ./propagation -nodes 5
//	go run ./propagation -nodes 50 -writes 100
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/internal/heapfloor"
)

type settings struct {
	nodes, writes, broadcasts, runs int
	procs                           int
	pause, slow                     time.Duration
	profiles                        measure.Profiles
}

// procsMax is for how many nodes there is a P of their own: as many processes
// would have two each here.
const procsMax = 8

func main() {
	var s settings
	flag.IntVar(&s.nodes, "nodes", 5, "number of nodes, all in this process")
	flag.IntVar(&s.writes, "writes", 300, "writes of each run")
	flag.IntVar(&s.broadcasts, "broadcasts", 20, "memberlist broadcasts of each run, 0 for none")
	flag.IntVar(&s.runs, "runs", 5, "number of runs")
	flag.IntVar(&s.procs, "procs", 0, "GOMAXPROCS, 0 for one for each node, but no more than eight: an fsync holds one of them, so 50 nodes that share two mostly wait")
	flag.DurationVar(&s.pause, "pause", 10*time.Millisecond, "pause between two writes")
	flag.DurationVar(&s.slow, "slow", 0, "tell of writes that took longer than this")
	s.profiles.Flags()
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if err := s.profiles.Start(); err != nil {
		return err
	}
	return errors.Join(s.measure(ctx), s.profiles.Stop())
}

func (s settings) measure(ctx context.Context) error {
	if s.procs == 0 {
		s.procs = max(runtime.GOMAXPROCS(0), min(s.nodes, procsMax))
	}
	runtime.GOMAXPROCS(s.procs)
	defer heapfloor.Begin(heapfloor.OfNode)() // as ssnode run does
	var p50, p99, acked, commits, cpu, list50, list99 measure.Series
	for i := range s.runs {
		f, err := writes(ctx, s)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		b, lost, err := broadcasts(ctx, s)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		p50, p99 = append(p50, millis(f.net.Quantile(0.5))), append(p99, millis(f.net.Quantile(0.99)))
		acked, commits = append(acked, millis(f.acked.Quantile(0.99))), append(commits, millis(f.commit))
		cpu = append(cpu, millis(f.cpu))
		list50, list99 = append(list50, millis(b.Quantile(0.5))), append(list99, millis(b.Quantile(0.99)))
		fmt.Printf("run %d: p50 %.2f p99 %.2f ms; acknowledged to visible p99 %.2f ms; commit %.2f ms; CPU of a write %.1f ms; memberlist p50 %.0f p99 %.0f ms, %d of %d did not arrive everywhere in %s\n",
			i+1, p50[i], p99[i], acked[i], commits[i], cpu[i], list50[i], list99[i], lost, s.broadcasts, broadcastMax)
	}
	fmt.Printf("\n| %d nodes, GOMAXPROCS %d of %d processors, medians of %d runs of %d writes | ms |\n|---|--:|\n",
		s.nodes, runtime.GOMAXPROCS(0), runtime.NumCPU(), s.runs, s.writes)
	for _, row := range []struct {
		name   string
		series measure.Series
	}{
		{"write to visible on all, without two median commits, p50", p50},
		{"the same, p99", p99},
		{"acknowledged to visible on all, nothing subtracted, p99", acked},
		{"median commit", commits},
		{"CPU of the process for each write, pauses included", cpu},
		{"memberlist broadcast, p50", list50},
		{"memberlist broadcast, p99", list99},
	} {
		fmt.Printf("| %s | %s |\n", row.name, row.series)
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
