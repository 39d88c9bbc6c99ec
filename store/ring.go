package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// The journal is a ring of pages, within one value of bbolt that bbolt itself never
// reads or writes again: the only pages of the file that are written in place. A
// commit that is small appends a frame to it, one write and one flush, whatever its
// claims are and however deep the trees. What frames say is folded into the tables
// later, many together (fold.go).
//
//	S18 What is acknowledged is what the tables have, and then the frames from
//	    state.journal on, whose sequences have no gap. A frame begins on a page of its
//	    own, and no page of one is written again before a transaction is on disk that
//	    has what the frame says.
//	S19 A frame is written when all before it are on disk. So one that is not whole
//	    is the last one, and nobody was told of it; if a whole one is behind it, it
//	    was damaged. No page within a frame begins as one does.
//	S20 A frame names the last transaction of the tables that was acknowledged before it
//	    was put together. So one that is taken back (S12) is none that acknowledged
//	    frames are behind.
const (
	// journalPages is how many pages the ring of a new file has: half of it is some
	// thousand writes, so that folding them touches few pages for each.
	journalPages = 128
	// framePagesMax bounds a frame: a larger commit goes into the tables at once.
	framePagesMax = 32
	// frameHeadBytes is what precedes the payload: a magic, the checksum of what
	// follows that, the sequence, the transaction and the length of the payload.
	frameHeadBytes = 4 + 4 + 8 + 8 + 4
	frameMagic     = 0x73736a31
)

// journalMark is where the first frame is, or will be, that the tables do not have:
// its sequence, and the page of the ring that it is on, or else the first one, if it
// does not fit there.
type journalMark struct{ sequence, page uint64 }

// ring writes frames. It belongs to who holds Store.write and Store.commit, but for used.
type ring struct {
	file *os.File
	// base is where its first page is in the file, pages how many it has.
	base  int64
	pages uint64
	// mapped are its pages, where those of a frame can be flushed alone; else nil.
	mapped []byte
	// next is where the next frame goes.
	next   journalMark
	noSync bool
	// used is how many pages those frames take that the tables do not have, with what
	// is left free before those that do not fit.
	used atomic.Int64
}

const (
	// ringKey is the only key in the bucket journal.
	ringKey = "ring"
	// ringHeadBytes is what precedes its value in the page of both.
	ringHeadBytes = pageHeadBytes + elementBytes + len(ringKey)
)

// createRing makes a ring of so many pages, if there are any, in a file without one. The
// value fills its pages to the end, the first of which has its key, too.
func createRing(tx *bbolt.Tx, pages int) error {
	b, err := tx.CreateBucketIfNotExists([]byte(bucketJournal))
	if err != nil || pages <= 0 {
		return err
	}
	return b.Put([]byte(ringKey), make([]byte, (pages+1)*pageBytes-ringHeadBytes))
}

// ringOf returns the pages of the ring of a file, as they are now, and where the first
// one is; nil, if there is no ring.
func ringOf(tx *bbolt.Tx) (base int64, pages []byte, err error) {
	b := tx.Bucket([]byte(bucketJournal))
	if b == nil {
		return 0, nil, nil
	}
	value := b.Get([]byte(ringKey))
	if value == nil {
		return 0, nil, nil
	}
	first := pageBytes - ringHeadBytes // what is on the page of the key
	if len(value) <= first || (len(value)-first)%pageBytes != 0 || b.Root() == 0 {
		return 0, nil, fmt.Errorf("%w: the journal has %d bytes", ErrCorrupt, len(value))
	}
	return int64(b.Root()+1) * pageBytes, value[first:], nil
}

