package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// backupOf writes a backup of a running store and returns its path.
func backupOf(t *testing.T, s *Store) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Backup(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestRestore_GoesOnUnderANewID(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{Cluster: "c1"})
	write(t, s, register("n1", "a", "m", 1))
	shown, old := contents(t, s), s.Summary().ID
	backup := backupOf(t, s)
	write(t, s, register("n1", "b", "m", 1)) // not in the backup
	if problems, err := Check(backup); err != nil || len(problems) != 0 {
		t.Errorf("check of the backup: %v, %v", problems, err)
	}

	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(dir, backup, Options{Cluster: "c1", Node: "n1"}); err != nil {
		t.Fatal(err)
	}
	r := openTest(t, dir, Options{})
	if contents(t, r) != shown {
		t.Errorf("it shows\n%s\nwant\n%s", contents(t, r), shown)
	}
	if d := write(t, r, register("n1", "c", "m", 1)); d.Origin == old || d.First != 1 || r.Summary().ID != d.Origin {
		t.Errorf("it writes %s, the old id is %s", d, old)
	}
	if r.Cluster() != "c1" || stat(t, r.Path()).Mode().Perm() != fileMode {
		t.Errorf("cluster %s, mode %o", r.Cluster(), stat(t, r.Path()).Mode().Perm())
	}
}

func TestRestore_RefusesAndLeavesNothing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{Cluster: "c1"})
	write(t, s, register("n1", "a", "m", 1))
	good := backupOf(t, s)
	truncated := backupOf(t, s)
	if err := os.Truncate(truncated, stat(t, truncated).Size()-4096); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		backup  string
		options Options
		want    error
	}{
		"missing":       {filepath.Join(t.TempDir(), "x"), Options{}, os.ErrNotExist},
		"empty":         {empty, Options{}, ErrMissing},
		"truncated":     {truncated, Options{}, ErrCorrupt},
		"other cluster": {good, Options{Cluster: "c2"}, ErrOtherCluster},
		"other node":    {good, Options{Node: "n2"}, ErrOtherNode},
	} {
		dir := t.TempDir()
		if _, err := Restore(dir, test.backup, test.options); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
	dir := closedDir(t)
	before := tree(t, dir)
	if _, err := Restore(dir, good, Options{}); !errors.Is(err, ErrExists) || tree(t, dir) != before {
		t.Errorf("over another: %v", err)
	}
}

// copyInto loads everything that a view shows.
func copyInto(v *View) func(*Loader) error {
	return func(l *Loader) error {
		for id, sequence := range v.Summary().Context.All() {
			if err := l.Seen(id, sequence); err != nil {
				return err
			}
		}
		ahead, err := v.Ahead()
		if err != nil {
			return err
		}
		for id, sequence := range ahead.All() {
			if err := l.Ahead(id, sequence); err != nil {
				return err
			}
		}
		if err := v.Scan(delta.Whole, l.Entry); err != nil {
			return err
		}
		return v.EachRecord(0, func(r Record) error { return l.Delta(r.Delta, r.AppliedAt) })
	}
}

func TestLoad_ShowsTheSameUnderANewID(t *testing.T) {
	for name, trimmed := range map[string]bool{"whole": false, "trimmed": true} {
		s := openTest(t, t.TempDir(), Options{})
		write(t, s, register("n1", "a", "m", 1), register("n2", "a", "m", 1))
		write(t, s, register("n1", "b", "m", 1))
		if trimmed {
			trimAll(t, s)
		}
		dir := filepath.Join(t.TempDir(), "loaded")
		view(t, s, func(v *View) error { return Load(dir, Options{Node: "n1"}, copyInto(v)) })
		l := openTest(t, dir, Options{})
		// The indexes of the log may differ in general; here they start at 1.
		if contents(t, l) != contents(t, s) || l.Summary().ID == s.Summary().ID {
			t.Errorf("%s: %s shows\n%s\nwant\n%s", name, l.Summary().ID, contents(t, l), contents(t, s))
		}
		if got := hasHoles(t, l, "", "a", "b"); got != trimmed {
			t.Errorf("%s: its history has holes: %v", name, got)
		}
		write(t, l, register("n1", "c", "m", 1))
	}
}

func TestLoad_RefusesAndLeavesNothing(t *testing.T) {
	peer := newMemory(2)
	e, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "a", "m", 1)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	id, p, entry := crdt.ReplicaID{2}, e.Deltas[0], e.Entries[0].After()
	broken := entry
	broken.Counter = nil
	for name, fn := range map[string]func(*Loader) error{
		"an error":             func(*Loader) error { return errDisk },
		"a sequence twice":     func(l *Loader) error { return errors.Join(l.Seen(id, 1), l.Seen(id, 2)) },
		"a sequence of 0":      func(l *Loader) error { return l.Seen(id, 0) },
		"a sequence too large": func(l *Loader) error { return l.Seen(id, sequenceMax+1) },
		"ahead by nothing":     func(l *Loader) error { return errors.Join(l.Seen(id, 2), l.Ahead(id, 2)) },
		"an entry twice":       func(l *Loader) error { return errors.Join(l.Entry(entry), l.Entry(entry)) },
		"a broken entry":       func(l *Loader) error { return l.Entry(broken) },
		"an unseen delta":      func(l *Loader) error { return l.Delta(p, 1) },
		"a delta twice":        func(l *Loader) error { return errors.Join(l.Seen(id, 1), l.Delta(p, 1), l.Delta(p, 1)) },
	} {
		dir := t.TempDir()
		if err := Load(dir, Options{Node: "n1"}, fn); err == nil || strings.Contains(err.Error(), "link") {
			t.Errorf("%s: got %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
	nothing := func(*Loader) error { return nil }
	if err := Load(t.TempDir(), Options{}, nothing); !errors.Is(err, ErrOptions) {
		t.Errorf("without a node: %v", err)
	}
	if err := Load(closedDir(t), Options{Node: "n1"}, nothing); !errors.Is(err, ErrExists) {
		t.Errorf("over another: %v", err)
	}
}
