package crdt_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// An event is one entry in the oracle's book of everything that ever happened.
// Nothing in it is a dot, a context or a watermark: it says what was written
// and which earlier events it takes back.
type event struct {
	// site and sequence say who wrote it and when, key and value what: what
	// they mean depends on the type.
	site     int
	sequence uint64
	key      string
	value    int
	verb     string
	// takes are the events it replaces or removes: exactly what its site had
	// observed live.
	takes []int
}

// site is one replica: its state, and what the oracle knows it has seen.
type site[S any] struct {
	id       ReplicaID
	sequence uint64
	state    S
	known    events
}

// message is a delta on its way, or a whole state. It is never used up, so it
// may arrive late, again, or never.
type message[S any] struct {
	state S
	known events
}

// GoString keeps what rapid prints readable.
func (s *site[S]) GoString() string { return s.id.String()[:4] }

// GoString keeps what rapid prints readable.
func (m message[S]) GoString() string {
	return fmt.Sprint(slices.Collect(m.known.all()), " ", show(m.state))
}

// world is a random history of a few sites, each with its state of the type
// under test beside the oracle's set of events.
type world[S Resettable[S]] struct {
	sites    []*site[S]
	messages []message[S]
	book     []event
}

func newWorld[S Resettable[S]](sites int) *world[S] {
	w := &world[S]{}
	for i := range sites {
		var zero S
		w.sites = append(w.sites, &site[S]{id: replica(i), state: zero.Join(zero)})
	}
	return w
}

// replica returns the id of a site. Their order is not that of the sites, so
// that nothing passes by having been written in order.
func replica(i int) ReplicaID { return ReplicaID{byte(7*i%5 + 1), byte(i)} }

func clone[S Resettable[S]](s S) S {
	var zero S
	return zero.Join(s)
}

// live returns what was written in the given events and not taken back in
// them, in the order of the book.
func (w *world[S]) live(known events) []int {
	var taken events
	for id := range known.all() {
		for _, other := range w.book[id].takes {
			taken.add(other)
		}
	}
	var live []int
	for id := range known.all() {
		if !taken.has(id) && w.book[id].verb != "take" {
			live = append(live, id)
		}
	}
	return live
}

// liveKey is live, of one key.
func (w *world[S]) liveKey(known events, key string) []int {
	return slices.DeleteFunc(w.live(known), func(id int) bool { return w.book[id].key != key })
}

// note enters an event of s in the book and returns its index.
func (w *world[S]) note(e event) int {
	e.takes = slices.Clone(e.takes)
	w.book = append(w.book, e)
	return len(w.book) - 1
}

// write changes the state of s. The change returns the delta, and the known
// events are what the delta stands for.
func (w *world[S]) write(t *rapid.T, s *site[S], known events, change func(S) S) {
	before := clone(s.state)
	delta := change(s.state)
	s.state = s.state.Join(delta)
	if got := clone(before).Join(delta); !got.Equal(s.state) {
		t.Fatalf("L4: joining the delta gave\n%v\nthe change\n%v\nfrom\n%v", show(got), show(s.state), show(before))
	}
	if got := clone(s.state).Join(before); !got.Equal(s.state) {
		t.Fatalf("L5: the change is no inflation:\n%v\nfrom\n%v", show(s.state), show(before))
	}
	s.known = union(s.known, known)
	w.messages = append(w.messages, message[S]{delta, known})
}

// draw returns one of the sites.
func (w *world[S]) draw(t *rapid.T) *site[S] { return rapid.SampledFrom(w.sites).Draw(t, "site") }

// actions are what happens between sites, whatever the type.
func (w *world[S]) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"deliver": func(t *rapid.T) {
			if len(w.messages) == 0 {
				return
			}
			s, m := w.draw(t), rapid.SampledFrom(w.messages).Draw(t, "message")
			s.state = s.state.Join(m.state)
			s.known = union(s.known, m.known)
		},
		"meet": func(t *rapid.T) {
			s, other := w.draw(t), w.draw(t)
			s.state = s.state.Join(other.state)
			s.known = union(s.known, other.known)
		},
		"group": func(t *rapid.T) {
			if len(w.messages) == 0 {
				return
			}
			a := rapid.SampledFrom(w.messages).Draw(t, "a")
			b := rapid.SampledFrom(w.messages).Draw(t, "b")
			w.messages = append(w.messages, message[S]{clone(a.state).Join(b.state), union(a.known, b.known)})
		},
	}
}

// all returns every state there is: of sites, deltas and groups of deltas.
func (w *world[S]) all() []message[S] {
	all := slices.Clone(w.messages)
	for _, s := range w.sites {
		all = append(all, message[S]{s.state, s.known})
	}
	return all
}

// kind is a type under test: its writes, what a reader sees of a state, and
// what he ought to see according to the oracle.
type kind[S Resettable[S]] struct {
	sites  int
	writes func(w *world[S]) map[string]func(*rapid.T)
	view   func(S) string
	oracle func(w *world[S], known events) string
}

