package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

func TestUnseal_OnlyInItsPlace(t *testing.T) {
	stored := unsealedOf([]byte("payload")).seal("log", []byte("key"))
	if got, err := unseal("log", []byte("key"), stored); err != nil || string(got) != "payload" {
		t.Fatalf("got %q, %v", got, err)
	}
	for name, fn := range map[string]func() ([]byte, error){
		"other bucket": func() ([]byte, error) { return unseal("dots", []byte("key"), stored) },
		"other key":    func() ([]byte, error) { return unseal("log", []byte("kez"), stored) },
		// The border between key and value is part of the checksum.
		"longer key": func() ([]byte, error) { return unseal("log", []byte("keyp"), append(stored[:4:4], "ayload"...)) },
		"too short":  func() ([]byte, error) { return unseal("log", []byte("key"), stored[:3]) },
		"nothing":    func() ([]byte, error) { return unseal("log", []byte("key"), nil) },
	} {
		if got, err := fn(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// Null would be a second form of what is empty.
func TestDecodeRanges_RefusesNull(t *testing.T) {
	whole := encodeRanges([]ranges.Range{ranges.Everything()})
	if _, err := decodeRanges(whole); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{{0xf6}, bytes.Replace(whole, []byte{0x40}, []byte{0xf6}, 1)} {
		if list, err := decodeRanges(b); err == nil {
			t.Errorf("%x is %v", b, list)
		}
	}
}

// FuzzDecode feeds payloads, as if their checksums were right, to every
// decoder: what one accepts it must write again in the same way, and refuse
// with ErrCorrupt otherwise.
func FuzzDecode(f *testing.F) {
	peer := newMemory(2)
	e, err := peer.update(1, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{register("n3", "a", "m", 1), register("n3", "b", "", 2)})
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	p := e.Deltas[0]
	index, dot := indexKey(7), dotKey(p.Dot(0))
	f.Add(index, encodeRecord(5, p))
	f.Add(index, bundled{7, [][]byte{encodeRecord(5, p), nil, encodeRecord(-6, p)}}.encode().payload())
	f.Add(index, bundled{7, [][]byte{nil, encodeRecord(5, p)}}.encode().payload())
	f.Add(dot, encodePlace(place{index: 3, last: 9}).payload())
	f.Add([]byte("\x01default"), encodeRanges([]ranges.Range{{From: "a", To: ranges.Before("b")}, {From: "c", To: ranges.Unbounded()}}))
	f.Add(make([]byte, crdt.ReplicaIDBytes), encodeSequence(1<<40))
	f.Add([]byte(metaIdentity), delta.Marshal(identityArray{Cluster: "c", Node: "n"}))
	for _, x := range e.Entries {
		f.Add([]byte(x.Key), delta.EncodeEntry(x.After()))
	}
	f.Add(index, encodeAgain([]keyedImage{{"\x01k", []byte{1}}, {"\x02n", nil}, {"\x03", []byte{}}}))
	f.Add(index, delta.AppendBytes(delta.AppendNull(delta.AppendArray(nil, 2)), []byte{1})) // a key that is null
	f.Fuzz(func(t *testing.T, key, payload []byte) {
		same := func(what string, encode func() []byte, err error) {
			switch {
			case err != nil && !errors.Is(err, ErrCorrupt):
				t.Errorf("%s: %v", what, err)
			case err == nil && !bytes.Equal(encode(), payload):
				t.Errorf("%s %x becomes %x", what, payload, encode())
			}
		}
		r, err := decodeRecord(7, payload)
		same("record", func() []byte { return encodeRecord(r.AppliedAt, r.Delta) }, err)
		b, err := decodeBundle(key, payload)
		same("bundle", func() []byte { return b.encode().payload() }, err)
		_, images, err := decodeChunk(key, payload)
		same("chunk", func() []byte { return encodeAgain(images) }, err)
		at, err := decodePlace(key, payload)
		same("place", func() []byte { return encodePlace(at).payload() }, err)
		list, err := decodeRanges(payload)
		same("ranges", func() []byte { return encodeRanges(list) }, corrupt("ranges", err))
		n, err := decodeSequence(payload)
		same("sequence", func() []byte { return encodeSequence(n) }, corrupt("sequence", err))
		entry, err := delta.DecodeEntry(delta.Key(key), payload)
		same("entry", func() []byte { return delta.EncodeEntry(entry) }, corrupt("entry", err))
	})
}

// encodeAgain returns the payload of the chunk that has these images.
func encodeAgain(chunk []keyedImage) []byte {
	c := newChunked(1, 1)
	c.read(chunk)
	return encodeChunk(unsealedRoom(c.bytes), c.generations[0].table.images[:len(chunk)]).payload()
}

// encodeRecord returns the payload of a record.
func encodeRecord(appliedAt int64, p delta.Packed) []byte {
	return delta.AppendStamped(nil, appliedAt, p.Bytes)
}

// recordArray is what a record is, for delta.Marshal.
type recordArray struct {
	_         struct{} `cbor:",toarray"`
	AppliedAt int64
	Delta     []byte
}

// What is coded without reflection is what delta.Marshal gives.
func TestEncode_IsAsMarshalled(t *testing.T) {
	s := state{fingerprint: delta.Fingerprint{Count: 1 << 40, Sum: delta.Sum{Hi: 1, Lo: 2}}, logNext: 300, logRecords: 23, logBytes: 1 << 17, indexed: 24, fresh: newChunked(25, 70_000), journal: journalMark{1 << 20, 77}}
	s.trimmed[1] = Mark{Index: 9, AppliedAt: -1}
	a := stateArray{JournalNext: 1 << 20, JournalPage: 77}
	a.FreshFirst, a.FreshNext = 25, 70_000
	a.Count, a.Fingerprint, a.LogNext, a.LogRecords, a.LogBytes, a.Indexed = 1<<40, s.fingerprint.Sum.Bytes(), 300, 23, 1<<17, 24
	a.Trimmed = []markArray{{}, {Index: 9, AppliedAt: -1}}
	p := delta.Packed{Bytes: []byte("delta")}
	for name, pair := range map[string][2][]byte{
		"state":    {encodeState(s), delta.Marshal(a)},
		"record":   {encodeRecord(-5, p), delta.Marshal(recordArray{AppliedAt: -5, Delta: p.Bytes})},
		"place":    {encodePlace(place{index: 24, last: 1 << 33}).payload(), delta.Marshal(placeArray{Index: 24, Last: 1 << 33})},
		"sequence": {encodeSequence(65536), delta.Marshal(uint64(65536))},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %x, want %x", name, pair[0], pair[1])
		}
	}
}
