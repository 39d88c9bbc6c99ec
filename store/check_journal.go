package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// frameChecker follows what the frames make of a state, from that of the tables as it is
// stored: what is wrong with the tables is told once, and not of each frame.
type frameChecker struct {
	checker *checker
	tables  *tables
	// before is what the frames so far have made of the tables.
	before      journaled
	fingerprint delta.Fingerprint
	context     crdt.Context
	contextHash delta.Sum
}

// checkJournal checks the frames that the tables do not have.
func (c *checker) checkJournal(t *tables) {
	if c.state.journal.sequence == 0 {
		return // the state could not be read, which was reported: it says which these are
	}
	_, ring, err := ringOf(t.tx)
	if err != nil {
		c.report("%v", err)
	}
	frames, problem := readRing(ring, c.state.journal)
	if problem != "" {
		c.report("%s", problem)
	}
	x := &frameChecker{
		checker: c, tables: t, before: newJournaled(&c.state),
		fingerprint: c.state.fingerprint, context: c.sums.context.Clone(), contextHash: c.state.contextHash,
	}
	for _, sealed := range frames {
		f, err := decodeFrame(sealed, crdt.ReplicaID{})
		if err != nil {
			c.report("%v", err)
			return
		}
		if problem := f.missing(t.tx.ID()); problem != "" {
			c.report("%s", problem)
		}
		x.checkEntries(f)
		x.checkContext(f)
		x.before = x.before.with(f, folded{})
	}
}

// checkEntries holds the fingerprint of a frame against what it has changed.
func (x *frameChecker) checkEntries(f *frame) {
	r, found := x.tables.reader(&x.checker.state, &x.before), x.fingerprint
	x.fingerprint = f.effects.Fingerprint
	for i := range f.images {
		was, err := r.Get(f.images[i].key)
		if err != nil {
			return // it was reported
		}
		found = found.Minus(delta.FingerprintOf(was))
		if !f.images[i].isGone() {
			is, _ := delta.DecodeEntry(f.images[i].key, f.images[i].payload()) // decodeFrame has
			found = found.Plus(delta.FingerprintOf(is))
		}
	}
	if found != f.effects.Fingerprint {
		x.checker.report("the fingerprint of the entries with frame %d of the journal is %s, stored is %s", f.at.sequence, found, f.effects.Fingerprint)
	}
}

// checkContext looks whether its events are new, and whether the context is the one that
// it says.
func (x *frameChecker) checkContext(f *frame) {
	for _, p := range f.effects.Deltas {
		if x.context.Covers(p.Dot(0)) {
			x.checker.report("frame %d of the journal has %s, which was seen before", f.at.sequence, p.Delta)
		}
	}
	wasRight := delta.HashContext(x.context) == x.contextHash
	x.context.Join(f.effects.Context)
	x.contextHash = f.effects.ContextHash
	if hash := delta.HashContext(x.context); wasRight && hash != x.contextHash {
		x.checker.report("the context with frame %d of the journal hashes to %s, stored is %s", f.at.sequence, hash, x.contextHash)
	}
}
