package crdt_test

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// registerWrites are the writes of an MVRegister, by itself or as a value of a
// map.
func registerWrites[S Resettable[S]](w *world[S], keys []string, update func(S, string, func(*MVRegister[int]) *MVRegister[int]) S) map[string]func(*rapid.T) {
	write := func(t *rapid.T, s *site[S], e event, change func(*MVRegister[int]) *MVRegister[int]) {
		e.takes = w.liveKey(s.known, e.key)
		w.write(t, s, setOf(w.note(e)), func(state S) S { return update(state, e.key, change) })
	}
	return map[string]func(*rapid.T){
		"write": func(t *rapid.T) {
			s, key, v := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key"), rapid.IntRange(0, 9).Draw(t, "value")
			e := event{verb: "write", site: slices.Index(w.sites, s), key: key, value: v}
			write(t, s, e, func(g *MVRegister[int]) *MVRegister[int] { return g.Write(s.id, v) })
		},
		"clear": func(t *rapid.T) {
			s, key := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key")
			write(t, s, event{verb: "take", key: key}, (*MVRegister[int]).Clear)
		},
	}
}

// registerOracle reads by replica, and what one replica wrote in its order,
// which is that of the book.
func registerOracle[S Resettable[S]](w *world[S], known events, key string) string {
	live := w.liveKey(known, key)
	slices.SortStableFunc(live, func(a, b int) int {
		return replica(w.book[a].site).Compare(replica(w.book[b].site))
	})
	var values []int
	for _, id := range live {
		values = append(values, w.book[id].value)
	}
	return setText(values)
}

var worldOfRegisters = kind[*MVRegister[int]]{
	sites: 3,
	writes: func(w *world[*MVRegister[int]]) map[string]func(*rapid.T) {
		return registerWrites(w, []string{""}, func(g *MVRegister[int], _ string, change func(*MVRegister[int]) *MVRegister[int]) *MVRegister[int] {
			return change(g)
		})
	},
	view:   func(g *MVRegister[int]) string { return setText(g.Values()) },
	oracle: func(w *world[*MVRegister[int]], known events) string { return registerOracle(w, known, "") },
}

func TestMVRegister_View_MatchesHistory(t *testing.T) { worldOfRegisters.checkHistory(t) }

func TestMVRegister_Join_Laws(t *testing.T) { worldOfRegisters.checkLaws(t) }

func TestMVRegister_Load_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldOfRegisters.run(t, func(*rapid.T, *world[*MVRegister[int]]) {})
		for _, m := range w.all() {
			loaded, err := LoadMVRegister(m.state.Seen(), m.state.All())
			if err != nil || show(loaded) != show(m.state) {
				t.Fatalf("loaded %v, %v", loaded, err)
			}
		}
	})
}

func TestMVRegister_Load_Invalid(t *testing.T) {
	unseen := maps.All(map[Dot]string{{replica(0), 1}: "x"})
	if _, err := LoadMVRegister(&DotContext{}, unseen); !errors.Is(err, ErrInvalid) {
		t.Errorf("a value that was never written: %v", err)
	}
}

// What Values returns is ordered by the Writes, not by arrival.
func TestMVRegister_Values_Order(t *testing.T) {
	sites := []int{0, 1, 2, 3, 4}
	var writes []*MVRegister[int]
	for _, i := range sites {
		writes = append(writes, new(MVRegister[int]).Write(replica(i), i))
	}
	want := slices.SortedFunc(slices.Values(sites), func(a, b int) int {
		return cmp.Or(replica(a).Compare(replica(b)), cmp.Compare(a, b))
	})
	rapid.Check(t, func(t *rapid.T) {
		var g MVRegister[int]
		for _, i := range rapid.Permutation(sites).Draw(t, "arrival") {
			g.Join(writes[i])
		}
		if got := g.Values(); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}
