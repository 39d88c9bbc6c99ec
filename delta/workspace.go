package delta

import "github.com/scalesmall/ssnode/crdt"

// workspace is the memory that the commits of a replica use, one after the other:
// a commit has it from Begin to Finish. It holds no state, only room. A commit that
// does not finish keeps it, and the next one makes another.
//
// What is needed no longer than the commit is used again. What its effects keep is
// cut from the stocks, and never used again.
type workspace struct {
	entries   map[Key]*EntryChange
	ahead     crdt.Context // absolute; meaningful where it exceeds the context
	forgotten map[crdt.ReplicaID]struct{}
	closable  map[Key]struct{}
	reissued  map[Key]struct{}
	// changes are what entries leads to: so many of them are taken. They are in
	// several pieces, so that none moves when there are more.
	changes [][]EntryChange
	taken   int
	sorted  []*EntryChange
	deltas  []Packed
	writer  writer
	key     []byte
	encoded []byte

	events  stock[Event]
	results stock[Result]
	records stock[crdt.Contribution]
	bytes   stock[byte]
}

const (
	// changesPiece is how many changes have room in a piece.
	changesPiece = 16
	// changesKept is up to how many changes a commit may have made so that the room
	// for them is kept: it takes half a MiB. Groups of single writes have fewer.
	changesKept = 1024
	// encodedKept is how large a delta may be encoded so that the room is kept.
	encodedKept = 64 << 10
)

func newWorkspace() *workspace {
	return &workspace{
		entries:   map[Key]*EntryChange{},
		ahead:     crdt.NewContext(),
		forgotten: map[crdt.ReplicaID]struct{}{},
		closable:  map[Key]struct{}{},
		reissued:  map[Key]struct{}{},
		events:    stock[Event]{max: eventsPiece},
		results:   stock[Result]{max: resultsPiece},
		records:   stock[crdt.Contribution]{max: recordsPiece},
		bytes:     stock[byte]{max: bytesPiece},
	}
}

// newChange returns room for a change, zero.
func (w *workspace) newChange() *EntryChange {
	if w.taken == changesPiece*len(w.changes) {
		w.changes = append(w.changes, make([]EntryChange, changesPiece))
	}
	w.taken++
	return w.changeAt(w.taken - 1)
}

func (w *workspace) changeAt(i int) *EntryChange { return &w.changes[i/changesPiece][i%changesPiece] }

// tidied returns the workspace for the next commit. It leads to nothing of the last
// one any more, and after one that was large to no more room than others need.
func (w *workspace) tidied() *workspace {
	if w.taken > changesKept || len(w.deltas) > changesKept || cap(w.writer.events) > changesKept || cap(w.encoded) > encodedKept {
		return nil
	}
	clear(w.entries)
	clear(w.ahead)
	clear(w.forgotten)
	clear(w.closable)
	clear(w.reissued)
	for _, piece := range w.changes {
		clear(piece[:min(w.taken, changesPiece)])
		w.taken -= min(w.taken, changesPiece)
	}
	clear(w.sorted)
	clear(w.deltas)
	w.sorted, w.deltas = w.sorted[:0], w.deltas[:0]
	w.writer.reset(nil, 0)
	return w
}

// stock is room for what outlives a commit, cut from pieces that several commits
// share. Who keeps a part keeps a piece, so a piece is of a few KiB at most: it is as
// large as it takes so that few are made, and so small that it does no harm where
// one part of it is kept for long. Of what a store keeps, the encoded entries and the
// keys of the last ones, nothing comes from here.
type stock[T any] struct {
	left []T
	// made is how large the last piece was, max is how large they become.
	made, max int
}

// How many are in a piece: 4 KiB of events and of what is encoded, and 1 KiB of the
// others, of which a reader may keep some for as long as he has a state.
const (
	eventsPiece  = 28
	resultsPiece = 64
	recordsPiece = 12
	bytesPiece   = 4096
)

// cut returns room for n, zero, that nobody else has.
func (s *stock[T]) cut(n int) []T {
	if n == 0 || n > s.max/2 {
		return make([]T, n)
	}
	if n > len(s.left) {
		s.made = min(s.max, max(n, 2*s.made))
		s.left = make([]T, s.made)
	}
	out := s.left[:n:n]
	s.left = s.left[n:]
	return out
}

// copied returns a copy of a list.
func (s *stock[T]) copied(list []T) []T {
	out := s.cut(len(list))
	copy(out, list)
	return out
}
