package crdt

import (
	"cmp"
	"fmt"
)

// TotalMax bounds the magnitude of running totals and amounts. It is the
// largest integer up to which every one is exact in the floating-point numbers
// of JSON consumers.
const TotalMax = 1<<53 - 1

// Contribution is everything one replica, the origin, has contributed to one
// counter during one life of this record, together with how much of it has
// been released. Its size does not depend on how many contributions there
// were: contributions are numbered by the origin's event sequence, and a total
// that runs along makes the newest stand for all before it.
//
// The invariants of a canonical contribution (see Validate), in which equal
// states are equal values:
//
//	C1  1 ≤ Era ≤ Last, and Watermark, Added and Register are 0 or not below Era
//	C2  Watermark ≤ Last; if equal, Total = Released: nothing is live
//	C3  Added = 0 or Watermark < Added ≤ Last
//	C4  Register = 0 or Watermark < Register ≤ Added
//	C5  Amount ≥ 0; Register = 0 ⇒ Amount = 0; Watermark = 0 ⇒ Released = 0
//	C6  Total, Released and Amount are within ±TotalMax
//
// Records of one origin and one counter come from one history: within an era,
// equal sequences bear equal totals, and an era only ends when every
// contribution of it is released. The laws of Join hold for such records. If a
// sequence was used twice, Join still commutes and gives a canonical record,
// so that two replicas that exchange theirs agree.
//
// The zero Contribution is the record of an origin that has none.
type Contribution struct {
	// Origin is the replica whose contributions these are.
	Origin ReplicaID
	// Era is the sequence of the first contribution of this life of the
	// record. A higher era replaces a lower one whole.
	Era uint64
	// Last is the sequence of the last contribution, and Total the sum of
	// Increases minus Decreases of this era at that contribution.
	Last  uint64
	Total int64
	// Added is the sequence of the last unreleased Register or Increase, 0 if
	// there is none.
	Added uint64
	// Register is the sequence of the last unreleased Register, 0 if there is
	// none, and Amount is its amount.
	Register uint64
	Amount   int64
	// Watermark is the sequence up to which contributions are released, and
	// Released the Total at that sequence.
	Watermark uint64
	Released  int64
}

// IsZero reports whether there is no contribution at all.
func (c Contribution) IsZero() bool { return c == Contribution{} }

// IsLive reports whether some contribution is unreleased.
func (c Contribution) IsLive() bool { return c.Last > c.Watermark }

// Unreleased returns the sum of unreleased Increases minus Decreases.
func (c Contribution) Unreleased() int64 { return c.Total - c.Released }

// Join returns the least upper bound of two records of one origin, in
// canonical form. The higher era wins whole: by then everything of the lower
// one is released. Within an era the contributions and the watermark are
// joined each for itself.
func (c Contribution) Join(other Contribution) Contribution {
	if c.Era != other.Era {
		if c.Era < other.Era {
			c = other
		}
		return c.canonical()
	}
	if c.compareContributions(other) < 0 {
		c.Last, c.Total = other.Last, other.Total
		c.Added, c.Register, c.Amount = other.Added, other.Register, other.Amount
	}
	if c.compareWatermarks(other) < 0 {
		c.Watermark, c.Released = other.Watermark, other.Released
	}
	return c.canonical()
}

// compareContributions orders what an origin contributed in one era. In one
// history Last decides: records with equal Last differ only in what one of
// them has cut under its watermark, and the joined watermark cuts it from
// either. The rest of the order is for sequences that were used twice.
func (c Contribution) compareContributions(other Contribution) int {
	return cmp.Or(
		cmp.Compare(c.Last, other.Last),
		cmp.Compare(c.Total, other.Total),
		cmp.Compare(c.Added, other.Added),
		cmp.Compare(c.Register, other.Register),
		cmp.Compare(c.Amount, other.Amount),
	)
}

func (c Contribution) compareWatermarks(other Contribution) int {
	return cmp.Or(
		cmp.Compare(c.Watermark, other.Watermark),
		cmp.Compare(c.Released, other.Released),
	)
}

// canonical removes what the watermark has released, so that equal states are
// equal values. The total has to be cut only where a sequence was used twice:
// in one history it is the released one already.
func (c Contribution) canonical() Contribution {
	if c.Watermark >= c.Last {
		c.Last, c.Total = c.Watermark, c.Released
	}
	if c.Added <= c.Watermark {
		c.Added = 0
	}
	if c.Register <= c.Watermark {
		c.Register, c.Amount = 0, 0
	}
	return c
}

// Release returns the record that releases everything c has contributed: its
// join with c is not live, and its join with a later record of the same era
// leaves exactly what was contributed later.
func (c Contribution) Release() Contribution {
	return Contribution{
		Origin: c.Origin, Era: c.Era,
		Last: c.Last, Total: c.Total,
		Watermark: c.Last, Released: c.Total,
	}
}

// Validate reports which invariant c violates, or nil.
func (c Contribution) Validate() error {
	if c.Origin.IsZero() {
		return fmt.Errorf("%w contribution %+v: the origin is zero", ErrInvalid, c)
	}
	if broken := c.broken(); broken != "" {
		return fmt.Errorf("%w contribution %+v: %s", ErrInvalid, c, broken)
	}
	return nil
}

func (c Contribution) broken() string {
	switch {
	case c.Era == 0 || c.Era > c.Last:
		return "C1: the era is not between 1 and the last contribution"
	case c.Watermark != 0 && c.Watermark < c.Era:
		return "C1: the watermark lies before the era"
	case c.Watermark > c.Last:
		return "C2: the watermark lies beyond the last contribution"
	case c.Watermark == c.Last && c.Total != c.Released:
		return "C2: everything is released, but not the whole total"
	case !c.isUnreleased(c.Added, c.Last):
		return "C3: the last addition is not between the watermark and the last contribution"
	case !c.isUnreleased(c.Register, c.Added):
		return "C4: the last register is not between the watermark and the last addition"
	case c.Amount < 0 || c.Register == 0 && c.Amount != 0:
		return "C5: an amount without a register, or a negative one"
	case c.Watermark == 0 && c.Released != 0:
		return "C5: a released total without a watermark"
	case isTooLarge(c.Total) || isTooLarge(c.Released) || isTooLarge(c.Amount):
		return "C6: a total is out of bounds"
	}
	return ""
}

// isUnreleased reports whether sequence is 0 or one of this era, after the
// watermark and up to last.
func (c Contribution) isUnreleased(sequence, last uint64) bool {
	return sequence == 0 || c.Era <= sequence && c.Watermark < sequence && sequence <= last
}

func isTooLarge(v int64) bool { return v < -TotalMax || v > TotalMax }
