package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/internal/zst"
)

// spoil flips a byte of every place where a text occurs in the file of a
// directory, behind it.
func spoil(t *testing.T, dir, text string) {
	t.Helper()
	path := filepath.Join(dir, FileName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for at := 0; ; found++ {
		i := bytes.Index(content[at:], []byte(text))
		if i < 0 {
			break
		}
		at += i + len(text)
		content[at] ^= 0xff
	}
	if err := os.WriteFile(path, content, fileMode); err != nil || found == 0 {
		t.Fatalf("%q is there %d times, %v", text, found, err)
	}
}

// mustBeDamaged holds that opening refuses a directory.
func mustBeDamaged(t *testing.T, dir string) {
	t.Helper()
	if _, err := Open(dir, Options{MustExist: true}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("it opens with %v", err)
	}
}

func repairOf(t *testing.T, dir, backup string) (Repaired, *Store) {
	t.Helper()
	mustBeDamaged(t, dir)
	damaged, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	done, err := Repair(dir, backup, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(done.Kept)
	if err != nil || !bytes.Equal(kept, damaged) || len(done.Problems) == 0 {
		t.Errorf("%d of %d damaged bytes are kept, %v; the problems were %q", len(kept), len(damaged), err, done.Problems)
	}
	if _, err := os.Stat(filepath.Join(dir, repairDirectory)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left over: %v", err)
	}
	return done, openTest(t, dir, Options{})
}

// What was written after the backup is in the damaged log, and comes back as
// the events it was.
func TestRepair_BringsWhatTheLogStillHas(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Cluster: "c1"})
	write(t, s, register("n1", "a", "b", 1))
	backup, former := backupOf(t, s), s.Summary().ID
	write(t, s, register("n1", "spoilt", "t", 2), register("n2", "x", "y", 3))
	if err := s.SetPeers([]string{"h:1"}); err != nil {
		t.Fatal(err)
	}
	shown := contents(t, s)
	s.Close()
	spoil(t, dir, "spoilt\x00\x01\x01t\x00\x01n1") // the entry, not the log
	done, r := repairOf(t, dir, backup)
	if got := contents(t, r); got != shown {
		t.Errorf("it shows\n%s\nwant\n%s", got, shown)
	}
	if done.Deltas != 1 || done.Entries != 0 || done.Node != "n1" || done.Cluster != "c1" || done.Former != former {
		t.Errorf("it says %+v", done)
	}
	if id := r.Summary().ID; id == former || id != done.Replica {
		t.Errorf("it goes on as %s, was %s, says %s", id, former, done.Replica)
	}
	if peers, err := r.Peers(); err != nil || len(peers) != 1 {
		t.Errorf("it remembers %v, %v", peers, err)
	}
	if d := write(t, r, register("n1", "z", "", 1)); d.First != 1 || d.Origin != done.Replica {
		t.Errorf("it writes %s", d)
	}
}

// What the log lost, and what was trimmed from it, comes back as state, of
// which the replica has not seen the events; what was lost as state is not
// taken for closed.
func TestRepair_BringsWhatTheEntriesStillHave(t *testing.T) {
	peer, dir := newMemory(2), t.TempDir()
	other := openTest(t, t.TempDir(), Options{Cluster: "c1", Node: "n2", NewID: func() crdt.ReplicaID { return peer.replica.ID }})
	for _, key := range []string{"both", "only-here", "lost"} {
		write(t, other, register("n2", key, key+"~", 1))
	}
	backup := backupOf(t, other)
	s := openTest(t, dir, Options{Cluster: "c1", freshMax: 1})
	view(t, other, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			_, err := s.Update(delta.Env{}, func(c *delta.Commit) error { _, err := c.Receive(p); return err })
			return err
		})
	})
	write(t, s, register("n1", "kept", "l", 5))
	write(t, s, register("n1", "gone", "h", 5))
	trimAll(t, s)
	s.Close()
	spoil(t, dir, "gone\x00\x01\x01h\x00\x01n1")
	done, r := repairOf(t, dir, backup)
	for key, want := range map[string]int64{"kept": 5, "gone": 0} {
		to := map[string]string{"kept": "l", "gone": "h"}[key]
		if got := priorityOf(t, r, "n1", key, to); got != want {
			t.Errorf("%s has priority %d, want %d", key, got, want)
		}
	}
	for _, key := range []string{"both", "only-here", "lost"} {
		if got := priorityOf(t, r, "n2", key, key+"~"); got != 1 {
			t.Errorf("%s has priority %d", key, got)
		}
	}
	x := r.Summary()
	if done.Entries == 0 || x.Context.Get(done.Former) != 0 || x.Ahead.Get(done.Former) != 2 {
		t.Errorf("it says %+v; the context is %s, ahead by %s", done, x.Context, x.Ahead)
	}
	if !hasHoles(t, r, "default", "kept", "l") {
		t.Error("its history hides that events are missing")
	}
}

func priorityOf(t *testing.T, s *Store, node, from, to string) (priority int64) {
	t.Helper()
	view(t, s, func(v *View) error {
		e, err := v.Get(delta.ClaimKey(claim(node, from, to)))
		priority = e.Counter.Value()
		return err
	})
	return priority
}

