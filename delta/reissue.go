package delta

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// reissueOwn issues records of our own that another has lost once more: as a
// Register of what we had registered, which shows the whole record and changes
// nothing of what is shown here. Of a record that shows nothing by itself, for
// it has only Decreases left, we drop what nobody else has.
func (c *Commit) reissueOwn() error {
	if len(c.reissued) == 0 {
		return nil
	}
	w := c.newWriter()
	for _, k := range slices.Sorted(maps.Keys(c.reissued)) {
		claim, err := k.Claim()
		if err != nil {
			return err
		}
		t, err := w.target(claim)
		if err != nil {
			return err
		}
		mine, ok := t.counter.Find(c.id)
		switch {
		case !ok || !mine.IsLive():
		case mine.Added == 0:
			err = c.setCounter(k, t.counter.Drop(c.id))
		default:
			err = t.add(0, mine.Amount)
		}
		if err != nil {
			return err
		}
	}
	_, err := c.write(w)
	return err
}

// carriedBytesMax bounds the encoded size of the events that carry one record
// over, beyond the keys of their claims.
const carriedBytesMax = 512

// carryOver contributes what the live records of a former id of ours hold
// again, in as many deltas as it takes; the events of one claim are in one, so
// that nobody sees a claim without either.
func (c *Commit) carryOver(former crdt.ReplicaID, keys []Key) error {
	w, size := c.newWriter(), 0
	for _, k := range keys {
		if size += 3*len(k) + carriedBytesMax; size > DeltaBytesMax/2 {
			if _, err := c.write(w); err != nil {
				return err
			}
			w, size = c.newWriter(), 3*len(k)+carriedBytesMax
		}
		claim, err := k.Claim()
		if err != nil {
			return err
		}
		t, err := w.target(claim)
		if err != nil {
			return err
		}
		x, _ := t.counter.Find(former)
		if err := t.carryOver(x); err != nil {
			return err
		}
	}
	_, err := c.write(w)
	return err
}

// carryOver releases a live record and contributes what it shows again: first
// its increases and decreases, then what it registered. One that only shows
// that it was increased, since it was decreased by as much, registers 0.
func (t *target) carryOver(x crdt.Contribution) error {
	t.emitRelease(crdt.PNCounter{x.Release()})
	if by := x.Unreleased(); by != 0 {
		if err := t.add(by, 0); err != nil {
			return err
		}
	}
	if x.Register == 0 && (x.Added == 0 || x.Unreleased() > 0) {
		return nil
	}
	return t.add(0, x.Amount)
}
