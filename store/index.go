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
	// otherwise. If so it is called within the transaction; if not, with a nil
	// reader while the disk works.
	Reads(changes []delta.EntryChange) bool
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

// Index returns what Options.NewIndex has derived from the entries of the view.
func (v *View) Index() Index { return v.index }
