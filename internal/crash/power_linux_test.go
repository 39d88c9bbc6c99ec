package crash_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// ext4Shutdown is EXT4_IOC_SHUTDOWN: the file system stops at once.
	ext4Shutdown = 0x8004587d
	// withoutLog is its flag to leave even its journal as it is on disk.
	withoutLog = 2

	imageBytes = 96 << 20
)

// disk is an ext4 file system in a file, whose power can be cut.
type disk struct{ image, mount string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{image: filepath.Join(t.TempDir(), "disk.img"), mount: t.TempDir()}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Truncate(d.image, imageBytes), run("mkfs.ext4", "-q", "-F", d.image)); err != nil {
		t.Skipf("no ext4 file system can be made here, so no power fails; install e2fsprogs: %v", err)
	}
	if err := d.on(); err != nil {
		t.Skipf("no file system can be mounted on a loop device here, so no power fails; run as root where that is allowed: %v", err)
	}
	t.Cleanup(func() { _ = d.off() })
	return d
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func (d *disk) on() error { return run("mount", "-o", "loop", d.image, d.mount) }

func (d *disk) off() error { return run("umount", d.mount) }

// cut stops the file system as a power failure does: what it has not written
// is gone.
func (d *disk) cut() error {
	f, err := os.Open(d.mount)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(withoutLog)
	if err := ioctl(f.Fd(), ext4Shutdown, &flag); err != nil {
		return fmt.Errorf("shut down %s: %w", d.mount, err)
	}
	return nil
}

// cycle lets writers write until the power fails, and returns what is wrong
// when it is back.
func (d *disk) cycle(t *testing.T, role string, r record, wait time.Duration, env ...string) (record, []string, error) {
	dir := filepath.Join(d.mount, "data")
	c, err := start(role, dir, env...)
	if err != nil {
		return r, nil, err
	}
	read := c.acknowledged(r)
	time.Sleep(wait)
	if err := d.cut(); err != nil {
		return r, nil, err
	}
	_ = c.cmd.Process.Kill()
	r = <-read
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return r, nil, err
	}
	if err := errors.Join(d.off(), d.on()); err != nil {
		return r, nil, err
	}
	next, wrong := verify(t, dir, r, true)
	return next, wrong, nil
}

// TestWriters_PowerFails_LoseNothing cuts the power under writers, in one file
// system again and again.
func TestWriters_PowerFails_LoseNothing(t *testing.T) {
	needPower(t)
	d, r := newDisk(t), record{}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	var s seen
	for cycle := range *powerCycles {
		role := roleOfStore(cycle)
		next, wrong, err := d.cycle(t, role, r, moment(random.Float64))
		if err != nil || len(wrong) > 0 {
			t.Fatalf("cycle %d, seed %d: %v, %v", cycle, seed, wrong, err)
		}
		s.note(role, r, next)
		r = next
		r.folds = 0
	}
	if r.all() == 0 {
		t.Error("nobody wrote anything: the test saw nothing")
	}
	s.verify(t, *powerCycles)
	t.Logf("%d power failures, %d steps acknowledged, 0 lost, 0 invented, 0 torn; %s", *powerCycles, r.all(), &s)
}

// TestWriters_PowerFailsWithoutSync_LoseData is the control: a store that does
// not wait for the disk must be seen to lose what it acknowledged, of the tables and of
// the journal.
func TestWriters_PowerFailsWithoutSync_LoseData(t *testing.T) {
	needPower(t)
	random := rand.New(rand.NewPCG(1, 1))
	cycles := max(3, *powerCycles/30)
	for _, role := range []string{roleStore, roleSeldom} {
		harmed := 0
		for range cycles {
			d := newDisk(t) // a file that is ruined is not gone on with
			_, wrong, err := d.cycle(t, role, record{}, 20*time.Millisecond+moment(random.Float64), envNoSync+"=1")
			if err != nil {
				t.Fatal(err)
			}
			if len(wrong) > 0 {
				harmed++
			}
		}
		t.Logf("%s: without sync %d of %d power failures lost data", role, harmed, cycles)
		if harmed == 0 {
			t.Errorf("%s: nothing was lost without sync: the harness does not see", role)
		}
	}
}

func needPower(t *testing.T) {
	t.Helper()
	if *powerCycles == 0 {
		t.Skip("the power does not fail in the usual tests, because that mounts a file system; run it as root with make power")
	}
}