// Where not even the contexts are whole, entries are joined, and nothing is
// taken for closed by what is missing.
func TestRepair_WithoutItsContexts(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	write(t, s, register("n1", "a", "b", 1), register("n1", "c", "d", 1))
	backup := backupOf(t, s)
	write(t, s, register("n1", "new", "o", 7))
	release := register("n1", "a", "b", 0)
	release.Verb = delta.VerbRelease
	write(t, s, release) // which closes its own record
	trimAll(t, s)
	id := s.Summary().ID
	s.Close()
	spoil(t, dir, "\x00\x00"+string(id[:])) // its sequence in the context
	mustBeDamaged(t, dir)
	done, r := repairOf(t, dir, backup)
	if got := priorityOf(t, r, "n1", "new", "o"); got != 7 {
		t.Errorf("the new claim has priority %d; %+v", got, done)
	}
	if got := priorityOf(t, r, "n1", "c", "d"); got != 1 {
		t.Errorf("the old claim has priority %d", got)
	}
	if x := r.Summary(); x.Context.Get(id) != 2 || x.Ahead.Get(id) < 3 {
		t.Errorf("the context is %s, ahead by %s", x.Context, x.Ahead)
	}
}

// Heads, length and pages may be damaged too, and the backup packed.
func TestRepair_OfAFileWhosePagesAreDamaged(t *testing.T) {
	for name, damage := range map[string]func(content []byte) []byte{
		"both heads":   func(b []byte) []byte { b[60] ^= 1; b[pageBytes+60] ^= 1; return b },
		"newer head":   func(b []byte) []byte { b[pageBytes*newerHead(b)+60] ^= 1; return b },
		"cut off":      func(b []byte) []byte { return b[:len(b)-3*pageBytes] },
		"overwritten":  func(b []byte) []byte { clear(b[2*pageBytes:]); return b },
		"another file": func([]byte) []byte { return []byte(strings.Repeat("text ", 4000)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openTest(t, dir, Options{})
			write(t, s, register("n1", "a", "b", 1))
			backup := backupOf(t, s)
			s.Close()
			path := filepath.Join(dir, FileName)
			content, err := os.ReadFile(backup)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(bytes.Clone(content)), fileMode); err != nil {
				t.Fatal(err)
			}
			mustBeDamaged(t, dir)
			if _, err := Repair(dir, backup, 1, Options{}); errors.Is(err, ErrOptions) {
				if _, err := Repair(dir, packed(t, backup), 1, Options{Node: "n1"}); err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			r := openTest(t, dir, Options{Node: "n1"})
			if got := priorityOf(t, r, "n1", "a", "b"); got != 1 {
				t.Errorf("it has priority %d", got)
			}
		})
	}
}

// newerHead returns the slot of the newer head.
func newerHead(content []byte) int {
	first, _ := parseHead(page(content[:pageBytes]), 0)
	second, _ := parseHead(page(content[pageBytes:2*pageBytes]), 1)
	if second.transaction > first.transaction {
		return 1
	}
	return 0
}

// packed returns a packed copy of a backup.
func packed(t *testing.T, backup string) string {
	t.Helper()
	content, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(backup + zst.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zst.NewWriter(f.Name(), f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestRepair_RefusesAndLeavesItAsItWas(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Cluster: "c1"})
	write(t, s, register("n1", "spoilt", "t", 1))
	good := backupOf(t, s)
	other := openTest(t, t.TempDir(), Options{Cluster: "c2"})
	foreign := backupOf(t, other)
	if _, err := Repair(dir, good, 1, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	s.Close()
	spoil(t, dir, "spoilt")
	broken := filepath.Join(t.TempDir(), "broken")
	if content, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || os.WriteFile(broken, content, fileMode) != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for name, test := range map[string]struct {
		backup  string
		options Options
		want    error
	}{
		"missing":       {filepath.Join(t.TempDir(), "x"), Options{}, os.ErrNotExist},
		"damaged":       {broken, Options{}, ErrCorrupt},
		"other cluster": {foreign, Options{}, ErrOtherCluster},
		"other node":    {good, Options{Node: "n2"}, ErrOtherNode},
	} {
		if _, err := Repair(dir, test.backup, 1, test.options); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if got := tree(t, dir); got != before {
			t.Errorf("%s: it leaves\n%s\nwant\n%s", name, got, before)
		}
	}
	if _, err := Repair(t.TempDir(), good, 1, Options{}); !errors.Is(err, ErrMissing) {
		t.Errorf("without a file: %v", err)
	}
}

// Whatever a repair that was killed left, another one works, and so does the
// next start after one that was killed at its end.
func TestRepair_AfterOneThatWasKilled(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	write(t, s, register("n1", "spoilt", "t", 1))
	backup := backupOf(t, s)
	s.Close()
	spoil(t, dir, "spoilt\x00\x01\x01t\x00\x01n1")
	left := filepath.Join(dir, repairDirectory)
	if err := os.Mkdir(left, directoryMode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, FileName), []byte("half"), fileMode); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName)
	if err := os.Link(path, path+".damaged-19700101T000000Z"); err != nil {
		t.Fatal(err)
	}
	done, r := repairOf(t, dir, backup)
	if !strings.HasSuffix(done.Kept, ".damaged-19700101T000000Z-2") {
		t.Errorf("it is kept as %s", done.Kept)
	}
	r.Close()
	if err := os.Mkdir(left, directoryMode); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, Options{})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestCheck_OfAPackedBackup(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "b", 1))
	backup := packed(t, backupOf(t, s))
	if problems, err := Check(backup); err != nil || len(problems) != 0 {
		t.Errorf("%v, %v", problems, err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(dir, backup, Options{}); err != nil {
		t.Error(err)
	}
	if got := priorityOf(t, openTest(t, dir, Options{}), "n1", "a", "b"); got != 1 {
		t.Errorf("restored it has priority %d", got)
	}
	if err := os.Truncate(backup, stat(t, backup).Size()-5); err != nil {
		t.Fatal(err)
	}
	if problems, err := Check(backup); err != nil || len(problems) != 1 {
		t.Errorf("cut off: %v, %v", problems, err)
	}
	if _, err := Check(backup + "x" + zst.Suffix); err == nil {
		t.Error("a missing one is whole")
	}
}
