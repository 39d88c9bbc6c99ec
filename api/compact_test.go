package api_test

import (
	"testing"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/node"
)

// TestCompactOf_OfOneInstant: a node that trims its log by itself at the same
// time may have dropped all that was planned before it is counted.
func TestCompactOf_OfOneInstant(t *testing.T) {
	var c node.Compacted
	c.Plan.Dropped[compaction.Other] = compaction.Totals{Records: 30}
	c.Plan.Kept[compaction.Own] = compaction.Totals{Records: 12}
	if got := api.CompactOf(c); got.LogRecordsBefore != 42 || got.LogRecordsAfter != 12 {
		t.Errorf("%d records before, %d after", got.LogRecordsBefore, got.LogRecordsAfter)
	}
}
