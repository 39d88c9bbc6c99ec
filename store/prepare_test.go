package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// twinFlight is an update in flight, and the model from before it.
type twinFlight struct {
	*Prepared
	before *memory
}

func (m *memory) clone() *memory {
	return &memory{Memory: *m.Memory.Clone(), replica: m.replica.Clone(), log: slices.Clone(m.log)}
}

// update runs a commit on the store, which stays in flight if others do.
func (w *twins) update(fn func(*delta.Commit) error) (*delta.Effects, error) {
	if w.flights == nil {
		return w.store.Update(delta.Env{Now: 7}, fn)
	}
	p, err := w.store.Prepare(delta.Env{Now: 7}, func(c *delta.Commit, pause Pause) error {
		pause(func() {})
		return fn(c)
	})
	if err != nil {
		return nil, err
	}
	w.flights = append(w.flights, twinFlight{p, w.model.clone()})
	return p.effects, nil
}

// fly has some updates be prepared before the first is durable, each of which may be
// filled in while the disk works on the one before, and of which one may be
// abandoned or fail on its way to the disk: then those after it are as if they had
// never been.
func (w *twins) fly(t *rapid.T) {
	w.flights = []twinFlight{}
	for range rapid.IntRange(2, 5).Draw(t, "flights") {
		rapid.SampledFrom([]func(*rapid.T){
			w.write, w.write, w.write, w.receive, w.take, w.advertise, w.forget, w.openSession, w.rename, w.rewrite, w.foldFully,
		}).Draw(t, "flight")(t)
	}
	flights := w.flights
	w.flights = nil
	failing := rapid.IntRange(0, 2*len(flights)).Draw(t, "failing")
	arrives := rapid.Bool().Draw(t, "arrives")
	isAbandoned := rapid.Bool().Draw(t, "abandoned")
	isAhead := rapid.Bool().Draw(t, "filled in ahead")
	var filling sync.WaitGroup
	defer filling.Wait()
	for i, f := range flights {
		filling.Wait()
		if isAhead && i+1 < len(flights) {
			filling.Go(func() { flights[i+1].Fill() })
		}
		if i == failing && isAbandoned {
			f.Abandon()
			filling.Wait()
			w.model = f.before
			w.seeStale(t, flights[i+1:])
			return
		}
		if i == failing {
			w.meetFault(arrives)
		}
		err := f.Commit()
		w.fault = nil
		if err == nil {
			continue
		}
		if i != failing || !errors.Is(err, ErrFailed) {
			t.Fatalf("flight %d of %d, of which %d fails: %v", i, len(flights), failing, err)
		}
		filling.Wait()
		w.crash(t, flights[i:], arrives && !w.inFold, isAhead)
		return
	}
}

// crash settles what the first of some flights has left, and sees the others fail.
// One that is filled in keeps the file from being opened anew.
func (w *twins) crash(t *rapid.T, flights []twinFlight, arrives, isFilled bool) {
	isReopened := !isFilled && rapid.Bool().Draw(t, "reopened first")
	after := w.model
	if len(flights) > 1 {
		after = flights[1].before
	}
	if w.model = flights[0].before; arrives {
		w.model = after
	}
	if isReopened {
		w.reopen(t)
	}
	w.seeStale(t, flights[1:])
	if !isReopened {
		w.reopen(t)
	}
}

// seeStale ends flights after one that was not carried out.
func (w *twins) seeStale(t *rapid.T, flights []twinFlight) {
	for _, f := range flights {
		if rapid.Bool().Draw(t, "abandoned, too") {
			f.Abandon()
		} else if err := f.Commit(); !errors.Is(err, ErrStale) {
			t.Fatalf("an update on one that was not carried out ends with %v", err)
		}
	}
}

func (w *twins) reopen(t *rapid.T) {
	if err := w.store.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.abandon(t)
}

// putting is a step that registers a claim.
func putting(from string) func(*delta.Commit, Pause) error { return carrying(delta.VerbRegister, from) }

