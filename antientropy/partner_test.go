package antientropy_test

import (
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// lagging returns a member that was down while the others wrote and trimmed
// their logs, that takes part somewhere, and beside a node named p.
func lagging(t *testing.T, seed uint64) (*cluster, *member) {
	k := newCluster(t, seed)
	k.quietly = true
	a, _, b := k.add("a"), k.add("p"), k.add("b")
	k.run(3000)
	b.stop()
	for _, m := range k.members {
		m.tellPeers()
	}
	for i := range 30 {
		if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.run(3000)
	for _, m := range k.members {
		m.trim(100)
	}
	k.options.Participated = func(int) []delta.Span { return []delta.Span{delta.ClaimSpan} }
	k.options.Partners = func() []string { return []string{"p"} }
	return k, b
}

// firstSession returns with whom a member begins its first session, and when.
func (m *member) firstSession(until uint64) (peer string, at uint64) {
	for m.step(until) {
		for _, n := range m.notices {
			if n.Kind == antientropy.NoticeSessionBegun {
				return n.Peer, m.now
			}
		}
	}
	return "", m.now
}

// TestCore_Partner_IsAskedUnheard: a node that has just started repairs what it
// takes part in with a node that does so too, though it has heard of another
// one first.
func TestCore_Partner_IsAskedUnheard(t *testing.T) {
	for seed := range uint64(20) {
		k, b := lagging(t, seed)
		b.start()
		b.core.Heard("a", k.member("a").core.CheckPayload())
		b.work()
		if peer, _ := b.firstSession(k.now + 10_000); peer != "p" {
			t.Errorf("seed %d: the first session is with %q", seed, peer)
		}
		if !slices.ContainsFunc(b.notices, func(n antientropy.Notice) bool { return n.Reason == "log trimmed, where this node takes part" }) {
			t.Errorf("seed %d: it says %v", seed, b.notices)
		}
	}
}

// TestCore_Partner_IsWaitedForAWhile: right after the start others may be known
// before the one that takes part is. One that does not come holds nothing up
// for long, and nothing later on.
func TestCore_Partner_IsWaitedForAWhile(t *testing.T) {
	for seed := range uint64(10) {
		for _, comes := range []bool{true, false} {
			k, b := lagging(t, seed)
			k.member("p").stop()
			b.start()
			began := k.now
			if comes {
				k.after(700, func() {
					k.member("p").start()
					b.tellPeers()
				})
			}
			peer, at := b.firstSession(k.now + 10_000)
			if want := map[bool]string{true: "p", false: "a"}[comes]; peer != want {
				t.Errorf("seed %d, it comes %t: the first session is with %q", seed, comes, peer)
			}
			if took := at - began; took > 4000 {
				t.Errorf("seed %d, it comes %t: the first session begins after %d ms", seed, comes, took)
			}
		}
	}
}

// TestCore_FirstPull_GivesUpWhoIsSilent: right after its start a member is told
// of others that may be gone. One that was never heard of is not waited for when
// there is somebody else.
func TestCore_FirstPull_GivesUpWhoIsSilent(t *testing.T) {
	for seed := range uint64(20) {
		k, b := lagging(t, seed)
		k.options.CheckInterval = 0
		b.start() // p is listed as alive, and is gone
		k.member("p").up = false
		k.run(700)
		if c := b.core.Counters(); c.Trips[antientropy.TierPull] == 0 {
			t.Errorf("seed %d: %d pulls, asked again %d times, %d failed, none answered", seed, c.Pulls, c.PullsRepeated, c.PullsFailed)
		}
		if len(b.notices) == 0 {
			t.Errorf("seed %d: nobody has identified it", seed)
		}
	}
}
