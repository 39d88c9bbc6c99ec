package antientropy_test

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// aged is a cluster of two members that have seen a great many replicas come
// and go, some of which only one of them has seen.
func aged(t *testing.T, retired int, onlyA ...int) (k *cluster, a, b *member) {
	k = newCluster(t, 1)
	k.hostile = true // nobody here has issued those events
	k.options.CheckInterval = 0
	a, b = k.add("a"), k.add("b")
	k.run(100)
	for _, m := range []*member{a, b} {
		for i := range retired {
			if m == a || !slices.Contains(onlyA, i) {
				digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
				m.replica.Context[crdt.ReplicaID(digest[:16])] = 1
			}
		}
		m.replica.ContextHash = delta.HashContext(m.replica.Context)
		m.start()
	}
	return k, a, b
}

// kinds counts the frames of each kind.
func (k *cluster) kinds() map[byte]int {
	kinds := map[byte]int{}
	k.tap = func(frame []byte) { kinds[frame[9]]++ }
	return kinds
}

const (
	pullKind  = 4
	rangeKind = 5
	partKind  = 6
)

// TestCore_Exchange_PagesLargeContexts: a context of 6000 replicas is told in
// three pages, and the answer about ranges has it in several parts.
func TestCore_Exchange_PagesLargeContexts(t *testing.T) {
	k, a, b := aged(t, 6000, 1, 2999, 5998)
	kinds := k.kinds()
	k.run(100)
	b.core.Heard("a", a.core.CheckPayload())
	k.run(3000)
	if !b.replica.Context.Equal(a.replica.Context) {
		t.Fatalf("b has seen %d replicas, a %d", len(b.replica.Context), len(a.replica.Context))
	}
	if kinds[pullKind] < 3 || kinds[rangeKind] != 1 || kinds[partKind] < 5 {
		t.Errorf("%v frames; want at least 3 pages, 1 question about ranges, and its answer in parts", kinds)
	}
	if c := b.core.Counters(); c.SessionsCompleted != 1 {
		t.Errorf("%+v", c)
	}
}

// TestCore_Exchange_MuchIsTrimmed: what a log no longer has, of more replicas than
// one answer lists, is listed by several. A member that lacks all of it ends up
// with the state.
func TestCore_Exchange_MuchIsTrimmed(t *testing.T) {
	const retired = 6000
	for _, known := range []int{0, 1000} { // to both: then it goes by what has changed since
		k, a, b := aged(t, known)
		for i := range retired {
			digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(known+i)))
			a.replica.Context[crdt.ReplicaID(digest[:16])] = 1
		}
		a.replica.ContextHash = delta.HashContext(a.replica.Context)
		a.start()
		for a.core.Peers()[0].LastFetch.Ended == 0 {
			k.run(20)
			b.start() // it forgets what a tells of itself while a pulls
		}
		b.core.Heard("a", a.core.CheckPayload())
		k.run(5000)
		if !b.replica.Context.Equal(a.replica.Context) {
			t.Errorf("%d known: b has seen %d replicas, a %d; %+v", known, len(b.replica.Context), len(a.replica.Context), b.core.Counters())
		}
	}
}

