package gossip

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
)

// copyOf returns options of a process on a copy of the directory of a peer, as
// of a start.
func copyOf(p *peer, start StartID) Options {
	o := fast(p.Name())
	o.Meta = p.Meta()
	o.Meta.Start = start
	return o
}

// forks returns what a peer was told about rivals for its replica id.
func (p *peer) forks() (out []Conflict) {
	p.record(func() {
		for _, c := range p.conflicts {
			if c.Fork {
				out = append(out, c)
			}
		}
	})
	return out
}

// TestTransport_Join_ACopyOfALivingNode: the one that is listed keeps the
// replica id, the other has to draw a new one, and then is refused for its
// name. Both are told of the other.
func TestTransport_Join_ACopyOfALivingNode(t *testing.T) {
	t.Parallel()
	for _, start := range []StartID{{Counter: 2, Nonce: 8}, {Counter: 1, Nonce: 9}} {
		for _, through := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s by %d", start, through), func(t *testing.T) {
				all := trio(t, fast)
				second := tryCopy(t, all[0], start)
				_, err := second.Join(context.Background(), []string{all[through].Addr()})
				if !isError(err, ErrStillListed) && !isError(err, ErrNameTaken) { // as soon as the original has answered
					t.Fatalf("join beside the original: %v", err)
				}
				until(t, "both are told", func() bool { return len(second.forks()) > 0 && len(all[0].forks()) > 0 })
				for _, c := range second.forks() {
					if !c.Yields || c.Rival.Replica != second.Meta().Replica {
						t.Errorf("the copy is told %+v", c)
					}
				}
				if c := all[0].forks()[0]; c.Yields || c.Gossip != second.Addr() || c.Rival.Start != start {
					t.Errorf("the original is told %+v", c)
				}
				m := second.Meta()
				m.Replica = crdt.ReplicaID{9}
				if err := second.SetMeta(m); err != nil {
					t.Fatal(err)
				}
				until(t, "the copy is refused for its name", func() bool {
					_, err := second.Join(context.Background(), []string{all[through].Addr()})
					return isError(err, ErrNameTaken)
				})
				for _, p := range all {
					for _, m := range p.Members() {
						if m.Name == all[0].Name() && m.Gossip != all[0].Addr() {
							t.Errorf("%s lists the copy", p.Name())
						}
					}
				}
			})
		}
	}
}

func tryCopy(t *testing.T, of *peer, at StartID) *peer {
	t.Helper()
	return start(t, copyOf(of, at))
}

// TestTransport_Join_AnOlderCopy: whoever remembers a later start says so, also
// at the address of before, and after a restart of his own. A later start is
// left in peace.
func TestTransport_Join_AnOlderCopy(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.Meta.Start = StartID{Counter: 5, Nonce: 50}
	first, second := start(t, o), start(t, mortal("n2"))
	first.join(second)
	untilListed(t, []*peer{first, second})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "n1 is dead", func() bool { return second.liveness("n1") == Dead })
	third := mortal("n3")
	third.Lives, third.Bind = second.Lives(), "127.0.0.1:0"
	for name, witness := range map[string]*peer{"who saw it": second, "who has it from disk": start(t, third)} {
		o := fast("n1")
		o.Meta.Start = StartID{Counter: 5, Nonce: 51}
		older := start(t, o)
		if _, err := older.Join(context.Background(), []string{witness.Addr()}); err != nil {
			t.Fatal(err)
		}
		if got := older.forks(); len(got) == 0 || !got[0].Yields || got[0].Gossip != "" || got[0].Rival.Start.Nonce != 50 {
			t.Errorf("%s: when the join has ended, the older copy was told %+v", name, got)
		}
		if err := older.Close(); err != nil {
			t.Fatal(err)
		}
		until(t, "n1 is dead again", func() bool { return witness.liveness("n1") == Dead })
	}
	o.Meta.Start = StartID{Counter: 6, Nonce: 60}
	later := start(t, o)
	until(t, "the later start joins", func() bool {
		_, err := later.Join(context.Background(), []string{second.Addr()})
		return err == nil
	})
	if got := later.forks(); len(got) > 0 {
		t.Errorf("a later start is told %+v", got)
	}
}

// TestTransport_Listed_RemindsAnOlderCopy: an older copy that joined through a
// member that remembers nothing is told by one that does.
func TestTransport_Listed_RemindsAnOlderCopy(t *testing.T) {
	t.Parallel()
	witness := fast("n2")
	witness.Lives = []Life{{Name: "n1", Replica: fast("n1").Meta.Replica, Start: StartID{Counter: 5, Nonce: 50}}}
	knows, knowsNot := start(t, witness), start(t, fast("n3"))
	knows.join(knowsNot)
	untilListed(t, []*peer{knows, knowsNot})
	older := start(t, fast("n1"))
	older.join(knowsNot)
	until(t, "the older copy is told", func() bool { return len(older.forks()) > 0 })
	if c := older.forks()[0]; !c.Yields || c.Rival.Start.Counter != 5 {
		t.Errorf("told %+v", c)
	}
	if got := knows.Lives(); got[0].Start.Counter != 5 {
		t.Errorf("the witness remembers %+v now", got)
	}
}

