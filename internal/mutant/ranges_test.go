package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestRanges_Rules breaks how tables are made of claims that are raised (Q1, Q2, X1),
// what tables share, and how claims are found.
func TestRanges_Rules(t *testing.T) {
	mutant.Run(t, "ranges", []mutant.Mutant{{
		Name: "Q1: no subrange starts where the claim does",
		File: "ranges/raisesearch.go",
		Old:  "	return p, p.start() == key\n",
		New:  "	return p, true\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "Q1: no subrange ends where the claim does",
		File: "ranges/raiser.go",
		Old:  "		case end == to:\n",
		New:  "		case end.Compare(to) >= 0:\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "Q2: a list becomes that of the subrange before",
		File: "ranges/raiser.go",
		Old:  "		if !ok || !isFirst && slices.Equal(before, servers) {\n",
		New:  "		if !ok || false && slices.Equal(before, servers) {\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "Q2: a list becomes that of the subrange after",
		File: "ranges/raiser.go",
		Old:  "			return end.Unbounded || !slices.Equal(servers, r.table.after(p).servers())\n",
		New:  "			return true\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "a raise hides a claim of a higher priority",
		File: "ranges/raiser.go",
		Old:  "	if i < 0 || servers[i].Priority >= c.priority {\n",
		New:  "	if i < 0 {\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "a raise leaves the order of servers",
		File: "ranges/raiser.go",
		Old:  "	for ; i > 0 && raised.Compare(r.list[i-1]) < 0; i-- {\n",
		New:  "	for ; false; i-- {\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "a raise is seen in the table before",
		File: "ranges/raiser.go",
		Old:  "	if (*at).epoch != r.epoch {\n",
		New:  "	if (*at).epoch == 0 {\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "X1: what cannot be raised is not swept",
		File: "ranges/index.go",
		Old:  "func(c *storedClaim) { x.touch(c.bounds()) })\n",
		New:  "func(c *storedClaim) {})\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "X1: a lower priority is taken for a raise",
		File: "ranges/index.go",
		Old:  "	case before > priority:\n		x.touch(c.bounds())\n",
		New:  "	case before > priority:\n		x.touchRaised(c)\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "leaves write to blocks that they share",
		File: "ranges/shadow.go",
		Old:  "	c.epoch, c.ownedBlocks = epoch, 0\n",
		New:  "	c.epoch = epoch\n",
		Test: "TestIndex_Table_Raises",
	}, {
		Name: "a list does not move on to the next block",
		File: "ranges/listblock.go",
		Old:  "		block[at], list, i = list, last, 0\n",
		New:  "		block[at], list, i = list, block[blockSize-1], 0\n		_ = last\n",
		Test: "TestIndex_SetAll_EqualsSet",
	}, {
		Name: "a list does not move back to the block before",
		File: "ranges/listblock.go",
		Old:  "		block[blockSize-1], moved = moved, first\n",
		New:  "		block[blockSize-1], moved = moved, block[at]\n		_ = first\n",
		Test: "TestIndex_SetAll_EqualsSet",
	}, {
		Name: "a claim is where it was found before others came and went",
		File: "ranges/index.go",
		Old:  "		case moved || found == nil ||",
		New:  "		case moved && false || found == nil ||",
		Test: "TestIndex_SetAll_EqualsSet",
	}, {
		Name: "T6: a ladder outlives what it is of",
		File: "ranges/claimtreeedit.go",
		Old:  "		t.unseek()\n		t.claims = slices.Insert(",
		New:  "		t.claims = slices.Insert(",
		Test: "TestIndex_SetAll_EqualsSet",
	}, {
		Name: "the first claim of a leaf is not looked for",
		File: "ranges/claimtreeladder.go",
		Old:  "	if low == 1 {\n		low = 0\n",
		New:  "	if low == 1 {\n",
		Test: "TestIndex_SetAll_EqualsSet",
	}})
}
