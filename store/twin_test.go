package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// memory is a replica without a disk: what a store must be indistinguishable
// from.
type memory struct {
	delta.Memory
	replica *delta.Replica
	log     []delta.Packed
}

func newMemory(id byte) *memory { return &memory{replica: delta.NewReplica(crdt.ReplicaID{id})} }

// update does what Store.Update does.
func (m *memory) update(now int64, fn func(*delta.Commit) error) (*delta.Effects, error) {
	c := m.replica.Begin(delta.Env{Read: m, Now: now})
	if err := fn(c); err != nil {
		return nil, err
	}
	e, err := c.Finish()
	if err != nil {
		return nil, err
	}
	m.Write(e)
	m.replica.Adopt(e)
	m.log = append(m.log, e.Deltas...)
	return e, nil
}

// twins are a store and a memory that go through the same, and a peer that
// they hear from.
type twins struct {
	dir   string
	store *Store
	model *memory
	peer  *memory
	fault func(*bbolt.Tx, func() error) error // what ends the next transaction, if set
	// inFold says that the fault was met by a fold for an update, and not by that.
	inFold bool
	// flights are what is prepared and not durable, nil where each commit is made
	// durable at once.
	flights []twinFlight
	// trimmed is what the log has no more.
	trimmed []delta.Packed
}

