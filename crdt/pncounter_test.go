package crdt_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "github.com/scalesmall/ssnode/crdt"
)

// counterWrites are the writes of a PNCounter, by itself or as a value of maps:
// update changes the counter under a key, and remove resets it.
func counterWrites[S Resettable[S]](w *world[S], keys []string,
	update func(S, string, func(PNCounter) PNCounter) S, remove func(S, string) S,
) map[string]func(*rapid.T) {
	contribute := func(verb string, fromAmount int) func(*rapid.T) {
		return func(t *rapid.T) {
			s, key := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key")
			amount := rapid.IntRange(fromAmount, 4).Draw(t, "amount")
			s.sequence++
			e := event{verb: verb, site: slices.Index(w.sites, s), sequence: s.sequence, key: key, value: amount}
			known := union(w.record(s, e.site, key), setOf(w.note(e)))
			w.write(t, s, known, func(state S) S {
				return update(state, key, func(c PNCounter) PNCounter { return contribution(t, c, s, e) })
			})
		}
	}
	// afresh closes the record of a site, once it is released, and begins a
	// new era of it.
	afresh := func(t *rapid.T) {
		s, key := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key")
		own := w.record(s, slices.Index(w.sites, s), key)
		if own.isEmpty() || len(w.live(own)) > 0 {
			return
		}
		s.sequence++
		e := event{verb: "increase", site: slices.Index(w.sites, s), sequence: s.sequence, key: key, value: 1}
		known := union(own, setOf(w.note(e)))
		w.write(t, s, known, func(state S) S {
			return update(state, key, func(c PNCounter) PNCounter {
				record, _ := c.Find(s.id)
				delta := contribution(t, c.Close(s.id, record.Era), s, e)
				if delta[0].Era != s.sequence {
					t.Fatalf("the era of %+v did not begin afresh at %d", delta, s.sequence)
				}
				return delta
			})
		})
	}
	release := func(t *rapid.T) {
		s, key := w.draw(t), rapid.SampledFrom(keys).Draw(t, "key")
		w.write(t, s, w.noteReleases(s, key), func(state S) S { return remove(state, key) })
	}
	return map[string]func(*rapid.T){
		"register": contribute("register", 0),
		"increase": contribute("increase", 1),
		"decrease": contribute("decrease", 1),
		"release":  release,
		"afresh":   afresh,
	}
}

// contribution carries out e and checks that replacing the record does the
// same as joining it.
func contribution[S any](t *rapid.T, c PNCounter, s *site[S], e event) PNCounter {
	var x Contribution
	switch e.verb {
	case "register":
		x = c.Registering(s.id, s.sequence, int64(e.value))
	case "increase":
		x = c.Adding(s.id, s.sequence, int64(e.value))
	case "decrease":
		x = c.Adding(s.id, s.sequence, -int64(e.value))
	}
	if put, joined := c.Put(x), c.Join(PNCounter{x}); !put.Equal(joined) {
		t.Fatalf("L4: put gives\n%+v\njoin\n%+v", put, joined)
	}
	return PNCounter{x}
}

// record returns the events that the record of one site under a key stands
// for, as s has it: all contributions of that site, and the parts of all
// releases that took some of them.
func (w *world[S]) record(s *site[S], of int, key string) events {
	var record events
	for id := range s.known.all() {
		if e := w.book[id]; e.key == key && e.site == of {
			record.add(id)
		}
	}
	return record
}

// noteReleases enters the release of what s has observed under key, one part
// for each site of which something was live, since a part also travels with
// the record of its site. It returns all that the delta stands for: everything
// known of those sites.
func (w *world[S]) noteReleases(s *site[S], key string) events {
	taken := map[int][]int{}
	for _, id := range w.liveKey(s.known, key) {
		taken[w.book[id].site] = append(taken[w.book[id].site], id)
	}
	var known events
	for of, takes := range taken {
		part := w.note(event{verb: "take", site: of, key: key, takes: takes})
		known = union(known, setOf(part), w.record(s, of, key))
	}
	return known
}

