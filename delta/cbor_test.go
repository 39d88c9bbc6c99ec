package delta

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"pgregory.net/rapid"
)

// slowCounter is decodeCounter by way of the reflecting decoder, which encodes
// what it read once more and compares.
func slowCounter(value []byte) (crdt.PNCounter, error) {
	var records []recordArray
	if err := Unmarshal(value, &records, EntryBytesMax); err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, ErrCorrupt
	}
	return unpackCounter(records)
}

// edges are numbers around the borders of CBOR's lengths.
var edges = []uint64{0, 1, 23, 24, 255, 256, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32, 1 << 61}

func drawRecord(t *rapid.T) recordArray {
	number := rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint64Range(0, 1<<62))
	signed := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, -257, -256, -25, -24, -1, math.MaxInt64}))
	a := recordArray{Last: number.Draw(t, "last"), Era: number.Draw(t, "era"), Total: signed.Draw(t, "total"),
		Added: number.Draw(t, "added"), Register: number.Draw(t, "register"), Amount: signed.Draw(t, "amount"),
		Watermark: number.Draw(t, "watermark"), Released: signed.Draw(t, "released")}
	a.Origin[0] = rapid.Byte().Draw(t, "origin")
	return a
}

// TestRecordArray_AppendTo_WritesWhatMarshalWrites holds the encoder of records
// against the one that reflects.
func TestRecordArray_AppendTo_WritesWhatMarshalWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawRecord(t)
		got := a.appendTo(nil)
		if want := Marshal(a); !bytes.Equal(got, want) {
			t.Fatalf("%+v is %x, Marshal writes %x", a, got, want)
		}
		r := &reader{data: got}
		if back := readRecord(r); r.end() != nil || back != a {
			t.Fatalf("%+v is read as %+v, %v", a, back, r.err)
		}
	})
}

// TestDecodeCounter_AdmitsWhatUnmarshalAdmits holds the decoder of records
// against the one that reflects, on bytes that are nearly right.
func TestDecodeCounter_AdmitsWhatUnmarshalAdmits(t *testing.T) {
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var counter crdt.PNCounter
		for i := range rapid.IntRange(1, 3).Draw(t, "records") {
			last := rapid.OneOf(rapid.SampledFrom(edges[1:]), rapid.Uint64Range(1, 1<<40)).Draw(t, "last")
			counter = append(counter, crdt.PNCounter(nil).Registering(crdt.ReplicaID{byte(i + 1)}, last, rapid.Int64Range(1, 1<<31-1).Draw(t, "amount")))
		}
		value := appendCounter(nil, counter)
		if room := EntryRoom(Entry{Counter: counter}); room != len(value) {
			t.Fatalf("%x takes %d bytes, not %d", value, len(value), room)
		}
		seed := rapid.Uint64().Draw(t, "damage")
		damage(value, rand.New(rand.NewPCG(seed, 1)))
		got, err := decodeCounter(value)
		want, wantErr := slowCounter(value)
		if (err == nil) != (wantErr == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%x is %v, %v; the slow decoder says %v, %v", value, got, err, want, wantErr)
		}
		if err == nil {
			good++
		} else {
			bad++
		}
	})
	if good == 0 || bad == 0 {
		t.Errorf("%d were admitted and %d refused: the test is one-sided", good, bad)
	}
}

// damage changes one byte of half the values.
func damage(value []byte, r *rand.Rand) {
	if r.IntN(2) == 0 {
		value[r.IntN(len(value))] = byte(r.Uint32())
	}
}
