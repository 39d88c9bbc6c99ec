package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/urfave/cli/v2"
)

// floodCommand is the command with a log that says everything a thousand times.
const floodCommand = "ssnode-flood"

type floodLog struct{ io.Writer }

func (l floodLog) Write(p []byte) (int, error) {
	for range 1000 {
		_, _ = l.Writer.Write(p)
	}
	return len(p), nil
}

// loggingThrough returns the main function of a command whose nodes log
// through what wrap returns.
func loggingThrough(wrap func(io.Writer) io.Writer) func() {
	return func() {
		app := newApp(os.Stdin, os.Stdout, os.Stderr)
		app.Command("run").Action = func(c *cli.Context) error {
			return runNode(c, func(w io.Writer, format, level string) (*slog.Logger, error) {
				return newLogger(wrap(w), format, level)
			})
		}
		os.Exit(runApp(context.Background(), app, os.Args))
	}
}

// TestRun_Unread_WorksAndStops: every goroutine of a node logs, and its end
// waits for each of them. None waits for a standard error that nobody reads
// from the first line on.
func TestRun_Unread_WorksAndStops(t *testing.T) {
	for _, command := range []string{"ssnode", floodCommand} {
		t.Run(command, func(t *testing.T) {
			stderr, fill := unread(t)
			fill()
			n1 := startLoner(t, command, t.TempDir(), stderr, "--log-level", "debug", "--join", "127.0.0.1:1")
			n2 := &testDaemon{t: t, name: "n2", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0", join: n1.gossip}
			t.Cleanup(n2.kill)
			n2.start()
			n2.waitFor("n2 has the record of n1", func() bool {
				all, err := n2.client.Nodes(t.Context(), client.Query{Node: "n1"})
				return err == nil && len(all.Nodes) == 1
			})
			if err := n1.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			n1.requireEnd(t, 0)
		})
	}
}

// TestRun_ReaderGone_GoesOn: who reads the log may end, as when a logger is started
// anew. The node goes on without.
func TestRun_ReaderGone_GoesOn(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	n1 := startLoner(t, "ssnode", t.TempDir(), w, "--log-level", "debug", "--join", "127.0.0.1:1")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	gossipOf(t, "http://"+n1.host)
	if err := n1.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n1.requireEnd(t, 0)
}

// TestRun_Refused_IsTold: what a node says last is there when it is gone.
func TestRun_Refused_IsTold(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"ssnode", "run", "--data-dir", t.TempDir(), "--node", "n1", "--api", "127.0.0.1:0", "--gossip", taken.Addr().String()}, strings.NewReader(""), io.Discard, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "choose another port with --gossip") {
		t.Errorf("it ends with %d and %q, want 1 and what to do", code, &stderr)
	}
}

func requireText(t *testing.T, got fmt.Stringer, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("it wrote %q, want %q", got, want)
	}
}

// gate is a writer that nobody reads until it is opened.
type gate struct {
	bytes.Buffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(p)
}

func TestScribe_Write_WaitsForNobodyAndKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		out := &gate{open: make(chan struct{})}
		s := newScribe(out, nil)
		var want strings.Builder
		for i := range 1000 {
			_, _ = fmt.Fprintf(io.MultiWriter(s, &want), "line %d\n", i)
			if i == 0 {
				synctest.Wait() // it is being written
			}
		}
		close(out.open)
		s.close()
		requireText(t, out, want.String())
	})
}

// TestScribe_Write_SaysWhatIsLost fills a scribe twice: what is lost is told of
// where it would be, and what is insisted on is not lost.
func TestScribe_Write_SaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &gate{open: make(chan struct{})}
		s := newScribe(out, func(lines int) []byte { return fmt.Appendf(nil, "%d lost\n", lines) })
		say := func(text string) { _, _ = io.WriteString(s, text) }
		full := strings.Repeat("x", scribeBytesMax-1) + "\n"
		say("a\n")
		synctest.Wait() // it is being written
		say(full)
		say("b\nc\n")
		say("a bar, which is no line")
		s.insist([]byte("last words\n"))
		report(lastWord{s}, errors.New("it ends"))
		say("d\n")
		close(out.open)
		synctest.Wait()
		say("e\n")
		s.close()
		requireText(t, out, "a\n"+full+"last words\nssnode: it ends\n3 lost\ne\n")
	})
}

func TestScribe_Close_WaitsForASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &gate{open: make(chan struct{})}
		s := newScribe(out, nil)
		_, _ = io.WriteString(s, "a\n")
		began := time.Now()
		s.close()
		if took := time.Since(began); took != scribeEndMax {
			t.Errorf("it waited for %s, want %s", took, scribeEndMax)
		}
		close(out.open)
		began = time.Now()
		s.close()
		if took := time.Since(began); took != 0 {
			t.Errorf("with nothing to wait for it waited for %s", took)
		}
		requireText(t, out, "a\n")
	})
}

// TestLostLines_AreInTheFormatOfTheLog: who parses a log parses that line too.
func TestLostLines_AreInTheFormatOfTheLog(t *testing.T) {
	for format, want := range map[string]string{"text": " lines=7\n", "json": `,"lines":7}` + "\n"} {
		if line := string(lostLines(format)(7)); !strings.HasSuffix(line, want) {
			t.Errorf("%s: %q does not end in %q", format, line, want)
		}
	}
}
