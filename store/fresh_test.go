package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// drawImages draws what a fold has gathered: some entries more than once, and of any size.
func drawImages(t *rapid.T) []image {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) image {
		x := image{key: delta.ClaimKey(claim("n1", fmt.Sprint("k", rapid.IntRange(0, 5).Draw(t, "key")), "z"))}
		if size := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, 200), rapid.IntRange(0, 2*chunkBytes)).Draw(t, "size"); size > 0 {
			payload := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, size)
			x.sealed = unsealedOf(payload).seal(bucketEntries, []byte(x.key))
		}
		return x
	}), 1, 12).Draw(t, "images")
}

// TestTables_PutEntries_LastImageCounts: S7 and S8. Whatever images come together, and how
// large they are, of each entry the last one counts, in memory and when it is read again.
func TestTables_PutEntries_LastImageCounts(t *testing.T) {
	dirs := 0
	parent := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dirs++
		s, err := Open(filepath.Join(parent, fmt.Sprint(dirs)), Options{
			Node: "n1", NoSync: true, journalPages: -1,
			freshMax: rapid.IntRange(1, 20).Draw(t, "freshMax"), chunkMax: rapid.SampledFrom([]int{chunkBytes, 60}).Draw(t, "chunkMax"),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() // its state has no such fingerprint, so it is not checked
		model := map[delta.Key][]byte{}
		for range rapid.IntRange(1, 8).Draw(t, "folds") {
			images := drawImages(t)
			records := rapid.SampledFrom([]int{0, 1, len(images)}).Draw(t, "records")
			err := s.changeBeside(func(t *tables, next state, _ *delta.Replica) (state, error) {
				frames := []*frame{{images: images}}
				if err := t.makeRoom(&next, frames, records); err != nil {
					return state{}, err
				}
				return next, t.putEntries(&next, frames, records)
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range images {
				model[images[i].key] = images[i].payload()
			}
			if err := s.View(func(v *View) error { return mustCount(v, model) }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// mustCount returns an error unless those are the payloads that count.
func mustCount(v *View, model map[delta.Key][]byte) error {
	again := v.state
	if err := v.tables.readOverlay(FormatVersion, &again); err != nil {
		return err
	}
	for name, s := range map[string]*state{"in memory": &v.state, "read again": &again} {
		p := newJournaled(s)
		r := v.tables.reader(s, &p)
		for key, want := range model {
			if got, err := r.payload(key); err != nil || !bytes.Equal(got, want) {
				return fmt.Errorf("%s %x has %d bytes (%v), want %d", name, key, len(got), err, len(want))
			}
		}
	}
	return nil
}
