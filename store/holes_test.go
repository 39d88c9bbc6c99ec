package store

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

func hasHoles(t *testing.T, s *Store, keyspace, from, to string) bool {
	t.Helper()
	var has bool
	view(t, s, func(v *View) (err error) {
		has, err = v.HasHoles(keyspace, claim("", from, to).Range)
		return err
	})
	return has
}

// Trimming leaves holes where the dropped events were, and only there.
func TestView_HasHoles_WhereEventsWereTrimmed(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "b", "d", 1))
	write(t, s, register("n1", "f", "h", 1))
	if hasHoles(t, s, "", "", "") {
		t.Error("holes in a whole log")
	}
	trimIndexes(t, s, compaction.Other, 1)
	for _, test := range []struct {
		keyspace, from, to string
		want               bool
	}{
		{"default", "a", "b", false}, {"default", "a", "c", true}, {"default", "c", "", true}, {"default", "d", "", false},
		{"default", "f", "h", false}, {"other", "", "", false}, {"", "c", "d", true}, {"", "f", "h", false},
	} {
		if got := hasHoles(t, s, test.keyspace, test.from, test.to); got != test.want {
			t.Errorf("%s [%s, %s): %v", test.keyspace, test.from, test.to, got)
		}
	}
}

func TestView_HasHoles_NodesAndForgottenReplicas(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error {
		if _, err := c.Advertise(delta.NodeRecord{Name: "n1"}); err != nil {
			return err
		}
		_, err := c.Forget(crdt.ReplicaID{9})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	trimIndexes(t, s, compaction.Other, 2)
	if hasHoles(t, s, "default", "", "") || !hasHoles(t, s, "", "", "") {
		t.Errorf("of a keyspace %v, of everything %v", hasHoles(t, s, "default", "", ""), hasHoles(t, s, "", "", ""))
	}
}

// A range answer brings states without events; a complete session may have
// left out what came and went.
func TestView_HasHoles_WhereStatesArrivedWithoutEvents(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	peer := newMemory(2)
	if _, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "b", "d", 1)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a := wholeOf(t, peer)
	update := func(fn func(c *delta.Commit) error) {
		t.Helper()
		if _, err := s.Update(delta.Env{}, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(c *delta.Commit) error { return c.Take(a) })
	write(t, s, register("n1", "f", "h", 1))
	if !hasHoles(t, s, "default", "c", "d") || hasHoles(t, s, "default", "f", "h") {
		t.Error("after a range answer, holes are elsewhere")
	}
	// The same arriving as a delta takes nothing back and adds nothing.
	update(func(c *delta.Commit) error { _, err := c.Receive(peer.log[0]); return err })
	if hasHoles(t, s, "default", "f", "h") {
		t.Error("an event made a hole")
	}
	if _, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "x", "y", 1)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	update(func(c *delta.Commit) error {
		if err := c.OpenSession(peer.replica.Context); err != nil {
			return err
		}
		return c.CompleteSession()
	})
	if !hasHoles(t, s, "anything", "f", "h") {
		t.Error("no hole after a session")
	}
}

// A Forget drops released records everywhere; it is an event, and no hole.
func TestView_HasHoles_NotByForgetting(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	peer := newMemory(2)
	if _, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "b", "d", 1)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Update(delta.Env{}, func(c *delta.Commit) error {
		if _, err := c.Receive(peer.log[0]); err != nil {
			return err
		}
		release := register("n3", "b", "d", 0)
		release.Verb = delta.VerbRelease
		if _, _, err := c.Write([]delta.Operation{release}); err != nil {
			return err
		}
		_, err := c.Forget(peer.replica.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Summary().Fingerprint.Count != 1 || hasHoles(t, s, "", "", "") {
		t.Errorf("%d records, holes %v", s.Summary().Fingerprint.Count, hasHoles(t, s, "", "", ""))
	}
}

// However many holes there are, they stay bounded, and none is lost.
func TestBound_OverstatesAndNeverLoses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g holeSet
		var added []ranges.Range
		n := rapid.IntRange(0, 5*holeRangesMax).Draw(t, "ranges")
		step := rapid.IntRange(1, 5).Draw(t, "step")
		for i := range n {
			c := claim("n", fmt.Sprintf("%05d", i*step), fmt.Sprintf("%05d", i*step+rapid.IntRange(1, 3).Draw(t, "width")))
			g.addRange(c.Keyspace, c.Range)
			added = append(added, c.Range)
		}
		bounded := bound(g.keyspaces["default"])
		if len(bounded) > holeRangesMax {
			t.Fatalf("%d ranges", len(bounded))
		}
		for _, r := range added {
			if !overlaps(bounded, r) || !coveredBy(bounded, r) {
				t.Fatalf("%v is not in %v", r, bounded)
			}
		}
		again, err := decodeRanges(encodeRanges(bounded))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(bounded) {
			t.Fatalf("%v became %v, %v", bounded, again, err)
		}
	})
}

func coveredBy(list []ranges.Range, r ranges.Range) bool {
	for _, x := range list {
		if x.Covers(r) {
			return true
		}
	}
	return false
}
