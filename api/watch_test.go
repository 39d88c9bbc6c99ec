package api

import (
	"testing"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

func TestLineOf_MarksWhatRepairBrought(t *testing.T) {
	for _, kind := range []node.WatchType{node.WatchClaim, node.WatchReleased, node.WatchNode} {
		for _, repaired := range []bool{true, false} {
			line := lineOf(node.WatchEvent{Type: kind, Repaired: repaired})
			if line.Repair != repaired || line.Type != wire.WatchType(kind) {
				t.Errorf("%s, repaired %t: %+v", kind, repaired, line)
			}
		}
	}
}