func TestLives_Decode_UndoesEncode(t *testing.T) {
	want := []Life{{Name: "n1", Replica: crdt.ReplicaID{1}, Start: StartID{Counter: 1, Nonce: 2}}, {Name: "n2", Replica: crdt.ReplicaID{3}, Start: StartID{Counter: 1 << 60, Nonce: 1 << 63}}}
	got, err := DecodeLives(EncodeLives(want))
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := DecodeLives([]byte{1}); err == nil {
		t.Error("a number is taken for lives")
	}
}

func TestLives_Meet_IsBounded(t *testing.T) {
	l := newLives(nil)
	for i := range livesMax + 10 {
		l.meet(Life{Name: fmt.Sprint(i), Replica: crdt.ReplicaID{1}, Start: StartID{Counter: 1, Nonce: 1}}, func(name string) bool { return name == "0" })
	}
	if _, kept := l["0"]; len(l) != livesMax || !kept {
		t.Errorf("%d are remembered, the one that is alive: %t", len(l), kept)
	}
}

// TestTransport_Refuted_ExchangesNoFrames: whoever remembers a later start of a
// member hears nothing from it and tells it nothing, since either would confirm
// the old replica id, until it goes by a new one.
func TestTransport_Refuted_ExchangesNoFrames(t *testing.T) {
	t.Parallel()
	o := fast("n2")
	o.Lives = []Life{{Name: "n1", Replica: fast("n1").Meta.Replica, Start: StartID{Counter: 5, Nonce: 50}}}
	witness, older := start(t, o), start(t, fast("n1"))
	older.join(witness)
	until(t, "the witness knows that n1 runs on an older copy", func() bool { return witness.refutes("n1") })
	dropped := witness.Stats().DropsUnknown
	early, late := frame{"n1", "early"}, frame{"n1", "late"}
	if err := older.Send("n2", []byte(early.body), true); err != nil {
		t.Fatal(err)
	}
	until(t, "the frame arrives", func() bool { return witness.Stats().DropsUnknown > dropped || witness.got(early) })
	if witness.got(early) {
		t.Error("a frame of a member that runs on an older copy is taken")
	}
	for _, reliable := range []bool{false, true} {
		if err := witness.Send("n1", []byte("early"), reliable); !isError(err, ErrNotAlive) {
			t.Errorf("send to a member that runs on an older copy, reliable %t: %v", reliable, err)
		}
	}
	m := older.Meta()
	m.Replica = crdt.ReplicaID{9}
	if err := older.SetMeta(m); err != nil {
		t.Fatal(err)
	}
	until(t, "the witness knows the new id", func() bool { return !witness.refutes("n1") })
	if err := older.Send("n2", []byte(late.body), true); err != nil {
		t.Fatal(err)
	}
	if err := witness.Send("n1", []byte("late"), true); err != nil {
		t.Fatal(err)
	}
	until(t, "frames get through both ways", func() bool { return witness.got(late) && older.got(frame{"n2", "late"}) })
}

// refutes reports whether a peer lists a member as one that runs on an older
// copy.
func (p *peer) refutes(name string) bool {
	return slices.ContainsFunc(p.Members(), func(m Member) bool { return m.Name == name && m.Refuted })
}

// TestTransport_LocalState_TellsLivesInAJoin: a process that joins is told of the
// last starts of those who are gone before anything may confirm who it is. Those
// who are alive speak for themselves, and nothing else than a join needs it.
func TestTransport_LocalState_TellsLivesInAJoin(t *testing.T) {
	t.Parallel()
	gone := Life{Name: "n1", Replica: crdt.ReplicaID{1}, Start: StartID{Counter: 5, Nonce: 50}}
	o := fast("n2")
	o.Lives = []Life{gone, {Name: "n3", Replica: fast("n3").Meta.Replica, Start: fast("n3").Meta.Start}}
	p, alive := start(t, o), start(t, fast("n3"))
	alive.join(p)
	untilListed(t, []*peer{p, alive})
	for join, want := range map[bool][]Life{true: {gone}, false: {}} {
		_, _, body, err := unseal(delegate{p.Transport}.LocalState(join))
		if err != nil {
			t.Fatal(err)
		}
		state, err := decodeState(body)
		if err != nil {
			t.Fatal(err)
		}
		if got := unpackLives(state.Lives); !slices.Equal(got, want) {
			t.Errorf("join %t: it tells %+v, want %+v", join, got, want)
		}
	}
}
