package antientropy_test

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// What a pull from a log costs beside the deltas: for each replica that has
// changed, for each delta, and a fixed part, which is one question and one
// answer of nothing:
//
//	question  10 head, 1 array, the id, 1 scope, 18 the common context, the list's head
//	answer    10 head, 1 array, the id, 2 index and total, the bytes' head,
//	          1 array, 36 a check of flags, two hashes and two numbers, the numbers,
//	          1 extent, 1 nothing trimmed, the list's head
//
// Heads and numbers are as long as what they say, see fixedBytes. With ids of 5
// bytes the sum is 98 at least, and 109 at most where no number passes 2^32 and
// the lists have less than 256 items. A question about listed replicas alone, a
// hole, names no common context.
const (
	pullFixedBytes      = 30 + 52
	commonContextBytes  = 17
	pullFixedMost       = 109
	pullBytesPerReplica = 24
	pullBytesPerDelta   = 4
)

// numberBytes is how many bytes CBOR takes for a number, or the head of as many
// bytes or items.
func numberBytes(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	case n < 1<<32:
		return 5
	}
	return 9
}

// exchanged is a question and its answer.
type exchanged struct {
	antientropy.Asked
	antientropy.Answered
}

// fixedBytes is what they take beside each listed replica and each delta.
func (x exchanged) fixedBytes() int {
	fixed := pullFixedBytes
	if x.Hole {
		fixed -= commonContextBytes
	}
	return fixed + 2*numberBytes(x.Asked.ID) + numberBytes(uint64(x.Listed)) + numberBytes(uint64(x.Bytes)) +
		numberBytes(x.Records) + numberBytes(x.Events) + numberBytes(uint64(x.Deltas))
}

