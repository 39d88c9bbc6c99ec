package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scalesmall/ssnode/delta"
)

// Index is what others derive from the entries of one instant, so that a view
// has it of the instant of its entries. It is immutable: readers hold it as long
// as they like.
type Index interface {
	// Next returns the index after a commit: its changes, ascending by key, and
	// the entries that it leads to. An error, and a commit that fails later,
	// change nothing.
	Next(changes []delta.EntryChange, after delta.Reader) (Index, error)
	// Reads reports whether Next reads entries for these changes, or can fail
	// otherwise: that depends on the changes alone. If so it is called within the
	// transaction; if not, with a nil reader, later.
	Reads(changes []delta.EntryChange) bool
}

// derivation is the index of an instant, which need not be there yet:
//
//	S21 The index of an instant follows from that of the one before, and is derived
//	    from the last one that is there when somebody asks for it, or when enough
//	    changes have come together. It is made of what the updates had in memory, so
//	    it cannot fail. An update that finds twice as many derives first: so whoever
//	    asks waits for so many at most, and those of one update.
//
// To derive many updates in one go takes little more than half the time: what an index is
// made of is in the processor's caches by then. And no update waits for it.
type derivation struct {
	line *indexLine
	// total is how many changes of the line led here.
	total int64
	// index is nil until it is there, and set by who holds the line. Until then it follows
	// from the one before by changes, which the line guards.
	index   atomic.Pointer[Index]
	before  *derivation
	changes []delta.EntryChange
}

// indexLine are the instants since an opening, of which one is derived at a time.
type indexLine struct {
	sync.Mutex
	// reached is the total of the last instant that DeriveIndex was called for.
	reached atomic.Int64
}

// indexWorth is how many changes are worth to derive an index for. More than a few
// hundred gain nothing more; they hold what the updates had in memory.
const indexWorth = 1024

// derived returns the derivation of an index that is there.
func derived(x Index) *derivation { return new(indexLine).derived(x, 0) }

func (l *indexLine) derived(x Index, total int64) *derivation {
	d := &derivation{line: l, total: total}
	d.index.Store(&x)
	return d
}

// then returns the derivation of the next instant.
func (d *derivation) then(changes []delta.EntryChange) *derivation {
	if len(changes) == 0 {
		return d
	}
	return &derivation{line: d.line, total: d.total + int64(len(changes)), before: d, changes: changes}
}

// read is then for changes that the index has to read for, which may fail.
func (d *derivation) read(changes []delta.EntryChange, after delta.Reader) (*derivation, error) {
	x, err := d.await().Next(changes, after)
	if err != nil {
		return nil, err
	}
	return d.line.derived(x, d.total+int64(len(changes))), nil
}

// await returns the index, and derives it first if it is not there.
func (d *derivation) await() Index {
	if x := d.index.Load(); x != nil {
		return *x // whatever others derive
	}
	d.line.Lock()
	defer d.line.Unlock()
	var missing []*derivation
	for x := d; x.index.Load() == nil; x = x.before {
		missing = append(missing, x)
	}
	for _, x := range slices.Backward(missing) {
		x.derive()
	}
	return *d.index.Load()
}

// derive makes the index of that of the instant before. The caller holds the line.
func (d *derivation) derive() {
	x, err := (*d.before.index.Load()).Next(d.changes, nil)
	if err != nil {
		panic(fmt.Sprintf("store: an index fails of changes that it said it reads nothing for: %v", err))
	}
	d.index.Store(&x)
	d.before, d.changes = nil, nil
}

// waiting returns how many changes wait for being derived, or somewhat more.
func (d *derivation) waiting() int64 { return d.total - d.line.reached.Load() }

// IsIndexWorth reports whether it is time to DeriveIndex, so that no update has to.
func (s *Store) IsIndexWorth() bool { return s.lastDerived().waiting() >= indexWorth }

// DeriveIndex derives the index of what is acknowledged (S21). It may be called beside
// anything else.
func (s *Store) DeriveIndex() {
	d := s.lastDerived()
	d.await()
	d.line.reached.Store(d.total)
}

// boundIndex derives the index if so many changes wait for that that nobody else does.
func (s *Store) boundIndex() {
	if s.lastDerived().waiting() >= 2*indexWorth {
		s.DeriveIndex()
	}
}

// lastDerived returns the index of what is acknowledged.
func (s *Store) lastDerived() *derivation {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.derived
}

// IndexBuilder takes the entries of a file that is opened.
type IndexBuilder interface {
	// Add takes the next entry, ascending by key: its key and fingerprint.
	Add(delta.Key, delta.Fingerprint)
	// Done returns the index of what was added.
	Done() Index
}

// noIndex is that of those who want none.
type noIndex struct{}

func (noIndex) Next([]delta.EntryChange, delta.Reader) (Index, error) { return noIndex{}, nil }

func (noIndex) Reads([]delta.EntryChange) bool { return false }

func (noIndex) Add(delta.Key, delta.Fingerprint) {}

func (noIndex) Done() Index { return noIndex{} }

// Index returns what Options.NewIndex derives from the entries of the view. It does so now
// where nobody has yet (S21).
func (v *View) Index() Index { return v.index.await() }
