package antientropy_test

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestCore_Peers_TellsWhoIsBehind shows what members and metrics show.
func TestCore_Peers_TellsWhoIsBehind(t *testing.T) {
	k, a, b := quiet(t, 3)
	a.core.Heard("b", b.core.CheckPayload())
	if p := a.core.Peers(); len(p) != 1 || p[0].Name != "b" || !p[0].InSync || p[0].Behind != 0 || p[0].Heard != k.now {
		t.Errorf("of an equal peer: %+v", p)
	}
	k.faults.loss = 100
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(9), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	a.core.Heard("b", b.core.CheckPayload())
	if p := a.core.Peers(); p[0].InSync || p[0].Behind != 1 || p[0].Fingerprint != b.replica.Fingerprint {
		t.Errorf("of a peer that lacks one event: %+v", p)
	}
	if a.core.Replica() != a.replica.ID {
		t.Error("the core goes by another id")
	}
}

// TestCore_Session_TellsProgress: how far a repair is can be asked at any time.
func TestCore_Session_TellsProgress(t *testing.T) {
	k, a, b := quiet(t, 0)
	k.options.RangeBytesMax = 1
	a.start()
	k.run(100)
	k.faults.loss = 100
	for i := range 20 {
		if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.faults.loss = 0
	if _, ok := b.core.Session(); ok {
		t.Error("a session before there is one")
	}
	b.core.Repair("a")
	b.work()
	seen := map[uint64]bool{}
	for k.step(k.now + 1000) {
		s, ok := b.core.Session()
		if !ok {
			break
		}
		if s.Peer != "a" || !s.Complete || s.Reason == "" {
			t.Fatalf("%+v", s)
		}
		seen[s.Entries] = true
	}
	if len(seen) < 15 {
		t.Errorf("progress was seen at %v", seen)
	}
}

// TestCore_Session_TellsProgressByRecordsAndSpans: of a repair of everything it
// is told how many records are compared, of about how many; of a repair of some
// spans, how many of these are done. It begins at no time that is never.
func TestCore_Session_TellsProgressByRecordsAndSpans(t *testing.T) {
	for _, whole := range []bool{true, false} {
		k, a, b := quiet(t, 0)
		k.options.RangeBytesMax = 1
		a.start()
		k.run(100)
		fill(t, 40, a, b)
		k.run(1000)
		k.faults.loss = 100
		for i := range 20 {
			if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(i), Amount: 1}); err != nil {
				t.Fatal(err)
			}
		}
		k.faults.loss = 0
		b.core.Heard("a", a.core.CheckPayload())
		var spans []delta.Span
		for from := byte('a'); !whole && from < 'z'; from += 5 {
			spans = append(spans, delta.StartingIn("default", ranges.Range{From: string(from), To: ranges.Before(string(from + 5))}))
		}
		b.core.Repair("a", spans...)
		b.work()
		var last antientropy.SessionStatus
		for k.step(k.now + 1000) {
			s, ok := b.core.Session()
			if !ok {
				break
			}
			if s.Compared < last.Compared || s.SpansDone < last.SpansDone || s.Begun == 0 || s.SpansBegun != len(spans) {
				t.Fatalf("whole %t: %+v after %+v", whole, s, last)
			}
			last = s
		}
		switch {
		case whole && (last.Expected != 40 || last.Compared < 30 || last.Compared > 40):
			t.Errorf("at the end of the whole: %+v", last)
		case !whole && (last.SpansDone < len(spans)-1 || last.SpansDone > len(spans) || last.Expected != 0):
			t.Errorf("at the end of %d spans: %+v", len(spans), last)
		}
	}
	k := newCluster(t, 1)
	a, b := k.add("a"), k.add("b") // at the very beginning of time
	_ = a
	b.core.Heard("a", a.core.CheckPayload())
	b.core.Repair("a")
	b.work()
	if s, ok := b.core.Session(); ok && s.Begun == 0 {
		t.Error("a session begins at no time")
	} else if !ok {
		t.Error("no session")
	}
}

