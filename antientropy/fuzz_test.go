package antientropy_test

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// recorded returns frames of every kind but history and unknown, as a few
// members exchange them.
func recorded(t testing.TB) [][]byte {
	k := newCluster(t, 7)
	k.options.SplitFanOut, k.options.LeafRecords, k.options.RangeBytesMax = 2, 1, 100
	k.options.Symbols = 16 // too few now and then
	k.options.AskWhole = 1
	var frames [][]byte
	kinds := map[byte]int{}
	k.tap = func(frame []byte) {
		if kinds[frame[9]]++; kinds[frame[9]] <= 8 {
			frames = append(frames, frame)
		}
	}
	for i := range 3 {
		k.add(fmt.Sprintf("n%d", i))
	}
	for i := range 30 {
		k.writeAt(k.members[i%3])
		k.members[i%3].trim(60)
		k.faults.loss = 30
		k.members[i%3].await()
		k.run(40)
	}
	k.heal()
	k.mustConverge(120_000)
	k.members[1].core.Repair(k.members[0].name, delta.ClaimSpan) // by ranges
	k.members[1].work()
	k.run(400)
	if len(kinds) != 11 {
		t.Fatalf("only frames of the kinds %v were recorded", kinds)
	}
	return frames
}

// FuzzCore_Receive gives a core frames of any kind and contents, in the middle
// of whatever it was doing, and carries out what it then wants: nothing may
// panic, and what it holds and sends stays bounded.
func FuzzCore_Receive(f *testing.F) {
	for _, frame := range recorded(f) {
		f.Add(frame[9], frame[10:])
	}
	// History is asked for by a node, which knows of ranges: none was recorded.
	f.Add(byte(9), []byte("\x85\x04\x05\x61k\x40\xf6"))
	unknown := antientropy.UnknownFrame(newCluster(f, 1).add("a").core, 3)
	f.Add(unknown[9], unknown[10:])
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		k := newCluster(t, 1)
		k.hostile = true
		a, b := k.add("a"), k.add("b")
		k.run(400)
		a.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(1), Amount: 1})
		a.trim(100)
		b.core.Repair("a")
		b.work()
		frame := append(b.core.CheckPayload()[:9:9], kind)
		frame = append(frame, body...)
		for range 2 {
			b.core.Receive("a", frame)
			a.core.Receive("stranger", frame)
			b.work()
			a.work()
			k.run(5)
		}
		k.run(100)
		if c := b.core.Counters(); c.BytesOut > 4<<20 {
			t.Errorf("%d bytes were sent for a frame of %d", c.BytesOut, len(frame))
		}
	})
}

// FuzzCore_Receive_Answer gives a core answers of any contents to what it has
// asked: in a session, which takes the most.
func FuzzCore_Receive_Answer(f *testing.F) {
	for _, frame := range recorded(f) {
		if parts, ok := antientropy.PartOf(frame); ok {
			f.Add(parts)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		k := newCluster(t, 1)
		k.hostile = true
		k.options.Symbols = int(min(64, len(answer)%2*64))
		b := k.add("b")
		k.add("a")
		k.run(400)
		var asked []uint64
		k.tap = func(frame []byte) {
			if id, _ := antientropy.IDOf(frame); id != 0 {
				asked = append(asked, id)
			}
		}
		b.core.Repair("a")
		b.work()
		for i := 0; i < len(asked) && i < 20; i++ {
			b.core.Receive("a", antientropy.PartFrame(b.core.CheckPayload()[:9], asked[i], answer))
			b.work()
			k.run(10)
		}
	})
}

// FuzzCore_Heard gives a core checks of any contents.
func FuzzCore_Heard(f *testing.F) {
	k := newCluster(f, 1)
	a := k.add("a")
	f.Add(a.core.CheckPayload())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		k := newCluster(t, 1)
		k.hostile = true
		a := k.add("a")
		k.add("b")
		a.core.Heard("b", payload)
		a.work()
		k.run(100)
	})
}

// TestCore_Receive_RefusesWhatIsTooLarge: lengths are looked at before anything
// is allocated for them.
func TestCore_Receive_RefusesWhatIsTooLarge(t *testing.T) {
	k := newCluster(t, 1)
	k.hostile = true
	a := k.add("a")
	frames := map[string][]byte{
		"frame":   make([]byte, antientropy.FrameBytesMax+1),
		"nothing": {},
		"head":    a.core.CheckPayload()[:9],
		"kind":    append(a.core.CheckPayload()[:9:9], 77, 0x80),
		"array":   append(a.core.CheckPayload()[:9:9], 2, 0x82, 0xf4, 0x9b, 0, 0, 0, 0xff, 0, 0, 0, 0),
	}
	for name, frame := range frames {
		if name == "frame" {
			copy(frame, a.core.CheckPayload()[:9])
		}
		before := a.core.Counters().FramesBad
		a.core.Receive("b", frame)
		if a.core.Counters().FramesBad != before+1 {
			t.Errorf("%s: it was not refused", name)
		}
	}
}

// TestCore_Receive_BoundsEarly: deltas whose predecessors never come are held
// up to a limit, and given up after a while.
func TestCore_Receive_BoundsEarly(t *testing.T) {
	k := newCluster(t, 1)
	k.options.EarlyBytesMax = 1000
	a := k.add("a")
	k.add("b")
	k.run(400)
	for i := range 100 {
		a.core.Receive("b", k.pushOf(crdt.ReplicaID{9}, uint64(10+2*i)))
	}
	c := a.core.Counters()
	if c.DeltasEarly != 100 || c.DeltasDropped < 80 {
		t.Errorf("%+v", c)
	}
	k.run(20_000)
	if a.core.Counters().DeltasDropped != c.DeltasDropped {
		t.Errorf("%+v", a.core.Counters())
	}
	if n := antientropy.EarlyBytes(a.core); n != 0 {
		t.Errorf("%d bytes are held after 20 seconds", n)
	}
}

// pushOf returns a push of one delta that nobody has issued.
func (k *cluster) pushOf(r crdt.ReplicaID, sequence uint64) []byte {
	d := delta.Delta{Origin: r, First: sequence, Events: []delta.Event{{
		Kind: delta.Add, Claim: claimOf(1),
		Records: crdt.PNCounter{{Origin: r, Era: sequence, Last: sequence, Added: sequence, Register: sequence, Amount: 1}},
	}}}
	p, err := delta.Pack(d)
	if err != nil {
		k.t.Fatal(err)
	}
	return antientropy.PushFrame(k.members[0].core.CheckPayload()[:9], p.Bytes)
}

// TestCore_Receive_ForeignFrames: another cluster and another version are
// refused with the reason, whatever else is in the frame.
func TestCore_Receive_ForeignFrames(t *testing.T) {
	k := newCluster(t, 1)
	a := k.add("a")
	other, err := antientropy.New(antientropy.Options{Cluster: "other"}, antientropy.Start{})
	if err != nil {
		t.Fatal(err)
	}
	a.core.Receive("b", append(other.CheckPayload()[:9], 1))
	a.core.Receive("b", append([]byte{2}, make([]byte, 20)...))
	if c := a.core.Counters(); c.FramesForeign != 2 || c.FramesBad != 0 {
		t.Errorf("%+v", c)
	}
	if r := a.core.Ready(); len(r.Notices) != 1 || r.Notices[0].Kind != antientropy.NoticeForeign {
		t.Errorf("%v", r.Notices)
	}
}
