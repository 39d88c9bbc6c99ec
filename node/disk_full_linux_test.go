package node_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// TestNode_Write_DiskFull fills a real disk, a file system in memory of 2 MiB:
// writes are refused with the cause, lookups go on, nothing acknowledged is
// lost, and when there is room again writes are taken without a restart.
func TestNode_Write_DiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root; TestNode_Write_DiskFaultFailsAllThatWait does the same with a disk that only says it is full")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v); run it as root with the right to mount", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	o := node.Options{DataDir: dir, Node: "n1", Gossip: "127.0.0.1:0"}
	o.SetDiskRetry(10 * time.Millisecond)
	n, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	written := 0
	for ; err == nil; written++ {
		if written == 10_000 {
			t.Fatal("the disk does not get full")
		}
		_, err = n.Write(t.Context(), many(delta.VerbRegister, written))
	}
	written-- // the last one was refused
	if !errors.Is(err, node.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("it is refused with %v", err)
	}
	key := fmt.Sprintf("k%03d-007%s", written-1, strings.Repeat("x", 100))
	if got := fmt.Sprint(n.Lookup("default", key).Servers); got != "[{n2 1}]" {
		t.Errorf("a lookup answers %s", got)
	}
	s, err := n.Status()
	if err != nil || s.Ready || !strings.Contains(strings.Join(s.NotReady, " "), "no space left") || s.Claims != 500*written {
		t.Errorf("the status is %v %q with %d claims, want %d: %v", s.Ready, s.NotReady, s.Claims, 500*written, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err = n.Write(t.Context(), []delta.Operation{register(claimOf("n1", "a", "m"), 5)}); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it takes no writes again: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	// What was refused may have reached the disk or not, whole.
	s, err = n.Status()
	if err != nil || !s.Ready || s.Claims != 500*written+1 && s.Claims != 500*(written+1)+1 {
		t.Errorf("the status is %v %q with %d claims, %d batches were written: %v", s.Ready, s.NotReady, s.Claims, written, err)
	}
}
