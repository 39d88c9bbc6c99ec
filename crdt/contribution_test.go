package crdt_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// life is what one origin did to one counter in one era: its record after each
// contribution, without any release, and by hand what is live after a release
// up to each of them.
type life struct {
	records []Contribution
	by      []int64
	amounts []int64 // -1 where the contribution is no Register
}

func drawLife(t *rapid.T) life {
	id, sequence := replica(0), rapid.Uint64Range(1, 5).Draw(t, "first sequence")
	var l life
	var c PNCounter
	for range rapid.IntRange(1, 7).Draw(t, "contributions") {
		by, amount := int64(0), int64(-1)
		if rapid.Bool().Draw(t, "register") {
			amount = rapid.Int64Range(0, 5).Draw(t, "amount")
			c = c.Put(c.Registering(id, sequence, amount))
		} else {
			by = rapid.Int64Range(-4, 4).Filter(func(v int64) bool { return v != 0 }).Draw(t, "by")
			c = c.Put(c.Adding(id, sequence, by))
		}
		l.records, l.by, l.amounts = append(l.records, c[0]), append(l.by, by), append(l.amounts, amount)
		sequence += rapid.Uint64Range(1, 3).Draw(t, "other events")
	}
	return l
}

// expect computes by hand the record of the first n contributions of which the
// first m are released.
func (l life) expect(n, m int) Contribution {
	last := l.records[max(n, m)-1]
	x := Contribution{Origin: last.Origin, Era: last.Era, Last: last.Last}
	for i := range max(n, m) {
		x.Total += l.by[i]
		if i < m {
			x.Watermark, x.Released = l.records[i].Last, x.Total
			continue
		}
		if l.by[i] > 0 || l.amounts[i] >= 0 {
			x.Added = l.records[i].Last
		}
		if l.amounts[i] >= 0 {
			x.Register, x.Amount = l.records[i].Last, l.amounts[i]
		}
	}
	return x
}

// Whatever records and releases of one era arrive, how often and in whatever
// order and grouping, the furthest of each is what counts.
func TestContribution_Join_AnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		index := rapid.IntRange(1, len(l.records))
		contributed := rapid.SliceOfN(index, 1, 6).Draw(t, "contributed")
		released := rapid.SliceOfN(index, 0, 6).Draw(t, "released")
		var arriving []Contribution
		for _, n := range contributed {
			arriving = append(arriving, l.records[n-1])
		}
		for _, m := range released {
			arriving = append(arriving, l.records[m-1].Release())
		}
		want := l.expect(slices.Max(contributed), slices.Max(append(released, 0)))
		for _, x := range []Contribution{
			joined(rapid.Permutation(arriving).Draw(t, "one order")),
			joined(append(rapid.Permutation(arriving).Draw(t, "twice"), arriving...)),
			grouped(rapid.Permutation(arriving).Draw(t, "in groups")),
		} {
			if err := x.Validate(); err != nil {
				t.Fatal(err)
			}
			if x != want {
				t.Fatalf("got  %+v\nwant %+v\nfrom %+v", x, want, arriving)
			}
		}
	})
}

func joined(arriving []Contribution) Contribution {
	var x Contribution
	for _, y := range arriving {
		x = x.Join(y)
	}
	return x
}

func grouped(arriving []Contribution) Contribution {
	if len(arriving) == 1 {
		return arriving[0]
	}
	half := len(arriving) / 2
	return grouped(arriving[half:]).Join(grouped(arriving[:half]))
}

// A later era replaces an earlier one whole, whatever had arrived of it.
func TestContribution_Join_LaterEra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		end := l.records[len(l.records)-1].Last
		next := PNCounter(nil).Adding(replica(0), end+rapid.Uint64Range(1, 3).Draw(t, "later"), 2)
		old := rapid.SampledFrom(l.records).Draw(t, "old")
		for _, x := range []Contribution{old, old.Release(), old.Join(l.records[0].Release())} {
			if x.Join(next) != next || next.Join(x) != next || x.Join(next.Release()) != next.Release() {
				t.Fatalf("%+v of an earlier era is left in the join with %+v", x, next)
			}
		}
	})
}

// drawValid draws any valid record of one origin, whether a history leads to
// it or not.
func drawValid(t *rapid.T, name string) Contribution {
	return rapid.Custom(func(t *rapid.T) Contribution {
		total := rapid.Int64Range(-2, 2)
		// between draws 0, which is always allowed, or one of [from, to].
		between := func(from, to uint64, name string) uint64 {
			if from > to || rapid.Bool().Draw(t, "no "+name) {
				return 0
			}
			return rapid.Uint64Range(from, to).Draw(t, name)
		}
		x := Contribution{Origin: replica(0), Era: rapid.Uint64Range(1, 2).Draw(t, "era"), Total: total.Draw(t, "total")}
		x.Last = rapid.Uint64Range(x.Era, 4).Draw(t, "last")
		if x.Watermark = between(x.Era, x.Last, "watermark"); x.Watermark == x.Last {
			x.Released = x.Total
		} else if x.Watermark > 0 {
			x.Released = total.Draw(t, "released")
		}
		x.Added = between(max(x.Era, x.Watermark+1), x.Last, "added")
		if x.Register = between(max(x.Era, x.Watermark+1), x.Added, "register"); x.Register > 0 {
			x.Amount = rapid.Int64Range(0, 2).Draw(t, "amount")
		}
		if err := x.Validate(); err != nil {
			t.Fatal(err)
		}
		return x
	}).Draw(t, name)
}

