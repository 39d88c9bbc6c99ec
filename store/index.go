package store

import "github.com/scalesmall/ssnode/delta"

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
	// transaction; if not, with a nil reader, while the disk works or later.
	Reads(changes []delta.EntryChange) bool
}

// derivation is the index of an instant. What is acknowledged need not wait for it:
//
//	S21 The index of an instant follows from that of the one before, and may be there
//	    later than the instant: who asks for it waits. When an instant is acknowledged
//	    that of the one before is there, so none waits for more than two.
//
// It is done with what the update had in memory, and cannot fail where it is later.
type derivation struct {
	over  *moment
	index Index // valid when over is over; nil, if there is none, and so what follows fails
}

func newDerivation() *derivation { return &derivation{over: newMoment()} }

// derived returns the derivation of an index that is there.
func derived(x Index) *derivation {
	d := &derivation{over: newMoment(), index: x}
	d.over.come()
	return d
}

// await returns the index when it is there.
func (d *derivation) await() Index {
	d.over.await()
	return d.index
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

// Index returns what Options.NewIndex has derived from the entries of the view. It waits
// for that, if it has yet to be derived (S21).
func (v *View) Index() Index { return v.index.await() }
