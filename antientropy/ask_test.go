package antientropy_test

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

const (
	askKind      = 7
	askNamedKind = 12
	unknownKind  = 13
)

// awaited is a question of a member: who has context on disk.
type awaited struct {
	by        *member
	context   crdt.Context
	asked     int
	confirmed map[string]bool
}

// confirmed holds a confirmation against the disk of the one that gave it.
func (m *member) confirmed(x antientropy.Confirmation) {
	a := m.awaited[x.Await]
	if a == nil && m.lossy {
		return
	}
	if a == nil || a.by != m || a.confirmed[x.Peer] {
		m.t.Errorf("%s: %+v was not asked for, or comes twice", m.name, x)
		return
	}
	a.confirmed[x.Peer] = true
	has := a.context.Leq(m.member(x.Peer).replica.Context)
	m.faultIf(!has && !m.lossy, "%s: %s confirmed %s and has not got it", m.name, x.Peer, a.context)
}

// await asks all others for everything that m has seen.
func (m *member) await() { m.awaitOf(m.replica.Context.Clone()) }

func (m *member) awaitOf(context crdt.Context) *awaited {
	m.order++
	a := &awaited{by: m, context: context, confirmed: map[string]bool{}}
	m.awaited[m.order] = a
	var names []string
	for _, other := range m.members {
		if other != m {
			names = append(names, other.name)
		}
	}
	a.asked = len(names)
	m.core.Await(m.order, a.context, names)
	m.work()
	return a
}

// veterans is a cluster of members that have all seen a great many replicas come
// and go, four of them just now.
func veterans(t testing.TB, members, retired int) *cluster {
	k := newCluster(t, 1)
	k.hostile = true // nobody here has issued those events
	k.options.CheckInterval = 0
	for i := range members + 4 {
		k.add("n" + string(rune('0'+i)))
	}
	k.run(100)
	seen := crdt.NewContext()
	for i := range retired {
		digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		seen[crdt.ReplicaID(digest[:16])] = 1 + uint64(i)
	}
	for _, m := range k.members {
		seen[m.replica.ID] = 1 << 40 // the longest that anybody reaches
	}
	for _, m := range k.members {
		m.replica.Context = seen.Clone()
		m.replica.ContextHash = delta.HashContext(seen)
		m.start()
	}
	k.run(1000)
	for i, m := range k.members {
		m.mustWrite(i)
	}
	k.run(1000)
	for len(k.members) > members {
		k.bury(k.members[members])
	}
	return k
}

func (m *member) mustWrite(claim int) {
	m.t.Helper()
	if err := m.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(claim), Amount: 1}); err != nil {
		m.t.Fatal(err)
	}
}

// bytesOf counts the bytes of the frames of each kind.
func (k *cluster) bytesOf() (bytes, frames map[byte]int) {
	bytes, frames = map[byte]int{}, map[byte]int{}
	k.tap = func(frame []byte) {
		bytes[frame[9]] += len(frame)
		frames[frame[9]]++
	}
	return bytes, frames
}

// agree lets a member hear what all others have seen.
func (m *member) agree() {
	for _, other := range m.members {
		if other != m {
			m.core.Heard(other.name, other.core.CheckPayload())
		}
	}
	m.work()
}

// TestCore_Await_Bytes: asking for all that was ever seen, and the answer, cost
// each peer that is asked what differs, however many replicas have retired.
func TestCore_Await_Bytes(t *testing.T) {
	for _, retired := range []int{100, 10_000} {
		k := veterans(t, 5, retired)
		a := k.members[0]
		bytes, frames := k.bytesOf()
		count := func(what string, each int, context crdt.Context) {
			t.Helper()
			clear(bytes)
			clear(frames)
			w := a.awaitOf(context)
			k.run(250) // asked once
			t.Logf("%d retired, %s: %d bytes to each, %d back", retired, what, bytes[askNamedKind]/4, bytes[8]/4)
			if len(w.confirmed) != 4 || frames[askNamedKind] != 4 || frames[8] != 4 || frames[askKind]+frames[unknownKind] != 0 {
				t.Errorf("%d retired, %s: %d confirm it, by %v frames", retired, what, len(w.confirmed), frames)
			}
			if bytes[askNamedKind] != 4*each || bytes[8] > 4*16 {
				t.Errorf("%d retired, %s: %d bytes to four peers, want %d each; %d of answers", retired, what, bytes[askNamedKind], each, bytes[8])
			}
		}
		before := a.replica.Context.Clone()
		// A name, and 27 bytes for each of five members and four that were heard of
		// last.
		count("nothing told", 277, before)
		a.agree()
		count("all told", 34, before)
		a.mustWrite(7)
		count("and written", 61, a.replica.Context.Clone())
		k.members[1].mustWrite(8)
		k.run(500)
		count("of before, and others have written", 34, before)
		a.stop()
		a.start() // it was at no other context in this life
		k.run(1000)
		a.agree()
		count("of before a restart", 34, before)
	}
}

