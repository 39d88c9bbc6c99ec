package antientropy

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// TestFingerprints_Next_WhatIsLateIsBounded: where keys neither come nor go, versions
// list what has changed, never more than so much, and all of them stay as they are.
func TestFingerprints_Next_WhatIsLateIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := Shape{BlockEntries: 4, Symbols: 1 << rapid.IntRange(7, 12).Draw(t, "symbols")}
		memory := &delta.Memory{}
		f := NewFingerprintsBuilder(shape).Done()
		keys := make([]delta.Key, 300)
		for i := range keys {
			keys[i] = delta.Key(fmt.Sprintf("\x01k\x00%04d\x00\x01\x02n", i))
		}
		next := func(changed map[int]int64) {
			var changes []delta.EntryChange
			for i, k := range keys {
				if amount, ok := changed[i]; ok {
					changes = append(changes, amountOf(memory, k, amount))
				}
			}
			memory.Write(&delta.Effects{Entries: changes})
			var err error
			if f, err = f.Next(changes, memory); err != nil {
				t.Fatal(err)
			}
			if f.blocks.weight > f.blocks.weightMax || f.sketch.lates > shape.Symbols/lateShare {
				t.Fatalf("blocks of weight %d and %d elements are late", f.blocks.weight, f.sketch.lates)
			}
		}
		first := map[int]int64{}
		for i := range keys {
			first[i] = 1
		}
		next(first)
		versions := []version{{memory.Clone(), f}}
		for range rapid.IntRange(1, 12).Draw(t, "versions") {
			next(rapid.MapOfN(rapid.IntRange(0, len(keys)-1), rapid.Int64Range(1, 1000), 0, 40).Draw(t, "changes"))
			versions = append(versions, version{memory.Clone(), f})
			checkLateSpan(t, f, memory, keys)
		}
		for i, v := range versions {
			if err := v.f.Valid(v.memory); err != nil {
				t.Fatalf("version %d of %d: %v", i, len(versions), err)
			}
		}
	})
}

// TestFingerprints_Next_LateKeepsLittleRoom: many changes of few blocks take as much
// as these blocks do.
func TestFingerprints_Next_LateKeepsLittleRoom(t *testing.T) {
	memory := &delta.Memory{}
	f := NewFingerprintsBuilder(DefaultShape).Done()
	most := 0
	for version := range 40 {
		var changes []delta.EntryChange
		for i := range 1000 {
			k := delta.Key(fmt.Sprintf("\x01k\x00%04d\x00\x01\x02n", i))
			changes = append(changes, amountOf(memory, k, int64(1+version)))
		}
		memory.Write(&delta.Effects{Entries: changes})
		var err error
		if f, err = f.Next(changes, memory); err != nil {
			t.Fatal(err)
		}
		room := 0
		for l := f.blocks.late; l != nil; l = l.before {
			room += cap(l.blocks)
		}
		most = max(most, room)
	}
	if most == 0 || most > 2*f.blocks.weightMax {
		t.Errorf("there is room for %d late blocks, of %d that there may be", most, f.blocks.weightMax)
	}
}

// TestFingerprints_Split_WhatIsLateHasRecords: children of a span have records, also
// where the nodes have other numbers of records before it than there are.
func TestFingerprints_Split_WhatIsLateHasRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := Shape{BlockEntries: 1, Symbols: 64 * lateBlocksShare}
		memory := &delta.Memory{}
		f := NewFingerprintsBuilder(shape).Done()
		keys := make([]delta.Key, 40)
		records := rapid.IntRange(1, 4)
		for version := range 2 {
			var changes []delta.EntryChange
			for i := range keys {
				keys[i] = delta.Key(fmt.Sprintf("\x01k\x00%04d\x00\x01\x02n", i))
				x := amountOf(memory, keys[i], int64(1+version))
				before, after := x.Before(), x.After()
				for origin := range records.Draw(t, "records") {
					more := after.Counter[0]
					more.Origin = crdt.ReplicaID{byte(2 + origin)}
					after.Counter = after.Counter.Put(more)
				}
				changes = append(changes, delta.NewEntryChange(keys[i], before, after))
			}
			memory.Write(&delta.Effects{Entries: changes})
			var err error
			if f, err = f.Next(changes, memory); err != nil {
				t.Fatal(err)
			}
		}
		from := rapid.IntRange(0, len(keys)-2).Draw(t, "from")
		s := delta.Span{From: keys[from], To: keys[rapid.IntRange(from+1, len(keys)-1).Draw(t, "to")]}
		children, err := f.Split(memory, s, rapid.IntRange(2, 16).Draw(t, "fan-out"))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range children {
			sum, _ := sumOf(memory, c.Span)
			if DigestOf(sum) != c.Digest || sum.Count == 0 {
				t.Fatalf("child %d of %d of %q to %q is %v, its entries are %s", i, len(children), s.From, s.To, c.Digest, sum)
			}
		}
	})
}

// amountOf returns the change of a claim to another amount.
func amountOf(memory *delta.Memory, k delta.Key, amount int64) delta.EntryChange {
	before, _ := memory.Get(k)
	return delta.NewEntryChange(k, before, delta.Entry{Key: k, Counter: crdt.PNCounter{
		{Origin: crdt.ReplicaID{1}, Era: 1, Last: 1, Added: 1, Register: 1, Amount: amount},
	}})
}

func checkLateSpan(t *rapid.T, f *Fingerprints, memory *delta.Memory, keys []delta.Key) {
	from := rapid.IntRange(0, len(keys)-2).Draw(t, "from")
	s := delta.Span{From: keys[from], To: keys[rapid.IntRange(from+1, len(keys)-1).Draw(t, "to")]}
	want, _ := sumOf(memory, s)
	if got, err := f.FingerprintOf(memory, s); err != nil || got != want {
		t.Fatalf("%q to %q is %s (%v), its entries are %s", s.From, s.To, got, err, want)
	}
}
