package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
)

// openTest opens a directory for a node without waiting for the disk, and
// checks and closes it at the end of the test.
func openTest(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	o.NoSync = true
	o.Parallel = atOnce
	if o.journalPages == 0 {
		o.journalPages = 8 // so that it is folded often
	}
	if o.Node == "" && !o.ReadOnly {
		o.Node = "n1"
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, s) })
	return s
}

// giveUp ends what was to be committed, so that nothing of it reaches the disk.
func giveUp(tx *bbolt.Tx) error {
	if tx == nil {
		return nil // a frame, which was not written yet
	}
	return tx.Rollback()
}

func checkAndClose(t *testing.T, s *Store) {
	t.Helper()
	for _, p := range s.Check() {
		if s.Failed() == nil && string(p) != ErrClosed.Error() {
			t.Errorf("check: %s", p)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func register(node, from, to string, priority int64) delta.Operation {
	return delta.Operation{Verb: delta.VerbRegister, Amount: priority, Claim: claim(node, from, to)}
}

// claim returns a claim of the default keyspace; an empty to has no end.
func claim(node, from, to string) ranges.Claim {
	r := ranges.Range{From: from, To: ranges.Before(to)}
	if to == "" {
		r.To = ranges.Unbounded()
	}
	return ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: node, Range: r}
}

// write carries out one batch.
func write(t *testing.T, s *Store, operations ...delta.Operation) delta.Delta {
	t.Helper()
	d, err := tryWrite(s, operations...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func tryWrite(s *Store, operations ...delta.Operation) (d delta.Delta, err error) {
	_, err = s.Update(delta.Env{Now: 1}, func(c *delta.Commit) (err error) {
		d, _, err = c.Write(operations)
		return err
	})
	return d, err
}

func view(t *testing.T, s *Store, fn func(*View) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}

// contents returns everything a store shows, as text.
func contents(t *testing.T, s *Store) (shown string) {
	t.Helper()
	view(t, s, func(v *View) (err error) {
		shown, err = contentsOf(v)
		return err
	})
	return shown
}

// contentsOf is contents of a view.
func contentsOf(v *View) (string, error) {
	var b strings.Builder
	x := v.Summary()
	fmt.Fprintf(&b, "context %s %s\nfingerprint %s\n", x.Context, x.ContextHash, x.Fingerprint)
	err := v.Scan(delta.Whole, func(e delta.Entry) error {
		fmt.Fprintf(&b, "%q", e.Key)
		if e.Node != nil {
			fmt.Fprintf(&b, " %+v", e.Node)
		}
		for _, x := range e.Counter {
			fmt.Fprintf(&b, " %+v", x)
		}
		b.WriteByte('\n')
		return nil
	})
	err = errors.Join(err, v.EachRecord(0, func(r Record) error {
		fmt.Fprintf(&b, "%d %d %s\n", r.Index, r.AppliedAt, r.Delta.Delta)
		return nil
	}))
	return b.String(), err
}

func TestOpen_CreatesAndReopens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openTest(t, dir, Options{Cluster: "c1"})
	write(t, s, register("n1", "a", "m", 3), register("n1", "m", "", 4))
	before, shown, start := s.Summary(), contents(t, s), s.Start()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	visited := 0
	s = openTest(t, dir, Options{Visit: func(delta.Entry) error { visited++; return nil }})
	if visited != 2 || s.Summary().ID != before.ID || contents(t, s) != shown {
		t.Errorf("visited %d entries of %s:\n%s\nwant 2 of %s:\n%s", visited, s.Summary().ID, contents(t, s), before.ID, shown)
	}
	if s.Cluster() != "c1" || s.Node() != "n1" {
		t.Errorf("it belongs to %s of %s", s.Node(), s.Cluster())
	}
	if s.Start().Counter != start.Counter+1 || s.Start().Nonce == start.Nonce {
		t.Errorf("start %+v after %+v", s.Start(), start)
	}
	if mode := stat(t, dir).Mode().Perm(); mode != directoryMode {
		t.Errorf("the directory has mode %o", mode)
	}
	if mode := stat(t, s.Path()).Mode().Perm(); mode != fileMode {
		t.Errorf("the file has mode %o", mode)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestStore_Update_ErrorChangesNothing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 3))
	before := contents(t, s)
	failure := errors.New("failure")
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error {
		if _, _, err := c.Write([]delta.Operation{register("n2", "a", "m", 3)}); err != nil {
			return err
		}
		return failure
	})
	if err != failure {
		t.Fatalf("got %v, want the error of the function", err)
	}
	if after := contents(t, s); after != before {
		t.Errorf("it changed from\n%s\nto\n%s", before, after)
	}
	write(t, s, register("n1", "m", "", 1))
}

func TestStore_Update_AdoptsASessionWithoutWriting(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	before := stat(t, s.Path()).ModTime()
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error { return c.OpenSession(crdt.Context{{9}: 3}) })
	if err != nil {
		t.Fatal(err)
	}
	if !s.Summary().InSession || !stat(t, s.Path()).ModTime().Equal(before) {
		t.Errorf("in session: %v, written at %s, before at %s", s.Summary().InSession, stat(t, s.Path()).ModTime(), before)
	}
}

