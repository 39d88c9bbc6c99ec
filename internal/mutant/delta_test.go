package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestDelta_RulesOfTheDataType breaks the rules of docs/data-model.md one by
// one, under the names that the model of the design gives to its breaks.
func TestDelta_RulesOfTheDataType(t *testing.T) {
	mutant.Run(t, "delta", []mutant.Mutant{{
		Name: "wide-context: the context of a range answer is added to our own",
		File: "delta/take.go",
		Old:  "	c.ahead.Join(covered)\n	return nil",
		New:  "	c.ahead.Join(covered)\n	for r, k := range a.Context { c.context.Advance(r, max(k, c.seen(r))) }\n	return nil",
		Test: "TestCommit_Take_LeavesContextAlone",
	}, {
		Name: "widen-by-end: a session widens by the context that the sender had at its end",
		File: "delta/take.go",
		Old:  "	c.ahead.Join(covered)\n	return nil",
		New:  "	c.ahead.Join(covered)\n	if a.InSession { c.session = c.session.Clone(); c.session.Join(a.Context) }\n	return nil",
		Test: "TestCommit_CompleteSession_WidensByStart",
	}, {
		Name: "no-filter: events inside the start of a session are applied",
		File: "delta/receive.go",
		Old:  "case c.session.Covers(dot):",
		New:  "case false:",
		Test: "TestCommit_Receive_HoldsWhatSessionCovers",
	}, {
		Name: "no-defer: a release of what the session may have found closed is applied",
		File: "delta/receive.go",
		Old:  "if c.session == nil || e.Kind != Release {",
		New:  "if true {",
		Test: "TestCommit_Receive_DefersReleaseOfWhatSessionMayHaveClosed",
	}, {
		Name: "subrange-filter: answers from elsewhere ignore the session",
		File: "delta/take.go",
		Old:  "if inSession || c.session.Get(x.Origin) < x.Last {",
		New:  "if true {",
		Test: "TestCommit_Take_LeavesToSessionWhatItCovers",
	}, {
		Name: "no-fifo: events of one origin are applied in any order",
		File: "delta/receive.go",
		Old:  "case dot.Sequence != c.seen(dot.Replica)+1:",
		New:  "case false:",
		Test: "TestCommit_Receive_KeepsOrderOfOrigin",
	}, {
		Name: "no-residue: a released record is dropped before its origin has closed it",
		File: "delta/receive.go",
		Old:  "!c.isAbandoned(mine) {",
		New:  "mine.IsLive() || mine.Origin == c.id {",
		Test: "TestCommit_Receive_KeepsReleasedRecordUntilClosed",
	}, {
		Name: "closed-blind: a release of what was closed is taken again",
		File: "delta/receive.go",
		Old:  "held || c.seen(x.Origin) < x.Last {",
		New:  "held || true {",
		Test: "TestCommit_Receive_TakesNoReleaseOfWhatWasClosed",
	}, {
		Name: "closed-blind: a record that was closed is taken again",
		File: "delta/take.go",
		Old:  "if !held && c.seen(x.Origin) >= x.Last {",
		New:  "if false {",
		Test: "TestCommit_Take_TakesNoRecordThatWasClosed",
	}, {
		Name: "early-drop: a watermark goes before our context covers what it releases",
		File: "delta/take.go",
		Old:  "case x.IsLive() || c.seen(x.Origin) >= x.Last:",
		New:  "case true:",
		Test: "TestCommit_Take_KeepsWhatItsContextReleases",
	}, {
		Name: "what a session has found gone stays when it has completed",
		File: "delta/take.go",
		Old:  "return g.covers(x) && !x.IsLive() && c.seen(x.Origin) >= x.Last }",
		New:  "return false }",
		Test: "TestCommit_CompleteSession_DropsWhatItFoundGone",
	}, {
		Name: "what a session has found gone is dropped, also where its context does not cover that",
		File: "delta/take.go",
		Old:  "return g.covers(x) && !x.IsLive() && c.seen(x.Origin) >= x.Last }",
		New:  "return g.covers(x) && !x.IsLive() }",
		Test: "TestCommit_CompleteSession_KeepsWhatItDoesNotCover",
	}, {
		Name: "what a session has found gone is dropped, also what the origin has contributed since",
		File: "delta/take.go",
		Old:  "return ok && x.Last <= g.found[i].Sequence",
		New:  "return ok && i >= 0",
		Test: "TestCommit_CompleteSession_KeepsWhatCameLater",
	}, {
		Name: "same-era: a record that starts afresh continues the old era",
		File: "crdt/pncounter.go",
		Old:  "Contribution{Origin: origin, Era: sequence}",
		New:  "Contribution{Origin: origin, Era: 1}",
		Test: "TestCommit_Write_NewEraAfterClose",
	}, {
		Name: "silent-register: a register of a visible claim makes no event",
		File: "delta/write.go",
		Old:  "		return t.add(0, t.counter.Registered())\n	}\n	visible",
		New:  "		return nil\n	}\n	visible",
		Test: "TestCommit_Write_RegisterOfVisibleIsAnEvent",
	}})
}

