package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
)

// TestPrepared_Commit_OfNothingBesideAFold: an update that changes nothing on disk is
// acknowledged while a fold changes what is journaled. The race detector tells if they
// meet.
func TestPrepared_Commit_OfNothingBesideAFold(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{NoSync: true})
	var folding sync.WaitGroup
	ended := make(chan struct{})
	folding.Go(func() {
		defer close(ended)
		for range 300 {
			write(t, s, register("n1", "a", "m", 1))
			mustFold(t, s)
		}
	})
	for n, isOver := 0, false; !isOver; n++ { // so often that some meet the end of a fold
		select {
		case <-ended:
			isOver = true
		default:
		}
		p := prepareTest(t, s, func(c *delta.Commit, _ Pause) error { return c.OpenSession(crdt.Context{{9}: uint64(n)}) })
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	folding.Wait()
	if n := len(s.unfolded()); n > 0 || !s.Summary().InSession {
		t.Fatalf("%d frames are left, in session: %t", n, s.Summary().InSession)
	}
}

// TestStore_Unfolded_CountsRecords: what the tables lack is what was written since the
// last fold, also after an opening.
func TestStore_Unfolded_CountsRecords(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	want := func(records uint64) {
		t.Helper()
		if n := s.Unfolded(); n != records {
			t.Errorf("%d records are unfolded, want %d", n, records)
		}
	}
	write(t, s, register("n1", "a", "m", 1))
	mustFold(t, s)
	want(0)
	write(t, s, register("n1", "a", "m", 1))
	write(t, s, register("n1", "a", "m", 1))
	want(2)
	crashed := filepath.Join(t.TempDir(), "crashed")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, crashed, Options{})
	want(2)
	mustFold(t, s)
	want(0)
}

// TestStore_Fold_EntryThatOutgrowsChunks: of an entry that has become too large for a chunk
// since the last fold, which has an older image of it on its way to one, the newer one
// counts.
func TestStore_Fold_EntryThatOutgrowsChunks(t *testing.T) {
	const origins = 50
	dir := t.TempDir()
	increase := register("n1", "a", "z", 1)
	increase.Verb = delta.VerbIncrease
	s := openTest(t, dir, Options{})
	write(t, s, increase)
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for i := range origins {
			peer := newMemory(byte(100 + i))
			if _, err := peer.update(1, writing([]delta.Operation{increase})); err != nil {
				return err
			}
			if _, err := c.Receive(peer.log[0]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mustBeUnfolded(t, s, 2)
	mustFold(t, s)
	for _, when := range []string{"after the fold", "when it was opened again"} {
		if got := priorityOf(t, s, "n1", "a", "z"); got != origins+1 {
			t.Errorf("%s it has priority %d, want %d", when, got, origins+1)
		}
		checkAndClose(t, s)
		s = openTest(t, dir, Options{})
	}
}

// TestStore_Trim_OfNothing_Folds: a trimming that comes in place of a fold folds, also
// where somebody else has trimmed all of it.
func TestStore_Trim_OfNothing_Folds(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for range 2 {
		write(t, s, register("n1", "a", "m", 1))
		trimIndexes(t, s, compaction.Other, 1)
		mustBeUnfolded(t, s, 0)
	}
}

// TestView_HasHoles_OfAnUpdateWithSomeEvents: of what an update has brought without
// events the log has a hole as soon as that is acknowledged, and after a crash, too,
// though other events came with it.
func TestView_HasHoles_OfAnUpdateWithSomeEvents(t *testing.T) {
	peer := newMemory(2)
	for _, from := range []string{"a", "c"} {
		if _, err := peer.update(5, writing([]delta.Operation{register("n2", from, from+"~", 1)})); err != nil {
			t.Fatal(err)
		}
	}
	seen := peer.replica.Context.Clone()
	seen[peer.replica.ID] = 1
	key := delta.ClaimKey(claim("n2", "a", "a~"))
	e, err := peer.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	answer := delta.Answer{Span: delta.Span{From: key, To: key + "\x00"}, Context: seen, Entries: []delta.Entry{e}}
	for name, fn := range map[string]func(*delta.Commit) error{
		"a session that ends": func(c *delta.Commit) error {
			a := answer
			a.Span, a.InSession = delta.Whole, true
			return errors.Join(c.OpenSession(seen), c.Take(a), c.CompleteSession())
		},
		"an answer": func(c *delta.Commit) error { return c.Take(answer) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			if name == "an answer" { // to be ahead is not new then
				if _, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
					a := answer
					a.Span, a.Entries = delta.Span{From: "\x01", To: "\x01\x00"}, nil
					return c.Take(a)
				}); err != nil {
					t.Fatal(err)
				}
			}
			if hasHoles(t, s, ranges.DefaultKeyspace, "a", "a~") {
				t.Fatal("there is a hole already")
			}
			_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
				_, _, err := c.Write([]delta.Operation{register("n1", "x", "y", 1)})
				return errors.Join(err, fn(c))
			})
			if err != nil {
				t.Fatal(err)
			}
			left := openTest(t, directoryOf(t, contentOf(t, s.Path())), Options{})
			if !hasHoles(t, s, ranges.DefaultKeyspace, "a", "a~") {
				t.Error("the log is said to be whole")
			}
			if err := left.Confirm(); err != nil || !hasHoles(t, left, ranges.DefaultKeyspace, "a", "a~") {
				t.Errorf("after a crash the log is said to be whole, %v", err)
			}
		})
	}
}

// TestStore_Rewrite_TooManyInTheLastFold: where the fold that ends a rewriting makes the
// keys too many that have changed since, the copy does not become the file: it lacks them.
func TestStore_Rewrite_TooManyInTheLastFold(t *testing.T) {
	var s *Store
	isLast, folds := false, 0
	s = openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx != nil && isLast { // as rewrite.touched does
			folds++
			s.rewrite.tooMany = true
			clear(s.rewrite.changed)
		}
		return commit()
	}})
	write(t, s, register("n1", "a", "m", 1))
	err := s.Rewrite(t.Context(), func(done, total uint64) {
		if done == total && !isLast {
			isLast = true
			write(t, s, register("n1", "m", "", 1))
		}
	})
	isLast = false
	if folds != 1 || err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Errorf("after %d folds it ends with %v", folds, err)
	}
	if n := s.Summary().Fingerprint.Count; n != 2 {
		t.Errorf("%d entries are there", n)
	}
}
