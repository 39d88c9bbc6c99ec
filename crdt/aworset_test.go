package crdt_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// setWrites are the writes of an AWORSet, by itself or as a value of a map:
// update makes a change of the set under a key.
func setWrites[S Resettable[S]](w *world[S], keys []string, update func(S, string, func(*AWORSet[int]) *AWORSet[int]) S) map[string]func(*rapid.T) {
	element := rapid.IntRange(0, 3)
	write := func(t *rapid.T, s *site[S], e event, change func(*AWORSet[int]) *AWORSet[int]) {
		w.write(t, s, setOf(w.note(e)), func(state S) S { return update(state, e.key, change) })
	}
	liveElement := func(s *site[S], key string, value int) []int {
		return slices.DeleteFunc(w.liveKey(s.known, key), func(id int) bool { return w.book[id].value != value })
	}
	return map[string]func(*rapid.T){
		"add": func(t *rapid.T) {
			s, key, e := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key"), element.Draw(t, "element")
			write(t, s, event{verb: "add", key: key, value: e, takes: liveElement(s, key, e)},
				func(set *AWORSet[int]) *AWORSet[int] { return set.Add(s.id, e) })
		},
		"remove": func(t *rapid.T) {
			s, key, e := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key"), element.Draw(t, "element")
			write(t, s, event{verb: "take", key: key, takes: liveElement(s, key, e)},
				func(set *AWORSet[int]) *AWORSet[int] { return set.Remove(e) })
		},
		"clear": func(t *rapid.T) {
			s, key := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key")
			write(t, s, event{verb: "take", key: key, takes: w.liveKey(s.known, key)}, (*AWORSet[int]).Clear)
		},
	}
}

func setOracle[S Resettable[S]](w *world[S], known events, key string) string {
	var elements events // by their values
	for _, id := range w.liveKey(known, key) {
		elements.add(w.book[id].value)
	}
	return setText(slices.Collect(elements.all()))
}

func setText(elements []int) string {
	if len(elements) == 0 {
		return ""
	}
	return fmt.Sprint(elements)
}

var worldOfSets = kind[*AWORSet[int]]{
	sites: 3,
	writes: func(w *world[*AWORSet[int]]) map[string]func(*rapid.T) {
		return setWrites(w, []string{""}, func(s *AWORSet[int], _ string, change func(*AWORSet[int]) *AWORSet[int]) *AWORSet[int] {
			return change(s)
		})
	},
	view:   func(s *AWORSet[int]) string { return setText(s.Elements()) },
	oracle: func(w *world[*AWORSet[int]], known events) string { return setOracle(w, known, "") },
}

func TestAWORSet_View_MatchesHistory(t *testing.T) { worldOfSets.checkHistory(t) }

func TestAWORSet_Join_Laws(t *testing.T) { worldOfSets.checkLaws(t) }

func TestAWORSet_Load_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldOfSets.run(t, func(*rapid.T, *world[*AWORSet[int]]) {})
		for _, m := range w.all() {
			loaded, err := LoadAWORSet(m.state.Seen(), m.state.All())
			if err != nil || !loaded.Equal(m.state) || show(loaded) != show(m.state) {
				t.Fatalf("loaded %v, %v", loaded, err)
			}
		}
	})
}

func TestAWORSet_Load_Invalid(t *testing.T) {
	a := Dot{replica(0), 1}
	var seen DotContext
	seen.Insert(a)
	twice := func(yield func(Dot, float64) bool) { _ = yield(a, 1) && yield(a, 2) }
	unseen := maps.All(map[Dot]float64{{replica(1), 1}: 1})
	nan := maps.All(map[Dot]float64{a: math.NaN()})
	for name, err := range map[string]error{
		"dot twice":  second(LoadAWORSet(&seen, twice)),
		"unseen dot": second(LoadAWORSet(&seen, unseen)),
		"NaN":        second(LoadAWORSet(&seen, nan)),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[A any](_ A, err error) error { return err }

func TestAWORSet_Add_Panics(t *testing.T) {
	mustPanic(t, "NaN", func() { new(AWORSet[float64]).Add(replica(0), math.NaN()) })
	mustPanic(t, "zero replica", func() { new(AWORSet[int]).Add(ReplicaID{}, 1) })
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: did not panic", what)
		}
	}()
	f()
}

// An Add replaces the dots it observes, and what is removed leaves nothing: a
// set that is written to for ever does not grow.
func TestAWORSet_Add_DoesNotGrow(t *testing.T) {
	var s AWORSet[string]
	for i := range 1000 {
		s.Add(replica(i%3), "x")
		s.Add(replica(i%2), "y")
		s.Remove("y")
	}
	live, runs := 0, 0
	for range s.All() {
		live++
	}
	for range s.Seen().Runs() {
		runs++
	}
	if live != 1 || runs != 3 {
		t.Errorf("after 3000 operations %d dots are live and the context has %d runs, want 1 and 3", live, runs)
	}
}

func TestAWORSet_Contains(t *testing.T) {
	var s AWORSet[int]
	s.Add(replica(0), 1)
	s.Add(replica(0), 2)
	s.Join(new(AWORSet[int]).Add(replica(1), 2))
	copied := s.Clone()
	copied.Remove(1)
	if !s.Contains(1) || copied.Contains(1) || !copied.Contains(2) || s.Len() != 2 || copied.Len() != 1 {
		t.Errorf("the set is %s, its copy without 1 %s", show(&s), show(copied))
	}
}

// Two states that have seen the same and hold as much may still differ.
func TestAWORSet_Equal_OtherElements(t *testing.T) {
	var both AWORSet[string]
	both.Add(replica(0), "x")
	both.Add(replica(1), "y")
	onlyX, onlyY := both.Clone(), both.Clone()
	onlyX.Remove("y")
	onlyY.Remove("x")
	if onlyX.Equal(onlyY) || onlyX.Equal(&both) || !onlyX.Equal(onlyX.Clone()) {
		t.Errorf("Equal confuses %q and %q", onlyX.Elements(), onlyY.Elements())
	}
}

// A Join looks through the shorter of what is live here and what was seen
// there. One that went through everything seen here would not end.
func TestAWORSet_Join_HugeContext(t *testing.T) {
	var seen DotContext
	seen.InsertVector(Context{replica(0): 1 << 60})
	cleared, err := LoadAWORSet(&seen, maps.All(map[Dot]string{}))
	if err != nil {
		t.Fatal(err)
	}
	var s AWORSet[string]
	s.Add(replica(0), "x")
	s.Add(replica(1), "y")
	if got := s.Join(cleared).Elements(); !slices.Equal(got, []string{"y"}) {
		t.Errorf("left are %q, want y", got)
	}
}

// The cost of a delta does not grow with the set it is joined to.
func BenchmarkAWORSet_Join(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var here, there AWORSet[int]
			for i := range size {
				there.Join(here.Add(replica(0), i))
			}
			for i := 0; b.Loop(); i++ {
				there.Join(here.Add(replica(0), i%size))
			}
		})
	}
}