// TestCore_Counters_TripsAndStaleAnswers: an answer that was waited for is a
// round trip of its tier. One that comes again, since a pull was asked again, is
// of that tier too, and told as what it is.
func TestCore_Counters_TripsAndStaleAnswers(t *testing.T) {
	k, a, b := quiet(t, 3)
	k.options.PullRepeat = 10
	b.start()
	b.core.Heard("a", a.core.CheckPayload())
	k.run(1000)
	k.faults.loss = 100
	if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	k.run(100)
	k.faults.loss, k.faults.delayMax = 0, 0
	before := b.core.Counters()
	b.core.Heard("a", a.core.CheckPayload())
	var held []func()
	a.hold = func(deliver func()) { held = append(held, deliver) }
	k.run(250) // it is asked, and again
	a.hold = nil
	if len(held) < 2 {
		t.Fatalf("%d answers", len(held))
	}
	for _, deliver := range held {
		deliver()
	}
	k.run(100)
	c := b.core.Counters()
	trips, stale := c.Trips[antientropy.TierPull]-before.Trips[antientropy.TierPull], c.Stale[antientropy.TierPull]-before.Stale[antientropy.TierPull]
	if trips != 1 || stale != uint64(len(held)-1) {
		t.Errorf("%d round trips and %d stale answers, of %d answers", trips, stale, len(held))
	}
	if in := c.Traffic[antientropy.TierPull].FramesIn - before.Traffic[antientropy.TierPull].FramesIn; in != uint64(len(held)) || c.Stale[antientropy.TierOther] != before.Stale[antientropy.TierOther] {
		t.Errorf("%d frames of %d are of pulls", in, len(held))
	}
}

// TestCore_AwaitEnd_EndsQuestions: a question is repeated until its end, and
// kept by the other side no longer than its time to live.
func TestCore_AwaitEnd_EndsQuestions(t *testing.T) {
	k, a, b := quiet(t, 0)
	k.faults.loss = 100
	if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 1}); err != nil {
		t.Fatal(err)
	}
	k.run(1000)
	b.core.SetPeers(nil) // it hears and answers, and does not pull
	k.faults.loss = 0
	w := k.count()
	a.await()
	k.run(2000)
	if w.frames < 5 || antientropy.AsksHeld(b.core) != 1 {
		t.Fatalf("asked %d times, %d questions are held", w.frames, antientropy.AsksHeld(b.core))
	}
	for id := range k.awaited {
		a.core.AwaitEnd(id)
	}
	w.frames = 0
	k.run(20_000)
	if w.frames != 0 || antientropy.AsksHeld(b.core) != 0 {
		t.Errorf("after the end: asked %d times, %d questions are held", w.frames, antientropy.AsksHeld(b.core))
	}
}

// TestCore_ReceiveAsk_IsBounded: nobody can make a member remember more than so
// many questions.
func TestCore_ReceiveAsk_IsBounded(t *testing.T) {
	k, a, b := quiet(t, 0)
	for i := range 2000 {
		b.core.Receive("a", antientropy.AskFrame(a.core.CheckPayload()[:9], uint64(i), a.replica.ID, 99))
	}
	if n := antientropy.AsksHeld(b.core); n > 512 {
		t.Errorf("%d questions are held", n)
	}
	if c := b.core.Counters(); c.AsksRefused != 2000-512 {
		t.Errorf("%+v", c)
	}
	k.run(11_000)
	if n := antientropy.AsksHeld(b.core); n != 0 {
		t.Errorf("%d questions are held after their time", n)
	}
}

// TestCore_ServePull_IsBounded: a peer has four reads at a time.
func TestCore_ServePull_IsBounded(t *testing.T) {
	_, a, b := quiet(t, 0)
	before := b.core.Counters().RequestsRefused
	for i := range 10 {
		b.core.Receive("a", antientropy.PullFrame(a.core.CheckPayload()[:9], uint64(i)))
	}
	r := b.core.Ready()
	if refused := b.core.Counters().RequestsRefused - before; len(r.Reads) != 4 || refused != 6 {
		t.Errorf("%d reads, %d refused", len(r.Reads), refused)
	}
}

