package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// TestCore_Completeness_OfFreshMember: a member that joins others is incomplete
// until it has everything on disk, whether that comes from logs or as state,
// and says how far it is.
func TestCore_Completeness_OfFreshMember(t *testing.T) {
	for _, trimmed := range []bool{false, true} {
		k, a, _ := quiet(t, 0)
		for i := range 300 {
			if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		k.run(1000)
		k.faults.diskMax = 5
		k.options.RangeBytesMax, k.options.PullBytesMax = 2000, 2000
		for _, m := range k.members {
			m.start()
		}
		if trimmed {
			for _, m := range k.members {
				m.trim(100)
			}
		}
		c := k.add("c")
		fresh := antientropy.StartOf(c.replica)
		fresh.Fresh = true
		c.restart(fresh)
		steps, last, expected := 0, uint64(0), false
		for c.core.Completeness().Incomplete {
			now := c.core.Completeness()
			if now.Records < last {
				t.Fatalf("trimmed %t: %d records after %d", trimmed, now.Records, last)
			}
			if now.Records > last {
				steps, last = steps+1, now.Records
			}
			if expected = expected || now.Expected == 300; steps > 0 {
				c.core.HasNobodyToJoin() // which is not so
			}
			if !k.step(k.now + 60_000) {
				t.Fatalf("trimmed %t: incomplete for ever: %+v", trimmed, now)
			}
		}
		if c.replica.Fingerprint != a.replica.Fingerprint || !a.replica.Context.Leq(c.replica.Context) {
			t.Errorf("trimmed %t: complete with %s, the others hold %s", trimmed, c.replica.Fingerprint, a.replica.Fingerprint)
		}
		if steps < 5 || !expected {
			t.Errorf("trimmed %t: it was seen to grow %d times, was told of how many there are: %t", trimmed, steps, expected)
		}
	}
}

// TestCore_HasNobodyToJoin_LacksNothing: a fresh member that turns out to be the first
// lacks nothing.
func TestCore_HasNobodyToJoin_LacksNothing(t *testing.T) {
	k := newCluster(t, 1)
	a := k.add("a")
	fresh := antientropy.StartOf(a.replica)
	fresh.Fresh = true
	a.restart(fresh)
	if x := a.core.Completeness(); !x.Incomplete || x.Compared {
		t.Errorf("at first: %+v", x)
	}
	a.core.HasNobodyToJoin()
	if x := a.core.Completeness(); x.Incomplete || x.Compared {
		t.Errorf("with nobody to join: %+v", x)
	}
}

// restart begins a life of a member from a start of its own.
func (m *member) restart(s antientropy.Start) {
	m.stop()
	m.start()
	o := m.options
	o.Seed = m.random.Uint64()
	core, err := antientropy.New(o, s)
	if err != nil {
		m.t.Fatal(err)
	}
	m.core = core
	m.core.Tick(m.now)
	m.tellPeers()
	m.work()
}

// TestCore_Completeness_OfOneLongAway: where no log reaches back far enough, a
// member is incomplete again; a lost push or two does not make it so.
func TestCore_Completeness_OfOneLongAway(t *testing.T) {
	k, a, b := quiet(t, 100)
	if b.core.Completeness().Incomplete {
		t.Fatal("incomplete from the start")
	}
	miss := func(n int) {
		k.faults.loss = 100
		for i := range n {
			if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(i), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		k.run(1000)
		k.faults.loss = 0
	}
	catchUp := func() (was bool) {
		b.core.Heard("a", a.core.CheckPayload())
		for until := k.now + 10_000; k.step(until); {
			was = was || b.core.Completeness().Incomplete
		}
		if b.core.Completeness().Incomplete || !k.isConverged() {
			t.Fatalf("it does not catch up: %+v", b.core.Completeness())
		}
		return was
	}
	miss(3)
	if catchUp() {
		t.Error("incomplete for want of three deltas")
	}
	miss(3)
	a.trim(100)
	if catchUp() {
		t.Error("incomplete for want of three deltas, though they come at once")
	}
	miss(30)
	a.trim(100)
	if !catchUp() {
		t.Error("never incomplete, though a third was missing")
	}
}

// TestCore_Completeness_OfLittleThatLasts: what little is missing is told once it
// has lasted; and whether anything is, is known with the first exchange.
func TestCore_Completeness_OfLittleThatLasts(t *testing.T) {
	k, a, b := quiet(t, 100)
	b.start()
	if b.core.Completeness().Compared {
		t.Error("compared before anybody has spoken")
	}
	k.run(1000)
	if x := b.core.Completeness(); !x.Compared || x.Incomplete {
		t.Errorf("after the first exchange: %+v", x)
	}
	k.faults.loss = 100
	if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	k.run(1000)
	k.faults.loss = 0
	a.trim(100)
	b.core.Heard("a", a.core.CheckPayload())
	for b.core.Counters().Sessions == 0 && k.step(k.now+5000) {
	}
	if x := b.core.Completeness(); x.Incomplete || !x.Compared {
		t.Errorf("at once: %+v", x)
	}
	k.faults.loss = 100
	k.run(5000)
	if x := b.core.Completeness(); !x.Incomplete {
		t.Errorf("after five seconds: %+v", x)
	}
	k.faults.loss = 0
	b.core.Heard("a", a.core.CheckPayload())
	k.run(20_000)
	if x := b.core.Completeness(); x.Incomplete || !k.isConverged() {
		t.Errorf("at the end: %+v", x)
	}
}