// counterOracle computes what is shown from the contributions that live.
func counterOracle[S Resettable[S]](w *world[S], known events, key string) string {
	lastRegister, sum, visible := map[int]event{}, 0, false
	for _, id := range w.liveKey(known, key) {
		switch e := w.book[id]; e.verb {
		case "register":
			visible = true
			if e.sequence > lastRegister[e.site].sequence {
				lastRegister[e.site] = e
			}
		case "increase":
			visible = true
			sum += e.value
		case "decrease":
			sum -= e.value
		}
	}
	largest := 0
	for _, e := range lastRegister {
		largest = max(largest, e.value)
	}
	if !visible {
		return ""
	}
	return fmt.Sprintf("%d (%d)", max(1, largest+sum), largest+sum)
}

func counterText(c PNCounter) string {
	if !c.IsVisible() {
		return ""
	}
	return fmt.Sprintf("%d (%d)", c.Value(), c.Sum())
}

var worldOfCounters = kind[PNCounter]{
	sites: 3,
	writes: func(w *world[PNCounter]) map[string]func(*rapid.T) {
		return counterWrites(w, []string{""},
			func(c PNCounter, _ string, change func(PNCounter) PNCounter) PNCounter { return change(c) },
			func(c PNCounter, _ string) PNCounter { return c.Releasing() })
	},
	view:   counterText,
	oracle: func(w *world[PNCounter], known events) string { return counterOracle(w, known, "") },
}

func TestPNCounter_View_MatchesHistory(t *testing.T) { worldOfCounters.checkHistory(t) }

func TestPNCounter_Join_Laws(t *testing.T) { worldOfCounters.checkLaws(t) }

// The anomaly of embedded counters: the Increase by 2 must not bring back the
// 5 that it was counted upon.
func TestPNCounter_Release_ConcurrentIncrease(t *testing.T) {
	a := replica(0)
	base := PNCounter{PNCounter(nil).Adding(a, 1, 5)}
	released := base.Releasing()
	increased := PNCounter{base.Adding(a, 2, 2)}
	for _, joined := range []PNCounter{
		base.Join(released).Join(increased),
		increased.Join(released),
		released.Join(increased),
	} {
		if joined.Value() != 2 {
			t.Errorf("%+v shows %d, want the 2 that was not released", joined, joined.Value())
		}
	}
}

func TestPNCounter_Value_SumBelowOne(t *testing.T) {
	a, b, c := replica(0), replica(1), replica(2)
	shared := PNCounter{PNCounter(nil).Registering(a, 1, 3)}
	joined := shared.Join(PNCounter{shared.Adding(b, 1, -2)}).Join(PNCounter{shared.Adding(c, 1, -2)})
	if joined.Sum() != -1 || joined.Value() != 1 {
		t.Errorf("the sum is %d and %d is shown, want -1 and 1", joined.Sum(), joined.Value())
	}
	after := joined.Join(joined.Releasing())
	if after.IsLive() || after.Sum() != 0 || after.Value() != 0 {
		t.Errorf("released: the sum is %d and %d is shown", after.Sum(), after.Value())
	}
	alone := PNCounter{PNCounter(nil).Adding(b, 1, -2)}
	if alone.IsVisible() || !alone.IsLive() || alone.Value() != 0 {
		t.Errorf("a lone decrease: visible %v, live %v, shows %d", alone.IsVisible(), alone.IsLive(), alone.Value())
	}
}