// TestCore_LargeDelta_TravelsInParts: a delta that fits no frame is announced,
// and pulled in parts.
func TestCore_LargeDelta_TravelsInParts(t *testing.T) {
	k, a, _ := quiet(t, 0)
	kinds := k.kinds()
	var batch []delta.Operation
	for i := range 40 {
		from := strings.Repeat(string([]byte{'a' + byte(i%26)}), 4000) + string([]byte{'a' + byte(i/26)})
		claim := ranges.Claim{Keyspace: "default", Node: "n", Range: ranges.Single(from)}
		batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Claim: claim, Amount: 1})
	}
	if err := a.write(batch...); err != nil {
		t.Fatal(err)
	}
	k.run(100)
	if size := len(a.disk.log[a.replica.ID][0].Bytes); size < 2*antientropy.FrameBytesMax || !k.isConverged() {
		t.Errorf("a delta of %d bytes, converged %v", size, k.isConverged())
	}
	if kinds[partKind] < 3 || kinds[pullKind] != 1 {
		t.Errorf("%v frames, want one pull and its answer in parts", kinds)
	}
	a.trim(100)
	c := k.add("c")
	k.run(10_000)
	if c.replica.Fingerprint != a.replica.Fingerprint {
		t.Errorf("a fresh member holds %s, want %s", c.replica.Fingerprint, a.replica.Fingerprint)
	}
}

// TestOptions_Validate_ReportsAll problems at once.
func TestOptions_Validate_ReportsAll(t *testing.T) {
	if err := (antientropy.Options{Cluster: "c"}).Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	err := antientropy.Options{PacketBytesMax: 1, SplitFanOut: 1, QueueBytesMax: 1, EarlyBytesMax: -1, FanOut: -1}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("six problems: %v", err)
	}
	if _, err := antientropy.New(antientropy.Options{}, antientropy.Start{}); err == nil {
		t.Error("a core of no cluster")
	}
}

// TestCore_Counters_ByTier: every frame is counted once, under the tier that it
// serves, and what came by which tier can be told.
func TestCore_Counters_ByTier(t *testing.T) {
	k, a, b := quiet(t, 50)
	k.quietly = true
	before := b.core.Counters()
	write := func(i int) {
		if err := a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
		k.run(1000)
	}
	write(60) // pushed
	k.faults.loss = 100
	write(61)
	k.faults.loss = 0
	b.core.Heard("a", a.core.CheckPayload()) // pulled
	k.run(1000)
	b.core.Repair("a") // compared
	b.work()
	k.run(1000)
	for _, m := range []*member{a, b} {
		c := m.core.Counters()
		var sum antientropy.Traffic
		for _, x := range c.Traffic {
			sum.FramesIn, sum.FramesOut = sum.FramesIn+x.FramesIn, sum.FramesOut+x.FramesOut
			sum.BytesIn, sum.BytesOut = sum.BytesIn+x.BytesIn, sum.BytesOut+x.BytesOut
		}
		if sum != (antientropy.Traffic{FramesIn: c.FramesIn, FramesOut: c.FramesOut, BytesIn: c.BytesIn, BytesOut: c.BytesOut}) {
			t.Errorf("%s: %+v together, %+v", m.name, sum, c)
		}
	}
	c := b.core.Counters()
	for _, x := range []struct {
		what        string
		was, is, by uint64
	}{
		{"deltas pushed", before.PushedIn, c.PushedIn, 1},
		{"new by push", before.PushedNew, c.PushedNew, 1},
		{"new by pull", before.PulledNew, c.PulledNew, 1},
		{"answers to pulls", before.Traffic[antientropy.TierPull].FramesIn, c.Traffic[antientropy.TierPull].FramesIn, 1},
		{"pulls", before.Traffic[antientropy.TierPull].FramesOut, c.Traffic[antientropy.TierPull].FramesOut, 1},
		{"questions about ranges", before.Traffic[antientropy.TierRange].FramesOut, c.Traffic[antientropy.TierRange].FramesOut, 1},
		{"pushes", before.Traffic[antientropy.TierPush].FramesIn, c.Traffic[antientropy.TierPush].FramesIn, 1},
		{"answers about ranges", before.Traffic[antientropy.TierRange].FramesIn, c.Traffic[antientropy.TierRange].FramesIn, 1},
	} {
		if x.is-x.was != x.by {
			t.Errorf("%s: %d, want %d", x.what, x.is-x.was, x.by)
		}
	}
}
