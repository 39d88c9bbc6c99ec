package store

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestOverlay_OfLargeImages writes again and again to a claim that has become large
// while entries all over the state wait for their places: what the chunks take
// stays below its bound and a little.
func TestOverlay_OfLargeImages(t *testing.T) {
	const limit = 2000
	t.Run("in the tables at once", func(t *testing.T) {
		if o, most := writeLarge(t, -1, limit); most > 2*imageBytes*limit || o.bytes > imageBytes*limit {
			t.Errorf("the chunks had %d bytes, and have %d of %d images", most, o.bytes, o.held())
		}
	})
	t.Run("journaled", func(t *testing.T) { // a fold takes in what a ring has, half as much as may be
		if o, most := writeLarge(t, journalPages, limit); most > 4*imageBytes*limit || o.memory() > 3*imageBytes*limit {
			t.Errorf("the images had %d bytes, and have %d, which are %d images", most, o.memory(), o.held())
		}
	})
}

// writeLarge writes so to a store whose ring has so many pages, and returns what it has
// then, and how many bytes of images it had at most.
func writeLarge(t *testing.T, pages, limit int) (o chunked, most int) {
	const claims, origins = 8000, 400
	s := openTest(t, t.TempDir(), Options{journalPages: pages, freshMax: limit, NoSync: true})
	for i := 0; i < claims; i += 500 {
		write(t, s, registerMany(i, i+500, 1)...)
	}
	hot := registerMany(5, 6, 2)[0]
	write(t, s, hot)
	for i := range limit - 10 {
		at := 10 + i*7919%(claims-10)
		write(t, s, registerMany(at, at+1, 2)...)
	}
	for i := range 1000 {
		receiveAdd(t, s, hot.Claim, crdt.ReplicaID{2, byte(i % origins), byte(i % origins >> 8)}, uint64(1+i/origins))
		most = max(most, s.state.fresh.memory())
	}
	o = s.state.fresh
	mustFold(t, s)
	overlayOf(t, s)
	return o, most
}

// receiveAdd has a store receive that an origin adds to a claim, with one of its events.
func receiveAdd(t *testing.T, s *Store, claim ranges.Claim, origin crdt.ReplicaID, sequence uint64) {
	t.Helper()
	x := crdt.PNCounter(nil).Registering(origin, sequence, 1)
	p, err := delta.Pack(delta.Delta{Origin: origin, First: sequence, Time: 1, Events: []delta.Event{{Kind: delta.Add, Claim: claim, Records: crdt.PNCounter{x}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { _, err := c.Receive(p); return err }); err != nil {
		t.Fatal(err)
	}
}

// TestOverlay_OfLargeImages_BehindManySmallOnes: images that have gone are held by those of
// the same generation, which may be many when they are large.
func TestOverlay_OfLargeImages_BehindManySmallOnes(t *testing.T) {
	const limit, large = 4096, 8 << 10
	o := newChunked(1, 1)
	add := func(i, bytes int) {
		o = o.begin()
		x := &image{key: delta.Key(fmt.Sprintf("k%05d", i)), sealed: make([]byte, checksumBytes+bytes)}
		if before := o.add(x); before != nil {
			before.standing = replaced
		}
		o.endChunk(true)
	}
	drop := func(most int) {
		for o.memory() > most {
			for _, x := range o.nextUnplaced(o.unplaced) {
				o.place(&standings{}, x)
			}
			o.dropChunk()
		}
	}
	for i := range 4 * limit {
		add(i%limit, 50)
		drop(limit * imageBytes)
	}
	most := 0
	for i := range limit {
		add(i%10, large)
		drop(limit * imageBytes)
		held := 0
		for _, g := range o.generations {
			for _, x := range g.table.images[:g.n] {
				held += x.bytes()
			}
		}
		most = max(most, held)
		if n := len(o.generations); n > 16 {
			t.Fatalf("%d images are in %d generations", o.held(), n)
		}
	}
	if most > 2*limit*imageBytes {
		t.Errorf("images of %d bytes are held, where %d may be", most, limit*imageBytes)
	}
	if err := validOrders(o); err != nil {
		t.Error(err)
	}
}

// TestStore_Fold_LargeImagesAgainAndAgain: what frames have made of a claim that is larger
// than a chunk goes to its place at once, each time, and into no chunk.
func TestStore_Fold_LargeImagesAgainAndAgain(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{NoSync: true})
	hot := claim("n1", "k00000", "k00000~")
	for i := range 120 {
		if i == 60 { // its small images go with their chunks
			if err := s.Rewrite(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		receiveAdd(t, s, hot, crdt.ReplicaID{2, byte(i)}, 1)
		if i > 60 && i%3 == 0 {
			mustFold(t, s)
		}
	}
	mustFold(t, s)
	if o, _ := overlayOf(t, s); !o.get(delta.ClaimKey(hot)).isUnchunked {
		t.Errorf("its last image stands at %d", o.get(delta.ClaimKey(hot)).standing)
	}
	view(t, s, func(v *View) error {
		return v.tables.fresh.each(nil, nil, func(key, payload []byte) error {
			if len(payload) > 2*chunkBytes {
				t.Errorf("chunk %x has %d bytes", key, len(payload))
			}
			return nil
		})
	})
	survives(t, s)
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

// TestStore_AtRest_HoldsNoMemory: what leads to the next frame does not keep what has gone
// when no next one comes.
func TestStore_AtRest_HoldsNoMemory(t *testing.T) {
	for name, rest := range map[string]func(*Store) error{
		"rewritten": func(s *Store) error { return s.Rewrite(t.Context(), nil) },
		"confirmed": func(s *Store) error { return errors.Join(s.placeAll(t.Context()), s.Confirm()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			for i := range 20 {
				claims(t, s, i, i+1)
			}
			first := weak.Make(s.journaled.images.at(0))
			if err := rest(s); err != nil {
				t.Fatal(err)
			}
			if runtime.GC(); first.Value() != nil || s.state.fresh.held() > 0 {
				t.Errorf("the first image is held, beside %d", s.state.fresh.held())
			}
		})
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
