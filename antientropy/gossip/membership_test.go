package gossip

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
)

func TestTransport_Leave_IsListedAsLeft(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	if err := all[2].Leave(0); err != nil {
		t.Fatal(err)
	}
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range all[:2] {
		until(t, p.Name()+" lists n3 as left", func() bool { return p.liveness("n3") == Left })
		if err := p.Send("n3", []byte("late"), false); !isError(err, ErrNotAlive) {
			t.Errorf("send to a member that left: %v", err)
		}
	}
}

func TestTransport_Close_IsListedAsDead(t *testing.T) {
	t.Parallel()
	all := trio(t, mortal)
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range all[:2] {
		until(t, p.Name()+" lists n3 as dead", func() bool { return p.liveness("n3") == Dead })
	}
	if err := all[0].Forget("n2"); !isError(err, ErrAlive) {
		t.Errorf("forget a living member: %v", err)
	}
	if err := all[0].Forget("n3"); err != nil {
		t.Error(err)
	}
	if all[0].liveness("n3") != Unknown || all[1].liveness("n3") != Dead {
		t.Error("n3 is forgotten by others than n1, or not by n1")
	}
}

// A member that gets neither the notice nor memberlist's message learns from
// push/pull that who is dead had left.
func TestTransport_Leave_IsToldByPushPull(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, mortal))
	cuts.Split([]string{"n1"}, []string{"n2", "n3"})
	if err := all[2].Leave(0); err != nil {
		t.Fatal(err)
	}
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "n1 lists n3 as dead", func() bool { return all[0].liveness("n3") == Dead })
	cuts.HealAll()
	all[0].join(all[1])
	until(t, "n1 lists n3 as left", func() bool { return all[0].liveness("n3") == Left })
}

// A member that the leaver cannot reach gets the notice from others.
func TestTransport_Leave_NoticeIsPassedOn(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, func(name string) Options {
		o := partitioned(cuts, fast)(name)
		o.PushPullInterval = time.Hour
		return o
	})
	cuts.Cut("n1", "n3")
	if err := all[2].Leave(0); err != nil {
		t.Fatal(err)
	}
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "n1 lists n3 as left", func() bool { return all[0].liveness("n3") == Left })
}

// The notice goes out directly, and again with gossip, since packets get lost.
func TestTransport_Leave_NoticeGoesTwoWays(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.GossipInterval = time.Hour
	p, other := start(t, o), start(t, fast("n2"))
	other.join(p)
	untilListed(t, []*peer{p, other})
	p.sayLeaving()
	if n := p.Stats().QueuedBroadcasts; n != 1 {
		t.Errorf("%d notices wait for gossip, want 1", n)
	}
	until(t, "n2 has the notice", func() bool { return len(other.table.notices(1)) == 1 })
}

// A process that comes back under its address need not wait until its former life
// is found dead, which here takes ten times as long as a test waits.
func TestTransport_Start_AgainAtTheSameAddress(t *testing.T) {
	t.Parallel()
	options := func(name string) Options {
		o := fast(name)
		o.ProbeInterval = time.Second
		return o
	}
	all := trio(t, options)
	old := all[2].Addr()
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	o := options("n3")
	o.Bind = old
	o.Meta.Start = StartID{Counter: 2, Nonce: 8}
	again := start(t, o)
	again.join(all[0])
	until(t, "everybody lists the second life of n3", func() bool {
		return listsStart(all[0], "n3", 2) && listsStart(all[1], "n3", 2) && all[1].liveness("n3") == Alive
	})
}

func listsStart(p *peer, name string, counter uint64) bool {
	for _, m := range p.Members() {
		if m.Name == name {
			return m.Start.Counter == counter
		}
	}
	return false
}

// A process that was killed and came back under another address has to wait
// until its former life is found dead, and is told so.
func TestTransport_Start_AgainAtAnotherAddress(t *testing.T) {
	t.Parallel()
	all := trio(t, mortal)
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	o := fast("n3")
	o.Meta.Start = StartID{Counter: 2, Nonce: 8}
	again := start(t, o)
	if _, err := again.Join(context.Background(), []string{all[0].Addr()}); !isError(err, ErrStillListed) {
		t.Errorf("join beside a former life: %v", err)
	}
	until(t, "n3 can join", func() bool {
		_, err := again.Join(context.Background(), []string{all[0].Addr()})
		return err == nil && listsStart(all[0], "n3", 2) && listsStart(all[1], "n3", 2)
	})
	untilListed(t, []*peer{all[0], all[1], again})
	for _, p := range all[:2] {
		for _, m := range p.Members() {
			if m.Name == "n3" && m.Gossip != again.Addr() {
				t.Errorf("%s lists n3 at %s, want %s", p.Name(), m.Gossip, again.Addr())
			}
		}
	}
}

