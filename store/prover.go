package store

import (
	"errors"
	"hash/crc32"
	"io"
	"slices"
)

// prover makes proofs of the transactions of one file, one after the other.
type prover struct {
	file io.ReaderAt
	// free are the pages that belonged to nothing after the last transaction,
	// ascending, pages how many there were in all.
	free  []uint64
	pages uint64

	// Of the proof that is being made.
	head    fileHead
	found   proof
	buffers []page // by depth
}

var errPages = errors.New("its pages are not in order")

// follow has the next proof be that of what follows a head.
func (p *prover) follow(head fileHead) error {
	p.head = head
	list, err := p.read(head.freelist, pageFreelist, 0)
	if err != nil {
		return err
	}
	return p.setFree(list)
}

func (p *prover) setFree(list page) error {
	ids, err := list.ids()
	if err != nil {
		return err
	}
	p.free, p.pages = p.free[:0], p.head.pages
	for ; len(ids) > 0; ids = ids[8:] {
		p.free = append(p.free, native.Uint64(ids))
	}
	return nil
}

// proofOf returns the proof of a transaction. The next proof is that of what
// follows it. O(pages written and free).
func (p *prover) proofOf(head fileHead) (proof, error) {
	p.head = head
	p.found = proof{transaction: head.transaction, runs: p.found.runs[:0]}
	if err := p.tree(head.root, 0, true); err != nil {
		return proof{}, err
	}
	list, err := p.read(head.freelist, pageFreelist, 0)
	if err != nil {
		return proof{}, err
	}
	if p.isNew(head.freelist) {
		p.add(head.freelist, list)
	}
	return p.found, p.setFree(list)
}

func (p *prover) isNew(id uint64) bool {
	if id >= p.pages {
		return true
	}
	_, isFree := slices.BinarySearch(p.free, id)
	return isFree
}

// add takes a page into the proof, with those that continue it.
func (p *prover) add(id uint64, x page) {
	p.found.sum = crc32.Update(p.found.sum, castagnoli, x)
	pages := uint32(len(x) / pageBytes)
	if n := len(p.found.runs); n > 0 && p.found.runs[n-1].from+p.found.runs[n-1].pages == uint32(id) {
		p.found.runs[n-1].pages += pages
		return
	}
	p.found.runs = append(p.found.runs, run{uint32(id), pages})
}

// tree adds what is new of a tree; of the outer one, the trees of its buckets.
func (p *prover) tree(id uint64, depth int, isOuter bool) error {
	if !p.isNew(id) {
		return nil
	}
	if depth >= depthMax {
		return errPages
	}
	x, err := p.read(id, pageBranch|pageLeaf, depth)
	if err != nil {
		return err
	}
	p.add(id, x)
	isLeaf := x.flags() == pageLeaf
	if isLeaf && !isOuter {
		return nil
	}
	at := x.elements()
	if at == 0 {
		return errPages
	}
	for i := range x.count() {
		e, end, err := x.element(i, at)
		if err != nil {
			return err
		}
		at = end
		switch {
		case !isLeaf:
			err = p.tree(e.child, depth+1, isOuter)
		case e.isBucket && len(e.value) >= bucketHeadBytes && native.Uint64(e.value) != 0:
			err = p.tree(native.Uint64(e.value), depth+1, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a page with those that continue it, into the buffer of a depth.
func (p *prover) read(id uint64, kinds uint16, depth int) (page, error) {
	for len(p.buffers) <= depth {
		p.buffers = append(p.buffers, make(page, pageBytes))
	}
	if id < 2 || id >= p.head.pages {
		return nil, errPages
	}
	x := p.buffers[depth][:pageBytes]
	if _, err := p.file.ReadAt(x, int64(id)*pageBytes); err != nil {
		return nil, err
	}
	bytes := (x.overflow() + 1) * pageBytes
	if x.id() != id || x.flags()&kinds == 0 || bytes > overflowBytesMax || bytes/pageBytes > p.head.pages-id {
		return nil, errPages
	}
	if bytes == pageBytes {
		return x, nil
	}
	x = make(page, bytes) // it is not kept: a large value may be hundreds of MiB
	_, err := p.file.ReadAt(x, int64(id)*pageBytes)
	return x, err
}
