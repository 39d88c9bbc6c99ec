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
		Old:  "if e.Key != w.from && f.shape.isAnchor(e.Key) {",
		New:  "if false {",
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
		Old:  "if w.next == nil || last < w.next.low() {",
		New:  "if true {",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "F4: elements behind a new anchor keep the place of the block that they were in",
		File: "antientropy/fingerprints_build.go",
		Old:  "		f.sketch.add(elementOf(b.place, sum))\n",
		New:  "		f.sketch.add(elementOf(w.place, sum))\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "F4: elements keep the place of an anchor that has gone",
		File: "antientropy/fingerprints_build.go",
		Old:  "		f.sketch.remove(elementOf(w.place, x))\n		f.sketch.add(elementOf(place, x))\n",
		New:  "		_, _ = x, place\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "a version changes the symbols of the one before",
		File: "antientropy/symbol.go",
		Old:  "	next.owned, next.mine = false, nil\n",
		New:  "	next.mine = nil\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "a version lists its elements with those of the one before",
		File: "antientropy/symbol.go",
		Old:  "	next.owned, next.mine = false, nil\n",
		New:  "	next.owned = false\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "a version changes the nodes of the one before",
		File: "antientropy/tree.go",
		Old:  "	t.edition, t.mine = nil, nil\n",
		New:  "	t.mine = nil\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T4: a version lists its blocks with those of the one before",
		File: "antientropy/tree.go",
		Old:  "	t.edition, t.mine = nil, nil\n",
		New:  "	t.edition = nil\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T4: what is before a block lacks what is late",
		File: "antientropy/tree_late.go",
		Old:  "		w.before = w.before.Plus(below)\n",
		New:  "",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T4: the sum of a block lacks what is late",
		File: "antientropy/tree_late.go",
		Old:  "i < len(l.blocks) && l.blocks[i].block == w.item",
		New:  "false",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T4: nodes are made another edition's while something is late",
		File: "antientropy/tree.go",
		Old:  "	if !t.isSettled() {\n		t.settle()\n	}\n",
		New:  "	t.edition = new(edition)\n",
		Test: "TestFingerprints_Next_IsAsBuiltAnew",
	}, {
		Name: "T4: a child begins behind all records of what is split",
		File: "antientropy/fingerprints.go",
		Old:  " && w.before.Count < end.Count",
		New:  "",
		Test: "TestFingerprints_Split_WhatIsLateHasRecords",
	}, {
		Name: "T3: a node that is full grows on",
		File: "antientropy/tree.go",
		Old:  "	case len(items) > fanOutMax:",
		New:  "	case false:",
		Test: "TestTree_Deep",
	}})
}