// run plays a random history, with check after every step.
func (k kind[S]) run(t *rapid.T, check func(*rapid.T, *world[S])) *world[S] {
	w := newWorld[S](k.sites)
	actions := w.actions()
	maps.Copy(actions, k.writes(w))
	actions[""] = func(t *rapid.T) { check(t, w) }
	t.Repeat(actions)
	return w
}

// checkHistory holds every state of every site against the oracle, all along,
// and in the end those of all messages too, and of all of it together.
func (k kind[S]) checkHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compare := func(t *rapid.T, w *world[S], m message[S]) {
			if err := m.state.Validate(); err != nil {
				t.Fatal(err)
			}
			got, want := k.view(m.state), k.oracle(w, m.known)
			if got != want {
				t.Fatalf("the state shows %q, all events %q:\n%s", got, want, show(m.state))
			}
			if m.state.IsVisible() != (want != "") {
				t.Fatalf("visible: %v, but it shows %q", m.state.IsVisible(), got)
			}
		}
		w := k.run(t, func(t *rapid.T, w *world[S]) {
			for _, s := range w.sites {
				compare(t, w, message[S]{s.state, s.known})
			}
		})
		var sum message[S]
		for _, m := range w.all() {
			compare(t, w, m)
			sum = message[S]{sum.state.Join(m.state), union(sum.known, m.known)}
		}
		compare(t, w, message[S]{clone(sum.state), sum.known})
	})
}

// checkLaws draws states from a random history and holds them to the laws.
func (k kind[S]) checkLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := k.run(t, func(*rapid.T, *world[S]) {})
		states := rapid.SampledFrom(w.all())
		for range 8 {
			a, b, c := states.Draw(t, "a").state, states.Draw(t, "b").state, states.Draw(t, "c").state
			checkJoin(t, a, b, c)
			checkReset(t, a)
		}
	})
}

func checkJoin[S Resettable[S]](t *rapid.T, a, b, c S) {
	before := clone(b)
	join := func(x, y S) S { return clone(x).Join(y) }
	equal := func(law string, x, y S) {
		if !x.Equal(y) || !y.Equal(x) || show(x) != show(y) {
			t.Fatalf("%s:\n%s\n%s\nwith a, b, c =\n%s\n%s\n%s", law, show(x), show(y), show(a), show(b), show(c))
		}
		if err := x.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	equal("L1: commutative", join(a, b), join(b, a))
	equal("L2: associative", join(join(a, b), c), join(a, join(b, c)))
	equal("L3: idempotent", join(a, a), a)
	equal("the least upper bound is above", join(join(a, b), b), join(a, b))
	equal("b was written to", before, b)
	var zero S
	equal("zero is the least", join(zero, a), a)
	if !clone(zero).IsZero() || a.Equal(clone(zero)) != a.IsZero() {
		t.Fatalf("is zero: %v, of %s", a.IsZero(), show(a))
	}
	if ab := join(a, b); ab.Equal(a) != (show(ab) == show(a)) {
		t.Fatalf("equal: %v, but\n%s\n%s", ab.Equal(a), show(ab), show(a))
	}
}

// checkReset holds the observed reset to what Resettable demands of it.
func checkReset[S Resettable[S]](t *rapid.T, a S) {
	before, reset := clone(a), a.Releasing()
	if err := reset.Validate(); err != nil {
		t.Fatal(err)
	}
	if !a.Equal(before) {
		t.Fatalf("Releasing changed\n%s\nto\n%s", show(before), show(a))
	}
	if after := clone(a).Join(reset); after.IsVisible() || !after.Releasing().IsZero() {
		t.Fatalf("after its own reset there is left\n%s\nof\n%s", show(after), show(a))
	}
}

// show writes a state in full, so that states that differ in anything differ
// in their text.
func show(state any) string {
	switch s := state.(type) {
	case PNCounter:
		return fmt.Sprintf("%+v", []Contribution(s))
	case *AWORSet[int]:
		return fmt.Sprint(pairs(s.All()), s.Elements(), s.Seen())
	case *MVRegister[int]:
		return fmt.Sprint(pairs(s.All()), s.Values(), s.Seen())
	case *AWORMap[string, PNCounter]:
		return showMap(s)
	case *AWORMap[string, *AWORSet[int]]:
		return showMap(s)
	case *AWORMap[string, *MVRegister[int]]:
		return showMap(s)
	case *AWORMap[string, *AWORMap[string, PNCounter]]:
		return showMap(s)
	}
	panic(fmt.Sprintf("cannot show %T", state))
}

func showMap[V Resettable[V]](m *AWORMap[string, V]) string {
	out := ""
	for key, v := range m.All() {
		out += fmt.Sprintf("%s{%s} ", key, show(v))
	}
	return out
}

func pairs[A, B any](all func(func(A, B) bool)) []string {
	var out []string
	for a, b := range all {
		out = append(out, fmt.Sprint(a, "=", b))
	}
	return out
}
