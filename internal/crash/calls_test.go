package crash_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// traced are the calls that change what is on disk, or make it durable.
const traced = "write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,ftruncate,fallocate,fsync,fdatasync,sync_file_range,msync," +
	"rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"

// TestOperations_KilledBeforeEveryCall_AreWholeOrAbsent kills one operation
// before each of its calls.
func TestOperations_KilledBeforeEveryCall_AreWholeOrAbsent(t *testing.T) {
	k := newKiller(t)
	for _, name := range killed {
		t.Run(name, func(t *testing.T) {
			k.of(name).sweep(t)
		})
	}
}

// newKiller makes what all operations are carried out on.
func newKiller(t *testing.T) *killer {
	t.Helper()
	if out, err := exec.Command("strace", "-f", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		t.Skipf("strace is missing or may not trace here, so nothing is killed at chosen calls; install it (Debian: strace) and allow ptrace: %v %s", err, out)
	}
	k := &killer{root: t.TempDir()}
	if err := templates(k.root).make(); err != nil {
		t.Fatal(err)
	}
	return k
}

// of returns a killer of an operation.
func (k *killer) of(name string) *killer {
	return &killer{role: name, operation: operations[name], root: k.root}
}

// killer runs one operation under strace, each time in a fresh copy.
type killer struct {
	role      string
	operation operation
	root      string // where the templates are
}

// call is the nth call of a name that the operation makes: strace counts each
// name by itself.
type call struct {
	name string
	n    int
}

func (k *killer) sweep(t *testing.T) {
	all, err := k.record()
	if err != nil {
		t.Fatal(err)
	}
	stride := k.stride(len(all))
	killed, planned := 0, 0
	for i := 0; i < len(all); i += stride {
		planned++
		was, err := k.killAt(all[i])
		if err != nil {
			t.Errorf("%s, killed before %s %d, call %d of %d: %v", k.role, all[i].name, all[i].n, i+1, len(all), err)
		}
		if was {
			killed++
		}
	}
	t.Logf("%s: killed before %d of %d calls that write, sync, rename or remove, all %d planned", k.role, killed, len(all), planned)
	if killed != planned {
		t.Errorf("%s: of %d planned kills %d took place", k.role, planned, killed)
	}
}

// stride is to take every which call, of so many.
func (k *killer) stride(all int) int {
	most := *calls
	if testing.Short() && most > 0 {
		most = (most + 1) / 2
	}
	if most == 0 {
		return 1
	}
	return (all + most - 1) / most
}

// record returns the calls that the operation makes when nobody kills it.
func (k *killer) record() ([]call, error) {
	dir, err := k.fresh()
	if err != nil {
		return nil, err
	}
	trace := filepath.Join(filepath.Dir(dir), "trace")
	out, err := k.trace(dir, "-o", trace, "-e", "trace="+traced)
	if err != nil || !strings.Contains(out, done) {
		return nil, fmt.Errorf("%s without a kill: %q, %w", k.role, out, err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		return nil, err
	}
	return busiest(text), k.operation.judge(dir, true)
}

// busiest returns the calls of the thread that makes the most: all that the
// operation does is on one thread, and strace counts by thread.
func busiest(trace []byte) []call {
	var most []call
	threads, counts := map[string][]call{}, map[string]int{}
	for line := range bytes.Lines(trace) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		thread := fields[0]
		name, _, ok := strings.Cut(fields[1], "(")
		if !ok {
			continue // the end of a call, or of the process
		}
		counts[thread+name]++
		threads[thread] = append(threads[thread], call{name, counts[thread+name]})
		if len(threads[thread]) > len(most) {
			most = threads[thread]
		}
	}
	return most
}

// killAt kills the operation before a call and judges what is left.
func (k *killer) killAt(c call) (killed bool, err error) {
	dir, err := k.fresh()
	if err != nil {
		return false, err
	}
	inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", c.name, c.n)
	out, err := k.trace(dir, "-o", os.DevNull, "-e", "trace="+traced, "-e", inject)
	return err != nil, k.operation.judge(dir, strings.Contains(out, done))
}

func (k *killer) trace(dir string, options ...string) (string, error) {
	cmd := exec.Command("strace", append(append([]string{"-f", "-qq"}, options...), os.Args[0])...)
	cmd.Env = append(os.Environ(), envRole+"="+k.role, envDir+"="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// fresh returns a directory to work on: a copy of the template, or one that does not
// exist, for a restore beside the backup.
func (k *killer) fresh() (string, error) {
	parent, err := os.MkdirTemp(k.root, k.role)
	if err != nil {
		return "", err
	}
	dir, from := filepath.Join(parent, "data"), templates(k.root)
	switch {
	case k.operation.creates:
		return dir, nil
	case k.operation.restores:
		return dir, os.Link(from.backup(k.operation.journal), filepath.Join(parent, backupName))
	case k.operation.of != "":
		return dir, os.CopyFS(dir, os.DirFS(k.operation.of))
	}
	return dir, os.CopyFS(dir, os.DirFS(from.dir(k.operation.journal)))
}
