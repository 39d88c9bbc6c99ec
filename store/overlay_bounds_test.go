package store

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestOverlay_OfLargeImages writes again and again to a claim that has become large
// while entries all over the state wait for their places: what the chunks take
// stays below its bound and a little.
func TestOverlay_OfLargeImages(t *testing.T) {
	const claims, limit, origins = 8000, 2000, 400
	s := openTest(t, t.TempDir(), Options{freshMax: limit})
	for i := 0; i < claims; i += 500 {
		write(t, s, registerMany(i, i+500, 1)...)
	}
	hot := registerMany(5, 6, 2)[0]
	write(t, s, hot)
	for i := range limit - 10 {
		at := 10 + i*7919%(claims-10)
		write(t, s, registerMany(at, at+1, 2)...)
	}
	most := 0
	for i := range 1000 {
		origin := crdt.ReplicaID{2, byte(i % origins), byte(i % origins >> 8)}
		x := crdt.PNCounter(nil).Registering(origin, uint64(1+i/origins), 1)
		p, err := delta.Pack(delta.Delta{Origin: origin, First: uint64(1 + i/origins), Time: 1, Events: []delta.Event{{Kind: delta.Add, Claim: hot.Claim, Contribution: x}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { _, err := c.Receive(p); return err }); err != nil {
			t.Fatal(err)
		}
		most = max(most, s.state.fresh.bytes)
	}
	if o := s.state.fresh; most > 2*imageBytes*limit || o.bytes > imageBytes*limit {
		t.Errorf("the chunks had %d bytes, and have %d of %d images", most, o.bytes, o.written)
	}
}
