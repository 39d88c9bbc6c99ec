package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// signalled starts a node and returns its process and its host:port. What
// environment adds is beside that of the test; its log is in a bytes.Buffer.
func signalled(t *testing.T, environment ...string) (*exec.Cmd, string) {
	t.Helper()
	dir := t.TempDir()
	addrFile := filepath.Join(dir, "addr")
	c := exec.Command("ssnode", "run", "--data-dir", filepath.Join(dir, "data"), "--node", "n1", "--cluster", clusterOf(t), "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0", "--addr-file", addrFile)
	c.Env, c.Stderr = append(os.Environ(), environment...), new(bytes.Buffer)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	for deadline := time.Now().Add(startMax); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(addrFile); err == nil {
			return c, strings.TrimPrefix(strings.TrimSpace(string(text)), "http://")
		}
	}
	t.Fatal("the node did not say where it is")
	return nil, ""
}

// heldRequest is the beginning of a request that its node does not refuse, so
// that it waits for the rest.
const heldRequest = "POST /v1/ops HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"

// awaitRequest waits until a node has begun heldRequest.
func awaitRequest(t *testing.T, host string) {
	t.Helper()
	for deadline := time.Now().Add(startMax); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		r, err := http.Get("http://" + host + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `ssnode_queue_length{queue="http_requests"} 1`) {
			return
		}
	}
	t.Fatal("the request does not arrive")
}

// TestRun_SecondSignal_StopsAtOnce holds a request open that the node, asked
// to stop in order, waits for.
func TestRun_SecondSignal_StopsAtOnce(t *testing.T) {
	c, host := signalled(t)
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, heldRequest); err != nil {
		t.Fatal(err)
	}
	awaitRequest(t, host)
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan int, 1)
	go func() {
		_ = c.Wait()
		ended <- c.ProcessState.ExitCode()
	}()
	signal(syscall.SIGINT)
	select {
	case code := <-ended:
		t.Fatalf("it ended with %d while a request was under way", code)
	case <-time.After(300 * time.Millisecond):
	}
	signal(syscall.SIGTERM)
	select {
	case code := <-ended:
		if code != 1 {
			t.Errorf("stopped at once, it ends with %d, want 1", code)
		}
		if told := fmt.Sprint(c.Stderr); !strings.Contains(told, "stopping; a second signal") || !strings.Contains(told, "stopped at once") {
			t.Errorf("it does not say so:\n%s", told)
		}
	case <-time.After(startMax):
		t.Error("the second signal does not stop it")
	}
}

func TestRun_ServiceManager_IsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, host := signalled(t, "NOTIFY_SOCKET="+socket)
	requireTold(t, l, "READY=1")
	if conn, err := net.Dial("tcp", host); err != nil {
		t.Errorf("it says that it is ready, but: %v", err)
	} else {
		conn.Close()
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	requireTold(t, l, "STOPPING=1")
	if err := c.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func requireTold(t *testing.T, l *net.UnixConn, want string) {
	t.Helper()
	if err := l.SetReadDeadline(time.Now().Add(startMax)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != want {
		t.Fatal(fmt.Errorf("told %q, %w; want %q", b[:n], err, want))
	}
}

// TestDemo_Signal_LeavesNothingBehind interrupts the story when its third node
// runs: a process, which nobody else would end.
func TestDemo_Signal_LeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command("ssnode", "demo")
	c.Env = append(os.Environ(), "TMPDIR="+dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	address := ""
	for deadline := time.Now().Add(startMax); address == "" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		found, _ := filepath.Glob(filepath.Join(dir, "ssnode-demo-*", "n3.addr"))
		if len(found) == 1 {
			text, _ := os.ReadFile(found[0])
			address = strings.TrimPrefix(strings.TrimSpace(string(text)), "http://")
		}
	}
	if address == "" {
		t.Fatal("the third node did not say where it is")
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 1 {
		t.Errorf("an interrupted demo ended with %d, want 1", code)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Errorf("the node at %s still runs", address)
	}
}
