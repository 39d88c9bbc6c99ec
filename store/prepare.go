package store

import (
	"slices"
	"sync"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// An update has two parts: its steps run on a replica and on entries, and then
// the disk works on their effects. The first part of the next update need not
// wait for the second of the one before: it builds on effects that are known
// already, as if they were durable.
//
//	S10 Updates become durable in the order in which they were prepared, each on
//	    exactly what it was prepared on: the last one that was acknowledged, and
//	    those in flight before it. Where one of these fails or is abandoned, all
//	    after it are stale, and none of their effects is made durable or told to
//	    anybody.
//
// So nothing of an update leaves the store before it is durable, and a dot that
// a stale one has used may be given again: nobody has seen it.

// frontier is the replica as it will be when all that is in flight is durable. It
// belongs to who prepares.
type frontier struct {
	sync.Mutex
	replica *delta.Replica
	// lineage is that of Store.mu, as of which the replica is right.
	lineage uint64
	// written is over when an update may be filled in that is prepared now.
	written *moment
}

// Prepared is an update whose steps have run, on its way to the disk. Commit or
// Abandon must be called once, also where one before has failed: those after it wait
// for its end.
type Prepared struct {
	store   *Store
	now     int64
	lineage uint64
	effects *delta.Effects
	// before is the update before, nil if none was in flight, or when this one has
	// ended: else each would keep all before it.
	before *Prepared
	// turn is over when this one may be filled in: when the one that was prepared
	// before is written or has ended, also if that is stale and this one is not. Else
	// that would wait for what this one holds.
	turn *moment
	// hasFilled says that the rest is set, or err. frame is what the update does, next
	// what is journaled with it. The update holds Store.write while holds says so.
	hasFilled, holds bool
	err              error
	frame            *frame
	next             journaled
	// derived is the index of the next instant, nil if the update could not be filled in.
	derived *derivation
	// written is over when the next one may be filled in, ended when this one has come to
	// an end.
	written, ended *moment
}

func newPrepared(s *Store, now int64, e *delta.Effects) *Prepared {
	return &Prepared{
		store: s, now: now, lineage: s.frontier.lineage, effects: e, turn: s.frontier.written,
		written: newMoment(), ended: newMoment(),
	}
}

// Pause runs what may take a while within the steps of an update: it lets go of
// what they read from, so that they hold up nobody.
type Pause func(wait func())

// Prepare runs fn on a commit of the replica as it will be when all updates that
// were prepared before are durable. What fn reads is that, too. env.Read is
// supplied here. While fn runs no other update can be prepared, but those before
// go on; where fn waits for one of these, it must do so within a Pause.
//
// An error of fn is returned as it is, and at once: it may be due to an update that
// is not durable yet. ErrStale says that an update before has failed meanwhile, or
// was abandoned:
// prepare it again. On any error nothing has changed, and there is nothing to commit.
//
// Neither Prepare nor Update may be called from within fn, nor View, which could
// wait for an update before that waits for what fn holds open.
func (s *Store) Prepare(env delta.Env, fn func(*delta.Commit, Pause) error) (*Prepared, error) {
	s.frontier.Lock()
	defer s.frontier.Unlock()
	if err := s.renewFrontier(); err != nil {
		return nil, err
	}
	r := &frontierReader{store: s}
	defer r.release()
	env.Read = r
	c := s.frontier.replica.Begin(env)
	if err := fn(c, r.pause); err != nil {
		return nil, err
	}
	e, err := c.Finish()
	if err != nil {
		return nil, err
	}
	p := newPrepared(s, env.Now, e)
	return p, s.takeOff(p)
}

// renewFrontier makes the frontier that of the acknowledged replica, unless it
// follows from that.
func (s *Store) renewFrontier() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if f := &s.frontier; f.replica == nil || f.lineage != s.mu.lineage {
		f.replica, f.lineage = s.replica.Clone(), s.mu.lineage
	}
	return nil
}

// takeOff makes an update one that is in flight. The caller holds the frontier.
func (s *Store) takeOff(p *Prepared) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.lineage != s.mu.lineage {
		return ErrStale
	}
	if n := len(s.mu.flights); n > 0 {
		p.before = s.mu.flights[n-1]
	}
	s.mu.flights = append(slices.Clone(s.mu.flights), p) // readers have the former slice
	s.frontier.replica.Adopt(p.effects)
	s.frontier.written = p.written
	return nil
}

