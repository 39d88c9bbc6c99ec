package store

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
)

var (
	overlaySteps = flag.Int("overlay-steps", 600, "how many steps the history of the newest entries has")
	overlaySeed  = flag.Uint64("overlay-seed", 0, "seed of that history; 0: by the time of day")
)

// placed is a store whose entries are known, key by key, at every instant, and
// views of instants that are over.
type placed struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	store  *Store
	fault  func(*bbolt.Tx, func() error) error // what ends the next transaction, if set
	now    map[delta.Key]string
	held   []heldView
	told   map[crdt.ReplicaID]uint64
	amount int64
	// rewriting gives the outcome of a Rewrite that runs, nil if none does.
	rewriting chan error
}

// heldView is a view and what was there at its instant.
type heldView struct {
	view *View
	want map[delta.Key]string
}

const placedKeys = 150

func (p *placed) open() {
	p.store = openTest(p.t, p.dir, Options{journalPages: -1, freshMax: 1 + p.random.IntN(60), commit: func(tx *bbolt.Tx, commit func() error) error {
		if p.fault == nil {
			return commit()
		}
		return p.fault(tx, commit)
	}})
	p.t.Cleanup(p.endViews) // also where it has failed: the store waits for them when it is closed
}

// update carries out a commit and notes what became of its entries.
func (p *placed) update(fn func(*delta.Commit) error) error {
	e, err := p.carryOut(fn)
	if err != nil {
		return err
	}
	for _, x := range e.Entries {
		if x.After().IsZero() {
			delete(p.now, x.Key)
		} else {
			p.now[x.Key] = string(delta.EncodeEntry(x.After()))
		}
	}
	return nil
}

// carryOut is Store.Update. It reads of a file that a rewriting may replace meanwhile,
// which waits for the views that are held here, and lets nobody end before all do.
func (p *placed) carryOut(fn func(*delta.Commit) error) (e *delta.Effects, err error) {
	done := make(chan struct{})
	go func() { defer close(done); e, err = p.store.Update(delta.Env{Now: 1}, fn) }()
	select {
	case <-done:
	case <-time.After(100 * time.Millisecond): // most take less than one
		p.letGo()
		<-done
	}
	return e, err
}

func (p *placed) mustUpdate(fn func(*delta.Commit) error) {
	p.t.Helper()
	if err := p.update(fn); err != nil {
		p.t.Fatal(err)
	}
}

func writing(operations []delta.Operation) func(*delta.Commit) error {
	return func(c *delta.Commit) error { _, _, err := c.Write(operations); return err }
}

func (p *placed) operation(i int) delta.Operation {
	p.amount++
	return registerMany(i, i+1, p.amount)[0]
}

func (p *placed) write() {
	var operations []delta.Operation
	for _, i := range p.random.Perm(placedKeys)[:1+p.random.IntN(6)] {
		operations = append(operations, p.operation(i))
	}
	p.mustUpdate(writing(operations))
}

// writeBatch writes neighbours, which go to their places at once where they may.
func (p *placed) writeBatch() {
	at := p.random.IntN(placedKeys - batchMin)
	p.amount++
	p.mustUpdate(writing(registerMany(at, at+batchMin+p.random.IntN(placedKeys-batchMin-at+1), p.amount)))
}

// release removes entries, those that nobody else has touched wholly.
func (p *placed) release() {
	for _, i := range p.random.Perm(placedKeys)[:1+p.random.IntN(6)] {
		o := p.operation(i)
		o.Verb = delta.VerbRelease
		if err := p.update(writing([]delta.Operation{o})); err != nil && !errors.Is(err, delta.ErrNotFound) {
			p.t.Fatal(err)
		}
	}
}

// grow has many origins add to one claim, so that its image becomes larger than a
// chunk, and origins release what they have.
func (p *placed) grow() {
	claim := p.claimOf(p.random.IntN(8))
	for i := range 1 + p.random.IntN(60) {
		origin := crdt.ReplicaID{2, byte(i)}
		p.told[origin]++
		x := crdt.PNCounter(nil).Registering(origin, p.told[origin], p.amount)
		packed, err := delta.Pack(delta.Delta{Origin: origin, First: p.told[origin], Time: 1, Events: []delta.Event{{Kind: delta.Add, Claim: claim, Records: crdt.PNCounter{x}}}})
		if err != nil {
			p.t.Fatal(err)
		}
		p.mustUpdate(func(c *delta.Commit) error { _, err := c.Receive(packed); return err })
	}
}

func (p *placed) forget() {
	p.mustUpdate(func(c *delta.Commit) error {
		_, err := c.Forget(crdt.ReplicaID{3, byte(p.random.IntN(256))})
		return err
	})
}

// hold begins a view, unless that might wait for those that are held: a file that
// was replaced is closed when its last view ends.
func (p *placed) hold() (begun bool) {
	if p.rewriting != nil && len(p.held) > 0 {
		return false
	}
	v, err := p.store.beginView()
	if err != nil {
		p.t.Fatal(err)
	}
	p.held = append(p.held, heldView{v, maps.Clone(p.now)})
	return true
}

