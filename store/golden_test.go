package store

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

var writeGolden = flag.Bool("write-golden", false, "write testdata/v1 anew; only while format 1 is not released")

// goldenStore writes what testdata/v1 holds: something in every bucket, every
// kind of event, every kind of hole.
func goldenStore(t *testing.T) *Store {
	t.Helper()
	s := openTest(t, t.TempDir(), Options{
		Cluster: "golden", Node: "n1",
		NewID:    func() crdt.ReplicaID { return crdt.ReplicaID{1, 2, 3} },
		NewNonce: func() uint64 { return 0x0102030405060708 },
	})
	peer, third := newMemory(2), newMemory(3)
	operation := func(verb delta.Verb, c ranges.Claim, amount int64) func(*delta.Commit) error {
		return func(commit *delta.Commit) error {
			_, _, err := commit.Write([]delta.Operation{{Verb: verb, Claim: c, Amount: amount}})
			return err
		}
	}
	key := claim("n1", "\x00\xff", "m")
	for _, fn := range []func(*delta.Commit) error{
		operation(delta.VerbRegister, key, 3), operation(delta.VerbIncrease, key, 1<<30),
		operation(delta.VerbRegister, claim("n2", "m", ""), 7),
	} {
		if _, err := peer.update(1_700_000_000_000, fn); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := third.update(1, operation(delta.VerbRegister, claim("n3", "x", "y"), 1)); err != nil {
		t.Fatal(err)
	}
	answer := delta.Answer{Span: delta.Whole, Context: third.replica.Context}
	if err := third.Scan(delta.Whole, func(e delta.Entry) error { answer.Entries = append(answer.Entries, e); return nil }); err != nil {
		t.Fatal(err)
	}
	for i, fn := range []func(*delta.Commit) error{
		func(c *delta.Commit) error {
			for _, p := range peer.log {
				if _, err := c.Receive(p); err != nil {
					return err
				}
			}
			return nil
		},
		operation(delta.VerbDecrease, key, 5), operation(delta.VerbRelease, claim("n2", "m", ""), 0),
		operation(delta.VerbRegister, claim("n9", "p", "q"), 1),
		func(c *delta.Commit) error {
			_, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "s:1", API: "http://a", Gossip: "g:1", Labels: []delta.Label{{Name: "zone", Value: "z"}}})
			return err
		},
		func(c *delta.Commit) error { _, err := c.Forget(crdt.ReplicaID{9}); return err },
		func(c *delta.Commit) error { return c.Take(answer) },
	} {
		if _, err := s.Update(delta.Env{Now: 1_700_000_000_000 + int64(i)}, fn); err != nil {
			t.Fatal(err)
		}
	}
	trimIndexes(t, s, compaction.Other, 6)
	if err := errors.Join(s.SetPeers([]string{"10.0.0.1:7480", "10.0.0.2:7480"}), s.SetNote("note", []byte("text"))); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGolden_FormatOne opens a file that format 1 pins: every later release
// reads it, and as long as it is the newest format, writes the same values.
func TestGolden_FormatOne(t *testing.T) {
	fixture, shown := filepath.Join("testdata", "v1", FileName), filepath.Join("testdata", "v1", "contents.txt")
	s := goldenStore(t)
	if *writeGolden {
		content, err := os.ReadFile(backupOf(t, s))
		if err == nil {
			err = errors.Join(os.WriteFile(fixture, content, 0o644), os.WriteFile(shown, []byte(contents(t, s)), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(shown)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), content, fileMode); err != nil {
		t.Fatal(err)
	}
	if problems, err := Check(dir); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	old := openTest(t, dir, Options{Cluster: "golden", Node: "n1"})
	if got := contents(t, old); got != string(want) {
		t.Errorf("it shows\n%s\nwant\n%s", got, want)
	}
	old.Close()
	sameValues(t, dir, content, s)
}

// sameValues holds the values of the fixture against those of a new file.
func sameValues(t *testing.T, dir string, fixture []byte, s *Store) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, FileName), fixture, fileMode); err != nil {
		t.Fatal(err)
	}
	s.Close()
	pinned, now := allValues(t, openBolt(t, dir)), allValues(t, openBolt(t, dirOf(s)))
	for i := range max(len(pinned), len(now)) {
		if i >= len(pinned) || i >= len(now) || fmt.Sprintf("%s %x %x", pinned[i].bucket, pinned[i].key, pinned[i].stored) != fmt.Sprintf("%s %x %x", now[i].bucket, now[i].key, now[i].stored) {
			t.Fatalf("value %d of %d and %d differs: a change of the format needs a new version", i, len(pinned), len(now))
		}
	}
}
