package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// journaled is what the journal has beyond the tables, at one instant. Like an overlay it
// is never changed: who holds one keeps it. It may begin with frames that the tables
// have had since; these say nothing new.
type journaled struct {
	frames []*frame
	// images are those of the tables that are found by key, and then those of the frames.
	images overlay
	// logNext is the index of the record behind the frames.
	logNext uint64
}

// newJournaled returns what there is when the journal has nothing.
func newJournaled(s *state) journaled {
	return journaled{images: s.fresh.overlay, logNext: s.logNext}
}

// with returns it with one more frame, which is given its place in the log,
// and without what is folded. It may be called by one at a time, on what
// it has returned last or what that was called on.
func (p journaled) with(f *frame, done folded) journaled {
	p = p.without(done)
	f.first = p.logNext
	p.logNext += uint64(len(f.effects.Deltas))
	// To append would be to write where another one, that began on the same, has.
	p.frames = append(p.frames[:len(p.frames):len(p.frames)], f)
	p.images = p.images.begin()
	f.number = p.images.end()
	for i := range f.images {
		p.images.put(&f.images[i])
	}
	return p
}

// without returns it without what is folded.
func (p journaled) without(done folded) journaled {
	n := 0
	for n < len(p.frames) && p.frames[n].at.sequence < done.sequence {
		n++
	}
	p.frames = p.frames[n:]
	p.images.drop(done.dropped)
	return p
}

// ascend adds to an ascent what frames have that the tables do not have, from a key on.
func (p *journaled) ascend(a *ascent, folded uint64, from delta.Key) {
	for _, f := range p.unfolded(folded) {
		p.images.eachPart(f.number, f.number+len(f.images), func(images []*image) {
			a.add(ascendingRun{images: seek(images, from)})
		})
	}
}

// unfolded returns the frames that the tables do not have, which have what is below a
// sequence.
func (p *journaled) unfolded(folded uint64) []*frame {
	n := len(p.frames)
	for n > 0 && p.frames[n-1].at.sequence >= folded {
		n--
	}
	return p.frames[n:]
}

// find returns the record of an event, if a frame has it whose records are not in the
// log, which ends before an index.
func (p *journaled) find(d crdt.Dot, logNext uint64) (Record, bool) {
	for i := len(p.frames) - 1; i >= 0 && p.frames[i].first >= logNext; i-- {
		f := p.frames[i]
		if f.effects.Context.Get(d.Replica) < d.Sequence {
			continue
		}
		for j := range f.effects.Deltas {
			if x := &f.effects.Deltas[j]; x.Origin == d.Replica && x.First <= d.Sequence && d.Sequence <= x.Last() {
				return f.record(j), true
			}
		}
	}
	return Record{}, false
}

// each visits the records of the frames from an index on, ascending.
func (p *journaled) each(from uint64, visit func(Record) error) error {
	for _, f := range p.frames {
		for i := range f.effects.Deltas {
			if f.first+uint64(i) < from {
				continue
			}
			if err := visit(f.record(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// over returns a state of the tables as it is with what is journaled, but for where things
// are in the tables.
func (p *journaled) over(s state) state {
	if n := len(p.frames); n > 0 {
		e := p.frames[n-1].effects
		s.fingerprint, s.contextHash = e.Fingerprint, e.ContextHash
	}
	for _, f := range p.unfolded(s.journal.sequence) {
		s.logRecords, s.logBytes = s.logRecords+uint64(len(f.effects.Deltas)), s.logBytes+f.bytes
	}
	return s
}