// Effects returns what the update does. They are no part of the state before
// Commit has returned without an error.
func (p *Prepared) Effects() *delta.Effects { return p.effects }

// Fill puts the update together, its frame and what is journaled with that, as soon as the
// one before is written, or has ended, and while the disk works on that (S16). It is part
// of Commit and may be called before, by anybody, but not beside Commit or Abandon. Until
// one of them the tables change by folds only, and no further update is put together.
func (p *Prepared) Fill() {
	if p.hasFilled {
		return
	}
	p.hasFilled = true
	if p.turn != nil {
		p.turn.await()
	}
	p.store.write.Lock()
	p.holds = true
	if p.err = p.fill(); p.err != nil {
		p.letGo()
	}
}

// letGo lets the next update be put together, or any change of the tables be made.
func (p *Prepared) letGo() {
	if p.holds {
		p.holds = false
		p.written.come()
		p.store.write.Unlock()
	}
}

// Commit waits for the updates that were prepared before, and makes the effects
// durable together. When it returns nil they are on disk and adopted:
// only now may a message bear one of their dots.
//
// On an error nothing has changed, in memory or for any reader: ErrStale, if an
// update before has failed or was abandoned; one that wraps ErrCorrupt, of the file's contents. If
// the transaction fails on its way to the disk the error wraps ErrFailed and its
// cause, and so does that of every later call until Reopen: whether the disk has
// it is not known before.
func (p *Prepared) Commit() error {
	defer p.end()
	p.Fill()
	p.awaitBefore()
	p.store.boundIndex()
	err := p.err
	if err == nil {
		err = p.carryOut()
	}
	if err != nil && err != ErrStale {
		p.store.branch()
	}
	return err
}

func (p *Prepared) awaitBefore() {
	if p.before != nil {
		p.before.ended.await()
	}
}

// end lets those after it go on.
func (p *Prepared) end() {
	p.letGo()
	p.before, p.frame, p.next = nil, nil, journaled{}
	p.written.come()
	p.ended.come()
}

// Abandon ends an update in place of Commit: it waits for those before it, and then
// nothing of it is made durable, and all after it are stale.
func (p *Prepared) Abandon() {
	defer p.end()
	p.awaitBefore()
	if !p.store.isStale(p) {
		p.store.branch()
	}
}

// whyNot says why the update cannot be carried out any more, or nil.
func (p *Prepared) whyNot() error {
	if p.store.isStale(p) {
		return ErrStale
	}
	_, err := p.store.database()
	return err
}

func (s *Store) isStale(p *Prepared) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return p.lineage != s.mu.lineage
}

// branch makes what is in flight stale.
func (s *Store) branch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lineage, s.mu.flights = s.mu.lineage+1, nil
}

// fill puts the update together. The caller holds write.
func (p *Prepared) fill() error {
	if err := p.whyNot(); err != nil {
		return err
	}
	if err := p.derive(); err != nil {
		return err
	}
	s := p.store
	if p.effects.IsEmpty() {
		return nil
	}
	p.frame = newFrame(p.now, p.effects)
	if r := s.ring.Load(); r != nil && p.frame.isSmall() {
		p.frame.tables = uint64(s.txid())
		p.frame.encode(r.next.sequence)
		p.next = s.tip.with(p.frame, s.folded())
	}
	return nil
}

// folded returns what readers need no more of the journal.
func (s *Store) folded() folded {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.folded()
}

// base returns the index before the update, nil if there is none.
func (p *Prepared) base() *derivation {
	if p.before != nil {
		return p.before.derived
	}
	return p.store.lastDerived()
}

// derive leads to the index of the next instant, and has it now if it has to read for
// that.
func (p *Prepared) derive() (err error) {
	base, changes := p.base(), p.effects.Entries
	if base == nil {
		return ErrStale // as soon as the one before has ended, which could not be filled in
	}
	if !p.store.anyIndex.Reads(changes) {
		p.derived = base.then(changes)
		return nil
	}
	r := &frontierReader{store: p.store, last: p}
	defer r.release()
	p.derived, err = base.read(changes, r)
	return err
}

// adopt makes the effects part of what is acknowledged. The caller holds mu.
func (p *Prepared) adopt() {
	s := p.store
	s.replica.Adopt(p.effects)
	s.derived = p.derived
	if p.lineage == s.mu.lineage {
		s.mu.flights = slices.Clone(s.mu.flights[1:]) // it is the first (S10)
	} // else what is behind it has failed meanwhile
}

