package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
)

// stuckCommand is the command with a log that holds up the protocol: the line
// in which it says that another member knows this node is never written. The
// lines around it, which others write, are left out: one that waits for a
// reader would come first, and stop the gossip before the protocol.
const stuckCommand = "ssnode-stuck"

type stuckLog struct{ io.Writer }

func (l stuckLog) Write(p []byte) (int, error) {
	if !bytes.Contains(p, []byte("level=DEBUG")) {
		return l.Writer.Write(p)
	}
	if bytes.Contains(p, []byte("identified peer=n2")) {
		standStill()
	}
	return len(p), nil
}

func standStill() { select {} }

// unread returns the end to write to of a pipe that nobody reads, and what
// fills it, which goes on until the test ends: whatever is written to it later
// waits for ever.
func unread(t *testing.T) (w *os.File, fill func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var filled chan struct{}
	t.Cleanup(func() {
		_ = r.Close() // which ends the write that waits
		if filled != nil {
			<-filled
		}
		_ = w.Close()
	})
	return w, func() {
		filled = make(chan struct{})
		full := make(chan struct{}, 1)
		go func() {
			defer close(filled)
			for {
				if _, err := w.Write(make([]byte, 1)); err != nil {
					return
				}
				select {
				case full <- struct{}{}:
				default:
				}
			}
		}()
		for waiting := true; waiting; {
			select {
			case <-full:
			case <-time.After(200 * time.Millisecond):
				waiting = false
			}
		}
	}
}

// loner is a node that a test runs with an output of its own choice.
type loner struct {
	*exec.Cmd
	host, gossip string
	ended        chan int
}

func startLoner(t *testing.T, command, dir string, stderr *os.File, flags ...string) *loner {
	t.Helper()
	addrFile := filepath.Join(dir, "addr")
	if err := os.RemoveAll(addrFile); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"run", "--data-dir", filepath.Join(dir, "data"), "--node", "n1", "--cluster", clusterOf(t), "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0", "--addr-file", addrFile}, flags...)
	l := &loner{Cmd: exec.Command(command, args...), ended: make(chan int, 1)}
	l.Stderr = stderr
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = l.Wait()
		l.ended <- l.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { _ = l.Process.Kill(); <-gone })
	for deadline := time.Now().Add(startMax); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(addrFile); err == nil {
			url := strings.TrimSpace(string(text))
			l.host, l.gossip = strings.TrimPrefix(url, "http://"), gossipOf(t, url)
			return l
		}
	}
	t.Fatal("the node did not say where it is")
	return nil
}

func gossipOf(t *testing.T, url string) string {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.Gossip
}

func (l *loner) requireEnd(t *testing.T, want int) {
	t.Helper()
	select {
	case code := <-l.ended:
		if code != want {
			t.Errorf("it ended with %d, want %d", code, want)
		}
	case <-time.After(startMax):
		t.Fatal("it does not end")
	}
}

// TestRun_Stalled_EndsByItself lets the protocol of a process stand still in a
// line of its log: it ends, whether what it says is read or not.
func TestRun_Stalled_EndsByItself(t *testing.T) {
	stalling := []string{"--log-level", "debug", "--stall-after", "500ms"}
	// met is a directory of n1 that knows n2, which confirms who it is.
	met := func(t *testing.T) (dir string, n2 *testDaemon) {
		n1 := &testDaemon{t: t, name: "n1", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0"}
		t.Cleanup(n1.kill)
		n1.start()
		n2 = &testDaemon{t: t, name: "n2", dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0", join: n1.gossip}
		t.Cleanup(n2.kill)
		n2.start()
		n1.waitFor("n1 has the record of n2", func() bool {
			all, err := n1.client.Nodes(t.Context(), client.Query{Node: "n2"})
			return err == nil && len(all.Nodes) == 1
		})
		n1.kill()
		n2.kill()
		return n1.dir, n2
	}
	meet := func(n1 *loner, n2 *testDaemon) {
		n2.join = n1.gossip
		n2.start()
	}
	t.Run("with stacks that somebody reads", func(t *testing.T) {
		stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		defer stderr.Close()
		dir, n2 := met(t)
		n1 := startLoner(t, stuckCommand, dir, stderr, stalling...)
		meet(n1, n2)
		n1.requireEnd(t, 1)
		told, err := os.ReadFile(stderr.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"the protocol of this node makes no progress", "goroutine ", "standStill"} {
			if !strings.Contains(string(told), want) {
				t.Errorf("it does not say %q:\n%s", want, told)
			}
		}
	})
	t.Run("into a pipe that nobody reads", func(t *testing.T) {
		stderr, fill := unread(t)
		dir, n2 := met(t)
		n1 := startLoner(t, stuckCommand, dir, stderr, stalling...)
		fill()
		meet(n1, n2)
		n1.requireEnd(t, 1)
	})
}

// TestRun_Signal_StopsThoughNobodyReads: the lines that tell of a signal must
// not keep it from what it is for. A request that is under way holds up the
// first, not the second.
func TestRun_Signal_StopsThoughNobodyReads(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		signals []os.Signal // two that are alike may become one
		code    int
	}{
		"one":                 {"", []os.Signal{syscall.SIGTERM}, 0},
		"two, with a request": {heldRequest, []os.Signal{syscall.SIGTERM, syscall.SIGINT}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			stderr, fill := unread(t)
			n1 := startLoner(t, "ssnode", t.TempDir(), stderr)
			fill()
			conn, err := net.Dial("tcp", n1.host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			if c.request != "" {
				awaitRequest(t, n1.host)
			}
			for _, s := range c.signals {
				if err := n1.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			n1.requireEnd(t, c.code)
		})
	}
}