func (w *twins) open(t *rapid.T) {
	foldsBeside := rapid.Bool().Draw(t, "folds while a frame is on its way")
	s, err := Open(w.dir, Options{
		Node: "n1", NoSync: true, NewID: func() crdt.ReplicaID { return w.model.replica.ID },
		NewIndex: func() IndexBuilder { return prints{} },
		tailMax:  rapid.IntRange(1, 6).Draw(t, "tailMax"),
		freshMax: rapid.IntRange(1, 6).Draw(t, "freshMax"),
		// So small that some entries are too large for one, and become so between folds.
		chunkMax: rapid.SampledFrom([]int{chunkBytes, 48, 52}).Draw(t, "chunkMax"),
		// Of a file that is created, and of those that it is rewritten into.
		journalPages: rapid.SampledFrom([]int{-1, 1, 3, 4, 5, 8}).Draw(t, "journalPages"),
		commit: func(tx *bbolt.Tx, commit func() error) error {
			if w.fault != nil {
				return w.fault(tx, commit)
			}
			err := commit()
			if tx == nil && foldsBeside {
				err = errors.Join(err, w.store.Fold())
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
}

// both runs the same commit on store and model.
func (w *twins) both(t *rapid.T, fn func(*delta.Commit) error) {
	ours, err := w.update(fn)
	theirs, want := w.model.update(7, fn)
	if fmt.Sprint(err) != fmt.Sprint(want) {
		t.Fatalf("the store says %v, the model %v", err, want)
	}
	if fmt.Sprintf("%+v", ours) != fmt.Sprintf("%+v", theirs) {
		t.Fatalf("the store did %+v, the model %+v", ours, theirs)
	}
}

func drawOperation(t *rapid.T) delta.Operation {
	o := delta.Operation{
		Verb:   delta.Verb(rapid.IntRange(int(delta.VerbRegister), int(delta.VerbSet)).Draw(t, "verb")),
		Amount: rapid.Int64Range(1, 9).Draw(t, "amount"),
	}
	o.Claim = claim(rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "node"), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "from"), "m")
	return o
}

func (w *twins) write(t *rapid.T) {
	operations := rapid.SliceOfN(rapid.Custom(drawOperation), 1, 3).Draw(t, "operations")
	w.both(t, func(c *delta.Commit) error { _, _, err := c.Write(operations); return err })
}

// writePeer lets the peer write; what it refuses it refuses.
func (w *twins) writePeer(t *rapid.T) {
	o := drawOperation(t)
	_, err := w.peer.update(5, func(c *delta.Commit) error { _, _, err := c.Write([]delta.Operation{o}); return err })
	if err != nil && !errors.Is(err, delta.ErrNotFound) {
		t.Fatal(err)
	}
}

// receive takes any delta of the peer, next in order or not.
func (w *twins) receive(t *rapid.T) {
	if len(w.peer.log) == 0 {
		return
	}
	from := rapid.IntRange(0, len(w.peer.log)-1).Draw(t, "from")
	n := rapid.IntRange(1, len(w.peer.log)-from).Draw(t, "deltas")
	w.both(t, func(c *delta.Commit) error {
		for _, p := range w.peer.log[from : from+n] {
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// give lets the peer receive everything of ours that it can.
func (w *twins) give(t *rapid.T) {
	_, err := w.peer.update(5, func(c *delta.Commit) error {
		for _, p := range w.model.log {
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *twins) advertise(t *rapid.T) {
	n := delta.NodeRecord{Name: "n1", Service: rapid.SampledFrom([]string{"a:1", "b:2"}).Draw(t, "service")}
	w.both(t, func(c *delta.Commit) error { _, err := c.Advertise(n); return err })
}

func (w *twins) forget(t *rapid.T) {
	id := crdt.ReplicaID{rapid.SampledFrom([]byte{8, 9}).Draw(t, "replica")}
	w.both(t, func(c *delta.Commit) error { _, err := c.Forget(id); return err })
}

func (w *twins) openSession(t *rapid.T) {
	start := w.peer.replica.Context.Clone()
	w.both(t, func(c *delta.Commit) error { return c.OpenSession(start) })
}

func (w *twins) rename(t *rapid.T) {
	id := crdt.ReplicaID{rapid.ByteRange(20, 250).Draw(t, "id")}
	if w.model.replica.Context.Get(id) == 0 {
		w.both(t, func(c *delta.Commit) error { c.Rename(id); return nil })
	}
}

// restart ends any session: it is not durable.
func (w *twins) restart(t *rapid.T) {
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.abandon(t)
	w.open(t)
}

// kill goes on from what a killed process leaves, or from a backup: with frames.
func (w *twins) kill(t *rapid.T) {
	content, err := os.ReadFile(w.store.Path())
	if rapid.Bool().Draw(t, "of a backup") {
		var b bytes.Buffer
		err = errors.Join(err, w.store.Backup(&b))
		content = b.Bytes()
	}
	err = errors.Join(err, w.store.Close(), os.WriteFile(w.store.Path(), content, fileMode))
	if err != nil {
		t.Fatal(err)
	}
	w.abandon(t)
	w.open(t)
}

func (w *twins) abandon(t *rapid.T) {
	if _, err := w.model.update(0, func(c *delta.Commit) error { c.AbandonSession(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// trim drops any records.
func (w *twins) trim(t *rapid.T) {
	var plan compaction.Plan
	var kept []delta.Packed
	i := 0
	err := w.store.View(func(v *View) error {
		return v.EachRecord(0, func(r Record) error {
			if rapid.Bool().Draw(t, "drop") {
				plan.Drop = append(plan.Drop, compaction.Drop{Index: r.Index, Class: compaction.Other})
				w.trimmed = append(w.trimmed, w.model.log[i])
			} else {
				kept = append(kept, w.model.log[i])
			}
			i++
			return nil
		})
	})
	if err := errors.Join(err, w.store.Trim(plan)); err != nil {
		t.Fatal(err)
	}
	w.model.log = kept
}

// backfill brings back what was trimmed, beside what is there.
func (w *twins) backfill(t *rapid.T) {
	left := rapid.IntRange(0, len(w.trimmed)).Draw(t, "left")
	back, events := w.trimmed[left:], 0
	for _, p := range back {
		events += len(p.Events)
	}
	added, err := w.store.Backfill(7, slices.Concat(w.model.log, back))
	if err != nil || added != events {
		t.Fatalf("added %d events of %d: %v", added, events, err)
	}
	w.model.log, w.trimmed = slices.Concat(w.model.log, back), w.trimmed[:left]
}

func (w *twins) rewrite(t *rapid.T) {
	if err := w.store.Rewrite(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// fail lets a transaction fail on its way to the disk, with the disk having it
// or not, and settles the outcome.
func (w *twins) fail(t *rapid.T) {
	arrives := rapid.Bool().Draw(t, "arrives")
	w.meetFault(arrives)
	o := drawOperation(t)
	commit := func(c *delta.Commit) error { _, _, err := c.Write([]delta.Operation{o}); return err }
	_, err := w.store.Update(delta.Env{Now: 7}, commit)
	w.fault = nil
	switch {
	case err == nil || errors.Is(err, delta.ErrNotFound):
		// Nothing was to be written: the model agrees, and the store is well.
		w.model.update(7, commit)
		return
	case !errors.Is(err, ErrFailed) || !errors.Is(err, errDisk):
		t.Fatalf("got %v", err)
	}
	if err := w.store.View(func(*View) error { return nil }); !errors.Is(err, ErrFailed) {
		t.Fatalf("a view of what is not known: %v", err)
	}
	if got := w.store.Summary(); got.Fingerprint != w.model.replica.Fingerprint || !got.Context.Equal(w.model.replica.Context) {
		t.Fatalf("the failed transaction has changed the summary to %+v", got)
	}
	if err := w.store.Reopen(); err != nil {
		t.Fatal(err)
	}
	if arrives && !w.inFold {
		w.model.update(7, commit)
	}
	w.abandon(t)
}

// meetFault lets the next transaction, or the next frame, fail.
func (w *twins) meetFault(arrives bool) {
	w.fault = func(tx *bbolt.Tx, commit func() error) error {
		w.inFold = tx != nil && w.isFold(tx)
		if arrives {
			return errors.Join(errDisk, commit())
		}
		return errors.Join(errDisk, giveUp(tx))
	}
}

// isFold reports whether a transaction has what is acknowledged and nothing else.
func (w *twins) isFold(tx *bbolt.Tx) bool {
	t := newTables(tx, nil)
	next, err := t.getState(FormatVersion)
	i, err2 := t.getIdentity()
	known := w.store.journaled.over(w.store.state)
	return errors.Join(err, err2) == nil && i.replica == w.store.replica.ID &&
		next.fingerprint == known.fingerprint && next.contextHash == known.contextHash && next.aheadHash == known.aheadHash &&
		next.logNext == w.store.journaled.logNext && next.logBytes == known.logBytes
}

// fold may fail on its way to the disk: what was acknowledged is in the journal then, or
// in the tables.
func (w *twins) fold(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "fails") > 0 {
		if err := w.store.Fold(); err != nil || len(w.store.unfolded()) > 0 || w.store.IsFoldWorth() {
			t.Fatalf("%d frames are left of a fold: %v", len(w.store.unfolded()), err)
		}
		return
	}
	isMore := len(w.store.unfolded()) > 0
	w.meetFault(rapid.Bool().Draw(t, "arrives"))
	err := w.store.Fold()
	if w.fault = nil; isMore != (err != nil) || isMore && !w.inFold {
		t.Fatalf("the fold ends with %v", err)
	}
	if isMore {
		w.reopen(t)
	}
}

// foldFully is a fold while others are in flight.
func (w *twins) foldFully(t *rapid.T) {
	if err := w.store.Fold(); err != nil {
		t.Fatal(err)
	}
}

var errDisk = errors.New("the disk is gone")

// compare holds the store against the model.
func (w *twins) compare(t *rapid.T) {
	want := describeMemory(w.model)
	var got strings.Builder
	err := w.store.View(func(v *View) error {
		x := v.Summary()
		ahead, err := v.Ahead()
		if err != nil {
			return err
		}
		if err := errors.Join(validOverlay(v), validStandings(w.store, v)); err != nil {
			return err
		}
		if index, err := printsOf(v); err != nil || !maps.Equal(index, v.Index().(prints)) {
			return fmt.Errorf("the index is of another instant than the entries: %v", err)
		}
		if err := w.mustServe(v); err != nil {
			return err
		}
		fmt.Fprintf(&got, "%s %v\n%s\n%s\n%s %s\n", x.ID, x.InSession, x.Context, ahead, x.ContextHash, x.Fingerprint)
		if err := errors.Join(mustAgree(v), w.mustSeePast(v)); err != nil {
			return err
		}
		if err := v.Scan(delta.Whole, func(e delta.Entry) error { fmt.Fprintf(&got, "%+v\n", e); return nil }); err != nil {
			return err
		}
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error { fmt.Fprintf(&got, "%s %x\n", p.Delta, p.Bytes); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Fatalf("the store has\n%s\nthe model\n%s", got.String(), want)
	}
}

// mustServe asks for the first and the last event of each delta.
func (w *twins) mustServe(v *View) error {
	for _, p := range w.model.log {
		for _, sequence := range []uint64{p.First, p.Last()} {
			events, err := v.Log(p.Origin, sequence, 1)
			if err != nil || len(events.Deltas) != 1 || !bytes.Equal(events.Deltas[0].Bytes, p.Bytes) {
				return fmt.Errorf("for event %d of %s comes %v, %v", sequence, p.Delta, events, err)
			}
		}
	}
	return nil
}

// mustSeePast asks for what is about everything, one delta at a time.
func (w *twins) mustSeePast(v *View) error {
	var got []delta.Packed
	for after, isMore := uint64(0), true; isMore; {
		p, err := v.Past(after, ranges.DefaultKeyspace, ranges.Everything(), 1)
		if err != nil {
			return err
		}
		got, after, isMore = append(got, p.Deltas...), p.Next, p.More
	}
	for _, p := range w.model.log {
		if !isAbout(p.Delta, ranges.DefaultKeyspace, ranges.Everything()) {
			continue
		}
		if len(got) == 0 || !bytes.Equal(got[0].Bytes, p.Bytes) {
			return fmt.Errorf("of the past come %d deltas where %s should be", len(got), p.Delta)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		return fmt.Errorf("of the past come %d deltas too many", len(got))
	}
	return nil
}

func describeMemory(m *memory) string {
	var b strings.Builder
	r := m.replica
	fmt.Fprintf(&b, "%s %v\n%s\n%s\n%s %s\n", r.ID, r.InSession(), r.Context, r.Ahead, r.ContextHash, r.Fingerprint)
	m.Scan(delta.Whole, func(e delta.Entry) error { fmt.Fprintf(&b, "%+v\n", e); return nil })
	for _, p := range m.log {
		fmt.Fprintf(&b, "%s %x\n", p.Delta, p.Bytes)
	}
	return b.String()
}

// holes holds what is said of histories against the truth: if the store says
// that a log is whole, every event of the context is in it, but for the peer's
// that left no trace.
func (w *twins) checkHoles(t *rapid.T) {
	var lacks bool
	err := w.store.View(func(v *View) (err error) {
		lacks, err = v.HasHoles("", claim("n1", "", "").Range)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	events := crdt.NewContext()
	for _, p := range w.model.log {
		events[p.Origin] += uint64(len(p.Events))
	}
	if !lacks && !w.model.replica.Context.Leq(events) {
		t.Fatalf("the log has %s of %s and is said to be whole", events, w.model.replica.Context)
	}
}

// TestStore_IsIndistinguishableFromMemory holds S1, S2, S4, S5 and S10 over random
// histories with restarts, faults, trims, rewrites and updates in flight.
func TestStore_IsIndistinguishableFromMemory(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		w := &twins{dir: dir, model: newMemory(1), peer: newMemory(2)}
		w.open(t)
		defer func() { w.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"":      func(t *rapid.T) { w.compare(t); w.checkHoles(t) },
			"write": w.write, "write again": w.write, "peer": w.writePeer, "receive": w.receive, "give": w.give, "take": w.take, "take and write": w.takeAndWrite,
			"advertise": w.advertise, "forget": w.forget, "session": w.openSession, "rename": w.rename,
			"fold": w.fold, "kill": w.kill, "restart": w.restart, "trim": w.trim, "backfill": w.backfill, "rewrite": w.rewrite, "fail": w.fail,
			"flights": w.fly, "more flights": w.fly,
		})
		if problems := w.store.Check(); len(problems) > 0 {
			t.Fatalf("check: %v", problems)
		}
	})
}
