package api

import (
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// compact serves POST /v1/compact.
func (s *Server) compact(e *exchange) error {
	var q wire.CompactRequest
	if err := e.body(&q); err != nil {
		return err
	}
	done, err := s.node.Compact(e.r.Context(), q.DryRun)
	if err != nil {
		return err
	}
	return e.answer(CompactOf(done))
}

// CompactOf returns the JSON of what a compaction did, or would do.
func CompactOf(c node.Compacted) wire.Compact {
	own, other := c.Plan.Dropped[compaction.Own].Records, c.Plan.Dropped[compaction.Other].Records
	// Not those that are counted now: the node trims by itself, too, and has
	// perhaps dropped meanwhile what was planned.
	kept := c.Plan.Kept[compaction.Own].Records + c.Plan.Kept[compaction.Other].Records
	out := wire.Compact{
		LogRecordsBefore:     int64(kept + own + other),
		LogRecordsAfter:      int64(kept),
		TrimmedParticipating: int64(own),
		TrimmedOther:         int64(other),
		DBBytesBefore:        int64(c.Before.Bytes),
		DBBytesAfter:         int64(c.After.Bytes),
	}
	for _, w := range c.Waiting {
		out.Waiting = append(out.Waiting, wire.Waiting{Replica: w.Replica.String(), Records: int64(w.Records), Node: w.Node})
	}
	for _, class := range compaction.Classes {
		out.Classes = append(out.Classes, classOf(c, class))
	}
	for _, b := range c.Plan.Blocked {
		out.Blocked = append(out.Blocked, wire.Blocker{Member: b.Member, Records: int64(b.Records), Bytes: int64(b.Bytes)})
	}
	return out
}

func classOf(c node.Compacted, class compaction.Class) wire.CompactClass {
	p := c.Plan
	retention := c.Retention.Own
	if class == compaction.Other {
		retention = c.Retention.Other
	}
	return wire.CompactClass{
		HistoryClass: historyClassOf(node.HistoryClassOf(p, class)), Retention: retention.String(),
		Covered:    int64(p.Why[class][compaction.Covered-1].Records),
		TooOld:     int64(p.Why[class][compaction.Age-1].Records),
		TooLarge:   int64(p.Why[class][compaction.Size-1].Records),
		FreedBytes: int64(p.Dropped[class].Bytes),
	}
}

func historyClassOf(h node.HistoryClass) wire.HistoryClass {
	return wire.HistoryClass{Class: h.Class.String(), Records: int64(h.Records), Bytes: int64(h.Bytes), Oldest: h.Oldest}
}
