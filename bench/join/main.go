// Command join measures how long a fresh node takes to join a cluster of a great many
// claims, as two processes on loopback, and what memory it takes at most.
//
//	go run ./join                 # a million claims, the log trimmed
//	go run ./join -log            # the log still has all of them
//	go run ./join -claims 100000 -runs 5
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/bench/rival"
)

type settings struct {
	claims, runs int
	log, keep    bool
	dir          string
	binary       string
}

func main() {
	var s settings
	flag.IntVar(&s.claims, "claims", 1_000_000, "claims of the cluster that is joined")
	flag.IntVar(&s.runs, "runs", 5, "number of runs")
	flag.BoolVar(&s.log, "log", false, "keep the log, so that it is pulled instead of compared")
	flag.StringVar(&s.dir, "dir", "", "directory to work in, used again if it has the claims; default: a temporary one")
	flag.StringVar(&s.binary, "ssnode", "", "the command to measure; default: built from the tree beside this module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "ssnode-join-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	if s.binary == "" {
		var err error
		if s.binary, err = filepath.Abs(filepath.Join(s.dir, "ssnode")); err == nil {
			err = rival.Build(s.binary)
		}
		if err != nil {
			return err
		}
	}
	begun := time.Now()
	seed, err := prepare(ctx, s)
	if err != nil {
		return err
	}
	fmt.Printf("%d claims prepared in %s\n", s.claims, time.Since(begun).Round(time.Millisecond))
	var took, peak, own, serving, served measure.Series
	for i := range s.runs {
		f, err := join(ctx, s, seed)
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		took, peak, own = append(took, f.took.Seconds()), append(peak, f.peakMiB), append(own, f.ownMiB)
		serving, served = append(serving, f.seedPeakMiB), append(served, f.grownMiB)
		fmt.Printf("run %d: %s, peak %.0f MiB of the fresh node, %.0f without pages of the file, %.0f MiB of heap when it is done; peak %.0f MiB of the one that is joined\n",
			i+1, f.took.Round(time.Millisecond), f.peakMiB, f.ownMiB, f.grownMiB, f.seedPeakMiB)
	}
	fmt.Printf("\n| a fresh node joins %d claims, medians of %d runs | |\n|---|--:|\n", s.claims, s.runs)
	fmt.Printf("| seconds from its start to equality | %s |\n", took)
	fmt.Printf("| its peak of resident memory, MiB | %s |\n", peak)
	fmt.Printf("| the same without pages of the file, MiB | %s |\n", own)
	fmt.Printf("| its heap when it is done, MiB | %s |\n", served)
	fmt.Printf("| peak of the node that is joined, MiB | %s |\n", serving)
	return nil
}
