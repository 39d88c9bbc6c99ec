// Command storm writes 100,000 changes in ten seconds on one of five nodes and
// tells what that does to the others: whether membership stays stable, how full
// queues get, when all are equal, and what a change costs on the wire.
//
//	go run ./storm
//	go run ./storm -nodes 5 -changes 100000 -seconds 10 -runs 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
)

type settings struct {
	nodes, changes, seconds, runs, writers, claims int
	profile                                        string
}

// equalMax is within how long after a storm all nodes must be equal.
const equalMax = 15 * time.Second

func main() {
	var s settings
	flag.IntVar(&s.nodes, "nodes", 5, "number of nodes, all in this process")
	flag.IntVar(&s.changes, "changes", 100_000, "changes of a storm")
	flag.IntVar(&s.seconds, "seconds", 10, "how long a storm lasts, in seconds")
	flag.IntVar(&s.writers, "writers", 256, "writers at a time; each waits for its write, so that fewer slow a storm down")
	flag.IntVar(&s.claims, "claims", 10_000, "claims that are changed, each again and again")
	flag.IntVar(&s.runs, "runs", 5, "number of storms, each on a cluster of its own")
	flag.StringVar(&s.profile, "profile", "", "write a CPU profile to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (err error) {
	if s.profile != "" {
		f, err := os.Create(s.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var took, equal, bytes, packets, copies, queued measure.Series
	for i := range s.runs {
		f, err := storm(ctx, s)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		fmt.Printf("run %d: %s\n", i+1, f)
		took, equal = append(took, f.took.Seconds()), append(equal, f.equal.Seconds())
		bytes, packets = append(bytes, f.perChange(f.bytes)), append(packets, f.perChange(f.onSockets))
		copies, queued = append(copies, f.perChange(f.copies)), append(queued, float64(f.queuedMax)/(1<<20))
		err = f.check(s)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	fmt.Printf("\n| %d changes in %d s on one of %d nodes, medians of %d runs | |\n|---|--:|\n", s.changes, s.seconds, s.nodes, s.runs)
	for _, row := range []struct {
		name   string
		series measure.Series
	}{
		{"seconds that the storm took", took},
		{"seconds after it until all were equal", equal},
		{"bytes of frames sent for each change, all nodes together", bytes},
		{"bytes on the sockets for each change, membership included", packets},
		{"copies of each change that were sent, all nodes together", copies},
		{"most bytes that waited in the inbox of a node, MiB", queued},
	} {
		fmt.Printf("| %s | %s |\n", row.name, row.series)
	}
	return nil
}

// check holds what must be so whatever the machine does.
func (f figures) check(s settings) error {
	var errs []error
	if f.suspicions > 0 {
		errs = append(errs, fmt.Errorf("living members were taken for suspect or dead %d times", f.suspicions))
	}
	if f.equal > equalMax {
		errs = append(errs, fmt.Errorf("all were equal after %s, at most %s are wanted", f.equal, equalMax))
	}
	if f.queuedMax > f.queueLimit {
		errs = append(errs, fmt.Errorf("%d bytes waited in an inbox of %d", f.queuedMax, f.queueLimit))
	}
	return errors.Join(errs...)
}