// TestCore_Exchange_NamesCommonContext: peers that were at one context once
// tell each other only what has changed since.
func TestCore_Exchange_NamesCommonContext(t *testing.T) {
	k, a, b := aged(t, 6000)
	k.run(500)
	a.core.Heard("b", b.core.CheckPayload())
	b.core.Heard("a", a.core.CheckPayload())
	k.faults.loss = 100
	for i := range 3 {
		for _, m := range []*member{a, b} {
			if err := m.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	k.run(1000)
	k.faults.loss = 0
	w := k.count()
	b.core.Heard("a", a.core.CheckPayload())
	b.work()
	k.run(1000)
	a.core.Heard("b", b.core.CheckPayload())
	k.run(1000)
	if !b.replica.Context.Equal(a.replica.Context) {
		t.Fatal("they have not seen the same")
	}
	// Six deltas of some 70 bytes, two questions, two answers.
	if w.bytes > 1200 {
		t.Errorf("%d bytes in %d frames, want at most 1200", w.bytes, w.frames)
	}
}

// TestCore_ServePull_ChecksWhatItHas: what a member learns between a question
// and the read of its answer is not in the answer, so the check in it must not
// say so: the other side would not ask again.
func TestCore_ServePull_ChecksWhatItHas(t *testing.T) {
	k, a, b := quiet(t, 0)
	k.faults = faults{loss: 100}
	other := k.foreign(t)
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	k.run(2000)
	k.faults.loss = 0
	b.core.Heard("a", a.core.CheckPayload())
	k.tap = func(frame []byte) {
		if frame[9] != pullKind {
			return
		}
		k.tap = nil
		// The question arrives between the outer and the inner: a has taken it,
		// and has yet to read.
		k.after(0, func() { k.after(0, func() { a.apply(other) }) })
	}
	k.run(5000)
	if k.tap != nil || len(b.replica.Context) != 1 || len(a.replica.Context) != 2 {
		t.Fatalf("b has seen %s and a %s; the example wants b to lack one", b.replica.Context, a.replica.Context)
	}
	b.core.Heard("a", a.core.CheckPayload())
	k.run(5000)
	if !b.replica.Context.Equal(a.replica.Context) {
		t.Errorf("b has seen %s, a %s", b.replica.Context, a.replica.Context)
	}
}

// foreign returns a delta of a replica that is no member any more.
func (k *cluster) foreign(t *testing.T) delta.Packed {
	m := k.add("gone")
	if err := m.commitOnly(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(2), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	k.bury(m)
	return m.disk.log[m.replica.ID][0]
}

// apply commits a delta that came on no frame.
func (m *member) apply(p delta.Packed) {
	c := m.replica.Begin(delta.Env{Read: m.disk.memory})
	_, err := c.Receive(p)
	effects, failed := c.Finish()
	if err != nil || failed != nil {
		m.t.Fatal(err, failed)
	}
	m.persist(effects)
	m.core.Committed(effects)
	m.core.Ready() // whatever it would send is lost
}

// TestCore_Await_OneRoundTrip: after an own write, confirmation takes the way
// of the push, the commit there and the way back, and no tick.
func TestCore_Await_OneRoundTrip(t *testing.T) {
	k, a, b := quiet(t, 0)
	k.faults = faults{}
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	now := k.now
	a.await()
	for k.step(now) { // everything without the clock moving
	}
	for _, w := range k.awaited {
		if !w.confirmed["b"] {
			t.Errorf("not confirmed; b has seen %s", b.replica.Context)
		}
	}
	if c := a.core.Counters(); c.FramesOut < 2 {
		t.Errorf("%+v", c)
	}
}

// TestCore_Push_ParticipantsFirst: in a large cluster the few that a delta is
// pushed to are those that take part in what it touches, and the next on the
// ring.
func TestCore_Push_ParticipantsFirst(t *testing.T) {
	k := newCluster(t, 1)
	k.options.SmallCluster, k.options.FanOut = 2, 2
	k.options.Participants = func(delta.Delta) []string { return []string{"n3", "n7", "unknown"} }
	for i := range 10 {
		k.add("n" + string(rune('0'+i)))
	}
	k.run(1000)
	a := k.members[0]
	pushed := a.pushesOne(t)
	next, few := a.following(), pushed[:min(2, len(pushed))]
	if slices.Sort(few); !slices.Equal(few, []string{"n3", "n7"}) || len(pushed) > 2 && (len(pushed) > 3 || pushed[2] != next) {
		t.Errorf("pushed to %q, want those who participate, then %s", pushed, next)
	}
}

// TestCore_Push_ParticipantsFirst_InSmallCluster: everybody gets it, those who take
// part in what it touches first.
func TestCore_Push_ParticipantsFirst_InSmallCluster(t *testing.T) {
	k := newCluster(t, 1)
	k.options.Participants = func(delta.Delta) []string { return []string{"n3", "unknown"} }
	for i := range 5 {
		k.add("n" + string(rune('0'+i)))
	}
	k.run(1000)
	if pushed, want := k.members[0].pushesOne(t), []string{"n3", "n1", "n2", "n4"}; !slices.Equal(pushed, want) {
		t.Errorf("pushed to %q, want %q", pushed, want)
	}
}

// pushesOne has a member write, and returns to whom it pushes that, in order.
func (m *member) pushesOne(t *testing.T) (to []string) {
	t.Helper()
	if err := m.commitOnly(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	for _, x := range m.core.Ready().Messages {
		if len(antientropy.Pushed(x.Frame)) > 0 {
			to = append(to, x.To)
		}
	}
	return to
}

// following returns the name of the member whose replica is next on the ring.
func (m *member) following() string {
	ring := slices.SortedFunc(slices.Values(m.members), func(a, b *member) int { return a.replica.ID.Compare(b.replica.ID) })
	return ring[(slices.Index(ring, m)+1)%len(ring)].name
}

// TestCore_Push_ReachesLargeCluster: in a cluster of 100, pushes alone reach
// all, with at most 8 copies of the payload for each member.
func TestCore_Push_ReachesLargeCluster(t *testing.T) {
	const members, writes = 100, 30
	k := newCluster(t, 3)
	k.options.CheckInterval = 0
	k.faults = faults{delayMax: 2}
	k.quietly = true
	for i := range members {
		k.add("n" + string([]byte{'0' + byte(i/10), '0' + byte(i%10)}))
	}
	k.run(3000)
	copies := 0
	k.tap = func(frame []byte) { copies += len(antientropy.Pushed(frame)) }
	for i := range writes {
		m := k.members[k.random.IntN(members)]
		if err := m.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
		k.run(19) // less than it takes to announce anything
	}
	reached := uint64(0)
	for _, m := range k.members {
		reached += m.replica.Fingerprint.Count
	}
	t.Logf("%d of %d reached, %.2f copies each", reached, members*writes, float64(copies)/members/writes)
	if reached != members*writes || copies > 8*members*writes {
		t.Errorf("%d of %d were reached by %d copies", reached, members*writes, copies)
	}
}

// commitOnly writes without doing what the core then wants done.
func (m *member) commitOnly(o delta.Operation) error {
	c := m.replica.Begin(delta.Env{Read: m.disk.memory})
	if _, _, err := c.Write([]delta.Operation{o}); err != nil {
		return err
	}
	effects, err := c.Finish()
	if err != nil {
		return err
	}
	m.persist(effects)
	m.core.Committed(effects)
	return nil
}

// TestCore_Repairs_WhatIsAheadForEver: a has taken the state of c under some
// span, and then c is lost with the only log of it. a and b have seen the same,
// a is ahead and will never be caught up with; b gets it all the same, and
// nobody shouts.
func TestCore_Repairs_WhatIsAheadForEver(t *testing.T) {
	k := newCluster(t, 1)
	a, b, c := k.add("a"), k.add("b"), k.add("c")
	k.run(1000)
	k.faults.loss = 100
	for i := range 5 {
		if err := c.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.run(1000)
	k.faults.loss = 0
	a.core.Repair("c", delta.Span{From: delta.ClaimKey(claimOf(1)), To: delta.ClaimKey(claimOf(4))})
	a.work()
	for a.core.Counters().EntriesTaken < 3 {
		if !k.step(k.now + 1000) {
			t.Fatal("a does not take anything")
		}
	}
	k.bury(c)
	k.run(30_000)
	if a.replica.Fingerprint.Count != 3 || !a.replica.IsAhead() || len(a.replica.Context) != 0 {
		t.Fatalf("a has seen %s, is ahead by %s and holds %s", a.replica.Context, a.replica.Ahead, a.replica.Fingerprint)
	}
	if b.replica.Fingerprint != a.replica.Fingerprint || len(k.diverged) > 0 {
		t.Errorf("b holds %s, a %s; notices %v", b.replica.Fingerprint, a.replica.Fingerprint, k.diverged)
	}
}

// TestCore_SameInputsSameOutputs: two runs of one seed send the same bytes.
func TestCore_SameInputsSameOutputs(t *testing.T) {
	var traces [2][32]byte
	for i := range traces {
		k := newCluster(t, 5)
		h := sha256.New()
		k.tap = func(frame []byte) { h.Write(frame) }
		k.history(4, 60, k.act)
		traces[i] = [32]byte(h.Sum(nil))
	}
	if traces[0] != traces[1] {
		t.Error("they differ")
	}
}
