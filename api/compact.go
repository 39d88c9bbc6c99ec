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
	out := wire.Compact{
		LogRecordsBefore:     int64(c.Before.LogRecords),
		LogRecordsAfter:      int64(c.Before.LogRecords - own - other),
		TrimmedParticipating: int64(own),
		TrimmedOther:         int64(other),
		DBBytesBefore:        int64(c.Before.Bytes),
		DBBytesAfter:         int64(c.After.Bytes),
	}
	for _, w := range c.Waiting {
		out.Waiting = append(out.Waiting, wire.Waiting{Replica: w.Replica.String(), Records: int64(w.Records), Node: w.Node})
	}
	return out
}
