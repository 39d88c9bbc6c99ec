package antientropy_test

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// wire counts what goes over the wire by kind of frame.
type wire struct {
	bytes, frames int
}

func (k *cluster) count() *wire {
	w := &wire{}
	k.tap = func(frame []byte) {
		w.frames++
		w.bytes += len(frame)
	}
	return w
}

// fill gives members the same claims.
func fill(t *testing.T, n int, members ...*member) {
	t.Helper()
	for from := 0; from < n; from += 500 {
		var batch []delta.Operation
		for i := from; i < min(n, from+500); i++ {
			batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1})
		}
		if err := members[0].write(batch...); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range members[1:] {
		m.disk = members[0].disk.clone()
		id := m.replica.ID
		m.replica = members[0].backup().replica
		m.replica.ID = id
		m.start()
	}
}

// quiet is a cluster of two equal members with n claims, which say nothing by
// themselves.
func quiet(t *testing.T, n int) (k *cluster, a, b *member) {
	k = newCluster(t, 1)
	k.options.CheckInterval = 0
	k.faults.diskMax = 0
	a, b = k.add("a"), k.add("b")
	k.run(100)
	fill(t, n, a, b)
	k.run(1000)
	if !k.isConverged() {
		t.Fatal("the members are not equal at the start")
	}
	return k, a, b
}

// TestCore_CheckPayload_Bytes: an idle check has its size whatever the state.
func TestCore_CheckPayload_Bytes(t *testing.T) {
	_, a, b := quiet(t, 2000)
	a.replica.Context = crdt.NewContext()
	for i := range 5000 {
		a.replica.Context[crdt.ReplicaID{1, byte(i), byte(i >> 8)}] = 1 << 40
	}
	a.start()
	for _, m := range []*member{a, b} {
		if n := len(m.core.CheckPayload()); n > antientropy.CheckBytesMax || n != 58 {
			t.Errorf("a check of %d bytes, want 58", n)
		}
	}
}

// TestCore_Heard_EqualSendsNothing: peers that are equal say nothing more.
func TestCore_Heard_EqualSendsNothing(t *testing.T) {
	k, a, b := quiet(t, 100)
	w := k.count()
	for range 10 {
		a.core.Heard("b", b.core.CheckPayload())
		a.work()
		k.run(1000)
	}
	if w.frames != 0 {
		t.Errorf("%d frames of %d bytes", w.frames, w.bytes)
	}
}

// TestCore_Push_Bytes: a small write travels in one frame, with little beside
// the delta.
func TestCore_Push_Bytes(t *testing.T) {
	k, a, _ := quiet(t, 0)
	w := k.count()
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 10}); err != nil {
		t.Fatal(err)
	}
	deltas := a.disk.log[a.replica.ID]
	if beside := w.bytes - len(deltas[0].Bytes); w.frames != 1 || beside > 16 {
		t.Errorf("%d frames, %d bytes beside the delta; want 1 and at most 16", w.frames, beside)
	}
}

// TestCore_Exchange_Bytes: peers of two replicas that differ by one event of a
// hundred bytes need one question and one answer.
func TestCore_Exchange_Bytes(t *testing.T) {
	k, a, b := quiet(t, 0)
	k.faults.loss = 100
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 10}); err != nil {
		t.Fatal(err)
	}
	k.run(2000)
	k.faults.loss = 0
	w := k.count()
	b.core.Heard("a", a.core.CheckPayload())
	k.run(500)
	payload := len(a.disk.log[a.replica.ID][0].Bytes)
	if !k.isConverged() || w.bytes-payload > 125 {
		t.Errorf("converged %v with %d frames, %d bytes beside the delta; want at most 125", k.isConverged(), w.frames, w.bytes-payload)
	}
}

// TestSession_Bytes counts range repair beside the entries themselves.
func TestSession_Bytes(t *testing.T) {
	for _, c := range []struct {
		n, differing int
		bytesMax     int
		framesMax    int
	}{
		{n: 4000, differing: 0, bytesMax: 85, framesMax: 2},
		{n: 4000, differing: 1, bytesMax: 1146, framesMax: 14},
		{n: 4000, differing: 50, bytesMax: 50 * 220, framesMax: 14},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.differing, c.n), func(t *testing.T) {
			k, a, b := quiet(t, c.n)
			k.faults.loss = 100
			for i := range c.differing {
				claim := claimOf(i * c.n / c.differing)
				if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1}); err != nil {
					t.Fatal(err)
				}
			}
			a.trim(100)
			k.run(3000)
			k.faults.loss = 0
			w := k.count()
			b.core.Repair("a")
			b.work()
			k.run(2000)
			if a.replica.Fingerprint != b.replica.Fingerprint || !a.replica.Context.Equal(b.replica.Context) {
				t.Fatal("they are not equal after the repair")
			}
			t.Logf("%d frames, %d bytes, %d entries", w.frames, w.bytes, b.core.Counters().EntriesTaken)
			if w.bytes > c.bytesMax || w.frames > c.framesMax {
				t.Errorf("%d frames of %d bytes, want at most %d of %d", w.frames, w.bytes, c.framesMax, c.bytesMax)
			}
		})
	}
}