// after returns what the update has made of an entry, false if it is unchanged.
func (p *Prepared) after(k delta.Key) (delta.Entry, bool) {
	i, ok := slices.BinarySearchFunc(p.effects.Entries, k, compareChange)
	if !ok {
		return delta.Entry{}, false
	}
	return p.effects.Entries[i].After(), true
}

func compareChange(x delta.EntryChange, k delta.Key) int {
	switch {
	case x.Key < k:
		return -1
	case x.Key > k:
		return +1
	}
	return 0
}

// frontierReader reads the entries as they will be when all that is in flight is
// durable: what is in the file, but where an update in flight has changed it. It
// begins to read when it is asked to, and may do so anew at any time: what it
// reads stays the same while the frontier is held.
type frontierReader struct {
	store *Store
	// tx is nil while it is at rest.
	tx      *bbolt.Tx
	flights []*Prepared
	base    entryReader
	// last is the last update that it reads, nil for all.
	last *Prepared
}

var _ delta.Reader = (*frontierReader)(nil)

// begin has it read from an instant. What is in flight is looked up first, and the
// newest entries with it: should one become durable before the transaction
// begins, this finds in place what the entries had waiting, and what else has
// changed is in the updates.
func (r *frontierReader) begin() error {
	for r.tx == nil {
		db, err := r.look()
		if err != nil {
			return err
		}
		tx, err := db.Begin(false)
		if err == nil {
			r.tx, r.base.entries = tx, &table{name: bucketEntries, tx: tx}
		} else if err := r.store.unless(err); err != nil {
			return err
		}
	}
	return nil
}

func (r *frontierReader) look() (*bbolt.DB, error) {
	s := r.store
	s.mu.RLock()
	defer s.mu.RUnlock()
	r.flights, r.base = s.mu.flights, newEntryReader(nil, &s.state, &s.journaled)
	if i := slices.Index(r.flights, r.last); i >= 0 {
		r.flights = r.flights[:i+1]
	}
	return s.mu.db, s.usable()
}

func (r *frontierReader) release() {
	if r.tx != nil {
		r.tx.Rollback() // never fails on an open transaction
		r.tx = nil
	}
}

// pause implements Pause. An open transaction would keep the file from growing
// beyond its mapping, and so an update that waits for that from ever ending.
func (r *frontierReader) pause(wait func()) {
	r.release()
	wait()
}

// Get implements delta.Reader.
func (r *frontierReader) Get(k delta.Key) (delta.Entry, error) {
	if err := r.begin(); err != nil {
		return delta.Entry{}, err
	}
	for _, p := range slices.Backward(r.flights) {
		if e, ok := p.after(k); ok {
			return e, nil
		}
	}
	return r.base.Get(k)
}

// Scan implements delta.Reader.
func (r *frontierReader) Scan(s delta.Span, visit func(delta.Entry) error) error {
	if s.IsEmpty() {
		return nil
	}
	if err := r.begin(); err != nil {
		return err
	}
	changed := r.changedIn(s)
	// visitUpTo visits what has changed before a key.
	visitUpTo := func(isBefore func(delta.Key) bool) error {
		for len(changed) > 0 && isBefore(changed[0].Key) {
			after := changed[0].After()
			changed = changed[1:]
			if after.IsZero() {
				continue
			}
			if err := visit(after); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.base.Scan(s, func(e delta.Entry) error {
		if err := visitUpTo(func(k delta.Key) bool { return k < e.Key }); err != nil {
			return err
		}
		if len(changed) > 0 && changed[0].Key == e.Key {
			return nil // visited with the next one, if it is still there
		}
		return visit(e)
	})
	if err != nil {
		return err
	}
	return visitUpTo(func(delta.Key) bool { return true })
}

// changedIn returns what is in flight in a span, ascending by key, the last change
// of each.
func (r *frontierReader) changedIn(s delta.Span) []delta.EntryChange {
	last := map[delta.Key]delta.EntryChange{}
	for _, p := range r.flights {
		for _, x := range p.effects.Entries {
			if s.Contains(x.Key) {
				last[x.Key] = x
			}
		}
	}
	out := make([]delta.EntryChange, 0, len(last))
	for _, x := range last {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b delta.EntryChange) int { return compareChange(a, b.Key) })
	return out
}
