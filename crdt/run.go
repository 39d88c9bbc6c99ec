package crdt

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// Run is an interval of sequences of one replica, both ends included: the
// largest sequence has no successor that could end a half-open one.
type Run struct {
	First uint64
	Last  uint64
}

// String returns "first" or "first-last".
func (x Run) String() string {
	first := strconv.FormatUint(x.First, 10)
	if x.First == x.Last {
		return first
	}
	return first + "-" + strconv.FormatUint(x.Last, 10)
}

// runs are the sequences of one replica that were seen, in the only form that
// has no two neighbours that touch:
//
//	U1  every run has 1 ≤ First ≤ Last
//	U2  runs ascend, and between two of them at least one sequence is missing
type runs []Run

// reaches returns the index of the first run that ends at sequence or later.
func (u runs) reaches(sequence uint64) int {
	return sort.Search(len(u), func(i int) bool { return u[i].Last >= sequence })
}

// covers reports whether all of x was seen. By U2 it then lies in one run.
func (u runs) covers(x Run) bool {
	i := u.reaches(x.Last)
	return i < len(u) && u[i].First <= x.First
}

// insert returns u with x, united with every run that it overlaps or touches.
// It may write into u. O(len(u)), and O(log len(u)) where no run ends or
// begins anew.
func (u runs) insert(x Run) runs {
	i := u.reaches(x.First - 1)
	j := i
	for j < len(u) && u[j].First-1 <= x.Last {
		x.First = min(x.First, u[j].First)
		x.Last = max(x.Last, u[j].Last)
		j++
	}
	return slices.Replace(u, i, j, x)
}

// validate reports which invariant u violates, or nil.
func (u runs) validate() error {
	for i, x := range u {
		switch {
		case x.First == 0 || x.First > x.Last:
			return fmt.Errorf("%w run %s: U1: it does not go from 1 or later upwards", ErrInvalid, x)
		case i > 0 && x.First-1 <= u[i-1].Last:
			return fmt.Errorf("%w run %s: U2: it overlaps or touches the one before", ErrInvalid, x)
		}
	}
	return nil
}