func TestTransport_Join_NameTaken(t *testing.T) {
	t.Parallel()
	for _, through := range []int{0, 1} { // the rival itself, and another member
		t.Run([]string{"by its rival", "by another"}[through], func(t *testing.T) {
			all := trio(t, fast)
			o := fast("n1")
			o.Meta.Replica, o.Meta.Start = crdt.ReplicaID{9}, StartID{Counter: 1, Nonce: 9}
			newcomer := start(t, o)
			_, err := newcomer.Join(context.Background(), []string{all[through].Addr()})
			if !isError(err, ErrNameTaken) || !strings.Contains(err.Error(), all[0].Addr()) {
				t.Errorf("join under a name that is taken: %v", err)
			}
			until(t, "the newcomer is told", func() bool {
				newcomer.mu.Lock()
				defer newcomer.mu.Unlock()
				return len(newcomer.conflicts) > 0 && newcomer.conflicts[0].Lost && !newcomer.conflicts[0].Listed && newcomer.conflicts[0].Gossip == all[0].Addr()
			})
			if n := len(newcomer.Members()); n != 1 {
				t.Errorf("the newcomer has %d members", n)
			}
			for _, p := range all {
				for _, m := range p.Members() {
					if m.Name == "n1" && m.Gossip != all[0].Addr() {
						t.Errorf("%s lists n1 at %s", p.Name(), m.Gossip)
					}
				}
			}
			untilListed(t, all) // on a busy machine one may be suspect for a moment
			all[0].record(func() {
				if len(all[0].conflicts) > 0 && all[0].conflicts[0].Lost {
					t.Error("the member that was listed is told that it has lost")
				}
			})
		})
	}
}

// Two sides of a cluster that each have a member of one name, with peers, are
// joined all the same; both are told, and of the same one that it has lost.
func TestTransport_Join_TwoSidesWithOneName(t *testing.T) {
	t.Parallel()
	left := []*peer{start(t, fast("n1")), start(t, fast("n2"))}
	left[1].join(left[0])
	o := fast("n1")
	o.Meta.Replica, o.Meta.Start = crdt.ReplicaID{9}, StartID{Counter: 1, Nonce: 9}
	right := []*peer{start(t, o), start(t, fast("n4"))}
	right[1].join(right[0])
	untilListed(t, left)
	untilListed(t, right)
	left[1].join(right[1])
	until(t, "n2 and n4 list each other", func() bool {
		return left[1].liveness("n4") == Alive && right[1].liveness("n2") == Alive
	})
	until(t, "both of the name are told", func() bool { return told(left[0]) && told(right[0]) })
	for i, p := range []*peer{left[0], right[0]} {
		p.mu.Lock()
		if c := p.conflicts[0]; c.Fork || !c.Listed || c.Lost != (i == 1) {
			t.Errorf("the one at %s is told %+v", p.Addr(), c)
		}
		p.mu.Unlock()
	}
}

func told(p *peer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conflicts) > 0
}

func TestTransport_SetMeta_Spreads(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	m := all[0].Meta()
	m.Replica = crdt.ReplicaID{42}
	if err := all[0].SetMeta(m); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		until(t, p.Name()+" lists the new replica id", func() bool {
			return p.Members()[0].Replica == m.Replica && p.liveness("n1") == Alive
		})
	}
	if err := all[0].SetMeta(Meta{}); !isError(err, ErrInvalid) {
		t.Errorf("metadata without a replica: %v", err)
	}
}

func TestTransport_MembersChanged_IsCalled(t *testing.T) {
	t.Parallel()
	all := trio(t, fast)
	changes := func() int {
		all[0].mu.Lock()
		defer all[0].mu.Unlock()
		return all[0].changes
	}
	until(t, "n1 is told that members joined", func() bool { return changes() > 0 })
	before := changes()
	if err := all[2].Leave(0); err != nil {
		t.Fatal(err)
	}
	until(t, "n1 is told that n3 left", func() bool { return changes() > before })
}
