package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestGossip_Starts breaks what a member does about another that runs on an older
// copy of its directory (docs/protocol.md, Starts).
func TestGossip_Starts(t *testing.T) {
	mutant.Run(t, "antientropy/gossip", []mutant.Mutant{{
		Name: "frames of a member that runs on an older copy are taken",
		File: "antientropy/gossip/delegate.go",
		Old:  "t.table.isRefuted(from) || ",
		New:  "",
		Test: "TestTransport_Refuted_ExchangesNoFrames",
	}, {
		Name: "a member that runs on an older copy is sent to",
		File: "antientropy/gossip/table.go",
		Old:  "	case e.refuted:\n",
		New:  "	case false:\n",
		Test: "TestTransport_Refuted_ExchangesNoFrames",
	}, {
		Name: "nobody is ever refuted",
		File: "antientropy/gossip/table.go",
		Old:  "	return e != nil && e.refuted\n",
		New:  "	return e != nil && false\n",
		Test: "TestTable_List_RefutesAnOlderCopy",
	}, {
		Name: "a join is told of nobody's last start",
		File: "antientropy/gossip/delegate.go",
		Old:  "	if join {\n",
		New:  "	if false {\n",
		Test: "TestTransport_LocalState_TellsLivesInAJoin",
	}, {
		Name: "a join is told of the starts of those who are alive",
		File: "antientropy/gossip/table.go",
		Old:  "name != t.self && !t.isAliveLocked(name) })",
		New:  "name != t.self })",
		Test: "TestTransport_LocalState_TellsLivesInAJoin",
	}})
}