func TestStore_Update_PanicLeavesItUsable(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	func() {
		defer func() { recover() }()
		s.Update(delta.Env{}, func(*delta.Commit) error { panic("in the function") })
	}()
	write(t, s, register("n1", "m", "", 1))
}

func TestStore_Close_IsIdempotentAndFinal(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tryWrite(s, register("n1", "m", "", 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Update: %v", err)
	}
	if err := s.View(func(*View) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("View: %v", err)
	}
	if _, err := s.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("Stats: %v", err)
	}
	if err := s.Reopen(); !errors.Is(err, ErrClosed) {
		t.Errorf("Reopen: %v", err)
	}
}

// A view shows entries and summary of one instant, however many writers there
// are, and its summary stays as it was.
func TestStore_View_PairsEntriesWithTheirSummary(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for j := range 40 {
				if _, err := tryWrite(s, register(fmt.Sprint("n", i), fmt.Sprint(j), "", 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		view(t, s, func(v *View) error {
			var sum delta.Fingerprint
			if err := v.Scan(delta.Whole, func(e delta.Entry) error { sum = sum.Plus(delta.FingerprintOf(e)); return nil }); err != nil {
				return err
			}
			x := v.Summary()
			if sum != x.Fingerprint || delta.HashContext(x.Context) != x.ContextHash || x.Context.Get(x.ID) != v.LogStats().Records {
				t.Errorf("the entries have %s, the summary says %s; %d events, %d records", sum, x.Fingerprint, x.Context.Get(x.ID), v.LogStats().Records)
			}
			return nil
		})
	}
	if n := s.Summary().Fingerprint.Count; n != 160 {
		t.Errorf("%d records, want 160", n)
	}
}

func TestStore_Summary_IsSharedUntilSomethingChanges(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 3))
	first := s.Summary()
	if s.Summary() != first {
		t.Error("copied although nothing has changed")
	}
	shown := first.Context.String()
	write(t, s, register("n1", "m", "", 3))
	if s.Summary() == first || first.Context.String() != shown {
		t.Error("an old summary has changed")
	}
}

func TestStore_Peers_AndNotesSurvive(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	if peers, err := s.Peers(); err != nil || len(peers) != 0 {
		t.Fatalf("at first: %v, %v", peers, err)
	}
	for _, err := range []error{
		s.SetPeers([]string{"b:2", "a:1"}), s.SetNote("x", []byte{1, 2}), s.SetNote("y", []byte{3}), s.SetNote("y", nil), s.SetNote("z", nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = openTest(t, dir, Options{})
	if peers, err := s.Peers(); err != nil || fmt.Sprint(peers) != "[b:2 a:1]" {
		t.Errorf("peers %v, %v", peers, err)
	}
	for name, want := range map[string]string{"x": "[1 2]", "y": "[]", "z": "[]"} {
		if note, err := s.Note(name); err != nil || fmt.Sprint(note) != want {
			t.Errorf("note %s is %v, %v", name, note, err)
		}
	}
	for _, err := range []error{
		s.SetPeers(make([]string, PeersMax+1)), s.SetNote("", []byte{1}), s.SetNote("x", make([]byte, NoteBytesMax+1)),
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("beyond a limit: %v", err)
		}
	}
}
