package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestWithFingerprints_AsksWhenNeeded: fingerprints, which may have yet to be derived, are
// asked for by a read that is about them, and by no other.
func TestWithFingerprints_AsksWhenNeeded(t *testing.T) {
	s := newSide(t, newTable(300), "n1", 1)
	asked := 0
	source := antientropy.WithFingerprints(s, func() *antientropy.Fingerprints {
		asked++
		return s.mine
	})
	half := delta.Span{From: s.entries[len(s.entries)/2].Key, To: delta.Whole.To}
	log := antientropy.ReadRequest{Kind: antientropy.ReadLog, Wants: []antientropy.Want{{Origin: crdt.ReplicaID{7}, From: 1}}, BytesMax: 1 << 10}
	for _, q := range []antientropy.ReadRequest{log, {Kind: antientropy.ReadEntries, Spans: []delta.Span{half}, BytesMax: 1 << 10}} {
		if q.Run(source); asked > 0 {
			t.Fatalf("a read of %s asks for them", q.Kind)
		}
	}
	want, err := s.mine.FingerprintOf(s, half)
	if err != nil {
		t.Fatal(err)
	}
	q := antientropy.ReadRequest{Kind: antientropy.ReadFingerprints, Spans: []delta.Span{half}}
	if r := q.Run(source); r.Err != nil || asked == 0 || r.Fingerprints[0] != want {
		t.Errorf("they are asked for %d times, and %v is told, %v", asked, r.Fingerprints, r.Err)
	}
}
