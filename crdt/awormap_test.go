package crdt_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

type (
	mapOfCounters  = *AWORMap[string, PNCounter]
	mapOfSets      = *AWORMap[string, *AWORSet[int]]
	mapOfRegisters = *AWORMap[string, *MVRegister[int]]
	mapOfMaps      = *AWORMap[string, *AWORMap[string, PNCounter]]
)

var twoKeys = []string{"a", "b"}

// mapActions are the writes of a map of sets or registers, beside those of its
// values: Remove of a key and Clear of all.
func mapActions[V Resettable[V]](w *world[*AWORMap[string, V]]) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"remove key": func(t *rapid.T) {
			s, key := w.draw(t), rapid.SampledFrom(twoKeys).Draw(t, "key")
			id := w.note(event{verb: "take", key: key, takes: w.liveKey(s.known, key)})
			w.write(t, s, setOf(id), func(m *AWORMap[string, V]) *AWORMap[string, V] { return m.Remove(key) })
		},
		"clear map": func(t *rapid.T) {
			s := w.draw(t)
			id := w.note(event{verb: "take", takes: w.live(s.known)})
			w.write(t, s, setOf(id), (*AWORMap[string, V]).Clear)
		},
	}
}

func and(a, b map[string]func(*rapid.T)) map[string]func(*rapid.T) {
	maps.Copy(a, b)
	return a
}

// mapView writes the keys that are present with what their values show, read
// by Keys and Get as a user would.
func mapView[V Resettable[V]](m *AWORMap[string, V], view func(V) string) string {
	var parts []string
	for _, key := range m.Keys() {
		v, ok := m.Get(key)
		if !ok || !m.Contains(key) {
			parts = append(parts, key+" is listed but not there")
		}
		parts = append(parts, key+"="+view(v))
	}
	return strings.Join(parts, " ")
}

func mapOracle[S Resettable[S]](w *world[S], known events, keys []string, oracle func(*world[S], events, string) string) string {
	var parts []string
	for _, key := range keys {
		if shown := oracle(w, known, key); shown != "" {
			parts = append(parts, key+"="+shown)
		}
	}
	return strings.Join(parts, " ")
}

var worldOfSetMaps = kind[mapOfSets]{
	sites: 3,
	writes: func(w *world[mapOfSets]) map[string]func(*rapid.T) {
		return and(mapActions(w), setWrites(w, twoKeys, mapOfSets.Update))
	},
	view: func(m mapOfSets) string {
		return mapView(m, func(s *AWORSet[int]) string { return setText(s.Elements()) })
	},
	oracle: func(w *world[mapOfSets], known events) string { return mapOracle(w, known, twoKeys, setOracle) },
}

var worldOfRegisterMaps = kind[mapOfRegisters]{
	sites: 3,
	writes: func(w *world[mapOfRegisters]) map[string]func(*rapid.T) {
		return and(mapActions(w), registerWrites(w, twoKeys, mapOfRegisters.Update))
	},
	view: func(m mapOfRegisters) string {
		return mapView(m, func(g *MVRegister[int]) string { return setText(g.Values()) })
	},
	oracle: func(w *world[mapOfRegisters], known events) string {
		return mapOracle(w, known, twoKeys, registerOracle)
	},
}

var worldOfCounterMaps = kind[mapOfCounters]{
	sites: 3,
	writes: func(w *world[mapOfCounters]) map[string]func(*rapid.T) {
		return and(counterWrites(w, twoKeys, mapOfCounters.Update, mapOfCounters.Remove),
			map[string]func(*rapid.T){
				"clear map": func(t *rapid.T) {
					s := w.draw(t)
					parts := union(w.noteReleases(s, "a"), w.noteReleases(s, "b"))
					w.write(t, s, parts, mapOfCounters.Clear)
				},
			})
	},
	view:   func(m mapOfCounters) string { return mapView(m, counterText) },
	oracle: func(w *world[mapOfCounters], known events) string { return mapOracle(w, known, twoKeys, counterOracle) },
}

// In a map of maps the key of an event is the path "outer/inner".
var (
	paths         = []string{"x/a", "x/b", "y/a"}
	worldOfNested = kind[mapOfMaps]{
		sites: 3,
		writes: func(w *world[mapOfMaps]) map[string]func(*rapid.T) {
			inner := func(m mapOfMaps, path string, change func(mapOfCounters) mapOfCounters) mapOfMaps {
				return m.Update(path[:1], change)
			}
			update := func(m mapOfMaps, path string, change func(PNCounter) PNCounter) mapOfMaps {
				return inner(m, path, func(c mapOfCounters) mapOfCounters { return c.Update(path[2:], change) })
			}
			remove := func(m mapOfMaps, path string) mapOfMaps {
				return inner(m, path, func(c mapOfCounters) mapOfCounters { return c.Remove(path[2:]) })
			}
			return and(counterWrites(w, paths, update, remove), map[string]func(*rapid.T){
				"remove outer": func(t *rapid.T) {
					s := w.draw(t)
					parts := union(w.noteReleases(s, "x/a"), w.noteReleases(s, "x/b"))
					w.write(t, s, parts, func(m mapOfMaps) mapOfMaps { return m.Remove("x") })
				},
			})
		},
		view: func(m mapOfMaps) string {
			var parts []string
			for _, outer := range m.Keys() {
				inner, _ := m.Get(outer)
				for _, key := range inner.Keys() {
					c, _ := inner.Get(key)
					parts = append(parts, outer+"/"+key+"="+counterText(c))
				}
			}
			return strings.Join(parts, " ")
		},
		oracle: func(w *world[mapOfMaps], known events) string { return mapOracle(w, known, paths, counterOracle) },
	}
)