// TestAntientropy_Reads breaks what reads ask for.
func TestAntientropy_Reads(t *testing.T) {
	mutant.Run(t, "antientropy", []mutant.Mutant{{
		Name: "fingerprints are asked for by every read",
		File: "antientropy/read.go",
		Old:  "	return fingerprinted{from, kept}\n",
		New:  "	f := kept()\n	return fingerprinted{from, func() *Fingerprints { return f }}\n",
		Test: "TestWithFingerprints_AsksWhenNeeded",
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
		Old:  "	s.looking, s.busy = false, false\n	s.putBack(s.lookedFor())\n",
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

// TestAntientropy_RulesOfSessions breaks rules of sessions that hold at every
// instant, so that a run in which all goes well does not need them.
func TestAntientropy_RulesOfSessions(t *testing.T) {
	mutant.Run(t, "antientropy", []mutant.Mutant{{
		Name: "S3: a session is completed while its joins are on their way to the disk",
		File: "antientropy/session.go",
		Old:  "	case s.pending == 0:\n",
		New:  "	default:\n",
		Test: "TestSession_CompletesOnlyWhatIsDurable",
	}, {
		Name: "a session that a rename has ended is taken for open",
		File: "antientropy/core.go",
		Old:  "		c.beginAnew()\n",
		New:  "",
		Test: "TestSession_Renamed_IsGivenUp",
	}, {
		Name: "S1: continued with another peer, a session is closed before it is opened again",
		File: "antientropy/session_join.go",
		Old:  "	s.opening, s.start = true, start\n	s.pending++\n",
		New:  "	if s.opening {\n		s.opening = false\n		c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) { c.open(s, from, then) })\n		return\n	}\n	s.opening, s.start = true, start\n	s.pending++\n",
		Test: "TestSession_ContinuedElsewhere_IsOpenAllTheTime",
	}, {
		Name: "E1: a peer that is lost is waited for as any other",
		File: "antientropy/elsewhere.go",
		Old:  "r.deadline = min(r.deadline, c.now)",
		New:  "r.deadline = max(r.deadline, c.now)",
		Test: "TestSession_PeerLost_GoesOnElsewhere",
	}, {
		Name: "E2: a silent peer is asked again before others",
		File: "antientropy/elsewhere.go",
		Old:  "	return s.reason == reasonTrimmed || s.reason == reasonTakesPart\n",
		New:  "	return false\n",
		Test: "TestSession_PeerLost_GoesOnElsewhere",
	}, {
		Name: "E3: to have what both peers had is to have everything",
		File: "antientropy/session_join.go",
		Old:  "		if !s.narrowed {\n			c.fetchedAll()\n		}\n",
		New:  "		c.fetchedAll()\n",
		Test: "TestCore_Completeness_OfOneThatGoesOnElsewhere",
	}, {
		Name: "E3: where both peers had seen nothing that is missing, nothing is",
		File: "antientropy/session_join.go",
		Old:  "	case s.opening: // what",
		New:  "	case false: // what",
		Test: "TestCore_Completeness_OfOneThatGoesOnElsewhere",
	}})
}

// TestAntientropy_RulesOfQuestions breaks what makes a confirmation true.
func TestAntientropy_RulesOfQuestions(t *testing.T) {
	mutant.Run(t, "antientropy", []mutant.Mutant{{
		Name: "Q1: a context that is not known by its hash is taken for one that is covered",
		File: "antientropy/ask.go",
		Old:  "	return mine == hash\n",
		New:  "	return true\n",
		Test: "TestCore_ReceiveAskNamed_ConfirmsOnlyWhatItHas",
	}, {
		Name: "Q1: what a peer has told once is taken for what it has",
		File: "antientropy/await.go",
		Old:  "		c.send(name, kindAskNamed, body)\n",
		New:  "		c.send(name, kindAsk, askBody{ID: body.ID, Seen: body.Seen})\n",
		Test: "TestCore_Await_ToldByAFormerLife",
	}, {
		Name: "Q1: a question is taken for the one that is held under its id",
		File: "antientropy/ask.go",
		Old:  "held.base == ask.base && held.seen.Equal(seen)",
		New:  "held != nil",
		Test: "TestCore_ReceiveAskNamed_ConfirmsOnlyWhatItHas",
	}, {
		Name: "Q2: what is listed need not be on disk",
		File: "antientropy/ask.go",
		Old:  "	if ask.seen.Leq(c.replica.Context) {",
		New:  "	if true {",
		Test: "TestCore_ReceiveAskNamed_ConfirmsOnlyWhatItHas",
	}, {
		Name: "by base: what the asking side has not seen itself is not listed",
		File: "antientropy/ask_named.go",
		Old:  "	for r := range a.named.other {\n		if _, changed",
		New:  "	for r := range a.named.other {\n		break\n		if _, changed",
		Test: "TestCore_Await_OfWhatIsNotSeen",
	}, {
		Name: "by pages: one is enough",
		File: "antientropy/await.go",
		Old:  "	if b.ID < a.page(0) || len(x.pages) == 0 {",
		New:  "	if true {",
		Test: "TestCore_Await_PagesWhereNothingIsCommon",
	}})
}
