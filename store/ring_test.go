package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// sizedFrame returns a frame that takes so many pages. Its payload is of no meaning.
func sizedFrame(sequence, pages uint64) *frame {
	f := &frame{effects: &delta.Effects{}}
	f.at.sequence = sequence
	payload := bytes.Repeat([]byte{byte(sequence)}, int(pages)*pageBytes-frameHeadBytes-int(sequence%100))
	f.hold(sealFrame(append(make([]byte, frameHeadBytes), payload...), sequence, 0))
	return f
}

func TestRing_Place_BeginsAnewWhereAFrameDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		next, pages, page uint64
		cost              int64
	}{
		{0, 1, 0, 1}, {0, 3, 0, 3}, {5, 3, 5, 3}, {6, 3, 0, 5}, {7, 1, 7, 1}, {7, 2, 0, 3}, {8, 1, 0, 1}, {8, 3, 0, 3},
		{40, 2, 0, 2}, // it was the mark of a larger ring
	} {
		r := &ring{pages: 8, next: journalMark{1, test.next}}
		if page, cost := r.place(sizedFrame(1, test.pages)); page != test.page || cost != test.cost {
			t.Errorf("%d pages behind page %d come to page %d and take %d, want %d and %d", test.pages, test.next, page, cost, test.page, test.cost)
		}
	}
}

func TestRing_Takes_WhatLeavesRoom(t *testing.T) {
	var nothing *ring
	if nothing.takes(sizedFrame(1, 1)) {
		t.Error("a file without a ring takes a frame")
	}
	for pages, most := range map[uint64]uint64{1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 64: 31, 65: framePagesMax, 128: framePagesMax} {
		r := &ring{pages: pages}
		if r.takes(&frame{}) {
			t.Error("a frame that was not encoded is taken")
		}
		for n := uint64(1); n <= framePagesMax+1; n++ {
			f := sizedFrame(1, n)
			if r.takes(f) != (n <= most) {
				t.Errorf("of %d pages a ring takes %d: %t", pages, n, n > most)
			}
			// Wherever the next one goes, in a ring of which nothing is needed.
			for r.next.page = 0; n <= most && r.next.page <= pages; r.next.page++ {
				if !r.hasRoom(f) {
					t.Errorf("in an empty ring of %d pages there is no room for %d behind page %d", pages, n, r.next.page)
				}
			}
		}
	}
}

// laps are a ring, and what is to be read of it.
type laps struct {
	ring   *ring
	mark   journalMark
	frames []*frame
}

func (l *laps) read() ([]byte, error) {
	all := make([]byte, l.ring.pages*pageBytes)
	_, err := l.ring.file.ReadAt(all, l.ring.base)
	return all, err
}

// append appends a frame if there is room.
func (l *laps) append(t *rapid.T) {
	f := sizedFrame(l.ring.next.sequence, uint64(rapid.IntRange(1, int(l.ring.pages-1)/2).Draw(t, "pages")))
	if !l.ring.hasRoom(f) {
		return
	}
	written := slices.Clone(f.encoded)
	if err := l.ring.append(f); err != nil {
		t.Fatal(err)
	}
	f.hold(written) // it has no meaning by which it could be encoded again
	l.frames = append(l.frames, f)
}

// fold needs some of the first no more.
func (l *laps) fold(t *rapid.T) {
	n := rapid.IntRange(0, len(l.frames)).Draw(t, "folded")
	for _, f := range l.frames[:n] {
		l.ring.used.Add(-f.cost)
		l.mark = f.behind()
	}
	l.frames = l.frames[n:]
}

