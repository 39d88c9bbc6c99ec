package antientropy_test

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
)

// TestSession_PeerLost_GoesOnElsewhere: whatever a fresh member is about to ask,
// the first pull, the first question of a session or a later one, when the peer
// falls silent: it asks another one after one RequestTimeout (E2), and with the
// next tick when it is told that the peer is dead, gone or suspect (E1).
func TestSession_PeerLost_GoesOnElsewhere(t *testing.T) {
	const patience = 2000 // RequestTimeout by default
	for _, c := range []struct {
		name string
		tell func(*antientropy.Peer) bool // whether it is listed still
		most uint64
	}{
		{"silent", nil, patience + 60},
		{"dead", func(p *antientropy.Peer) bool { p.Alive = false; return true }, 60},
		{"gone", func(*antientropy.Peer) bool { return false }, 60},
		{"suspect", func(p *antientropy.Peer) bool { p.Suspect = true; return true }, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			for question := 1; question <= 12; question++ {
				l := loseAt(t, question, c.tell)
				if took := l.turned - l.lost; took > c.most {
					t.Errorf("question %d to %s: another one is asked after %d ms, want %d at most", question, l.peer, took, c.most)
				}
			}
		})
	}
}

// losing is a fresh member whose peer falls silent in the middle of it all.
type losing struct {
	peer         string
	lost, turned uint64 // when
}

// loseAt has the peer fall silent that is about to get a question, one of those
// whose number is given and all later ones. Right after it is told, if tell is
// set.
func loseAt(t *testing.T, question int, tell func(*antientropy.Peer) bool) (l losing) {
	k, fresh := fetching(t, "a", "b", "c")
	k.run(1) // nothing is asked yet
	asked := 0
	k.tapTo = func(from, to string, frame []byte) {
		if !antientropy.IsQuestion(frame) || from != fresh.name {
			return
		}
		asked++
		switch {
		case l.peer == "" && asked >= question:
			l.peer, l.lost = to, k.now
			k.faults.cut[[2]string{to, fresh.name}] = true
			k.faults.cut[[2]string{fresh.name, to}] = true
		case l.peer != "" && to != l.peer && l.turned == 0:
			l.turned = k.now
		}
	}
	told := false
	for until := k.now + 60_000; !k.members[0].replica.Context.Leq(fresh.replica.Context); {
		if !k.step(until) {
			t.Fatalf("question %d: it never has everything", question)
		}
		if l.peer != "" && tell != nil && !told {
			told = true
			fresh.core.SetPeers(peersBut(k, fresh, l.peer, tell))
			fresh.work()
		}
	}
	if l.turned == 0 {
		t.Fatalf("question %d: nobody else was asked: %+v, %s", question, l, fmt.Sprint(fresh.core.Counters()))
	}
	return l
}

// peersBut are the peers of a member, and of one of them something else is told.
func peersBut(k *cluster, m *member, name string, tell func(*antientropy.Peer) bool) (out []antientropy.Peer) {
	for _, other := range k.members {
		p := antientropy.Peer{Name: other.name, Replica: other.replica.ID, Alive: true}
		if other != m && (other.name != name || tell(&p)) {
			out = append(out, p)
		}
	}
	return out
}
