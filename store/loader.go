package store

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// Loader takes the parts of a state that is loaded into a fresh directory, in
// this order: Seen, Ahead, Entry, Delta. Each part comes once.
type Loader struct {
	file    *newFile
	replica *delta.Replica
	state   state
	logged  map[crdt.ReplicaID]uint64
}

// Load makes a fresh data directory of what fn gives to the loader, all or
// nothing, under a new replica id. Options must name the node.
func Load(dir string, o Options, fn func(*Loader) error) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	o.MustExist = false
	s := &Store{options: o, path: filepath.Join(dir, FileName)}
	if err := s.mayCreate(); err != nil {
		return err
	}
	if err := s.prepareFresh(dir); err != nil {
		return err
	}
	n, err := o.begin(s.path)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l := &Loader{file: n, replica: delta.NewReplica(o.NewID()), state: emptyState(), logged: map[crdt.ReplicaID]uint64{}}
	if err := l.load(s, fn); err != nil {
		return errors.Join(err, n.discard())
	}
	return n.appear()
}

func (l *Loader) load(s *Store, fn func(*Loader) error) error {
	if err := fn(l); err != nil {
		return err
	}
	if err := l.end(s); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return l.file.sync()
}

// tables returns the tables of the open transaction.
func (l *Loader) tables() (*tables, error) {
	tx, err := l.file.transaction()
	if err != nil {
		return nil, err
	}
	t := newTables(tx, nil)
	t.entries.fill = newFill // they come in order
	t.direct = true
	return t, nil
}

// Seen says up to where the events of a replica are seen.
func (l *Loader) Seen(id crdt.ReplicaID, sequence uint64) error {
	return l.sequence(l.replica.Context, id, sequence)
}

// Ahead says up to where the entries may hold more of a replica than that.
func (l *Loader) Ahead(id crdt.ReplicaID, sequence uint64) error {
	if sequence <= l.replica.Context.Get(id) {
		return fmt.Errorf("%w: ahead of replica %s by nothing", ErrCorrupt, id)
	}
	return l.sequence(l.replica.Ahead, id, sequence)
}

func (l *Loader) sequence(c crdt.Context, id crdt.ReplicaID, sequence uint64) error {
	if err := (crdt.Dot{Replica: id, Sequence: sequence}).Validate(); err != nil {
		return err
	}
	if sequence > sequenceMax || c.Get(id) != 0 {
		return fmt.Errorf("%w: sequence %d of replica %s is out of bounds or comes twice", ErrCorrupt, sequence, id)
	}
	c[id] = sequence
	return nil
}

// Entry takes one entry.
func (l *Loader) Entry(e delta.Entry) error {
	if err := e.Validate(); err != nil {
		return err
	}
	t, err := l.tables()
	if err != nil {
		return err
	}
	key, payload := []byte(e.Key), delta.EncodeEntry(e)
	if held, err := t.entries.get(key); err != nil || held != nil {
		return errors.Join(fmt.Errorf("%w: the entry %q comes twice", ErrCorrupt, e.Key), err)
	}
	if err := t.entries.put(key, payload); err != nil {
		return err
	}
	l.replica.Fingerprint = l.replica.Fingerprint.Plus(delta.FingerprintOf(e))
	return l.file.wrote(len(key) + len(payload))
}

// Delta takes one delta of the log, in the order of application.
func (l *Loader) Delta(p delta.Packed, appliedAt int64) error {
	if !l.replica.Context.Covers(crdt.Dot{Replica: p.Origin, Sequence: p.Last()}) {
		return fmt.Errorf("%w: the log has %s, which was not seen", ErrCorrupt, p.Delta)
	}
	t, err := l.tables()
	if err != nil {
		return err
	}
	switch held, err := t.placeOf(nil, p.Dot(0)); {
	case err != nil:
		return err
	case held.index != 0:
		return fmt.Errorf("%w: the log already has the delta %s", ErrCorrupt, p.Delta)
	}
	if err := errors.Join(t.appendRecord(&l.state, appliedAt, p), t.endBundle()); err != nil {
		return err
	}
	l.logged[p.Origin] += uint64(len(p.Events))
	return l.file.wrote(len(p.Bytes))
}

// Fingerprint returns that of the entries taken so far.
func (l *Loader) Fingerprint() delta.Fingerprint { return l.replica.Fingerprint }

// end writes what summarises the parts.
func (l *Loader) end(s *Store) error {
	t, err := l.tables()
	if err != nil {
		return err
	}
	r := l.replica
	if err := writeContext(&t.context, r.Context); err != nil {
		return err
	}
	if err := writeContext(&t.ahead, r.Ahead); err != nil {
		return err
	}
	holes := holeSet{everything: !l.hasWholeLog()}
	if err := holes.write(&t.holes); err != nil {
		return err
	}
	l.state.fingerprint = r.Fingerprint
	l.state.contextHash, l.state.aheadHash = delta.HashContext(r.Context), delta.HashContext(r.Ahead)
	return s.fillMeta(t, r.ID, l.state)
}

// hasWholeLog reports whether the log has every event that was seen: it has no
// event twice, and none that was not seen.
func (l *Loader) hasWholeLog() bool {
	for id, sequence := range l.replica.Context {
		if l.logged[id] != sequence {
			return false
		}
	}
	return !l.replica.IsAhead()
}