// damage damages a page of a copy: all that is read is what came before, and it is told
// if whole ones came behind.
func (l *laps) damage(t *rapid.T) {
	if len(l.frames) == 0 {
		return
	}
	all, err := l.read()
	if err != nil {
		t.Fatal(err)
	}
	n := rapid.IntRange(0, len(l.frames)-1).Draw(t, "frame")
	f := l.frames[n]
	at := int(f.at.page)*pageBytes + rapid.IntRange(0, int(f.pages)*pageBytes-1).Draw(t, "byte")
	inFrame := at-int(f.at.page)*pageBytes < frameHeadBytes+len(payloadOf(f))
	all[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	frames, problem := readRing(all, l.mark)
	switch isLast := n == len(l.frames)-1; {
	case !inFrame && (problem != "" || len(frames) != len(l.frames)):
		t.Fatalf("what fills the last page of frame %d is damaged: %d frames, %q", n, len(frames), problem)
	case inFrame && (len(frames) != n || (problem == "") != isLast):
		t.Fatalf("frame %d of %d is damaged: %d frames, %q", n, len(l.frames), len(frames), problem)
	}
}

func payloadOf(f *frame) []byte {
	s, _ := wholeFrame(f.sealed())
	return s.payload
}

func (l *laps) check(t *rapid.T) {
	all, err := l.read()
	if err != nil {
		t.Fatal(err)
	}
	frames, problem := readRing(all, l.mark)
	if problem != "" || len(frames) != len(l.frames) {
		t.Fatalf("%d frames are read of %d, %q", len(frames), len(l.frames), problem)
	}
	used := int64(0)
	for i, f := range l.frames {
		if frames[i].at != f.at || !bytes.Equal(frames[i].payload, payloadOf(f)) {
			t.Fatalf("frame %d is read at %v, want %v", i, frames[i].at, f.at)
		}
		used += f.cost
	}
	if used != l.ring.used.Load() || used >= int64(l.ring.pages) {
		t.Fatalf("%d pages of %d are used, want %d", l.ring.used.Load(), l.ring.pages, used)
	}
}

// TestRing_Append_AnyFrames holds S18 and S19 over laps of any frames, that are needed
// for any time: what is needed is read, and no frame of an earlier lap.
func TestRing_Append_AnyFrames(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		file, err := os.Create(filepath.Join(dir, "ring"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		pages := rapid.Uint64Range(3, 12).Draw(t, "ring")
		l := &laps{ring: &ring{file: file, base: 3 * pageBytes, pages: pages, next: journalMark{sequence: 1}}}
		l.mark = l.ring.next
		if err := file.Truncate(l.ring.base + int64(pages)*pageBytes); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"": l.check, "append": l.append, "append another": l.append, "and another": l.append, "fold": l.fold, "damage": l.damage,
		})
	})
}

// beginBytes is how much of each page FuzzReadRing chooses: who looks for what to try
// would be lost among so many zeros.
const beginBytes = 48

// ringOfBegins returns a ring whose pages begin with these. Those that could be frames are,
// if they are sealed.
func ringOfBegins(begins []byte, isSealed bool) (all []byte) {
	for begin := range slices.Chunk(begins, beginBytes) {
		all = append(all, append(bytes.Clone(begin), make([]byte, pageBytes-len(begin))...)...)
	}
	for at := 0; isSealed && at < len(all); at += pageBytes {
		n := int(binary.BigEndian.Uint32(all[at+24:]))
		if left := len(all) - at - frameHeadBytes; n <= left {
			binary.BigEndian.PutUint32(all[at+4:], crc32.Checksum(all[at+8:at+frameHeadBytes+n], castagnoli))
		}
	}
	return all
}

// FuzzReadRing reads rings of anything: what is read has no gap, and is as it was sealed.
func FuzzReadRing(f *testing.F) {
	begin := func(sequence uint64, payload int) []byte {
		return sealFrame(make([]byte, frameHeadBytes+payload), sequence, 0)[:beginBytes]
	}
	f.Add(slices.Concat(begin(3, 5), begin(4, pageBytes), begin(0, 0), begin(5, 0)), uint64(3), uint64(0), false)
	f.Add(slices.Concat(begin(4, 9), begin(2, 7), begin(3, 1)), uint64(3), uint64(2), true)
	f.Add(slices.Concat(begin(4, 9), begin(2, 7), begin(6, 1)), uint64(3), uint64(9), true)
	f.Fuzz(func(t *testing.T, begins []byte, sequence, page uint64, isSealed bool) {
		all := ringOfBegins(begins, isSealed)
		frames, _ := readRing(all, journalMark{sequence, page})
		for i, f := range frames {
			if f.at.sequence != sequence+uint64(i) {
				t.Errorf("frame %d has sequence %d, from %d on", i, f.at.sequence, sequence)
			}
			again := f.seal(f.tables)
			if n := frameHeadBytes + len(f.payload); !bytes.Equal(again[:n], all[f.at.page*pageBytes:][:n]) {
				t.Errorf("frame %d is sealed as something else", i)
			}
		}
	})
}

// TestRing_MappedPages_AreWhatWasWritten: S19. What is flushed of a frame is all of it,
// wherever it is.
func TestRing_MappedPages_AreWhatWasWritten(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Node: "n1", NoSync: true, journalPages: 9})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // what it has then is of no meaning, and so not checked
	r := s.ring.Load()
	if r.mapped == nil {
		if runtime.GOOS == "linux" && os.Getpagesize() == pageBytes {
			t.Fatal("the pages of the ring are not mapped")
		}
		return // all of the file is flushed here
	}
	for i := range uint64(40) {
		f := sizedFrame(i+1, 1+i%(r.pages/2))
		want := slices.Clone(f.encoded)
		if err := r.append(f); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.mappedPages(f), want) {
			t.Errorf("of frame %d, of %d pages, others are flushed than those from page %d on", i+1, f.pages, f.at.page)
		}
	}
}
