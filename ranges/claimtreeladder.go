package ranges

import "strings"

// A node that is only looked into has a ladder: to halve its claims, whose bounds
// are all over memory, takes as long as all else that a change of a priority does.
// While claims come and go there is none, which they would have to keep.

// worthLadder is how often something is sought in a node before it gets a ladder,
// which takes as long as some searches.
const worthLadder = 8

// seek takes note that something is sought in t.
func (t *claimTree) seek() {
	if t.sought == worthLadder {
		return
	}
	if t.sought++; t.sought == worthLadder {
		starts := t.starts(make([]start, 0, treeWidth))
		t.ladder = newLadder(starts, 0)
	}
}

// starts appends where what is directly below t starts.
func (t *claimTree) starts(to []start) []start {
	for i := range t.len() {
		to = append(to, newStart(t.lowAt(i).start(), 0))
	}
	return to
}

// unseek takes the ladder away, as what is directly below t changes.
func (t *claimTree) unseek() { t.ladder, t.sought = ladder{}, 0 }

// between returns bounds for the first directly below t that is not before the
// claim of node on r, and for the first that is after it. Without a ladder it looks at
// the end first, where claims that come in ascending order belong.
func (t *claimTree) between(r *Range, node string) (low, high int) {
	n := t.len()
	if len(t.rungs) != n {
		if n > 0 && t.lowAt(n-1).compare(r, node) < 0 {
			return n, n
		}
		return 0, n
	}
	rest, ok := strings.CutPrefix(r.From, t.common)
	switch {
	case !ok && r.From < t.common:
		return 0, 1
	case !ok:
		return n, n
	}
	rung := rungOf(rest)
	low = t.lowerBound(rung)
	high = low
	if low < n && t.rungs[low] == rung {
		high = t.tied(low)
	}
	if low == 1 {
		low = 0
	}
	return low, high
}

// validLadder reports whether T6 is violated, or nil.
func (t *claimTree) validLadder() error {
	if t.sought < worthLadder {
		return nil
	}
	return t.ladder.valid(t.starts(nil))
}
