package store

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// writeMany makes one commit of many writes, each with a delta of its own.
func writeMany(t *testing.T, s *Store, n int, amount int64) {
	t.Helper()
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for i := range n {
			if _, _, err := c.Write([]delta.Operation{register(fmt.Sprintf("n%d", i), "a", "m", amount)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bundles returns how many values the log has.
func bundles(t *testing.T, s *Store) (n int) {
	t.Helper()
	view(t, s, func(v *View) error {
		return v.tables.log.each(nil, nil, func([]byte, []byte) error { n++; return nil })
	})
	return n
}

// TestBundle_ServesAndTrims: S17. Records that came together are in few values, each is
// served by itself, also of several origins, and what is trimmed of them is no more.
func TestBundle_ServesAndTrims(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1})
	const writes = 60
	writeMany(t, s, writes, 1)
	if got := bundles(t, s); got < 2 || got > writes/3 {
		t.Errorf("%d records are in %d values", writes, got)
	}
	mustServe(t, s, 1, writes)
	var drops []uint64
	served := map[uint64]bool{}
	for i := range uint64(writes) {
		if served[i+1] = i%7 != 0 && (i < 20 || i > 35); !served[i+1] { // also whole bundles
			drops = append(drops, i+1)
		}
	}
	trimIndexes(t, s, compaction.Other, drops...)
	trimIndexes(t, s, compaction.Other, drops...) // changes nothing
	for range 2 {
		view(t, s, func(v *View) error {
			own := v.Summary().ID
			for sequence := uint64(1); sequence <= writes; sequence++ {
				events, err := v.Log(own, sequence, 1)
				if err != nil {
					return err
				}
				if got := len(events.Deltas) == 1 && events.Deltas[0].First == sequence; got != served[sequence] {
					t.Errorf("event %d: served is %v, %s", sequence, got, events.Stop)
				}
			}
			if first := v.LogStats().First; first != 2 {
				t.Errorf("the log begins with record %d", first)
			}
			return nil
		})
		checkAndClose(t, s)
		s = openTest(t, dir, Options{journalPages: -1})
	}
	logged, _ := places(t, s)
	if logged != writes-len(drops) {
		t.Errorf("%d records are left of %d", logged, writes-len(drops))
	}
	for sequence := range uint64(writes) {
		drops = append(drops, sequence+1)
	}
	trimIndexes(t, s, compaction.Other, drops...)
	if got := bundles(t, s); got != 0 {
		t.Errorf("%d values are left of no records", got)
	}
	checkAndClose(t, s)
}

// TestBundle_Backfill: what was trimmed from the middle of a run comes back, once.
func TestBundle_Backfill(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	const writes = 30
	writeMany(t, s, writes, 1)
	var all []delta.Packed
	view(t, s, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error { all = append(all, p); return nil })
	})
	trimIndexes(t, s, compaction.Other, 3, 4, 5, 17, 30)
	for want := 5; want >= 0; want -= 5 {
		if added, err := s.Backfill(2, append(all, all...)); err != nil || added != want {
			t.Errorf("added %d, %v, want %d", added, err, want)
		}
	}
	mustServe(t, s, 1, writes)
	checkAndClose(t, s)
}

// TestBundle_OfSeveralOrigins: events of others that come in turn are runs of their own.
func TestBundle_OfSeveralOrigins(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	peers := []*memory{newMemory(2), newMemory(3)}
	const rounds = 20
	for i := range rounds {
		for _, p := range peers {
			if _, err := p.update(1, func(c *delta.Commit) error {
				var operations []delta.Operation
				for range 1 + i%3 {
					operations = append(operations, delta.Operation{Verb: delta.VerbIncrease, Claim: claim("n1", "a", "m"), Amount: 1})
				}
				if i == 0 {
					operations = []delta.Operation{register("n1", "a", "m", 1)}
				}
				_, _, err := c.Write(operations)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for i := range rounds {
			for _, p := range peers {
				if _, err := c.Receive(p.log[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mustServeAll(t, s, rounds, peers...)
	var others []uint64
	for i := range uint64(rounds) {
		others = append(others, 2*i+2)
	}
	trimIndexes(t, s, compaction.Other, others...)
	mustServeAll(t, s, rounds, peers[0])
	checkAndClose(t, s)
}

// TestBundle_BehindALostRecord: S17. A record that is lost from the tail takes no other
// along when those are moved to the log: each keeps its index, and is served.
func TestBundle_BehindALostRecord(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1, tailMax: 5})
	for i := range 5 {
		write(t, s, register("n1", "a", "m", int64(i+1)))
	}
	checkAndClose(t, s)
	const lost = 3
	withBolt(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketTail)).Delete(indexKey(lost)) })
	s, err := Open(dir, Options{journalPages: -1, tailMax: 5, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write(t, s, register("n1", "a", "m", 6))
	write(t, s, register("n1", "a", "m", 7))
	if logged, waiting := places(t, s); logged != 5 || waiting != 1 {
		t.Errorf("%d records are in the log, and %d wait", logged, waiting)
	}
	view(t, s, func(v *View) error {
		for sequence := uint64(1); sequence <= 7; sequence++ {
			events, err := v.Log(v.Summary().ID, sequence, 1)
			if served := len(events.Deltas) == 1 && events.Deltas[0].First == sequence; err != nil || served == (sequence == lost) {
				t.Errorf("event %d: served is %v, %v", sequence, served, err)
			}
		}
		return v.EachDelta(0, func(index uint64, p delta.Packed) error {
			if index != p.First {
				t.Errorf("record %d has become %d", p.First, index)
			}
			return nil
		})
	})
	if problems := s.Check(); !containsPrefix(problems, "the log has 6 records") {
		t.Errorf("check says %q", problems)
	}
}

// mustServeAll asks for each event of some peers, of which so many deltas came.
func mustServeAll(t *testing.T, s *Store, rounds int, peers ...*memory) {
	t.Helper()
	view(t, s, func(v *View) error {
		for _, p := range peers {
			last := p.replica.Context.Get(p.replica.ID)
			for sequence := uint64(1); sequence <= last; sequence++ {
				events, err := v.Log(p.replica.ID, sequence, 1)
				if err != nil {
					return err
				}
				d := crdt.Dot{Replica: p.replica.ID, Sequence: sequence}
				if len(events.Deltas) != 1 || !(Record{Delta: events.Deltas[0]}).has(d) {
					t.Errorf("for %s comes %v", d, events)
				}
			}
			events, err := v.Log(p.replica.ID, 1, 1<<20)
			if err != nil || len(events.Deltas) != rounds || events.Next != last+1 {
				t.Errorf("%d deltas of %d come, %v", len(events.Deltas), rounds, err)
			}
		}
		return nil
	})
}