// TestCore_Await_NamesUnderLoad: where everybody writes all the time, so that no
// two members are at one context, nobody is asked for the whole of it.
func TestCore_Await_NamesUnderLoad(t *testing.T) {
	k := veterans(t, 4, 1000)
	bytes, frames := k.bytesOf()
	asked := 0
	for i := range 80 {
		for _, m := range k.members {
			m.mustWrite(i % 10)
		}
		k.run(7)
		m := k.members[i%4]
		m.agree()
		asked += 3
		w := m.awaitOf(m.replica.Context.Clone())
		k.after(3000, func() {
			if len(w.confirmed) != 3 {
				t.Errorf("a context is confirmed by %d of 3", len(w.confirmed))
			}
		})
	}
	k.run(4000)
	each := (bytes[askKind] + bytes[askNamedKind] + bytes[unknownKind] + bytes[8]) / asked
	t.Logf("%d bytes for each of %d that were asked, %v frames", each, asked, frames)
	if each > 300 || frames[askKind] > 0 {
		t.Errorf("%d bytes for each that was asked, %d pages; want at most 300, and none", each, frames[askKind])
	}
}

// TestCore_Await_OfWhatIsNotSeen: a member may be asked for what the one that
// asks has not seen. The cluster holds each confirmation against the disk.
func TestCore_Await_OfWhatIsNotSeen(t *testing.T) {
	k := veterans(t, 3, 100)
	a, b := k.members[0], k.members[1]
	a.agree()
	k.faults.loss = 100
	b.mustWrite(1)
	k.run(100)
	k.faults.loss = 0
	_, frames := k.bytesOf()
	w := a.awaitOf(b.replica.Context.Clone())
	k.run(200)
	if !w.confirmed["n1"] || w.confirmed["n2"] || frames[askKind]+frames[unknownKind] > 0 {
		t.Errorf("%v confirm it, by %v frames", w.confirmed, frames)
	}
	k.members[2].agree()
	k.run(5000)
	if !w.confirmed["n2"] {
		t.Error("it is not confirmed by one that has got it since")
	}
}

// TestCore_Await_PagesWhereNothingIsCommon: one that has never been where the
// others are is asked for pages, but not before it may have what they name.
func TestCore_Await_PagesWhereNothingIsCommon(t *testing.T) {
	k := veterans(t, 2, 6000)
	k.faults.loss = 100
	a, fresh := k.members[0], k.add("fresh")
	fresh.core.SetPeers(nil) // it answers, and does not pull
	k.faults.loss = 0
	bytes, frames := k.bytesOf()
	w := a.awaitOf(a.replica.Context.Clone())
	k.run(3000)
	if !w.confirmed["n1"] || w.confirmed["fresh"] || frames[askKind] != 0 || frames[unknownKind] == 0 || bytes[askNamedKind] > 4000 {
		t.Fatalf("%v confirm it, by %v frames of %v bytes", w.confirmed, frames, bytes)
	}
	// It has events that a has not seen, and many: no hash that a names is that
	// of anything, and it may have everything.
	digest := sha256.Sum256([]byte("only here"))
	only := crdt.ReplicaID(digest[:16])
	fresh.replica.Context[only] = 1 << 60
	replicas := a.replica.Context.Replicas()
	for i, r := range replicas {
		if i < len(replicas)/2 { // the first of three pages
			fresh.replica.Context[r] = a.replica.Context[r]
		}
	}
	fresh.relive()
	k.run(1000)
	if w.confirmed["fresh"] || frames[askKind] < 3+2 {
		t.Fatalf("%v confirm it, by %d pages of three", w.confirmed, frames[askKind])
	}
	fresh.replica.Context.Join(a.replica.Context)
	fresh.relive()
	k.run(1000)
	if !w.confirmed["fresh"] {
		t.Error("it is not confirmed by one that has it")
	}
}

