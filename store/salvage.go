package store

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// salvaged is what a damaged file still says of itself, beside its entries and
// its log. What is zero is lost.
type salvaged struct {
	version  uint64 // comes before the rest
	identity identity
	peers    []string
	state    state
	// newest are the images that are left, also those of the journal, and chunks those
	// that they were in.
	newest map[delta.Key][]byte
	chunks []uint64
	// frames are all that are whole in the journal, in the order of their sequences, but
	// not those that the tables have, where these say so.
	frames []sealedFrame
	// context and ahead are what is left of them, and of the frames; isWhole says that
	// nothing is missing: they hash to what is stored, and the newest entries are all
	// there, so that what is in place of others is not older than the contexts.
	context, ahead crdt.Context
	isWhole        bool
	// problems is what is wrong with the file, in words.
	problems []string
}

// salvage reads what a damaged file says of itself.
func salvage(path string) (salvaged, error) {
	s := salvaged{context: crdt.NewContext(), ahead: crdt.NewContext(), newest: map[delta.Key][]byte{}}
	w := &walker{value: func(bucket string, key, payload []byte) error {
		switch bucket {
		case bucketMeta:
			s.meta(string(key), payload)
		case bucketContext:
			s.sequence(s.context, key, payload)
		case bucketAhead:
			s.sequence(s.ahead, key, payload)
		case bucketFresh:
			s.chunk(key, payload)
		case bucketTail:
			if isChunkKey(key) {
				s.chunk(freshKey(key), payload)
			}
		}
		return nil
	}}
	if err := w.walk(path); err != nil {
		return salvaged{}, err
	}
	s.problems = append(w.structure, w.values...)
	s.isWhole = s.state.logNext > 0 && s.hasNewest() &&
		delta.HashContext(s.context) == s.state.contextHash && delta.HashContext(s.ahead) == s.state.aheadHash
	if err := s.journal(path, w); err != nil {
		return salvaged{}, err
	}
	torn, err := isTorn(path)
	switch {
	case err != nil: // of a page that cannot be read
		torn, s.problems = true, append(s.problems, err.Error())
	case torn:
		s.problems = append(s.problems, errTorn.Error())
	}
	s.isWhole = s.isWhole && !torn
	return s, nil
}

// journal takes the frames. Where the pages of the ring were not found it looks for them
// in all of the file: nothing else has pages that begin like theirs, and no other ring
// was ever there.
func (s *salvaged) journal(path string, w *walker) error {
	switch {
	case w.ring != nil:
		s.frames = wholeFrames(bytes.NewReader(w.ring), int64(len(w.ring)))
	case len(w.structure) > 0:
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		s.frames, s.isWhole = wholeFrames(f, w.size), false
		if err := f.Close(); err != nil {
			return err
		}
	}
	if s.state.journal.sequence > 0 { // else what they say may be older than the tables
		s.beyondTables()
	}
	return nil
}

// beyondTables takes what the frames say that the tables do not have. What is behind a
// damaged one is no longer all that the contexts cover, but an image is newer than
// what the tables have all the same.
func (s *salvaged) beyondTables() {
	next, problem := s.state.journal.sequence, ""
	s.frames = slices.DeleteFunc(s.frames, func(f sealedFrame) bool { return f.at.sequence < next })
	for _, sealed := range s.frames {
		f, err := decodeFrame(sealed, s.identity.replica)
		switch {
		case err != nil:
			problem = err.Error()
			continue
		case problem == "" && f.at.sequence > next:
			problem = damagedFrame(next, s.frames[len(s.frames)-1].at.sequence)
		}
		for i := range f.images {
			s.newest[f.images[i].key] = f.images[i].payload()
		}
		if problem == "" {
			s.context.Join(f.effects.Context)
			s.state.contextHash = f.effects.ContextHash
		}
		next = f.at.sequence + 1
	}
	if problem != "" {
		s.problems = append(s.problems, problem)
	}
	s.isWhole = s.isWhole && problem == "" && delta.HashContext(s.context) == s.state.contextHash
}

// meta takes one value of the bucket meta. What cannot be decoded is lost.
func (s *salvaged) meta(name string, payload []byte) {
	switch name {
	case metaIdentity:
		var a identityArray
		if delta.Unmarshal(payload, &a, metaBytesMax) == nil {
			s.identity, _ = a.identity()
		}
	case metaFormat:
		var a formatArray
		_ = delta.Unmarshal(payload, &a, metaBytesMax)
		s.version = a.Version
	case metaState:
		s.state, _ = decodeState(s.version, payload)
	case metaPeers:
		_ = delta.Unmarshal(payload, &s.peers, PeersBytesMax)
	}
}

// chunk takes the images of a chunk; they come in the order of writing.
func (s *salvaged) chunk(key, payload []byte) {
	number, images, err := decodeChunk(key, payload)
	if err != nil {
		return // lost
	}
	s.chunks = append(s.chunks, number)
	for _, x := range images {
		s.newest[x.key] = bytes.Clone(x.payload) // it shares the memory of a page that the next is read into
	}
}

// hasNewest reports whether no chunk is missing. They ascend.
func (s *salvaged) hasNewest() bool {
	first, n := s.state.fresh.first, uint64(len(s.chunks))
	return n == s.state.fresh.next-first && (n == 0 || s.chunks[0] == first && s.chunks[n-1] == first+n-1)
}

func (s *salvaged) sequence(c crdt.Context, key, payload []byte) {
	if sequence, err := decodeSequence(payload); err == nil && len(key) == crdt.ReplicaIDBytes {
		c[crdt.ReplicaID(key)] = sequence
	}
}

// covered returns everything of which there may be something in the entries.
func (s *salvaged) covered() crdt.Context {
	covered := s.context.Clone()
	covered.Join(s.ahead)
	return covered
}

// answer makes what is left of an entry, nil if it is gone, a range answer about its own
// key. If the contexts are whole it says all that the replica knew of the key.
// Else it claims to have seen nothing, so that nothing is taken for closed by
// it, and to be ahead by what its records name. It reports whether there is anything to
// say: what cannot be decoded is lost.
func (s *salvaged) answer(k delta.Key, payload []byte) (delta.Answer, bool) {
	a := delta.Answer{Span: delta.Span{From: k, To: k + "\x00"}, Context: s.context, Ahead: s.ahead}
	if payload == nil {
		return a, s.isWhole
	}
	e, err := delta.DecodeEntry(k, payload)
	if err != nil {
		return delta.Answer{}, false
	}
	a.Entries = []delta.Entry{e}
	if !s.isWhole {
		a.Context, a.Ahead = crdt.NewContext(), namedBy(e)
	}
	return a, true
}

// namedBy returns up to where the records of an entry name events.
func namedBy(e delta.Entry) crdt.Context {
	named := crdt.NewContext()
	for _, x := range e.Counter {
		named[x.Origin] = max(x.Last, x.Watermark)
	}
	if e.Node != nil {
		named[e.Node.Dot.Replica] = e.Node.Dot.Sequence
	}
	return named
}

// eachIntact calls visit for what is intact in some buckets of a damaged file, one
// after the other as they are named, ascending as far as their pages are. Key and
// payload are visit's to keep.
func eachIntact(path string, among []string, visit func(key, payload []byte) error) error {
	w := &walker{value: func(bucket string, key, payload []byte) error {
		if !slices.Contains(among, bucket) {
			return nil
		}
		return visit(bytes.Clone(key), bytes.Clone(payload))
	}}
	if err := w.walk(path); err != nil {
		return fmt.Errorf("read what is left of %s: %w", path, err)
	}
	return nil
}