func TestAWORMap_View_MatchesHistory(t *testing.T) {
	t.Run("of counters", worldOfCounterMaps.checkHistory)
	t.Run("of sets", worldOfSetMaps.checkHistory)
	t.Run("of registers", worldOfRegisterMaps.checkHistory)
	t.Run("of maps", worldOfNested.checkHistory)
}

func TestAWORMap_Join_Laws(t *testing.T) {
	t.Run("of counters", worldOfCounterMaps.checkLaws)
	t.Run("of sets", worldOfSetMaps.checkLaws)
	t.Run("of registers", worldOfRegisterMaps.checkLaws)
	t.Run("of maps", worldOfNested.checkLaws)
}

func TestAWORMap_Load_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldOfSetMaps.run(t, func(*rapid.T, *world[mapOfSets]) {})
		for _, m := range w.all() {
			loaded, err := LoadAWORMap(m.state.All())
			if err != nil || !loaded.Equal(m.state) || show(loaded) != show(m.state) {
				t.Fatalf("loaded %v, %v", loaded, err)
			}
			loaded.Update("a", func(s *AWORSet[int]) *AWORSet[int] { return s.Add(replica(9), 1) })
			if loaded.Equal(m.state) {
				t.Fatal("the loaded map shares its values with what it was loaded from")
			}
		}
	})
}

func TestAWORMap_Load_Invalid(t *testing.T) {
	one := PNCounter{PNCounter(nil).Adding(replica(0), 1, 1)}
	twice := func(yield func(float64, PNCounter) bool) {
		if yield(1, one) {
			yield(1, one)
		}
	}
	for name, err := range map[string]error{
		"key twice":     second(LoadAWORMap(twice)),
		"NaN":           second(LoadAWORMap(maps.All(map[float64]PNCounter{math.NaN(): one}))),
		"zero value":    second(LoadAWORMap(maps.All(map[int]PNCounter{1: nil}))),
		"nil value":     second(LoadAWORMap(maps.All(map[int]*AWORSet[int]{1: nil}))),
		"invalid value": second(LoadAWORMap(maps.All(map[int]PNCounter{1: {{}}}))),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWORMap_Update_Panics(t *testing.T) {
	mustPanic(t, "NaN", func() {
		new(AWORMap[float64, PNCounter]).Update(math.NaN(), func(c PNCounter) PNCounter { return c })
	})
}

// A change that does nothing leaves no trace, not even a key.
func TestAWORMap_Update_Nothing(t *testing.T) {
	var m AWORMap[string, *AWORSet[int]]
	for name, delta := range map[string]mapOfSets{
		"removing what is not there": m.Update("a", func(s *AWORSet[int]) *AWORSet[int] { return s.Remove(1) }),
		"a nil delta":                m.Update("a", func(*AWORSet[int]) *AWORSet[int] { return nil }),
		"removing no key":            m.Remove("a"),
		"clearing nothing":           m.Clear(),
	} {
		if !delta.IsZero() || !m.IsZero() {
			t.Errorf("%s: the delta is %s, the map %s", name, show(delta), show(&m))
		}
	}
}

// Removing a key resets its value also where another replica has updated it:
// the deltas of Remove and Clear carry what they took.
func TestAWORMap_Remove_ConcurrentIncrease(t *testing.T) {
	id := replica(0)
	add := func(m mapOfCounters, sequence uint64, by int64) mapOfCounters {
		return m.Update("k", func(c PNCounter) PNCounter { return PNCounter{c.Adding(id, sequence, by)} })
	}
	for name, remove := range map[string]func(mapOfCounters) mapOfCounters{
		"remove": func(m mapOfCounters) mapOfCounters { return m.Remove("k") },
		"clear":  mapOfCounters.Clear,
	} {
		var here, there AWORMap[string, PNCounter]
		there.Join(add(&here, 1, 5))
		removed := remove(&there)
		if there.Contains("k") || there.IsVisible() || len(there.Keys()) > 0 {
			t.Errorf("%s: the key is still present", name)
		}
		increased := add(&here, 2, 2)
		here.Join(removed)
		there.Join(increased)
		for _, m := range []mapOfCounters{&here, &there} {
			if c, _ := m.Get("k"); c.Value() != 2 {
				t.Errorf("%s: %d is shown, want the 2 that was concurrent with it", name, c.Value())
			}
		}
		if !here.Equal(&there) {
			t.Errorf("%s: the replicas differ", name)
		}
	}
}

// What is left of a key does not grow with what was done to it.
func TestAWORMap_Remove_Residue(t *testing.T) {
	var m AWORMap[string, PNCounter]
	for i := range 300 {
		id := replica(i % 3)
		m.Update("k", func(c PNCounter) PNCounter { return PNCounter{c.Adding(id, uint64(i+1), 1)} })
		m.Remove("k")
	}
	for key, left := range m.All() {
		if len(left) != 3 || left.IsLive() {
			t.Errorf("300 updates and removes left %d records of 3 origins under %q: %+v", len(left), key, left)
		}
	}
	if keys := slices.Collect(maps.Keys(maps.Collect(m.All()))); len(keys) != 1 {
		t.Errorf("keys: %v", keys)
	}
}
