package node_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// smallDisk returns a directory on a disk of 2 MiB, a file system in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
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
	return dir
}

// awaitDisk writes until that works again, and returns the status then.
func awaitDisk(t *testing.T, n *node.Node) node.Status {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := n.Write(t.Context(), []delta.Operation{register(claimOf("n1", "a", "m"), 5)})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it takes no writes again: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNode_Write_DiskFull fills a real disk: writes are refused with the cause, lookups
// go on, nothing acknowledged is lost, and when there is room again writes are taken
// without a restart.
func TestNode_Write_DiskFull(t *testing.T) {
	dir := smallDisk(t)
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
	s = awaitDisk(t, n)
	// What was refused may have reached the disk or not, whole.
	if !s.Ready || s.Claims != 500*written+1 && s.Claims != 500*(written+1)+1 {
		t.Errorf("the status is %v %q with %d claims, %d batches were written", s.Ready, s.NotReady, s.Claims, written)
	}
}

// TestNode_Write_DiskFull_Small fills the disk and then writes little each time, which
// needs no room but in the journal: what is acknowledged stays when the tables cannot
// take it over, lookups go on, and when there is room again all of it is there. Until then
// writes are refused: a store whose tables take nothing is not in service again.
func TestNode_Write_DiskFull_Small(t *testing.T) {
	dir := smallDisk(t)
	o := node.Options{DataDir: filepath.Join(dir, "data"), Node: "n1", Gossip: "127.0.0.1:0"}
	o.SetDiskRetry(10 * time.Millisecond)
	n, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)
	key := func(i int) string { return fmt.Sprintf("k%04d%s", i, strings.Repeat("x", 200)) }
	written, refused := 0, 0
	for deadline := time.Now().Add(20 * time.Second); written == 0 || refused < 20; {
		if time.Now().After(deadline) {
			t.Fatalf("of %d writes on a full disk %d were refused: %v", written+refused, refused, err)
		}
		_, err = n.Write(t.Context(), []delta.Operation{register(claimOf("n2", key(written), key(written)+"~"), 1)})
		switch {
		case err == nil:
			written++
			continue
		case !errors.Is(err, node.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC):
			t.Fatalf("it is refused with %v", err)
		}
		refused++
		time.Sleep(time.Millisecond)
	}
	t.Logf("on a full disk %d writes were acknowledged, %d refused", written, refused)
	for i := range written {
		if got := fmt.Sprint(n.Lookup("default", key(i)).Servers); got != "[{n2 1}]" {
			t.Fatalf("a lookup of write %d of %d answers %s", i, written, got)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if s := awaitDisk(t, n); !s.Ready || s.Claims != written+1 && s.Claims != written+2 {
		t.Errorf("the status is %v %q with %d claims, %d were written", s.Ready, s.NotReady, s.Claims, written)
	}
}

// fillDisk writes to a file until there is no room.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
