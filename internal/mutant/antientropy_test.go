package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestAntientropy_Fingerprints breaks the invariants of fingerprints one by one.
func TestAntientropy_Fingerprints(t *testing.T) {
	mutant.Run(t, "antientropy", []mutant.Mutant{{
		Name: "F1: a new anchor begins no block",
		File: "antientropy/fingerprints_build.go",
		Old:  "if x.Before.IsZero() != x.After.IsZero() && f.shape.isAnchor(x.Key) {",
		New:  "if !x.Before.IsZero() && x.After.IsZero() && f.shape.isAnchor(x.Key) {",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "F2: what a block ends with is lost when it is joined",
		File: "antientropy/fingerprints_build.go",
		Old:  "b.sum = b.sum.Plus(moved)",
		New:  "b.sum = b.sum.Plus(moved.Minus(moved))",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "F3: a block's low key stays below a new entry before it",
		File: "antientropy/fingerprints_build.go",
		Old:  "if x.Before.IsZero() && next != nil && x.Key >= next.low() {",
		New:  "if false {",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "F4: elements keep the place of the block that they were in",
		File: "antientropy/fingerprints_build.go",
		Old:  "		f.sketch.remove(elementOf(w.place, x))\n		f.sketch.add(elementOf(place, x))\n		moved",
		New:  "		_ = place\n		moved",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "a version changes the chunks of the one before",
		File: "antientropy/symbol.go",
		Old:  "	if !s.owned[i] {",
		New:  "	if s.chunks[i] == nil {",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T3: a node that is full grows on",
		File: "antientropy/tree.go",
		Old:  "	case len(items) > fanOutMax:",
		New:  "	case false:",
		Test: "TestTree_Deep",
	}})
}

// TestAntientropy_RulesOfSketches breaks the rules of sketches, and one of all
// sessions.
func TestAntientropy_RulesOfSketches(t *testing.T) {
	mutant.Run(t, "antientropy", []mutant.Mutant{{
		Name: "K1: symbols of two states are added up",
		File: "antientropy/session_sketch.go",
		Old:  "if len(s.symbols) > 0 && found.Root != s.root {",
		New:  "if false {",
		Test: "TestCore_Interaction",
	}, {
		Name: "K2: what a sketch has told is taken for proven",
		File: "antientropy/session_sketch.go",
		Old:  "	if s.sum != s.root {",
		New:  "	if false {",
		Test: "TestSession_Sketch_LiesAreNotBelieved",
	}, {
		Name: "S1: a sketch is looked at before the session is open",
		File: "antientropy/session_sketch.go",
		Old:  "c.admit(s, found.sender, func() { c.lookAt(s, found) })",
		New:  "c.admit(s, found.sender, func() {}); c.lookAt(s, found)",
		Test: "TestSession_Sketch_LiesAreNotBelieved",
	}, {
		Name: "corruption: equal contexts of settled states are not looked into",
		File: "antientropy/check.go",
		Old:  "	case p.check.settled() && mine.settled():\n		c.diverged(p)\n",
		New:  "",
		Test: "TestCore_Interaction",
	}})
}

// TestSim_RulesOfSketches breaks what only shows over random histories.
func TestSim_RulesOfSketches(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "what came is taken for missing at the peer",
		File: "antientropy/session_sketch.go",
		Old:  "		delete(s.mine, e.Key)\n",
		New:  "",
		Test: "TestRun_HoldsInSessions",
	}, {
		Name: "K3: a sketch that led to nothing ends the session as if it had",
		File: "antientropy/session_sketch.go",
		Old:  "	s.looking, s.busy = false, false\n	s.todo = []task{{span: delta.Whole}}\n",
		New:  "	s.looking, s.busy = false, false\n",
		Test: "TestRun_HoldsInSessions",
	}, {
		Name: "what a sketch found equal does not count as matched",
		File: "antientropy/session_sketch.go",
		Old:  "c.join(s, joins, true, from) })",
		New:  "c.join(s, joins, false, from) })",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}})
}
