package node

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// index has the store lead the fingerprints of range repair from commit to
// commit, so that every view has those of its own instant.
type index struct{ kept *antientropy.Fingerprints }

// Next implements store.Index.
func (x index) Next(changes []delta.EntryChange, after delta.Reader) (store.Index, error) {
	kept, err := x.kept.Next(changes, after)
	return index{kept}, err
}

// Reads implements store.Index.
func (x index) Reads(changes []delta.EntryChange) bool { return x.kept.Reads(changes) }

// indexBuilder implements store.IndexBuilder.
type indexBuilder struct {
	*antientropy.FingerprintsBuilder
}

func newIndex() store.IndexBuilder {
	return indexBuilder{antientropy.NewFingerprintsBuilder(antientropy.DefaultShape)}
}

// Done implements store.IndexBuilder.
func (b indexBuilder) Done() store.Index { return index{b.FingerprintsBuilder.Done()} }

// runIndexing derives the fingerprints of range repair, of many commits at a time, while
// flights go on.
func (n *Node) runIndexing() {
	for range n.indexing {
		n.store.DeriveIndex()
	}
}

// sourceOf shows the core one instant of the store.
func sourceOf(v *store.View) antientropy.Source {
	return antientropy.WithFingerprints(source{v}, func() *antientropy.Fingerprints { return v.Index().(index).kept })
}
