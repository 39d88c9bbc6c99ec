// Command layouts measures ways of laying out one commit in a bbolt file, with
// the keys and sizes of real ones, and prints one table. It is what
// docs/decisions/in-place-store-commit.md goes by.
//
//	go run ./layouts -dir DIR
//	go run ./layouts -claims 1000000 -turns 5
//
// Each layout gets a file with as many claims, and commits groups of writes to
// random ones. All of them keep what a store keeps: entries, the log, where
// each dot is in it, and the summary.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/bench/rival"
)

func main() {
	claims := flag.Int("claims", 100_000, "claims that are there before")
	turns := flag.Int("turns", 5, "turns")
	long := flag.Duration("for", time.Second, "how long each layout of a turn commits")
	parent := flag.String("dir", "", "directory on the disk to measure (default: that for temporary files)")
	flag.Parse()
	if err := run(*parent, *claims, *turns, *long); err != nil {
		fmt.Fprintln(os.Stderr, "layouts:", err)
		os.Exit(1)
	}
}

func run(parent string, claims, turns int, long time.Duration) (err error) {
	dir, err := os.MkdirTemp(parent, "ssnode-layouts-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source, err := rival.Fill(dir, claims)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "writes a commit\tlayout\tcommits/s\tp50 ms\tp99 ms\tmax ms\tCPU µs/write\tpages/write\t")
	for _, group := range []int{1, 16, 256} {
		if err := compare(out, dir, source, claims, group, turns, long); err != nil {
			return err
		}
	}
	return out.Flush()
}

// compare runs all layouts in turn.
func compare(out *tabwriter.Writer, dir, source string, claims, group, turns int, long time.Duration) error {
	var files []*file
	var rivals []func() (float64, error)
	for i, l := range layouts {
		at := filepath.Join(dir, fmt.Sprintf("%d-%d", group, i))
		if err := os.CopyFS(at, os.DirFS(source)); err != nil {
			return err
		}
		f, err := openFile(at, l, claims)
		if err != nil {
			return err
		}
		files = append(files, f)
		rivals = append(rivals, func() (float64, error) { return f.turn(group, long) })
	}
	rates, err := measure.Turns(turns, rivals...)
	if err != nil {
		return err
	}
	for i, f := range files {
		fmt.Fprintf(out, "%d\t%s\t%s\t%.2f\t%.2f\t%.1f\t%s\t%s\t\n", group, f.layout.name, rates[i],
			f.p50.Median(), f.p99.Median(), f.most.Median(), f.cpu, f.pages)
		if err := f.db.Close(); err != nil {
			return err
		}
	}
	return nil
}