func prepareTest(t *testing.T, s *Store, fn func(*delta.Commit, Pause) error) *Prepared {
	t.Helper()
	p, err := s.Prepare(delta.Env{Now: 1}, fn)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPrepared_Commit_ComesAfterThoseBefore has the last of three updates be the
// first that is to become durable.
func TestPrepared_Commit_ComesAfterThoseBefore(t *testing.T) {
	var s *Store
	var order []crdt.Context // of one frame at a time
	s = openTest(t, t.TempDir(), Options{commit: func(_ *bbolt.Tx, commit func() error) error {
		err := commit()
		if s != nil && len(s.tip.frames) > 0 {
			order = append(order, s.tip.frames[len(s.tip.frames)-1].effects.Context)
		}
		return err
	}})
	var running sync.WaitGroup
	flights := []*Prepared{prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b")), prepareTest(t, s, putting("c"))}
	if got := s.Summary().Context; len(got) > 0 {
		t.Errorf("what is in flight is told: %s", got)
	}
	for _, p := range slices.Backward(flights) {
		running.Go(func() {
			if err := p.Commit(); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Millisecond) // the next one would come too late to be the first
	}
	running.Wait()
	id := s.Summary().ID
	if got := s.Summary().Context.Get(id); len(order) != 3 || order[0].Get(id) != 1 || order[1].Get(id) != 2 || got != 3 {
		t.Errorf("they became durable as %v, in the end %d", order, got)
	}
}

// TestPrepared_Abandon_ComesAfterThoseBefore: who abandons an update takes none before
// it along, however early.
func TestPrepared_Abandon_ComesAfterThoseBefore(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	first := prepareTest(t, s, putting("a"))
	second := prepareTest(t, s, putting("b"))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		second.Abandon()
	}()
	select {
	case <-ended:
		t.Error("it does not wait for the one before")
	case <-time.After(10 * time.Millisecond): // what could go wrong goes wrong at once
	}
	if err := first.Commit(); err != nil {
		t.Error(err)
	}
	<-ended
	if got := s.Summary().Context.Get(s.Replica().ID); got != 1 {
		t.Errorf("it is at %d, want 1", got)
	}
}

// TestPrepared_Abandon_LeavesNothing: what was abandoned is not there, nor what was
// prepared on it; what is prepared after that is, though one of those ends later.
func TestPrepared_Abandon_LeavesNothing(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	former := s.Summary().Context.Get(s.Replica().ID)
	first := prepareTest(t, s, putting("a"))
	second := prepareTest(t, s, putting("b"))
	first.Abandon()
	third := prepareTest(t, s, putting("c"))
	second.Abandon()
	if err := third.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := s.Summary().Context.Get(s.Replica().ID); got != former+1 {
		t.Errorf("it is at %d, want %d", got, former+1)
	}
	r := &frontierReader{store: s}
	defer r.release()
	for from, value := range map[string]int64{"a": 0, "b": 0, "c": 1} {
		if e, err := r.Get(delta.ClaimKey(claim("n1", from, from+"~"))); err != nil || e.Counter.Value() != value {
			t.Errorf("%s shows %d, %v, want %d", from, e.Counter.Value(), err, value)
		}
	}
}

// TestPrepare_Pause_LetsGoOfTheFile: who waits for an update before must not hold
// the file, which that may have to map anew; what is read afterwards is the same.
func TestPrepare_Pause_LetsGoOfTheFile(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	first := prepareTest(t, s, putting("a"))
	read := func(c *delta.Commit) {
		_, results, err := c.Write([]delta.Operation{{Verb: delta.VerbIncrease, Claim: claim("n1", "a", "a~"), Amount: 1}})
		if err != nil || results[0].Priority < 2 {
			t.Errorf("to increase what is in flight led to %v, %v", results, err)
		}
	}
	second := prepareTest(t, s, func(c *delta.Commit, pause Pause) error {
		read(c)
		if got := s.mu.db.Stats().OpenTxN; got != 1 {
			t.Errorf("%d transactions are open while it reads", got)
		}
		pause(func() {
			if got := s.mu.db.Stats().OpenTxN; got != 0 {
				t.Errorf("%d transactions are open in a pause", got)
			}
			if err := first.Commit(); err != nil {
				t.Error(err)
			}
		})
		read(c)
		return nil
	})
	if err := second.Commit(); err != nil {
		t.Fatal(err)
	}
	err := s.View(func(v *View) error {
		e, err := v.Get(delta.ClaimKey(claim("n1", "a", "a~")))
		if e.Counter.Value() != 3 {
			t.Errorf("it shows %d", e.Counter.Value())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestUpdate_AtTheSameTime lets many add to one claim, each of which reads what the
// one before has written, while some transactions fail before the disk has them.
func TestUpdate_AtTheSameTime(t *testing.T) {
	const writers, each = 4, 50
	transactions := 0
	s := openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if transactions++; transactions%17 == 0 {
			return errors.Join(errDisk, giveUp(tx))
		}
		return commit()
	}})
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for done := 0; done < each; {
				_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
					_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbIncrease, Claim: claim("n1", "a", "b"), Amount: 1}})
					return err
				})
				if err == nil {
					done++
				} else if err := s.Reopen(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	if problems := s.Check(); len(problems) > 0 {
		t.Errorf("check: %v", problems)
	}
	err := s.View(func(v *View) error {
		e, err := v.Get(delta.ClaimKey(claim("n1", "a", "b")))
		if e.Counter.Value() != writers*each {
			t.Errorf("%d increases were acknowledged, %d are there", writers*each, e.Counter.Value())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// carrying is a step that carries out operations on claims of one character.
func carrying(verb delta.Verb, froms ...string) func(*delta.Commit, Pause) error {
	return func(c *delta.Commit, _ Pause) error {
		var operations []delta.Operation
		for _, from := range froms {
			o := delta.Operation{Verb: verb, Claim: claim("n1", from, from+"~")}
			if verb != delta.VerbRelease {
				o.Amount = 1
			}
			operations = append(operations, o)
		}
		_, _, err := c.Write(operations)
		return err
	}
}

// TestFrontierReader_ReadsWhatIsInFlight has claims come, go and change in two
// updates that are not durable.
func TestFrontierReader_ReadsWhatIsInFlight(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := prepareTest(t, s, carrying(delta.VerbRegister, "a", "c", "e", "g")).Commit(); err != nil {
		t.Fatal(err)
	}
	flights := []*Prepared{
		prepareTest(t, s, carrying(delta.VerbRelease, "c", "g")),
		prepareTest(t, s, carrying(delta.VerbIncrease, "b", "e", "g", "h")),
	}
	want := []string{"a 1", "b 1", "e 2", "g 1", "h 1"}
	for i := range len(flights) + 1 {
		r := &frontierReader{store: s}
		var got []string
		err := r.Scan(delta.ClaimSpan, func(e delta.Entry) error {
			c, err := e.Key.Claim()
			got = append(got, fmt.Sprint(c.Range.From, " ", e.Counter.Value()))
			return err
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d have become durable a scan yields %q, %v, want %q", i, got, err, want)
		}
		for from, value := range map[string]int64{"a": 1, "b": 1, "c": 0, "e": 2, "g": 1} {
			if e, err := r.Get(delta.ClaimKey(claim("n1", from, from+"~"))); err != nil || e.Counter.Value() != value {
				t.Errorf("after %d have become durable %s shows %d, %v, want %d", i, from, e.Counter.Value(), err, value)
			}
		}
		r.release()
		if i < len(flights) {
			if err := flights[i].Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestPrepared_Commit_OnOneThatHasFailed: nothing of an update becomes durable when
// one before has failed, and its dots are given again.
func TestPrepared_Commit_OnOneThatHasFailed(t *testing.T) {
	var fault error
	s := openTest(t, t.TempDir(), Options{commit: func(tx *bbolt.Tx, commit func() error) error {
		if fault != nil {
			return errors.Join(fault, giveUp(tx))
		}
		return commit()
	}})
	first, second := prepareTest(t, s, putting("a")), prepareTest(t, s, putting("b"))
	fault = errDisk
	if err := first.Commit(); !errors.Is(err, ErrFailed) {
		t.Fatalf("the first ends with %v", err)
	}
	fault = nil
	if _, err := s.Prepare(delta.Env{Now: 1}, putting("c")); !errors.Is(err, ErrFailed) {
		t.Errorf("what is prepared on a failed disk ends with %v", err)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(); err != ErrStale {
		t.Errorf("the second ends with %v", err)
	}
	again := prepareTest(t, s, putting("d"))
	if err := again.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := s.Summary(); got.Context.Get(got.ID) != 1 || got.Fingerprint.Count != 1 {
		t.Errorf("it has %d entries and %s", got.Fingerprint.Count, got.Context)
	}
}

// TestPrepared_Commit_ThatCannotBeFilled: it is refused, and others are carried out.
func TestPrepared_Commit_ThatCannotBeFilled(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	p := prepareTest(t, s, putting("a"))
	id := s.filed.ID
	s.filed.Context[id] = 9 // so that its delta seems to have been seen
	if err := p.Commit(); !errors.Is(err, ErrCorrupt) || s.Failed() != nil {
		t.Errorf("it ends with %v, failed: %v", err, s.Failed())
	}
	delete(s.filed.Context, id)
	if err := prepareTest(t, s, putting("b")).Commit(); err != nil {
		t.Error(err)
	}
}
