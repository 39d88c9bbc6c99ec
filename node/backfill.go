package node

import (
	"slices"
	"sync"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

const (
	// backfillNote names in the store the ranges whose history is wanted yet, so
	// that a restart does not forget them.
	backfillNote = "backfill"
	// backfillsMax bounds them.
	backfillsMax = 256
)

// backfills are the ranges that this node has begun to participate in, and
// whose history it has yet to get from those that did before.
type backfills struct {
	mu struct {
		sync.Mutex
		wanted []antientropy.KeyRange
		// unsaved says that wanted is not yet so on disk.
		unsaved bool
	}
}

// wantArray is a range in the note.
type wantArray struct {
	_        struct{} `cbor:",toarray"`
	Keyspace string
	From     []byte
	To       []byte // null: unbounded
}

// load reads what is wanted from disk.
func (b *backfills) load(s *store.Store) error {
	note, err := s.Note(backfillNote)
	if err != nil || note == nil {
		return err
	}
	var list []wantArray
	if err := delta.Unmarshal(note, &list, store.NoteBytesMax); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range list {
		k := antientropy.KeyRange{Keyspace: a.Keyspace, Range: ranges.Range{From: string(a.From), To: ranges.Unbounded()}}
		if a.To != nil {
			k.Range.To = ranges.Before(string(a.To))
		}
		if k.Validate() == nil {
			b.mu.wanted = append(b.mu.wanted, k)
		}
	}
	return nil
}

// save writes to disk what is wanted, if that is not there yet. For the keeper
// only.
func (b *backfills) save(s *store.Store) error {
	b.mu.Lock()
	if !b.mu.unsaved {
		b.mu.Unlock()
		return nil
	}
	var note []byte
	if len(b.mu.wanted) > 0 {
		list := make([]wantArray, len(b.mu.wanted))
		for i, k := range b.mu.wanted {
			list[i] = wantArray{Keyspace: k.Keyspace, From: []byte(k.Range.From)}
			if !k.Range.To.Unbounded {
				list[i].To = []byte(k.Range.To.Key)
			}
		}
		note = delta.Marshal(list)
	}
	b.mu.unsaved = false
	b.mu.Unlock()
	if err := s.SetNote(backfillNote, note); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.mu.unsaved = true
		return err
	}
	return nil
}

// add notes where the node has begun to participate, and returns what of it is
// wanted now and was not.
func (b *backfills) add(fresh []compaction.Part) (added []antientropy.KeyRange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range fresh {
		k := antientropy.KeyRange(part)
		switch {
		case len(b.mu.wanted) >= backfillsMax:
			return added
		case !slices.Contains(b.mu.wanted, k):
			added = append(added, k)
			b.mu.wanted, b.mu.unsaved = append(b.mu.wanted, k), true
		}
	}
	return added
}

// pending returns what is wanted.
func (b *backfills) pending() []antientropy.KeyRange {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mu.wanted)
}

// end takes note that a range has its history, or that nobody has it.
func (b *backfills) end(k antientropy.KeyRange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.mu.wanted)
	b.mu.wanted = slices.DeleteFunc(b.mu.wanted, func(other antientropy.KeyRange) bool { return other == k })
	b.mu.unsaved = b.mu.unsaved || len(b.mu.wanted) != before
}

// backfill adds a page of history to the log, on the reader's goroutine.
func (p *protocol) backfill(page antientropy.HistoryPage, from *antientropy.Core) {
	added, err := p.node.store.Backfill(p.node.now().UnixMilli(), page.Deltas)
	if err != nil {
		err = explain(err)
		p.node.log.Warn("history cannot be added to the log", "cause", err)
	}
	p.node.counters.backfilled.Add(uint64(added))
	_ = p.inbox.force(func(c *antientropy.Core) { // fails when all ends
		if c == from {
			c.Backfilled(page.ID, err)
		}
	})
}

// freshlyShared returns where this node has begun to participate since the last
// call and others do too. Where nobody else does there is no history to get, and
// to remember until then that it is wanted would cost two commits for each new
// claim. A node that does not know yet what it has missed returns all: claims of
// others may be among that. For the flight, or the committer while none is out.
func (n *Node) freshlyShared() []compaction.Part {
	fresh := n.routing.takeFresh()
	if !n.comparison.over.Load() || n.Completeness().Incomplete {
		return fresh
	}
	return slices.DeleteFunc(fresh, func(part compaction.Part) bool { return !n.routing.mayBeShared(part) })
}

// mayBeShared reports whether another node claims a part of a range, or whether
// there is so much in it that it is not worth to look at all.
func (r *routing) mayBeShared(part compaction.Part) bool {
	self, left := r.self(), sharedLooks
	for s := range r.table(part.Keyspace).Overlapping(part.Range) {
		for _, server := range s.Servers {
			if left--; server.Node != self || left == 0 {
				return true
			}
		}
	}
	return false
}

// sharedLooks bounds the servers that mayBeShared looks at.
const sharedLooks = 1 << 10

// backfilled takes note of ranges whose history has come.
func (p *protocol) backfilled(done []antientropy.KeyRange) {
	for _, k := range done {
		p.node.backfills.end(k)
		p.node.log.Debug("history of a claimed range was asked for", "keyspace", k.Keyspace, "range", k.Range)
	}
	if len(done) > 0 {
		p.node.keeper.save()
	}
}

// want has the core ask for the history of ranges.
func (p *protocol) want(list []antientropy.KeyRange) {
	if len(list) == 0 {
		return
	}
	p.node.keeper.save()
	_ = p.inbox.force(func(c *antientropy.Core) { // fails when all ends
		for _, k := range list {
			c.Backfill(k)
		}
	})
}

// History implements antientropy.Histories.
func (s source) History(after uint64, k antientropy.KeyRange, bytesMax int) ([]delta.Packed, uint64, bool, bool, error) {
	holes, err := s.HasHoles(k.Keyspace, k.Range)
	if err != nil {
		return nil, 0, false, false, err
	}
	past, err := s.Past(after, k.Keyspace, k.Range, bytesMax)
	return past.Deltas, past.Next, past.More, holes, err
}