// Where a sequence was used twice, by a directory that was rolled back, two
// records may differ in anything. Replicas that exchange them still agree.
func TestContribution_Join_ReusedSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 30 {
			x, y := drawValid(t, "x"), drawValid(t, "y")
			xy := x.Join(y)
			if err := xy.Validate(); err != nil {
				t.Fatal(err)
			}
			if yx := y.Join(x); xy != yx || x.Join(x) != x || xy.Join(y) != xy || xy.Join(x) != xy {
				t.Fatalf("%+v and %+v join to\n%+v and\n%+v", x, y, xy, yx)
			}
		}
	})
}

// Each field alone decides where all before it are equal.
func TestContribution_Join_OneFieldDiffers(t *testing.T) {
	x := Contribution{
		Origin: replica(0), Era: 1, Last: 9, Total: 7,
		Added: 8, Register: 6, Amount: 4,
		Watermark: 5, Released: 2,
	}
	for _, change := range []func(*Contribution){
		func(x *Contribution) { x.Era++ },
		func(x *Contribution) { x.Last++ },
		func(x *Contribution) { x.Total++ },
		func(x *Contribution) { x.Added++ },
		func(x *Contribution) { x.Register++ },
		func(x *Contribution) { x.Amount++ },
		func(x *Contribution) { x.Released++ },
	} {
		y := x
		change(&y)
		if x.Join(y) != y || y.Join(x) != y {
			t.Errorf("%+v and\n%+v join to\n%+v and\n%+v", x, y, x.Join(y), y.Join(x))
		}
	}
}

func TestContribution_Release_TakesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		n := rapid.IntRange(1, len(l.records)).Draw(t, "contributed")
		m := rapid.IntRange(1, n).Draw(t, "released")
		x := l.records[n-1].Join(l.records[m-1].Release())
		var left int64
		for _, by := range l.by[m:n] {
			left += by
		}
		if x.Unreleased() != left || x.IsLive() != (n > m) {
			t.Fatalf("of %v, the first %d released, %d is left (live: %v), want %d", l.by[:n], m, x.Unreleased(), x.IsLive(), left)
		}
	})
}

// Each invariant is broken by itself, in a record that is valid otherwise.
func TestContribution_Validate(t *testing.T) {
	valid := Contribution{
		Origin: replica(0), Era: 3, Last: 9, Total: 7,
		Added: 8, Register: 6, Amount: 4,
		Watermark: 5, Released: 2,
	}
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		invariant string
		breakIt   func(*Contribution)
	}{
		{"origin", func(x *Contribution) { x.Origin = ReplicaID{} }},
		{"C1", func(x *Contribution) { x.Era = 0 }},
		{"C1", func(x *Contribution) { x.Era = 10 }},
		{"C1", func(x *Contribution) { x.Watermark = 2 }},
		{"C2", func(x *Contribution) { x.Watermark = 10 }},
		{"C2", func(x *Contribution) { x.Watermark = 9 }},
		{"C3", func(x *Contribution) { x.Added = 10 }},
		{"C3", func(x *Contribution) { x.Added = 5 }},
		{"C3", func(x *Contribution) { x.Watermark, x.Released, x.Added = 0, 0, 2 }},
		{"C4", func(x *Contribution) { x.Register = 9 }},
		{"C4", func(x *Contribution) { x.Register = 5 }},
		{"C4", func(x *Contribution) { x.Added = 0 }},
		{"C5", func(x *Contribution) { x.Amount = -1 }},
		{"C5", func(x *Contribution) { x.Register = 0 }},
		{"C5", func(x *Contribution) { x.Watermark = 0 }},
		{"C6", func(x *Contribution) { x.Total = TotalMax + 1 }},
		{"C6", func(x *Contribution) { x.Released = -TotalMax - 1 }},
		{"C6", func(x *Contribution) { x.Amount = TotalMax + 1 }},
		{"C6", func(x *Contribution) { x.Total = -1 << 63 }},
	} {
		x := valid
		c.breakIt(&x)
		if err := x.Validate(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.invariant) {
			t.Errorf("%+v: %v, want one of %s", x, err, c.invariant)
		}
	}
}
