package delta_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestCommit_Take_ManyOrigins: a claim is joined in one pass, however many
// origins have touched it. A copy of the claim for each of them would be minutes
// for a hundred thousand.
func TestCommit_Take_ManyOrigins(t *testing.T) {
	const origins = 5000
	a := delta.Answer{Span: delta.Whole, Context: crdt.NewContext(), InSession: true}
	entry := delta.Entry{Key: delta.ClaimKey(claim("a", "m"))}
	for i := range uint64(origins) {
		id := crdt.ReplicaID{0: 1, 14: byte(i >> 8), 15: byte(i)}
		a.Context[id] = 3
		entry.Counter = append(entry.Counter, crdt.Contribution{Origin: id, Era: 1, Last: 3, Total: 5, Added: 3})
	}
	a.Entries = []delta.Entry{entry}
	gone := a
	gone.Entries = nil

	m := newMember(1)
	for _, step := range []struct {
		name string
		of   delta.Answer
		left int
	}{{"all are new", a, origins}, {"all are here", a, origins}, {"all were closed", gone, 0}} {
		got := testing.AllocsPerRun(1, func() { _ = m.begin().Take(step.of) })
		if got > origins/10 {
			t.Errorf("%s: %.0f allocations for a claim of %d origins", step.name, got, origins)
		}
		c := m.begin()
		if err := c.Take(step.of); err != nil {
			t.Fatal(err)
		}
		m.finish(t, c)
		if e, err := m.memory.Get(entry.Key); err != nil || len(e.Counter) != step.left {
			t.Errorf("%s: %d records, %v; want %d", step.name, len(e.Counter), err, step.left)
		}
	}
}

// crowd returns a member that holds one claim with a live record of each of so
// many origins, and has seen them all.
func crowd(t *testing.T, i, origins int) *member {
	t.Helper()
	m := newMember(i)
	c := m.begin()
	if err := c.OpenSession(crowdAnswer(origins).Context); err != nil {
		t.Fatal(err)
	}
	if err := c.Take(crowdAnswer(origins)); err != nil {
		t.Fatal(err)
	}
	if err := c.CompleteSession(); err != nil {
		t.Fatal(err)
	}
	m.finish(t, c)
	return m
}

// releasedCrowd returns a member that holds one claim with a released record of each
// of so many origins, and has seen none of them.
func releasedCrowd(t *testing.T, origins int) *member {
	t.Helper()
	a := crowdAnswer(origins)
	a.InSession = false
	for i, x := range a.Entries[0].Counter {
		a.Entries[0].Counter[i] = x.Release()
	}
	m := newMember(1)
	m.take(t, a)
	return m
}

// TestCommit_CompleteSession_ManyGone: what is found gone in many claims is noted at
// the same cost however much there is already, in one commit or in many.
func TestCommit_CompleteSession_ManyGone(t *testing.T) {
	const each = 2500
	for _, claims := range []int{1000, 10_000} {
		a := delta.Answer{Span: delta.ClaimSpan, Context: crdt.Context{replicaID(9): 3}}
		for i := range claims {
			x := crdt.Contribution{Origin: replicaID(9), Era: 1, Last: 3, Total: 5, Added: 3}.Release()
			k := delta.ClaimKey(claim(fmt.Sprintf("%06d", i), "x"))
			a.Entries = append(a.Entries, delta.Entry{Key: k, Counter: crdt.PNCounter{x}})
		}
		m := newMember(1)
		m.take(t, a)
		c := m.begin()
		must(t, c.OpenSession(a.Context))
		mustFinish(t, m, c)
		var bytes uint64
		for part := range slices.Chunk(a.Entries, 100) {
			b := delta.Answer{Context: a.Context, InSession: true}
			for _, e := range part {
				b.Keys = append(b.Keys, e.Key)
			}
			c := m.begin()
			allocating, _ := allocated(func() { must(t, c.Take(b)) })
			bytes += allocating
			m.memory.Write(mustFinish(t, m, c))
		}
		if bytes > uint64(each*claims) {
			t.Errorf("%d claims cost %d B, want at most %d for each", claims, bytes, each)
		}
		m.completeSession(t)
		if n := len(m.state()); n > 0 {
			t.Errorf("%d of %d claims are left", n, claims)
		}
	}
}

