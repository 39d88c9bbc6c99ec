package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// The layout of bbolt's pages, as far as a walk over them needs it; numbers are
// in the byte order of the machine:
//
//	page      0 id u64 · 8 flags u16 · 10 count u16 · 12 overflow u32 · 16 …
//	branch    16 + 16i  position u32 · key bytes u32 · page u64
//	leaf      16 + 16i  flags u32 · position u32 · key bytes u32 · value bytes u32
//	freelist  16 + 8i   page u64; a count of ffff: the first has the count
//	head      16 magic u32 · version u32 · page bytes u32 · flags u32
//	          32 root u64 · sequence u64 · freelist u64 · pages u64 · transaction u64
//	          72 checksum u64, FNV-1a of 16 to 72
//	bucket    0 root u64 · 8 sequence u64 · 16 its only page, if the root is 0
//
// Positions count from the element that has them.
const (
	pageHeadBytes   = 16
	elementBytes    = 16
	bucketHeadBytes = 16
	headSumOffset   = 72
	headEnd         = 80

	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageHead     = 0x04
	pageFreelist = 0x10
	leafBucket   = 0x01

	headMagic   = 0xED0CDAED
	headVersion = 2
	manyFree    = 0xffff
)

var native = binary.NativeEndian

// page is the bytes of a page, with those that continue it.
type page []byte

func (p page) id() uint64       { return native.Uint64(p) }
func (p page) flags() uint16    { return native.Uint16(p[8:]) }
func (p page) count() int       { return int(native.Uint16(p[10:])) }
func (p page) overflow() uint64 { return uint64(native.Uint32(p[12:])) }

// ids returns the pages that a freelist has, eight bytes each.
func (p page) ids() ([]byte, error) {
	count, ids := uint64(p.count()), p[pageHeadBytes:]
	if count == manyFree {
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return nil, fmt.Errorf("the freelist has %d pages, more than it has room for", count)
	}
	return ids[:8*count], nil
}

// element is one element of a branch or a leaf. Its slices share the memory of
// the page.
type element struct {
	key, value []byte
	child      uint64
	isBucket   bool
}

var errPacking = errors.New("an element is not where the one before it ends")

// element returns one of count elements, and where it ends. Keys and values
// follow the elements and each other without a gap, as bbolt writes them: so no
// element can be lost by a smaller count. Start is where that of the one before
// ends, or that of the elements for the first.
func (p page) element(i int, start uint64) (element, uint64, error) {
	at := pageHeadBytes + elementBytes*i
	head := p[at : at+elementBytes]
	var e element
	var position, keyBytes, valueBytes uint64
	if p.flags() == pageBranch {
		position, keyBytes = uint64(native.Uint32(head)), uint64(native.Uint32(head[4:]))
		e.child = native.Uint64(head[8:])
	} else {
		flags := native.Uint32(head)
		if flags > leafBucket {
			return e, 0, fmt.Errorf("the element %d is of kind %x", i, flags)
		}
		e.isBucket = flags == leafBucket
		position, keyBytes = uint64(native.Uint32(head[4:])), uint64(native.Uint32(head[8:]))
		valueBytes = uint64(native.Uint32(head[12:]))
	}
	middle := start + keyBytes
	end := middle + valueBytes
	if keyBytes == 0 || uint64(at)+position != start || end > uint64(len(p)) {
		return e, 0, errPacking
	}
	e.key, e.value = p[start:middle:middle], p[middle:end:end]
	return e, end, nil
}

// elements returns where the elements end and their keys begin, or 0 if the
// page is too short for them.
func (p page) elements() uint64 {
	end := pageHeadBytes + elementBytes*p.count()
	if end > len(p) {
		return 0
	}
	return uint64(end)
}

// fileHead is one of the two heads of a file: the newer one says what is in it.
type fileHead struct {
	root, freelist, pages, transaction uint64
}

// parseHead reads a head and verifies it.
func parseHead(p page, slot uint64) (fileHead, error) {
	sum := fnv.New64a()
	sum.Write(p[pageHeadBytes:headSumOffset])
	switch {
	case p.id() != slot || p.flags() != pageHead:
		return fileHead{}, fmt.Errorf("it is page %d of kind %x", p.id(), p.flags())
	case native.Uint32(p[16:]) != headMagic || native.Uint32(p[20:]) != headVersion:
		return fileHead{}, errors.New("it is not that of a bbolt file")
	case native.Uint64(p[headSumOffset:]) != sum.Sum64():
		return fileHead{}, errors.New("its checksum does not match")
	case native.Uint32(p[24:]) != pageBytes:
		return fileHead{}, fmt.Errorf("its pages have %d bytes, want %d", native.Uint32(p[24:]), pageBytes)
	}
	return fileHead{
		root: native.Uint64(p[32:]), freelist: native.Uint64(p[48:]),
		pages: native.Uint64(p[56:]), transaction: native.Uint64(p[64:]),
	}, nil
}