// compare holds a view against what was there at its instant: as a whole, in a
// span, and key by key.
func (p *placed) compare(h heldView) {
	p.t.Helper()
	if err := errors.Join(validOverlay(h.view), validStandings(p.store, h.view)); err != nil {
		p.t.Fatal(err)
	}
	keys := slices.Sorted(maps.Keys(h.want))
	p.compareSpan(h, delta.Whole, keys)
	if len(keys) > 1 {
		from := p.random.IntN(len(keys) - 1)
		to := from + 1 + p.random.IntN(len(keys)-from-1)
		p.compareSpan(h, delta.Span{From: keys[from], To: keys[to]}, keys[from:to])
	}
	for i := range placedKeys {
		k := delta.ClaimKey(p.claimOf(i))
		payload, err := h.view.payload(k)
		want, is := h.want[k]
		if err != nil || string(payload) != want || (payload != nil) != is {
			p.t.Fatalf("at %q is %x, want %x, %v", k, payload, want, err)
		}
	}
}

func (p *placed) claimOf(i int) ranges.Claim { return registerMany(i, i+1, 1)[0].Claim }

func (p *placed) compareSpan(h heldView, s delta.Span, want []delta.Key) {
	p.t.Helper()
	err := h.view.each(s, func(x storedEntry) error {
		payload, err := x.payload()
		if err != nil {
			return err
		}
		if len(want) == 0 || delta.Key(x.key) != want[0] || string(payload) != h.want[want[0]] {
			return fmt.Errorf("there is %q with %x, want %q", x.key, payload, want)
		}
		want = want[1:]
		return nil
	})
	if err != nil || len(want) > 0 {
		p.t.Fatalf("%v, and %q are missing", err, want)
	}
}

func (p *placed) letGo() {
	p.t.Helper()
	for _, h := range p.held {
		p.compare(h)
	}
	p.endViews()
}

func (p *placed) endViews() {
	var ending sync.WaitGroup // at the same time: a file that waits for them lets none end before all do
	for _, h := range p.held {
		ending.Go(func() { h.view.tables.tx.Rollback() })
	}
	ending.Wait()
	p.held = nil
}

// rewrite begins a rewriting beside what comes next: it ends when the views that
// are held of the old file do.
func (p *placed) rewrite() {
	if p.rewriting != nil {
		return
	}
	s, done := p.store, make(chan error, 1)
	p.rewriting = done
	go func() { done <- s.Rewrite(p.t.Context(), nil) }()
}

func (p *placed) rest() {
	p.t.Helper()
	p.letGo()
	if p.rewriting == nil {
		return
	}
	if err := <-p.rewriting; err != nil {
		p.t.Fatal(err)
	}
	p.rewriting = nil
}

func (p *placed) restart() {
	p.rest()
	checkAndClose(p.t, p.store)
	p.open()
}

// fail lets a transaction fail on its way to the disk, which has it or not.
func (p *placed) fail() {
	p.rest()
	arrives := p.random.IntN(2) == 0
	p.fault = func(tx *bbolt.Tx, commit func() error) error {
		if arrives {
			return errors.Join(errDisk, commit())
		}
		return errors.Join(errDisk, giveUp(tx))
	}
	operations := []delta.Operation{p.operation(1), p.operation(2)}
	if !p.hold() {
		p.t.Fatal("it is at rest, and cannot begin a view")
	}
	if err := p.update(writing(operations)); !errors.Is(err, ErrFailed) {
		p.t.Fatal(err)
	}
	p.fault = nil
	p.letGo()
	if err := p.store.Reopen(); err != nil {
		p.t.Fatal(err)
	}
	if arrives {
		p.takeFromFile(operations)
	}
}

// takeFromFile notes what a transaction that arrived has made of its entries.
func (p *placed) takeFromFile(operations []delta.Operation) {
	view(p.t, p.store, func(v *View) error {
		for _, o := range operations {
			e, err := v.Get(delta.ClaimKey(o.Claim))
			if err != nil || e.Counter.Value() == 0 {
				return fmt.Errorf("what arrived is not there: %v, %v", e, err)
			}
			p.now[e.Key] = string(delta.EncodeEntry(e))
		}
		return nil
	})
}

// back checks a backup, reads it, and goes on with what is restored of it.
func (p *placed) back() {
	p.rest()
	backup := backupOf(p.t, p.store)
	if problems, err := Check(backup); err != nil || len(problems) > 0 {
		p.t.Fatal(problems, err)
	}
	checkAndClose(p.t, p.store)
	p.dir = filepath.Join(p.t.TempDir(), "restored")
	if _, err := Restore(p.dir, backup, Options{}); err != nil {
		p.t.Fatal(err)
	}
	s := openTest(p.t, p.dir, Options{journalPages: -1, ReadOnly: true})
	v, err := s.beginView()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.endViews)
	p.held = append(p.held, heldView{v, p.now})
	p.letGo()
	s.Close()
	p.open()
}

// TestOverlay_AnyHistory holds S7 to S9: whatever is written and however it gets
// to its place, every view shows the entries of its own instant, however long it
// is held, and so does every file and every copy of one.
func TestOverlay_AnyHistory(t *testing.T) {
	seed := *overlaySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -overlay-seed %d", seed)
	p := &placed{t: t, random: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), now: map[delta.Key]string{}, told: map[crdt.ReplicaID]uint64{}}
	p.open()
	often := []func(){p.write, p.write, p.write, p.write, p.writeBatch, p.release, p.grow, p.forget}
	seldom := []func(){p.letGo, p.rewrite, p.restart, p.fail, p.back}
	for range *overlaySteps {
		if p.random.IntN(12) > 0 {
			often[p.random.IntN(len(often))]()
		} else {
			seldom[p.random.IntN(len(seldom))]()
		}
		if !p.hold() {
			continue
		}
		last := len(p.held) - 1
		p.compare(p.held[last])
		if last > 4 || p.random.IntN(3) > 0 {
			p.held[last].view.tables.tx.Rollback()
			p.held = p.held[:last]
		}
	}
	p.rest()
}