// crowdAnswer is a peer's state of that kind. Every third contribution is a
// Decrease.
func crowdAnswer(origins int) delta.Answer {
	a := delta.Answer{Span: delta.Whole, Context: crdt.NewContext(), InSession: true}
	entry := delta.Entry{Key: delta.ClaimKey(claim("a", "m"))}
	for i := range uint32(origins) {
		id := crdt.ReplicaID{0: 1, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
		a.Context[id] = 3
		x := crdt.Contribution{Origin: id, Era: 1, Last: 3, Total: 5, Added: 3}
		if i%3 == 2 {
			x.Total, x.Added = -4, 0
		}
		entry.Counter = append(entry.Counter, x)
	}
	a.Entries = []delta.Entry{entry}
	return a
}

// allocated returns how many bytes and objects f allocates: steps that copy
// show in them, and they know no clock.
func allocated(f func()) (bytes, objects uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// TestCommit_ManyOrigins_IsLinear does to a claim of a hundred thousand origins
// whatever touches all its records. Each join, and each Release, passes over
// them once; a Release of so many is several. Were they copied for each record,
// three thousand would show it without taking an hour.
func TestCommit_ManyOrigins_IsLinear(t *testing.T) {
	const bytesEach, objectsEach = 1000, 0.1
	steps := []struct {
		name string
		do   func(origins int) func()
	}{
		{"join what is new", func(origins int) func() {
			c, a := newMember(1).begin(), crowdAnswer(origins)
			return func() { must(t, c.Take(a)) }
		}},
		{"join what is here", func(origins int) func() {
			c, a := crowd(t, 1, origins).begin(), crowdAnswer(origins)
			return func() { must(t, c.Take(a)) }
		}},
		{"join that all were closed", func(origins int) func() {
			c, a := crowd(t, 1, origins).begin(), crowdAnswer(origins)
			a.Entries = nil
			return func() { must(t, c.Take(a)) }
		}},
		{"release", func(origins int) func() {
			c := crowd(t, 1, origins).begin()
			return func() {
				_, _, err := c.Write([]delta.Operation{release(claim("a", "m"))})
				must(t, err)
			}
		}},
		{"receive a release", func(origins int) func() {
			deltas := crowd(t, 1, origins).carryOut(t, release(claim("a", "m")))
			c := crowd(t, 2, origins).begin()
			return func() {
				for _, d := range deltas {
					_, err := c.Receive(d)
					must(t, err)
				}
			}
		}},
		{"receive a release of what is not here", func(origins int) func() {
			deltas := crowd(t, 1, origins).carryOut(t, release(claim("a", "m")))
			c := newMember(2).begin()
			return func() {
				for _, d := range deltas {
					_, err := c.Receive(d)
					must(t, err)
				}
			}
		}},
		{"complete a session that has found all released ones gone", func(origins int) func() {
			m, a := releasedCrowd(t, origins), crowdAnswer(origins)
			a.Entries = nil
			c := m.begin()
			return func() {
				must(t, c.OpenSession(a.Context))
				must(t, c.Take(a))
				must(t, c.CompleteSession())
			}
		}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			for _, origins := range []int{3_000, 100_000} {
				bytes, objects := allocated(s.do(origins))
				passes := 1 + origins/(1<<14)
				t.Logf("%d origins: %d B, %d objects", origins, bytes, objects)
				if bytes > uint64(bytesEach*origins*passes) || float64(objects) > objectsEach*float64(origins) {
					t.Fatalf("%d origins cost %d B, %d objects; want at most %d B for each in each of %d passes", origins, bytes, objects, bytesEach, passes)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustFinish ends a commit that m adopts, without the slow checks.
func mustFinish(t *testing.T, m *member, c *delta.Commit) *delta.Effects {
	t.Helper()
	effects, err := c.Finish()
	must(t, err)
	m.Adopt(effects)
	return effects
}

// carryOut carries out one operation and returns the deltas as they travel.
func (m *member) carryOut(t *testing.T, o delta.Operation) []delta.Packed {
	t.Helper()
	c := m.begin()
	if _, _, err := c.Write([]delta.Operation{o}); err != nil {
		t.Fatal(err)
	}
	deltas := m.finish(t, c).Deltas
	for i, d := range deltas {
		deltas[i] = travelled(t, d)
	}
	return deltas
}

// TestCommit_Write_ReleaseOfMany_TravelsInParts: a release that fits no delta is
// several, and who has a part of them shows what is left.
func TestCommit_Write_ReleaseOfMany_TravelsInParts(t *testing.T) {
	const origins = 100_000
	key := delta.ClaimKey(claim("a", "m"))
	for name, o := range map[string]delta.Operation{
		"release": release(claim("a", "m")),
		"tighten": tightenWithGap(claim("a", "m"), "a", "f"),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := crowd(t, 1, origins), crowd(t, 2, origins)
			shown := func(m *member, k delta.Key) int64 {
				e, err := m.memory.Get(k)
				must(t, err)
				return e.Counter.Value()
			}
			before := shown(a, key)
			deltas := a.carryOut(t, o)
			if shown(a, key) != 0 || len(deltas) < 3 {
				t.Fatalf("it shows %d after a release in %d deltas", shown(a, key), len(deltas))
			}
			for i, d := range deltas {
				last := shown(b, key)
				if outcome, _ := b.receive(t, d); outcome != delta.Applied {
					t.Fatalf("part %d of %d: %s", i, len(deltas), outcome)
				}
				now := shown(b, key)
				if now > last {
					t.Errorf("after part %d of %d it shows %d, %d before", i, len(deltas), now, last)
				}
				if name == "tighten" && shown(b, delta.ClaimKey(claim("a", "f"))) != before {
					t.Errorf("after part %d the smaller range shows %d, want %d", i, shown(b, delta.ClaimKey(claim("a", "f"))), before)
				}
			}
			if a.Fingerprint != b.Fingerprint || shown(b, key) != 0 {
				t.Errorf("after all parts they differ; it shows %d", shown(b, key))
			}
		})
	}
	t.Run("not with others", func(t *testing.T) {
		a := crowd(t, 1, origins)
		_, _, err := a.begin().Write([]delta.Operation{
			release(claim("a", "m")), register(claim("x", "z"), 1),
		})
		if !errors.Is(err, delta.ErrTooLarge) {
			t.Errorf("a batch that fits no delta: %v", err)
		}
	})
}
