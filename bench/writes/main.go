// Command writes measures durable writes beside the peers, on one disk and in
// one run, and prints one table:
//
//	go run ./writes                        # five turns, minutes
//	go run ./writes -turns 9 -claims 1000000
//	go run ./writes -only process -cpuprofile cpu.out
//
// Every write is an Increase of one of the claims that are there already; a
// peer puts a key of as many bytes. A turn runs all sides of a group one after
// the other; the ratio is taken within a turn.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
)

// settings are what the flags say.
type settings struct {
	claims, turns   int
	long            time.Duration
	dir, only, side string
	profiles        measure.Profiles
}

func main() {
	var s settings
	flag.IntVar(&s.claims, "claims", 100_000, "claims, and keys of a peer, that are there before")
	flag.IntVar(&s.turns, "turns", 5, "turns")
	flag.DurationVar(&s.long, "for", 3*time.Second, "how long each side of a turn writes")
	flag.StringVar(&s.dir, "dir", "", "directory on the disk to measure (default: that for temporary files)")
	flag.StringVar(&s.only, "only", "", "one group: process, http1, http64 or http256")
	flag.StringVar(&s.side, "side", "", "only sides whose name matches this regular expression")
	s.profiles.Flags()
	flag.Parse()
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, "writes:", err)
		os.Exit(1)
	}
}

func (s settings) run() (err error) {
	name, err := regexp.Compile(s.side)
	if err != nil {
		return fmt.Errorf("-side: %w", err)
	}
	dir, err := os.MkdirTemp(s.dir, "ssnode-writes-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintf(os.Stderr, "%d processors, %d claims, %d turns of %s, in %s\n", runtime.GOMAXPROCS(0), s.claims, s.turns, s.long, dir)
	sides, err := openSides(dir, s.claims)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sides.close()) }()
	if err := s.profiles.Start(); err != nil {
		return err
	}
	return errors.Join(s.groups(sides, name), s.profiles.Stop())
}