// A sum depends on the state only, not on which origin has what, also where it
// passes the bound on the way: clamping must not make replicas disagree.
func TestPNCounter_Sum_ClampedOnce(t *testing.T) {
	total := rapid.OneOf(
		rapid.SampledFrom([]int64{TotalMax, -TotalMax, TotalMax - 1, 1, -1}),
		rapid.Int64Range(-TotalMax, TotalMax))
	rapid.Check(t, func(t *rapid.T) {
		exact := new(big.Int)
		var c PNCounter
		for i, v := range rapid.SliceOfN(total, 0, 40).Draw(t, "totals") {
			c = c.Put(PNCounter(nil).Adding(replica(i), 1, v))
			exact.Add(exact, big.NewInt(v))
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if exact.CmpAbs(big.NewInt(TotalMax)) > 0 {
			exact.SetInt64(int64(exact.Sign()) * TotalMax)
		}
		if got := c.Sum(); got != exact.Int64() {
			t.Fatalf("the sum is %d, want %v", got, exact)
		}
	})
}

func TestPNCounter_Sum_AtBound(t *testing.T) {
	for _, c := range []struct {
		totals []int64
		want   int64
	}{
		{[]int64{TotalMax, 1}, TotalMax},
		{[]int64{TotalMax, 1, -2}, TotalMax - 1},
		{[]int64{TotalMax - 1, 1}, TotalMax},
		{[]int64{-TotalMax, -1}, -TotalMax},
		{[]int64{-TotalMax, -2}, -TotalMax},
		{[]int64{-TotalMax, -1, 2}, -TotalMax + 1},
		{[]int64{1 << 32, -1}, 1<<32 - 1},
	} {
		var counter PNCounter
		for i, v := range c.totals {
			counter = counter.Put(PNCounter(nil).Adding(replica(i), 1, v))
		}
		if got := counter.Sum(); got != c.want {
			t.Errorf("the sum of %v is %d, want %d", c.totals, got, c.want)
		}
	}
}

// Many origins at the bound would overflow 64 bits.
func TestPNCounter_Sum_ManyOrigins(t *testing.T) {
	var up, down PNCounter
	for i := range 2000 {
		id := ReplicaID{1, byte(i >> 8), byte(i)}
		up = append(up, PNCounter(nil).Adding(id, 1, TotalMax))
		down = append(down, PNCounter(nil).Adding(id, 1, -TotalMax))
	}
	if up.Sum() != TotalMax || down.Sum() != -TotalMax {
		t.Errorf("the sums are %d and %d", up.Sum(), down.Sum())
	}
}

func TestPNCounter_Adding_Exhausted(t *testing.T) {
	a := replica(0)
	full := PNCounter{PNCounter(nil).Adding(a, 1, TotalMax)}
	for _, by := range []int64{1, TotalMax, 1<<63 - 1} {
		if err := full.Adding(a, 2, by).Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("adding %d to a full total: %v", by, err)
		}
	}
}

func TestPNCounter_Close_ByEra(t *testing.T) {
	a, b := replica(0), replica(1)
	c := PNCounter{PNCounter(nil).Adding(a, 5, 1)}.Join(PNCounter{PNCounter(nil).Adding(b, 7, 1)})
	for _, x := range []struct {
		origin ReplicaID
		era    uint64
		left   int
	}{{a, 4, 2}, {a, 5, 1}, {a, 6, 1}, {b, 6, 2}, {replica(2), 9, 2}} {
		if got := c.Close(x.origin, x.era); len(got) != x.left {
			t.Errorf("closing era %d of %s leaves %+v, want %d records", x.era, x.origin, got, x.left)
		}
	}
	if got := c.Close(a, 5).Close(b, 7); !got.IsZero() || !got.Equal(nil) {
		t.Errorf("all closed: %+v", got)
	}
}

func TestPNCounter_Methods_LeaveReceiverAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := worldOfCounters.run(t, func(*rapid.T, *world[PNCounter]) {})
		states := rapid.SampledFrom(w.all())
		a, b, id := states.Draw(t, "a").state, states.Draw(t, "b").state, w.draw(t).id
		beforeA, beforeB := slices.Clone(a), slices.Clone(b)
		x := a.Adding(id, 1000, 1)
		a.Join(b).Merge(x).Put(x.Release()).Drop(id)
		b.Join(a).Put(x)
		a.Put(x)
		a.Merge(x)
		a.Drop(id)
		a.Close(id, 1000)
		a.Releasing()
		_ = append(a.Only(id), x)
		if !a.Equal(beforeA) || !b.Equal(beforeB) {
			t.Fatalf("changed\n%+v\n%+v\nto\n%+v\n%+v", beforeA, beforeB, a, b)
		}
	})
}

func TestPNCounter_Only_IsThatOfOrigin(t *testing.T) {
	a, b := replica(0), replica(1)
	c := PNCounter{PNCounter(nil).Adding(a, 5, 1)}.Join(PNCounter{PNCounter(nil).Adding(b, 7, 2)})
	for _, origin := range []ReplicaID{a, b, replica(2)} {
		var want PNCounter
		if x, ok := c.Find(origin); ok {
			want = PNCounter{x}
		}
		if got := c.Only(origin); !got.Equal(want) {
			t.Errorf("of %s it has %+v, want %+v", origin, got, want)
		}
	}
}

func TestPNCounter_Validate_Order(t *testing.T) {
	x := PNCounter(nil).Adding(ReplicaID{1}, 1, 1)
	y := PNCounter(nil).Adding(ReplicaID{2}, 1, 1)
	if err := (PNCounter{x, y}).Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []PNCounter{{y, x}, {x, x}, {x, {}}} {
		if err := c.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
