package antientropy_test

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// writeAlone has a member register a claim while every frame is lost.
func (k *cluster) writeAlone(m *member, i int) {
	k.t.Helper()
	loss := k.faults.loss
	k.faults.loss = 100
	if err := m.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
		k.t.Fatal(err)
	}
	k.run(500)
	k.faults.loss = loss
}

// TestCore_Peers_TellsSinceWhen a peer is in sync, and since when it is not.
func TestCore_Peers_TellsSinceWhen(t *testing.T) {
	k, a, b := quiet(t, 3)
	hear := func() antientropy.PeerStatus {
		a.core.Heard("b", b.core.CheckPayload())
		return a.core.Peers()[0]
	}
	hear()
	k.run(100)
	began := hear().SyncSince
	k.run(1000)
	if p := hear(); !p.InSync || p.SyncSince != began || began == 0 || began >= k.now {
		t.Errorf("of a peer that stays equal, which was so since %d: %+v", began, p)
	}
	before := k.now
	k.writeAlone(a, 9)
	lost := hear()
	if lost.InSync || lost.Behind != 1 || lost.SyncSince < before || lost.SyncSince > before+100 {
		t.Errorf("of a peer that fell behind at %d: %+v", before, lost)
	}
	b.core.Heard("a", a.core.CheckPayload())
	before = k.now
	k.run(2000)
	if p := hear(); !p.InSync || p.SyncSince < before {
		t.Errorf("of a peer that caught up after %d: %+v", before, p)
	}
}

// TestCore_Peers_TellsWhatPassed: what one has sent and nothing has lost is
// what the other has got.
func TestCore_Peers_TellsWhatPassed(t *testing.T) {
	k, a, b := quiet(t, 10)
	k.quietly = true // what is broadcast is sent to nobody
	passed := func() (toB, fromA, toA, fromB uint64) {
		atA, atB := a.core.Peers()[0], b.core.Peers()[0]
		return atA.BytesOut, atB.BytesIn, atB.BytesOut, atA.BytesIn
	}
	toB, fromA, toA, fromB := passed()
	for i := range 5 {
		if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(100 + i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	b.core.Repair("a")
	k.run(1000)
	toB2, fromA2, toA2, fromB2 := passed()
	if toB2-toB < 500 || toB2-toB != fromA2-fromA || toA2-toA < 50 || toA2-toA != fromB2-fromB {
		t.Errorf("a has sent %d bytes, b got %d of them; b has sent %d, a got %d", toB2-toB, fromA2-fromA, toA2-toA, fromB2-fromB)
	}
}

// TestCore_Peers_TellsHowTheLastFetchEnded, of every kind, and in failure.
func TestCore_Peers_TellsHowTheLastFetchEnded(t *testing.T) {
	k, a, b := quiet(t, 10)
	k.writeAlone(a, 99)
	before := k.now
	b.core.Heard("a", a.core.CheckPayload())
	k.run(2000)
	if f := b.core.Peers()[0].LastFetch; f.Kind != antientropy.FetchPull || f.Failure != "" || f.Bytes < 50 || f.Ended < before {
		t.Errorf("after a pull: %+v", f)
	}
	b.core.Repair("a", delta.ClaimSpan)
	k.run(2000)
	if f := b.core.Peers()[0].LastFetch; f.Kind != antientropy.FetchPartial || f.Failure != "" || f.Bytes < 50 {
		t.Errorf("after a partial repair: %+v", f)
	}
	b.core.Repair("a")
	k.run(2000)
	whole := b.core.Peers()[0].LastFetch
	if whole.Kind != antientropy.FetchComplete || whole.Failure != "" || whole.Bytes < 50 {
		t.Errorf("after a repair of everything: %+v", whole)
	}
	k.faults.loss = 100
	b.core.Repair("a")
	k.run(60_000)
	if f := b.core.Peers()[0].LastFetch; f.Kind != antientropy.FetchComplete || f.Failure != "the peer does not answer" || f.Ended <= whole.Ended {
		t.Errorf("after a repair that nobody answered: %+v", f)
	}
}

// foreignDelta returns a delta of one event of an origin that nobody knows.
func foreignDelta(t *testing.T, i int) []byte {
	t.Helper()
	p, err := delta.Pack(delta.Delta{
		Origin: crdt.ReplicaID{0: 9, 1: byte(i), 15: 1}, First: 1,
		Events: []delta.Event{{Kind: delta.Forget, Replica: crdt.ReplicaID{0: 8, 1: byte(i), 15: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.Bytes
}

// TestCore_Receive_SameDeltaAgainIsRememberedOnce: a peer that repeats itself
// while the disk is slow does not fill the memory.
func TestCore_Receive_SameDeltaAgainIsRememberedOnce(t *testing.T) {
	_, a, b := quiet(t, 0)
	frame := antientropy.PushFrame(a.core.CheckPayload()[:9], foreignDelta(t, 1))
	for range 1000 {
		b.core.Receive("a", frame)
	}
	b.core.Receive("c", frame)
	if n := antientropy.ArrivalsHeld(b.core); n != 2 {
		t.Errorf("%d arrivals from two peers are remembered", n)
	}
}

// TestCore_Announcements_BeyondTheBoundAreCounted and left to checks.
func TestCore_Announcements_BeyondTheBoundAreCounted(t *testing.T) {
	k, a, b := quiet(t, 0)
	for i := range 100 {
		b.core.Receive("a", antientropy.PushFrame(a.core.CheckPayload()[:9], foreignDelta(t, i)))
	}
	b.work()
	k.run(1000)
	if c := b.core.Counters(); c.AnnouncementsDropped != 36 {
		t.Errorf("%d of 100 announcements were dropped, at most 64 replicas are named at a time", c.AnnouncementsDropped)
	}
}

// TestCore_Receive_TellsOfAnswersThatCannotBeRead: a peer of another build, whose
// answers are not understood, is told from one that does not answer, in the log
// once a minute and where the last fetch is shown.
func TestCore_Receive_TellsOfAnswersThatCannotBeRead(t *testing.T) {
	k, _, b := quiet(t, 3)
	k.hostile = true
	var asked []uint64
	k.tap = func(frame []byte) {
		if id, _ := antientropy.IDOf(frame); id != 0 {
			asked = append(asked, id)
		}
	}
	k.faults.loss = 100
	b.notices = nil
	b.core.Repair("a")
	b.work()
	for len(asked) > 0 {
		id := asked[0]
		asked = asked[1:]
		b.core.Receive("a", antientropy.PartFrame(b.core.CheckPayload()[:9], id, []byte("\x81\x00")))
		b.work()
	}
	if f := b.core.Peers()[0].LastFetch; !strings.Contains(f.Failure, "cannot be read") || !strings.Contains(f.Failure, "same release") {
		t.Errorf("%+v", f)
	}
	told := 0
	for _, n := range b.notices {
		if n.Kind == antientropy.NoticeBadFrame {
			told++
		}
	}
	if c := b.core.Counters(); told != 1 || c.FramesBad < 2 {
		t.Errorf("told %d times of %d frames", told, c.FramesBad)
	}
	k.run(60_000)
	b.core.Receive("a", append(b.core.CheckPayload()[:9:9], 77, 0x80))
	if r := b.core.Ready(); len(r.Notices) != 1 || r.Notices[0].Kind != antientropy.NoticeBadFrame {
		t.Errorf("a minute later: %v", r.Notices)
	}
}
