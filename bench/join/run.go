package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scalesmall/ssnode/client"
)

// joinMax bounds how long a join may take.
const joinMax = 10 * time.Minute

// figures are what one join gives.
type figures struct {
	took                           time.Duration
	peakMiB, grownMiB, seedPeakMiB float64
	// ownMiB is the peak of what of that is not pages of the file, as seen by
	// looking often.
	ownMiB float64
}

// process is a running ssnode.
type process struct {
	cmd    *exec.Cmd
	client *client.Client
	gossip string
}

// join starts the seed and then a fresh node, and waits until both are equal.
func join(ctx context.Context, s settings, seed string) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinMax)
	defer cancel()
	fresh := filepath.Join(s.dir, "fresh")
	if err := os.RemoveAll(fresh); err != nil {
		return f, err
	}
	a, err := start(ctx, s, seed, "seed", "")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	want, err := a.client.Status(ctx)
	if err != nil {
		return f, err
	}
	begun := time.Now()
	b, err := start(ctx, s, fresh, "fresh", want.Gossip)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop(), os.RemoveAll(fresh)) }()
	pid := b.cmd.Process.Pid
	look := func() { f.ownMiB = max(f.ownMiB, memoryMiB(pid, "RssAnon:")) }
	if err := awaitEqual(ctx, a, b, s.claims, look); err != nil {
		return f, err
	}
	f.took = time.Since(begun)
	f.peakMiB, f.seedPeakMiB = memoryMiB(pid, "VmHWM:"), memoryMiB(a.cmd.Process.Pid, "VmHWM:")
	f.grownMiB, err = heapMiB(ctx, b)
	return f, err
}

// awaitEqual waits until two nodes show the same state and as many claims, and
// the second has seen all that belongs to it: until then it is incomplete. Their
// contexts are tokens in a status, of which many stand for the same. It asks
// rarely, and looks then: the nodes need both processors.
func awaitEqual(ctx context.Context, a, b *process, claims int, look func()) error {
	for told := time.Now(); ; {
		x, err := a.client.Status(ctx)
		if err != nil {
			return err
		}
		y, err := b.client.Status(ctx)
		if err != nil {
			return err
		}
		if y.Claims == claims && x.Fingerprint == y.Fingerprint && !y.Incomplete {
			return nil
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Printf("  %d claims, not ready: %s\n", y.Claims, strings.Join(y.NotReady, "; "))
		}
		for range 5 {
			look()
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func start(ctx context.Context, s settings, dir, name, join string) (*process, error) {
	addr := dir + ".addr"
	args := []string{
		"run", "--data-dir", dir, "--node", name, "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0",
		"--addr-file", addr, "--log-level", "warn",
	}
	if s.log {
		args = append(args, "--history-other", "168h,1TiB")
	}
	if join != "" {
		args = append(args, "--join", join)
	}
	p := &process{cmd: exec.Command(s.binary, args...)}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for {
		url, err := os.ReadFile(addr)
		if err == nil {
			p.client, err = client.New(strings.TrimSpace(string(url)), client.Options{})
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), p.stop())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// memoryMiB returns one kind of memory of a process, as Linux counts.
func memoryMiB(pid int, kind string) float64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), kind); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// heapMiB returns the heap in use as the node's metrics tell it.
func heapMiB(ctx context.Context, p *process) (float64, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, p.client.Address()+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "go_memstats_heap_inuse_bytes "); ok {
			bytes, err := strconv.ParseFloat(rest, 64)
			return bytes / (1 << 20), err
		}
	}
	return 0, errors.New("the metrics have no heap")
}