// openRing opens the ring of a file, which has frames already that the tables do not
// have; nil, if the file has none.
func openRing(db *bbolt.DB, p *journaled, next journalMark, noSync bool) (r *ring, err error) {
	r = &ring{next: next, noSync: noSync}
	err = readTransaction(db, func(tx *bbolt.Tx) error {
		base, pages, err := ringOf(tx)
		r.base, r.pages = base, uint64(len(pages))/pageBytes
		return err
	})
	if err != nil || r.pages == 0 {
		return nil, err
	}
	// It has a descriptor of its own: each is told once of a fault that the disk has
	// met, and who folds is not to be told of what a commit waits for.
	if r.file, err = os.OpenFile(db.Path(), os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if r.mapped, err = mapPages(r.file, r.base, r.pages); err == nil {
		err = r.look()
	}
	if err == nil {
		err = r.settle(p.frames)
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// settle goes on behind the frames that were read. It has the disk take the last one once
// more: that may be in the memory of the operating system only, as in flusher.settle. Those
// before it are on disk (S19), and are not written again (S18).
func (r *ring) settle(frames []*frame) error {
	if len(frames) == 0 {
		return nil
	}
	for _, f := range frames {
		_, f.cost = r.place(f)
		r.next = f.behind()
		r.used.Add(f.cost)
	}
	last := frames[len(frames)-1]
	err := r.write(last)
	if err == nil {
		err = r.sync(last)
	}
	if err != nil {
		return fmt.Errorf("settle the journal: %w", err)
	}
	return nil
}

// look makes sure that nothing else is where frames will be written.
func (r *ring) look() error {
	head := make(page, pageHeadBytes)
	if _, err := r.file.ReadAt(head, r.base-pageBytes); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if head.id() != uint64(r.base/pageBytes-1) || head.flags() != pageLeaf || head.count() != 1 || head.overflow() != r.pages {
		return fmt.Errorf("%w: the journal does not begin on page %d", ErrCorrupt, r.base/pageBytes-1)
	}
	return nil
}

// takes reports whether a frame may be put into the ring, when there is room.
func (r *ring) takes(f *frame) bool {
	return r != nil && f.pages > 0 && f.pages <= min(framePagesMax, (r.pages-1)/2) && !f.isAmbiguous()
}

// isAmbiguous reports whether a page within the frame begins as a frame does (S19): it has
// what somebody has written so that it does, whom the next opening would believe.
func (f *frame) isAmbiguous() bool {
	for at := pageBytes; at < len(f.encoded); at += pageBytes {
		if binary.BigEndian.Uint32(f.encoded[at:]) == frameMagic {
			return true
		}
	}
	return false
}

// place returns the page for a frame behind the last one, and what of the ring it takes.
func (r *ring) place(f *frame) (page uint64, cost int64) {
	pages := f.pages
	if r.next.page+pages <= r.pages {
		return r.next.page, int64(pages)
	}
	return 0, int64(pages + r.pages - min(r.pages, r.next.page))
}

// hasRoom reports whether a frame overwrites nothing that is needed, and leaves a page
// (ringCopy).
func (r *ring) hasRoom(f *frame) bool {
	_, cost := r.place(f)
	return r.used.Load()+cost < int64(r.pages)
}

// append writes a frame for which there is room, and waits for nothing.
func (r *ring) append(f *frame) error {
	f.at.page, f.cost = r.place(f)
	if err := r.write(f); err != nil {
		return err
	}
	f.letGo()
	r.next = f.behind()
	r.used.Add(f.cost)
	return nil
}

func (r *ring) write(f *frame) error {
	_, err := r.file.WriteAt(f.encoded, r.base+int64(f.at.page)*pageBytes)
	return err
}

// sync waits until a frame that was written is on disk. It flushes the pages of that alone
// where it can: else it would wait for those that a fold has written as well.
func (r *ring) sync(f *frame) error {
	switch {
	case r.noSync:
		return nil
	case r.mapped == nil:
		return datasync(r.file)
	}
	return syncPages(r.mappedPages(f))
}

// mappedPages returns the pages of the file that a frame is on.
func (r *ring) mappedPages(f *frame) []byte {
	return r.mapped[f.at.page*pageBytes:][:f.pages*pageBytes]
}

// close closes the ring, if there is one.
func (r *ring) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(unmapPages(r.mapped), r.file.Close())
}

func pagesOf(bytes int) uint64 { return uint64(bytes+pageBytes-1) / pageBytes }

// sealFrame completes a frame, which begins with room for its head and has its payload
// behind that, and fills its last page.
func sealFrame(b []byte, sequence, tables uint64) []byte {
	payload := len(b) - frameHeadBytes
	b = append(b, make([]byte, int(pagesOf(len(b)))*pageBytes-len(b))...)
	binary.BigEndian.PutUint32(b, frameMagic)
	binary.BigEndian.PutUint64(b[8:], sequence)
	binary.BigEndian.PutUint64(b[16:], tables)
	binary.BigEndian.PutUint32(b[24:], uint32(payload))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:frameHeadBytes+payload], castagnoli))
	return b
}

