package store

import (
	"errors"
	"runtime"
	"testing"
	"weak"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestOverlay_OfLargeImages writes again and again to a claim that has become large
// while entries all over the state wait for their places: what the chunks take
// stays below its bound and a little.
func TestOverlay_OfLargeImages(t *testing.T) {
	const claims, limit, origins = 8000, 2000, 400
	s := openTest(t, t.TempDir(), Options{journalPages: -1, freshMax: limit})
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
		p, err := delta.Pack(delta.Delta{Origin: origin, First: uint64(1 + i/origins), Time: 1, Events: []delta.Event{{Kind: delta.Add, Claim: hot.Claim, Records: crdt.PNCounter{x}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { _, err := c.Receive(p); return err }); err != nil {
			t.Fatal(err)
		}
		most = max(most, s.state.fresh.bytes)
	}
	if o := s.state.fresh; most > 2*imageBytes*limit || o.bytes > imageBytes*limit {
		t.Errorf("the chunks had %d bytes, and have %d of %d images", most, o.bytes, o.held())
	}
}

// TestOverlay_OfARewrittenFile_HoldsNoMemory: images that went with their chunks are garbage
// when the last of them has gone, not only when as many have come anew.
func TestOverlay_OfARewrittenFile_HoldsNoMemory(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{journalPages: -1})
	claims(t, s, 0, 200)
	first := weak.Make(s.state.fresh.at(s.state.fresh.dropped))
	if err := s.Rewrite(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	claims(t, s, 200, 201)
	if runtime.GC(); first.Value() != nil {
		t.Errorf("an image of the first chunk is held, though chunks begin with %d", s.state.fresh.first)
	}
}

// refusing is an index that no update leads on while refuses says so.
type refusing struct {
	noIndex
	refuses *bool
}

func (r refusing) Next([]delta.EntryChange, delta.Reader) (Index, error) {
	if *r.refuses {
		return nil, errRefused
	}
	return r, nil
}

func (r refusing) Reads([]delta.EntryChange) bool { return true }

func (r refusing) Done() Index { return r }

var errRefused = errors.New("refused")

// TestOverlay_OfATransactionThatFails: what it has placed and replaced waits and
// counts as before. It folds, and the change after that turns out to be none.
func TestOverlay_OfATransactionThatFails(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{freshMax: 4})
	claims(t, s, 0, 3)
	mustFold(t, s)
	before, inPlaceBefore := overlayOf(t, s)
	write(t, s, registerMany(1, 4, 2)...)
	changeNothing(t, s)
	if o, inPlace := overlayOf(t, s); o.unplaced != before.unplaced || inPlace != inPlaceBefore {
		t.Errorf("%d images wait and %d entries are in place, %d and %d before", o.unplaced, inPlace, before.unplaced, inPlaceBefore)
	}
	mustFold(t, s)
	if o, inPlace := overlayOf(t, s); o.unplaced >= 4 || inPlace == 0 {
		t.Errorf("%d images wait, %d entries are in place", o.unplaced, inPlace)
	}
}

// TestPrepared_Commit_AnIndexThatCannotFollow: an update that no index leads on is none,
// and the next one is carried out.
func TestPrepared_Commit_AnIndexThatCannotFollow(t *testing.T) {
	refuses := false
	s := openTest(t, t.TempDir(), Options{NewIndex: func() IndexBuilder { return refusing{refuses: &refuses} }})
	claims(t, s, 0, 1)
	shown := contents(t, s)
	refuses = true
	if _, err := tryWrite(s, registerMany(1, 4, 2)...); !errors.Is(err, errRefused) {
		t.Fatal(err)
	}
	if got := contents(t, s); got != shown {
		t.Errorf("it shows\n%s\nwant\n%s", got, shown)
	}
	refuses = false
	claims(t, s, 1, 2)
}

// TestOpen_ManyImages_MakesFewGenerations: who looks for an entry looks at each generation,
// and after an opening there are no more than in a store that has written as much for long.
func TestOpen_ManyImages_MakesFewGenerations(t *testing.T) {
	const claims = 6000
	dir := t.TempDir()
	s := openTest(t, dir, Options{journalPages: -1, NoSync: true})
	write(t, s, registerMany(0, claims, 1)...)
	appendAgain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o, _ := overlayOf(t, openTest(t, dir, Options{}))
	if o.held() != claims || len(o.generations) > 5 {
		t.Errorf("%d images of %d are in %d generations", o.held(), claims, len(o.generations))
	}
}
