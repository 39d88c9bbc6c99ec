// Command batch measures `ssnode batch --chunk` with many lines, against a
// daemon of its own, and prints how long it takes and how much memory both
// take at most:
//
//	go run ./batch                         # 1,000,000 lines
//	go run ./batch -lines 100000 -chunks 1000
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/scalesmall/ssnode/bench/rival"
	"github.com/scalesmall/ssnode/wire"
)

func main() {
	lines := flag.Int("lines", 1_000_000, "operations, each a claim of its own")
	chunks := flag.String("chunks", "1000,10000", "sizes of --chunk, each with a fresh daemon")
	parent := flag.String("dir", "", "directory on the disk to measure (default: that for temporary files)")
	flag.Parse()
	if err := run(*parent, *lines, strings.Split(*chunks, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "batch:", err)
		os.Exit(1)
	}
}

func run(parent string, lines int, chunks []string) (err error) {
	dir, err := os.MkdirTemp(parent, "ssnode-batch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, file := filepath.Join(dir, "ssnode"), filepath.Join(dir, "operations.ndjson")
	if err := rival.Build(program); err != nil {
		return err
	}
	if err := write(file, lines); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "lines\t--chunk\tseconds\tlines/s\tCPU s, command and daemon\tcommand, peak MiB\tdaemon, peak MiB\t")
	for _, chunk := range chunks {
		f, err := one(program, filepath.Join(dir, "data-"+chunk), file, chunk)
		if err != nil {
			return fmt.Errorf("--chunk %s: %w", chunk, err)
		}
		fmt.Fprintf(out, "%d\t%s\t%.1f\t%.0f\t%.1f\t%d\t%d\t\n", lines, chunk, f.seconds, float64(lines)/f.seconds, f.cpu, f.command, f.daemon)
	}
	return out.Flush()
}

// write writes a file of so many operations.
func write(file string, lines int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range lines {
		claim, priority := rival.Claim(i), int64(10)
		text, err := wire.Marshal(wire.Operation{
			Op: wire.OpRegister, Keyspace: claim.Keyspace, Node: claim.Node,
			Bounds: wire.BoundsOf(claim.Range), Priority: &priority,
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// figures are those of one run.
type figures struct {
	seconds, cpu    float64
	command, daemon int64 // MiB
}

// one runs the command against a fresh daemon.
func one(program, data, file, chunk string) (f figures, err error) {
	addresses := data + ".addr"
	daemon := exec.Command(program, "run", "--data-dir", data, "--node", "n1", "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0", "--addr-file", addresses)
	if err := daemon.Start(); err != nil {
		return f, err
	}
	defer func() {
		err = errors.Join(err, daemon.Process.Signal(syscall.SIGTERM), daemon.Wait())
		f.cpu += used(daemon.ProcessState)
		f.daemon = peak(daemon.ProcessState)
	}()
	url, err := await(addresses)
	if err != nil {
		return f, err
	}
	command := exec.Command(program, "batch", file, "--chunk", chunk, "--addr", url)
	begin := time.Now()
	if out, err := command.CombinedOutput(); err != nil {
		return f, fmt.Errorf("%w: %s", err, out)
	}
	f.seconds = time.Since(begin).Seconds()
	f.command, f.cpu = peak(command.ProcessState), used(command.ProcessState)
	return f, nil
}

// await returns the URL of the API that a daemon has written down.
func await(file string) (string, error) {
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for field := range bytes.FieldsSeq(text) {
			if _, url, ok := strings.Cut(string(field), "http://"); ok {
				return "http://" + strings.Trim(url, "\",}"), nil
			}
		}
	}
	return "", errors.New("the daemon does not say where it listens; see " + strconv.Quote(file))
}

func used(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }

// peak returns the most memory that a process had, in MiB.
func peak(p *os.ProcessState) int64 { return p.SysUsage().(*syscall.Rusage).Maxrss >> 10 }
