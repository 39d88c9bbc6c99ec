package crdt_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// dumb is a DotContext without any idea: the set of its dots.
type dumb map[Dot]struct{}

func (s dumb) context() *DotContext {
	var c DotContext
	for d := range s {
		c.Insert(d)
	}
	return &c
}

func drawDots(t *rapid.T, name string) dumb {
	s := dumb{}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 23), 0, 24).Draw(t, name) {
		s[Dot{replica(i % 2), uint64(i/2) + 1}] = struct{}{}
	}
	return s
}

func TestDotContext_MatchesSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dotsA, dotsB := drawDots(t, "a"), drawDots(t, "b")
		a, b := dotsA.context(), dotsB.context()
		both := maps.Clone(dotsA)
		maps.Copy(both, dotsB)
		joined := a.Clone()
		joined.Join(b)
		isSubset := true
		for d := range dotsA {
			_, ok := dotsB[d]
			isSubset = isSubset && ok
		}
		if got, want := a.Leq(b), isSubset; got != want {
			t.Fatalf("%s ≤ %s: %v", a, b, got)
		}
		if got, want := a.Equal(b), maps.Equal(dotsA, dotsB); got != want {
			t.Fatalf("%s = %s: %v", a, b, got)
		}
		for _, x := range []struct {
			context *DotContext
			dots    dumb
		}{{a, dotsA}, {b, dotsB}, {joined, both}} {
			checkContext(t, x.context, x.dots)
		}
	})
}

func checkContext(t *rapid.T, c *DotContext, dots dumb) {
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Len() != uint64(len(dots)) || c.IsZero() != (len(dots) == 0) {
		t.Fatalf("%s has %d dots, want %d", c, c.Len(), len(dots))
	}
	vector := c.Vector()
	for i := range 2 {
		last, gapless := uint64(0), true
		for sequence := uint64(1); sequence <= 13; sequence++ {
			d := Dot{replica(i), sequence}
			_, ok := dots[d]
			if c.Covers(d) != ok {
				t.Fatalf("%s covers %s: %v", c, d, !ok)
			}
			gapless = gapless && ok
			if vector.Covers(d) != gapless {
				t.Fatalf("the vector of %s is %s", c, vector)
			}
			if ok {
				last = sequence
			}
		}
		if next := c.Next(replica(i)); next != (Dot{replica(i), last + 1}) {
			t.Fatalf("after %s comes %s", c, next)
		}
	}
	if loaded, err := LoadDotContext(c.Runs()); err != nil || !loaded.Equal(c) {
		t.Fatalf("loaded %s, %v, want %s", loaded, err, c)
	}
}

// A gap costs one run, and none once it is closed.
func TestDotContext_Insert_Compacts(t *testing.T) {
	var c DotContext
	for sequence := uint64(2); sequence <= 2000; sequence += 2 {
		c.Insert(Dot{replica(0), sequence})
	}
	if n := len(slices.Collect(runsOf(&c))); n != 1000 {
		t.Errorf("%d runs with 1000 gaps", n)
	}
	for sequence := uint64(1); sequence < 2000; sequence += 2 {
		c.Insert(Dot{replica(0), sequence})
	}
	if got := slices.Collect(runsOf(&c)); !slices.Equal(got, []Run{{1, 2000}}) {
		t.Errorf("without gaps the runs are %v", got)
	}
}

func runsOf(c *DotContext) func(func(Run) bool) {
	return func(yield func(Run) bool) {
		for _, x := range c.Runs() {
			if !yield(x) {
				return
			}
		}
	}
}

func TestDotContext_InsertVector(t *testing.T) {
	var c DotContext
	c.Insert(Dot{replica(0), 4})
	c.InsertVector(Context{replica(0): 3, replica(1): 2})
	if want := (Context{replica(0): 4, replica(1): 2}); !c.Vector().Equal(want) {
		t.Errorf("the vector is %s, want %s", c.Vector(), want)
	}
}

// The ends of the number line.
func TestDotContext_LargestSequence(t *testing.T) {
	const top = math.MaxUint64
	var c DotContext
	c.Insert(Dot{replica(0), top})
	c.Insert(Dot{replica(0), top - 1})
	if c.String() != replica(0).String()+":18446744073709551614-18446744073709551615" {
		t.Errorf("the context is %s", &c)
	}
	mustPanic(t, "no next event", func() { c.Next(replica(0)) })
	c.InsertVector(Context{replica(0): top - 2, replica(1): 5})
	if c.Len() != top || !c.Covers(Dot{replica(0), 1}) || c.Covers(Dot{replica(0), 0}) {
		t.Errorf("%s has %d events", &c, c.Len())
	}
}

func TestDotContext_Panics(t *testing.T) {
	mustPanic(t, "no replica", func() { new(DotContext).Insert(Dot{Sequence: 1}) })
	mustPanic(t, "no sequence", func() { new(DotContext).Insert(Dot{Replica: replica(0)}) })
	mustPanic(t, "nobody's next", func() { new(DotContext).Next(ReplicaID{}) })
}

func TestDotContext_Load_Invalid(t *testing.T) {
	for name, runs := range map[string][]Run{
		"sequence 0": {{0, 1}},
		"reversed":   {{3, 2}},
		"touching":   {{1, 2}, {3, 4}},
		"overlap":    {{1, 3}, {2, 4}},
		"descending": {{5, 6}, {1, 2}},
	} {
		all := func(yield func(ReplicaID, Run) bool) {
			for _, x := range runs {
				if !yield(replica(0), x) {
					return
				}
			}
		}
		if c, err := LoadDotContext(all); !errors.Is(err, ErrInvalid) || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	if _, err := LoadDotContext(maps.All(map[ReplicaID]Run{{}: {1, 1}})); !errors.Is(err, ErrInvalid) {
		t.Errorf("zero replica: %v", err)
	}
}