// relive has a member that answers only begin again with what it has.
func (m *member) relive() {
	m.replica.ContextHash = delta.HashContext(m.replica.Context)
	m.stop()
	m.start()
	m.core.SetPeers(nil)
}

// TestCore_Await_ToldByAFormerLife: a peer that was rolled back does not confirm
// what it had, though it has told so, before it has it again. The cluster holds
// each confirmation against the disk.
func TestCore_Await_ToldByAFormerLife(t *testing.T) {
	k := veterans(t, 3, 100)
	a, b := k.members[0], k.members[1]
	back := b.backup()
	a.mustWrite(1)
	k.run(500)
	a.agree()
	b.stop()
	b.replica, b.disk = back.replica, back.disk
	b.start()
	_, frames := k.bytesOf()
	w := a.awaitOf(a.replica.Context.Clone())
	if a.replica.Context.Leq(b.replica.Context) {
		t.Fatal("the example wants b to have lost something")
	}
	k.run(5000)
	if !w.confirmed["n1"] || !w.confirmed["n2"] || frames[unknownKind] == 0 || frames[askKind] > 0 {
		t.Errorf("%v confirm it, by %v frames", w.confirmed, frames)
	}
}

// TestCore_ReceiveAskNamed_ConfirmsOnlyWhatItHas asks a member for any contexts
// by their hashes, with any entries, between its writes and restarts (Q1, Q2).
func TestCore_ReceiveAskNamed_ConfirmsOnlyWhatItHas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newCluster(t, rapid.Uint64().Draw(rt, "seed"))
		k.options.CheckInterval = 0
		k.faults = faults{}
		m := k.add("m")
		k.add("other")
		k.run(100)
		small := func(what string) crdt.Context {
			c := crdt.NewContext()
			for i := range 3 {
				if n := rapid.IntRange(0, 2).Draw(rt, what); n > 0 {
					c[crdt.ReplicaID{15: byte(i + 1)}] = uint64(n)
				}
			}
			return c
		}
		var lived []crdt.Context // what it was at in this life
		begin := func() {
			m.replica.ContextHash = delta.HashContext(m.replica.Context)
			m.stop()
			m.start()
			lived = []crdt.Context{m.replica.Context.Clone()}
		}
		m.replica.Context = small("first")
		begin()
		open := map[uint64]crdt.Context{}
		confirmed := map[uint64]bool{}
		known := map[uint64]bool{} // by name, when it was asked
		hold := func() {
			for _, x := range m.core.Ready().Messages {
				if id, ok := antientropy.ConfirmedID(x.Frame); ok {
					confirmed[id] = true
					if !open[id].Leq(m.replica.Context) {
						rt.Fatalf("question %d: %s is confirmed by one that has seen %s", id, open[id], m.replica.Context)
					}
				}
			}
			for id, c := range open {
				if known[id] && !confirmed[id] && c.Leq(m.replica.Context) {
					rt.Fatalf("question %d: %s is not confirmed by one that has seen %s", id, c, m.replica.Context)
				}
			}
		}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			id := rapid.Uint64Range(0, 2).Draw(rt, "id") // perhaps of a former life of who asks
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				clear(open) // they are of its former life
				begin()
			case 1:
				m.grow(small("grown"))
				lived = append(lived, m.replica.Context.Clone())
			default:
				x, seen := small("named"), small("listed")
				if rapid.Bool().Draw(rt, "of what it was at") {
					x = lived[rapid.IntRange(0, len(lived)-1).Draw(rt, "which")]
				}
				known[id], confirmed[id] = slices.ContainsFunc(lived, x.Equal), false
				open[id] = x.Clone()
				open[id].Join(seen)
				m.core.Receive("other", antientropy.AskNamedFrame(m.core.CheckPayload()[:9], id, delta.HashContext(x), seen))
			}
			hold()
		}
	})
}

// grow has a member see more at once.
func (m *member) grow(seen crdt.Context) {
	grown := crdt.NewContext()
	for r, sequence := range seen {
		if sequence > m.replica.Context.Get(r) {
			grown[r] = sequence
			m.replica.ContextHash = m.replica.ContextHash.WithSeen(r, m.replica.Context.Get(r), sequence)
			m.replica.Context[r] = sequence
		}
	}
	m.core.Committed(&delta.Effects{ID: m.replica.ID, Context: grown, ContextHash: m.replica.ContextHash, Fingerprint: m.replica.Fingerprint})
}
