package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRewrite_DiskFull_IsNoFault fills a real disk, a file system in memory: a
// rewriting fails for want of room, and the store goes on as it was.
func TestRewrite_DiskFull_IsNoFault(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root; TestRewrite_WithoutRoom_PlacesNothing does the same with a disk that only says it is full")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v); run it as root with the right to mount", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := openTest(t, filepath.Join(disk, "data"), Options{})
	writeFar(t, s)
	before := payloadsOf(t, s)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	if err := s.Rewrite(t.Context(), nil); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrFailed) {
		t.Errorf("got %v", err)
	}
	write(t, s, registerMany(1, 2, 2)...)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if o, _ := overlayOf(t, s); o.held() != 0 || len(payloadsOf(t, s)) != len(before) {
		t.Errorf("%d images are left, and %d of %d entries", o.held(), len(payloadsOf(t, s)), len(before))
	}
}

// fill writes to a file until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, pageBytes))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
