package delta

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

// EntryChange is one entry before and after a commit. There is one for every claim that
// is written to, so what both have, the key, is there once.
type EntryChange struct {
	Key           Key
	before, after held
	// was and is say whether there is an entry before and after.
	was, is bool
	// Repaired says that a range answer had a part in the change, which no
	// event names then.
	Repaired bool

	// isSummed says that sums are those of the fingerprints of Before and After.
	isSummed bool
	sums     [2]Sum
}

// held is an entry without its key.
type held struct {
	counter crdt.PNCounter
	node    *NodeRecord
}

// NewEntryChange returns the change of what is under a key; a zero Entry stands for
// none.
func NewEntryChange(k Key, before, after Entry) EntryChange {
	x := EntryChange{Key: k}
	x.before, x.was = held{before.Counter, before.Node}, !before.IsZero()
	x.set(after)
	return x
}

// Before returns the entry before the commit, zero if there was none.
func (x *EntryChange) Before() Entry { return x.before.under(x.Key, x.was) }

// After returns the entry after the commit, zero if there is none.
func (x *EntryChange) After() Entry { return x.after.under(x.Key, x.is) }

// String returns what there was and is, for messages.
func (x EntryChange) String() string {
	return fmt.Sprintf("{%q before %+v after %+v repaired %t sums %s}", x.Key, x.Before(), x.After(), x.Repaired, x.sums)
}

func (h *held) under(k Key, is bool) Entry {
	if !is {
		return Entry{}
	}
	return Entry{Key: k, Counter: h.counter, Node: h.node}
}

// set makes an entry what there is after the commit.
func (x *EntryChange) set(after Entry) {
	x.after, x.is = held{after.Counter, after.Node}, !after.IsZero()
}

// hold makes the entry of a claim hold a counter.
func (x *EntryChange) hold(counter crdt.PNCounter) {
	x.after, x.is = held{counter: counter}, len(counter) > 0
}

// isNothing reports whether the entry is as it was.
func (x *EntryChange) isNothing() bool {
	return x.was == x.is && x.before.counter.Equal(x.after.counter) && x.before.node.Equal(x.after.node)
}

// Fingerprints returns those of Before and After. A commit that has ended knows
// them.
func (x *EntryChange) Fingerprints() (before, after Fingerprint) {
	if !x.isSummed {
		return FingerprintOf(x.Before()), FingerprintOf(x.After())
	}
	before = Fingerprint{Count: uint64(x.Before().Records()), Sum: x.sums[0]}
	return before, Fingerprint{Count: uint64(x.After().Records()), Sum: x.sums[1]}
}

// sum has the change know its fingerprints.
func (x *EntryChange) sum() {
	if x.isSummed {
		return
	}
	var before, after Fingerprint
	if x.Key.IsClaim() {
		before, after = fingerprintChange(x.Key, x.before.counter, x.after.counter)
	} else {
		before, after = x.Fingerprints()
	}
	x.sums, x.isSummed = [2]Sum{before.Sum, after.Sum}, true
}