// parted is a cluster of two that agreed, after which each has seen what the
// other has not: of nine replicas each, in so many deltas of each replica. Both
// know a number of replicas that retired long ago.
func parted(t *testing.T, retired, deltas int) (k *cluster, a, b *member) {
	k, a, b = aged(t, retired)
	a.core.Heard("b", b.core.CheckPayload())
	b.core.Heard("a", a.core.CheckPayload())
	k.faults.loss = 100
	for _, m := range []*member{a, b} {
		for i := range deltas {
			if err := m.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		for range 8 {
			for _, p := range k.departed(t, deltas) {
				m.apply(p)
			}
		}
	}
	k.run(2000)
	k.faults.loss = 0
	return k, a, b
}

// departed returns the deltas of a replica that is no member any more.
func (k *cluster) departed(t *testing.T, deltas int) []delta.Packed {
	m := k.add(fmt.Sprint("gone", k.nextID))
	for i := range deltas {
		if err := m.commitOnly(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.bury(m)
	return m.disk.log[m.replica.ID]
}

// payloadOf returns the bytes of a log but those of some replicas.
func (m *member) payloadOf(unless crdt.Context) (bytes, deltas int) {
	for r, log := range m.disk.log {
		if unless.Get(r) > 0 {
			continue
		}
		for _, p := range log {
			bytes += len(p.Bytes)
			deltas++
		}
	}
	return bytes, deltas
}

// TestCore_Pull_AfterAgreement_Bytes: where two agreed before, one question and
// one answer bring all that is missing, and one more of each all that is
// missing at the other end: for 24 bytes for each replica that has changed and
// 4 for each delta beside the deltas themselves, and a fixed part that is known
// to the byte. What retired long ago costs nothing.
func TestCore_Pull_AfterAgreement_Bytes(t *testing.T) {
	for _, c := range []struct{ retired, deltas int }{{0, 1}, {0, 20}, {10_000, 1}, {10_000, 20}} {
		t.Run(fmt.Sprintf("%d retired, %d deltas each", c.retired, c.deltas), func(t *testing.T) {
			k, a, b := parted(t, c.retired, c.deltas)
			there, n := a.payloadOf(b.replica.Context)
			here, m := b.payloadOf(a.replica.Context)
			payload, deltas := there+here, n+m
			kinds, bytes := map[byte]int{}, 0
			fixed, replicas, asked := 0, 0, map[uint64]antientropy.Asked{}
			k.quietly = true
			k.tap = func(frame []byte) {
				kinds[frame[9]]++
				bytes += len(frame)
				if q, ok := antientropy.AskedBy(frame); ok {
					asked[q.ID] = q
					replicas += q.Listed
				} else if x, ok := antientropy.AnsweredBy(frame); ok {
					fixed += exchanged{asked[x.ID], x}.fixedBytes()
				}
			}
			b.core.Heard("a", a.core.CheckPayload())
			k.run(1000)
			if !a.replica.Context.Equal(b.replica.Context) {
				t.Fatalf("b has seen %d replicas, a %d", len(b.replica.Context), len(a.replica.Context))
			}
			const changed = 18 // nine there and nine here
			beside := bytes - payload - fixed
			t.Logf("%d bytes beside %d deltas of %d bytes, %d of them fixed", bytes-payload, deltas, payload, fixed)
			if most := changed*pullBytesPerReplica + deltas*pullBytesPerDelta; beside > most || fixed > 2*pullFixedMost {
				t.Errorf("%d bytes fixed; %d for %d replicas and %d deltas, want at most %d", fixed, beside, changed, deltas, most)
			}
			// A replica is listed by whoever asks: 1 array, 17 its id, its sequence,
			// here of one byte, which the other side has yet to see.
			if want := replicas*(1+17+1) + deltas*2; beside != want {
				t.Errorf("%d bytes for %d replicas listed and %d deltas, want %d: the fixed part of %d is not what it is said to be", beside, replicas, deltas, want, fixed)
			}
			if kinds[pullKind] != 2 || kinds[partKind] != 2 || len(kinds) != 2 {
				t.Errorf("frames by kind %v, want two pulls and their answers", kinds)
			}
		})
	}
}

// TestCore_Pull_FirstContact_Trips: two that have never met, each with a
// history of its own, ask each other twice: by a context that is not common,
// and by pages. Both ask at once, so that it takes two round trips, of which
// three are allowed.
func TestCore_Pull_FirstContact_Trips(t *testing.T) {
	k := newCluster(t, 1)
	k.options.CheckInterval = 0
	k.faults = faults{loss: 100}
	a, b := k.add("a"), k.add("b")
	for i, m := range []*member{a, b} {
		for j := range 20 {
			if err := m.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(20*i + j), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		m.stop()
	}
	k.run(1000)
	k.faults.loss = 0
	kinds := k.kinds()
	a.start()
	b.start()
	a.tellPeers()
	b.tellPeers()
	k.run(1000)
	if a.replica.Fingerprint.Count != 40 || !k.isConverged() {
		t.Fatalf("a holds %s, b %s", a.replica.Fingerprint, b.replica.Fingerprint)
	}
	if kinds[pullKind] > 4 {
		t.Errorf("%d questions, want at most two of each", kinds[pullKind])
	}
}

// TestCore_Heard_SizeOfState: hearing and telling a check allocates nothing
// that grows with the number of claims or of replicas that retired; it is a
// copy of sums that are kept up to date.
func TestCore_Heard_SizeOfState(t *testing.T) {
	var allocations [2]float64
	for i, size := range []struct{ claims, retired int }{{1, 1}, {1_000_000, 10_000}} {
		start := antientropy.Start{ID: crdt.ReplicaID{1}, Context: crdt.NewContext()}
		for j := range size.retired {
			start.Context[crdt.ReplicaID{2, byte(j), byte(j >> 8)}] = 1 << 40
		}
		start.ContextHash = delta.HashContext(start.Context)
		start.Fingerprint = delta.Fingerprint{Count: uint64(size.claims), Sum: delta.Sum{Hi: 1, Lo: 2}}
		core, err := antientropy.New(antientropy.Options{Cluster: "test"}, start)
		if err != nil {
			t.Fatal(err)
		}
		core.SetPeers([]antientropy.Peer{{Name: "b", Alive: true}})
		check := core.CheckPayload()
		if len(check) > antientropy.CheckBytesMax {
			t.Errorf("%d claims, %d retired replicas: a check of %d bytes, at most %d are wanted", size.claims, size.retired, len(check), antientropy.CheckBytesMax)
		}
		core.Heard("b", check)
		core.Ready()
		allocations[i] = testing.AllocsPerRun(100, func() {
			core.Heard("b", core.CheckPayload())
			if r := core.Ready(); len(r.Messages)+len(r.Reads)+len(r.Commits) > 0 {
				t.Fatalf("equals have something to say: %+v", r)
			}
		})
	}
	if allocations[0] != allocations[1] {
		t.Errorf("%v allocations for a small state, %v for a large one", allocations[0], allocations[1])
	}
}

// TestCore_Pull_IsRepeated: a pull that was lost, or whose answer was, is asked
// again long before it is given up; one whose answer only is slow takes the
// first that comes, and of answers in many parts never puts those of two
// together.
func TestCore_Pull_IsRepeated(t *testing.T) {
	for _, c := range []struct {
		name   string
		lose   int // frames of the exchange
		slow   uint64
		within uint64
	}{
		{name: "question lost", lose: 1, within: 600},
		{name: "answer lost", lose: 2, within: 900},
		{name: "three lost", lose: 3, within: 1900},
		{name: "slow to read", slow: 900, within: 2500},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, a, b := quiet(t, 0)
			k.faults = faults{loss: 100}
			for i := range 800 { // of more than one part
				if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
					t.Fatal(err)
				}
			}
			k.run(2000)
			k.faults, k.quietly = faults{diskMax: c.slow}, true
			lost := 0
			k.tap = func([]byte) {
				k.faults.loss = 0
				if lost < c.lose {
					lost++
					k.faults.loss = 100
				}
			}
			before := b.core.Counters()
			b.core.Heard("a", a.core.CheckPayload())
			b.work()
			k.run(c.within)
			if !k.isConverged() {
				t.Errorf("b has seen %s, a %s", b.replica.Context, a.replica.Context)
			}
			k.run(5000)
			now := b.core.Counters()
			if now.FramesBad > 0 || now.PullsFailed != before.PullsFailed || now.PullsRepeated == before.PullsRepeated {
				t.Errorf("%+v", now)
			}
			if n := antientropy.RequestsOpen(b.core); n != 0 {
				t.Errorf("%d questions wait for an answer for ever", n)
			}
		})
	}
}