// readRing returns the frames that a ring has from a mark on, in order. What is not whole
// was not completed, unless a whole one is behind it (S19): that is a problem, in words.
func readRing(all []byte, from journalMark) (frames []sealedFrame, problem string) {
	at := from
	for {
		f, ok := frameAt(all, at)
		if !ok && at.page != 0 {
			at.page = 0
			f, ok = frameAt(all, at)
		}
		if !ok {
			break
		}
		frames = append(frames, f)
		at = journalMark{at.sequence + 1, at.page + f.pages()}
	}
	if whole := wholeFrames(bytes.NewReader(all), int64(len(all))); len(whole) > 0 {
		if last := whole[len(whole)-1].at.sequence; last > at.sequence {
			problem = damagedFrame(at.sequence, last)
		}
	}
	return frames, problem
}

// damagedFrame says that a frame is missing before the last one that is whole.
func damagedFrame(sequence, last uint64) string {
	return fmt.Sprintf("frame %d of the journal, which has what was written last, is damaged: frame %d, which was written after it, is whole", sequence, last)
}

// wholeFrames returns all frames in a file, wherever their pages are, in the order of
// their sequences. What cannot be read is lost.
func wholeFrames(file io.ReaderAt, size int64) (frames []sealedFrame) {
	buffer := make([]byte, framePagesMax*pageBytes)
	for at := int64(0); at+pageBytes <= size; {
		f, ok := readFrame(file, buffer, at, size)
		pages := int64(1)
		if ok {
			frames = append(frames, f)
			pages = int64(f.pages())
		}
		at += pages * pageBytes
	}
	slices.SortStableFunc(frames, func(a, b sealedFrame) int { return cmp.Compare(a.at.sequence, b.at.sequence) })
	return frames
}

// readFrame reads the frame that begins somewhere in a file, if there is one.
func readFrame(file io.ReaderAt, buffer []byte, at, size int64) (sealedFrame, bool) {
	n, _ := file.ReadAt(buffer[:pageBytes], at)
	if n < pageBytes || binary.BigEndian.Uint32(buffer) != frameMagic {
		return sealedFrame{}, false
	}
	n, _ = file.ReadAt(buffer[:min(int64(len(buffer)), size-at)], at)
	return wholeFrame(buffer[:n])
}

// sealedFrame is a frame as it is read.
type sealedFrame struct {
	at      journalMark
	tables  uint64
	payload []byte
}

// seal returns the frame as it is written, where it names that transaction.
func (f *sealedFrame) seal(tables uint64) []byte {
	b := make([]byte, frameHeadBytes, int(f.pages())*pageBytes)
	return sealFrame(append(b, f.payload...), f.at.sequence, tables)
}

func (f *sealedFrame) pages() uint64 { return pagesOf(frameHeadBytes + len(f.payload)) }

// frameAt returns the frame that is expected somewhere.
func frameAt(all []byte, at journalMark) (sealedFrame, bool) {
	if at.page >= uint64(len(all))/pageBytes {
		return sealedFrame{}, false
	}
	f, ok := wholeFrame(all[at.page*pageBytes:])
	f.at.page = at.page
	return f, ok && f.at == at
}

// wholeFrame returns the frame that begins where b does, if there is one.
func wholeFrame(b []byte) (sealedFrame, bool) {
	if len(b) < frameHeadBytes || binary.BigEndian.Uint32(b) != frameMagic {
		return sealedFrame{}, false
	}
	payload := int(binary.BigEndian.Uint32(b[24:]))
	if payload > framePagesMax*pageBytes-frameHeadBytes || payload > len(b)-frameHeadBytes ||
		binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(b[8:frameHeadBytes+payload], castagnoli) {
		return sealedFrame{}, false
	}
	f := sealedFrame{payload: slices.Clone(b[frameHeadBytes : frameHeadBytes+payload])}
	f.at.sequence, f.tables = binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	return f, true
}
