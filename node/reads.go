package node

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// read is a bulk read that a core asks for.
type read struct {
	antientropy.ReadRequest
	from *antientropy.Core
	// page is history to be added to the log instead.
	page *antientropy.HistoryPage
}

// runReader answers the core's bulk reads and adds history to the log, one after
// the other.
func (p *protocol) runReader() {
	for open := true; open; {
		<-p.reads.wake
		var requests []read
		requests, open = p.reads.take(readsMax)
		for _, q := range requests {
			if q.page != nil {
				p.backfill(*q.page, q.from)
				continue
			}
			p.answer(q, p.read(q))
		}
	}
}

// answer hands a result to the core that asked, unless it was replaced.
func (p *protocol) answer(q read, result antientropy.ReadResult) {
	_ = p.inbox.force(func(c *antientropy.Core) { // fails when all ends
		if c == q.from {
			c.Answered(result)
		}
	})
}

func (p *protocol) read(q read) antientropy.ReadResult {
	var result antientropy.ReadResult
	err := p.node.store.View(func(v *store.View) error {
		result = q.Run(sourceOf(v))
		return nil
	})
	if err != nil {
		result = antientropy.ReadResult{ID: q.ID, Err: explain(err)}
	}
	return result
}

// source is one instant of the store, without its fingerprints.
type source struct{ *store.View }

// Instant implements antientropy.Source.
func (s source) Instant() antientropy.Instant {
	x := s.Summary()
	return antientropy.Instant{
		ID: x.ID, Context: x.Context, ContextHash: x.ContextHash,
		Fingerprint: x.Fingerprint, Ahead: x.Ahead, InSession: x.InSession,
	}
}

// Log implements antientropy.Source.
func (s source) Log(origin crdt.ReplicaID, from uint64, bytesMax int) ([]delta.Packed, error) {
	events, err := s.View.Log(origin, from, bytesMax)
	return events.Deltas, err
}
