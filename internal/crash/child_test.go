package crash_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/store"
)

// child is a process that writes.
type child struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	pipe   io.Closer
	errors bytes.Buffer
}

// start starts a child and waits until it writes.
func start(role, dir string, env ...string) (*child, error) {
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), append(env, envRole+"="+role, envDir+"="+dir)...)
	c.cmd.Stderr = &c.errors
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines, c.pipe = bufio.NewScanner(out), out
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if !c.lines.Scan() || c.lines.Text() != ready {
		return nil, fmt.Errorf("it did not begin: %q, %w", c.errors.String(), c.cmd.Wait())
	}
	return c, nil
}

// acknowledged returns a channel that gives the record once the child is gone
// and everything it said was read.
func (c *child) acknowledged(r record) <-chan record {
	read := make(chan record, 1)
	go func() {
		for c.lines.Scan() {
			// A line that a kill has cut short was not said.
			_ = r.acknowledge(c.lines.Text())
		}
		read <- r
	}()
	return read
}

// kill kills the child and returns the record with what it acknowledged.
func (c *child) kill(read <-chan record) (record, error) {
	if err := c.cmd.Process.Kill(); err != nil {
		return record{}, fmt.Errorf("it was gone before: %q, %w", c.errors.String(), err)
	}
	r := <-read
	var exit *exec.ExitError
	if err := c.cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		return r, fmt.Errorf("it ended by itself: %q, %w", c.errors.String(), err)
	}
	return r, nil
}

// verify opens a directory, which verifies its fingerprint, and compares it
// with the record. What it returns is what to compare with next.
func verify(t *testing.T, dir string, r record, deep bool) (record, []string) {
	t.Helper()
	s, err := store.Open(dir, store.Options{Node: "n1"})
	if err != nil {
		return r, []string{err.Error()}
	}
	defer s.Close()
	f, err := look(s)
	if err != nil {
		return r, []string{err.Error()}
	}
	next, wrong := r.compare(f)
	stats, err := s.Stats()
	if err != nil {
		return r, []string{err.Error()}
	}
	next.newest, next.frames = stats.NewestEntries, stats.JournalFrames
	if deep {
		for _, problem := range s.Check() {
			wrong = append(wrong, string(problem))
		}
	}
	return next, wrong
}

// moment returns how long to let a child write, in turn: some are killed at
// once, some in the middle of things.
func moment(random func() float64) time.Duration {
	return time.Duration(random() * random() * float64(120*time.Millisecond))
}