// TestDelta_TheRest breaks what else the data type promises: identity, what a
// replica is ahead of, forgetting, operations, summaries.
func TestDelta_TheRest(t *testing.T) {
	mutant.Run(t, "delta", []mutant.Mutant{{
		Name: "a record that the sender lacks is dropped without a look at its context",
		File: "delta/take.go",
		Old:  "x.Origin == c.id || a.Context.Get(x.Origin) < x.Last:",
		New:  "x.Origin == c.id:",
		Test: "TestCommit_Take_DropsOnlyWhatSenderHadSeen",
	}, {
		Name: "a match leaves no trace",
		File: "delta/take.go",
		Old:  "func (c *Commit) Matched(covered crdt.Context) { c.ahead.Join(covered) }",
		New:  "func (c *Commit) Matched(covered crdt.Context) {}",
		Test: "TestCommit_Take_IsAheadUntilContextCovers",
	}, {
		Name: "any event ends being ahead",
		File: "delta/commit.go",
		Old:  "c.replica.Ahead.Get(r) > 0 && c.seen(r) >= c.replica.Ahead.Get(r)",
		New:  "c.replica.Ahead.Get(r) > 0",
		Test: "TestCommit_Take_IsAheadUntilContextCovers",
	}, {
		Name: "what the sender was ahead is lost",
		File: "delta/take.go",
		Old:  "	covered.Join(a.Ahead)",
		New:  "",
		Test: "TestCommit_Take_IsAheadOfWhatSenderIsAhead",
	}, {
		Name: "a close takes a later era with it",
		File: "delta/receive.go",
		Old:  "ok && x.Era <= era {",
		New:  "ok && x.Era > 0 {",
		Test: "TestCommit_Receive_CloseLeavesLaterEra",
	}, {
		Name: "a record that is used again is closed",
		File: "delta/commit.go",
		Old:  "if !ok || mine.IsLive() {",
		New:  "if !ok {",
		Test: "TestCommit_Finish_ClosesNothingUsedAgain",
	}, {
		Name: "closes are not bounded by bytes",
		File: "delta/commit.go",
		Old:  "size > DeltaBytesMax-closeBytesMax {",
		New:  "size < 0 {",
		Test: "TestCommit_Finish_ManyLongCloses",
	}, {
		Name: "a delta is recorded whole where a part was applied",
		File: "delta/receive.go",
		Old:  "if first > 0 || end < len(p.Events) {",
		New:  "if false {",
		Test: "TestCommit_Receive_RecordsThePartThatWasApplied",
	}, {
		Name: "own events from elsewhere prove nothing",
		File: "delta/receive.go",
		Old:  "if d.Origin == c.id && d.Last() > c.seen(c.id) {",
		New:  "if false {",
		Test: "TestCommit_Receive_ProvesAmnesia",
	}, {
		Name: "a release of unknown own events proves nothing",
		File: "delta/receive.go",
		Old:  "ok && own.Last > c.seen(c.id) {",
		New:  "ok && own.IsLive() {",
		Test: "TestCommit_Receive_ProvesAmnesia",
	}, {
		Name: "a session goes on under a new replica id",
		File: "delta/commit.go",
		Old:  "c.id, c.session, c.gone = id, nil, nil",
		New:  "c.id = id",
		Test: "TestCommit_Rename_EndsTheSession",
	}, {
		Name: "the forgotten goes on as if nothing had happened",
		File: "delta/receive.go",
		Old:  "if e.Kind == Forget && e.Replica == c.id {",
		New:  "if false {",
		Test: "TestCommit_Receive_ProvesForgotten",
	}, {
		Name: "forget drops live records",
		File: "delta/commit.go",
		Old:  "return !x.IsLive() && c.isForgotten(x.Origin)",
		New:  "return c.isForgotten(x.Origin)",
		Test: "TestCommit_Forget_DropsReleasedKeepsLive",
	}, {
		Name: "forget does not wait for what is on its way",
		File: "delta/commit.go",
		Old:  "c.isForgotten(x.Origin) && c.seen(x.Origin) >= x.Last",
		New:  "c.isForgotten(x.Origin)",
		Test: "TestCommit_Forget_WaitsForWhatIsOnItsWay",
	}, {
		Name: "a session leaves abandoned records",
		File: "delta/take.go",
		Old:  "c.sweep = c.sweep || c.isForgotten(r)",
		New:  "c.sweep = false",
		Test: "TestCommit_CompleteSession_DropsAbandoned",
	}, {
		Name: "a release takes no total",
		File: "crdt/contribution.go",
		Old:  "Watermark: c.Last, Released: c.Total,",
		New:  "Watermark: c.Last,",
		Test: "TestCommit_Receive_KeepsReleasedRecordUntilClosed",
	}, {
		Name: "tighten releases before it registers",
		File: "delta/tighten.go",
		Old:  "	if err := to.raise(shown); err != nil {\n		return Result{}, err\n	}\n	old.release()\n",
		New:  "	old.release()\n	if err := to.raise(shown); err != nil {\n		return Result{}, err\n	}\n",
		Test: "TestCommit_Write_TightenIsCoveredThroughout",
	}, {
		Name: "tighten adds to the priority that is there",
		File: "delta/tighten.go",
		Old:  "max(0, priority-t.counter.Value())",
		New:  "priority",
		Test: "TestCommit_Write_TableOfOperations",
	}, {
		Name: "tighten takes the old claim for one that covers the rest",
		File: "delta/tighten.go",
		Old:  "return c == o.Claim })",
		New:  "return false })",
		Test: "TestCommit_Write_TableOfOperations",
	}, {
		Name: "an increase ignores if_visible",
		File: "delta/write.go",
		Old:  "if o.IfVisible && before == 0 {",
		New:  "if false {",
		Test: "TestCommit_Write_TableOfOperations",
	}, {
		Name: "a decrease to zero is no release",
		File: "delta/write.go",
		Old:  "case shown <= by:",
		New:  "case shown < by:",
		Test: "TestCommit_Write_TableOfOperations",
	}, {
		Name: "a sum below one does not start afresh",
		File: "delta/write.go",
		Old:  "return !t.counter.IsVisible() || t.counter.Sum() < 1 }",
		New:  "return !t.counter.IsVisible() }",
		Test: "TestCommit_Write_TableOfOperations",
	}, {
		Name: "who has seen a part of a release may show more for it",
		File: "delta/portion.go",
		Old:  "cmp.Compare(b.Unreleased(), a.Unreleased())",
		New:  "cmp.Compare(a.Unreleased(), b.Unreleased())",
		Test: "TestCommit_Write_ReleaseOfMany_TravelsInParts",
	}, {
		Name: "a batch of several is seen by halves",
		File: "delta/portion.go",
		Old:  "if !w.divisible || ",
		New:  "if ",
		Test: "TestCommit_Write_ReleaseOfMany_TravelsInParts",
	}, {
		Name: "a batch does not see itself",
		File: "delta/write.go",
		Old:  "	t.entry.hold(t.counter)\n",
		New:  "",
		Test: "TestCommit_Write_BatchSeesItself",
	}, {
		Name: "a batch that fails halfway leaves its beginning",
		File: "delta/write.go",
		Old:  "			w.undo()\n			return Delta{}, nil, &BatchError",
		New:  "			return Delta{}, nil, &BatchError",
		Test: "TestCommit_Write_AllOrNothing",
	}, {
		Name: "of a claim that a batch has changed twice the first change stays",
		File: "delta/write.go",
		Old:  "range slices.Backward(w.changed) {",
		New:  "range slices.All(w.changed) {",
		Test: "TestCommit_Write_AllOrNothing",
	}, {
		Name: "a batch that is too large leaves what it shows",
		File: "delta/write.go",
		Old:  "		w.undo()\n		return Delta{}, err",
		New:  "		return Delta{}, err",
		Test: "TestCommit_Write_TooLarge_ChangesNothing",
	}, {
		Name: "two that keep what a commit hands out share the room for it",
		File: "delta/workspace.go",
		Old:  "	s.left = s.left[n:]\n",
		New:  "",
		Test: "TestCommit_Finish_WhatItHandsOutStays",
	}, {
		Name: "the deltas of a commit are in room that the next one uses",
		File: "delta/commit.go",
		Old:  "append([]Packed(nil), c.deltas...)",
		New:  "c.deltas",
		Test: "TestCommit_Finish_WhatItHandsOutStays",
	}, {
		Name: "what a batch has written is in room that the next one uses",
		File: "delta/write.go",
		Old:  "c.events.copied(w.events)",
		New:  "w.events",
		Test: "TestCommit_Finish_WhatItHandsOutStays",
	}, {
		Name: "a commit begins with what the last one has read",
		File: "delta/workspace.go",
		Old:  "	clear(w.entries)\n",
		New:  "",
		Test: "TestCommit_Finish_WhatItHandsOutStays",
	}, {
		Name: "concurrent decreases take the server away",
		File: "crdt/pncounter.go",
		Old:  "return max(1, c.Sum())",
		New:  "return max(0, c.Sum())",
		Test: "TestCommit_Write_Concurrently",
	}, {
		Name: "concurrent registers add up",
		File: "crdt/pncounter.go",
		Old:  "largest = max(largest, x.Amount)",
		New:  "largest += x.Amount",
		Test: "TestCommit_Write_Concurrently",
	}, {
		Name: "fingerprints ignore the origin",
		File: "delta/fingerprint.go",
		Old:  "	for _, x := range c {\n		f = f.Plus",
		New:  "	for _, x := range c {\n		x.Origin = crdt.ReplicaID{}\n		f = f.Plus",
		Test: "TestFingerprintOf_TellsApart",
	}, {
		Name: "what a change leaves alone is not hashed before it",
		File: "delta/fingerprint.go",
		Old:  "was, is = was.Plus(same), is.Plus(same)",
		New:  "is = is.Plus(same)",
		Test: "TestCommit_Write_Concurrently",
	}, {
		Name: "fingerprints ignore the claim",
		File: "delta/fingerprint.go",
		Old:  "	return append(buf, k...)\n",
		New:  "	return buf\n",
		Test: "TestFingerprintOf_TellsApart",
	}})
}
