package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestSim_DefectsOfPeers gives our code the known defects of peers, one by one.
// The scenario of each must come out wrong.
func TestSim_DefectsOfPeers(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "delta_crdt_ex#65: a partial diff comes with the full context",
		File: "delta/take.go",
		Old:  "	c.ahead.Join(covered)\n	return nil",
		New:  "	c.ahead.Join(covered)\n	for r, k := range a.Context { c.context.Advance(r, max(k, c.seen(r))) }\n	return nil",
		Test: "TestScenario_DeltaCrdtEx65_PartialDiffWithFullContext",
	}, {
		Name: "Horde#90: what the log no longer has is given up",
		File: "antientropy/exchange.go",
		Old:  "			found.trimmed++\n",
		New:  "",
		Test: "TestScenario_Horde90_UndeliveredDelta",
	}, {
		Name: "riak_kv#679: the actor keeps its id, whatever others know of it",
		File: "antientropy/hole.go",
		Old:  "			c.amnesia(through, peer)\n",
		New:  "			c.identify(peer)\n",
		Test: "TestScenario_RiakKV679_ActorAfterDataLoss",
	}, {
		Name: "Q1: a context that is not known by its hash is taken for one that is covered",
		File: "antientropy/ask.go",
		Old:  "	return mine == hash\n",
		New:  "	return true\n",
		Test: "TestScenario_RolledBack_ConfirmsOnlyWhatItHas",
	}, {
		Name: "riak_kv#1864: what one side has pruned the other keeps",
		File: "delta/take.go",
		Old:  "x.Origin == c.id || a.Context.Get(x.Origin) < x.Last:",
		New:  "true:",
		Test: "TestScenario_RiakKV1864_EndlessSync",
	}, {
		Name: "Akka: a delta steps over the gap before it",
		File: "antientropy/inbox.go",
		Old:  "		c.keepEarly(in)\n",
		New:  "		c.commit([]Step{{Kind: StepOpen, Context: crdt.Context{p.Origin: p.First - 1}}, {Kind: StepComplete}}, func(CommitResult) {})\n		c.enqueue(in)\n",
		Test: "TestScenario_Akka_CausalGap",
	}, {
		Name: "Corrosion#366: what was trimmed is booked as complete",
		File: "antientropy/exchange.go",
		Old:  "			found.trimmed++\n",
		New:  "			c.commit([]Step{{Kind: StepOpen, Context: crdt.Context{t.Replica: t.Have}}, {Kind: StepComplete}}, func(CommitResult) {})\n",
		Test: "TestScenario_Corrosion366_TrimmedIsNotComplete",
	}, {
		Name: "loom: a release takes no total, and the base comes back",
		File: "crdt/contribution.go",
		Old:  "Watermark: c.Last, Released: c.Total,",
		New:  "Watermark: c.Last,",
		Test: "TestScenario_Counters_DoNotComeBack",
	}, {
		Name: "mimir#13810: a forgotten member stays as a ghost",
		File: "delta/commit.go",
		Old:  "return !x.IsLive() && c.isForgotten(x.Origin) && c.seen(x.Origin) >= x.Last",
		New:  "return false",
		Test: "TestScenario_Ghosts_AreForgotten",
	}, {
		Name: "the forgotten returns as if nothing had happened",
		File: "delta/receive.go",
		Old:  "if e.Kind == Forget && e.Replica == c.id {",
		New:  "if false {",
		Test: "TestScenario_Ghosts_AreForgotten",
	}, {
		Name: "one that lags may confirm who has started again",
		File: "antientropy/witness.go",
		Old:  "if delete(c.witnesses.left, from); len(c.witnesses.left) > 0 {",
		New:  "if delete(c.witnesses.left, from); false {",
		Test: "TestScenario_RolledBack_AsksAllThatItKnows",
	}, {
		Name: "one that has never heard of a replica may confirm it",
		File: "antientropy/witness.go",
		Old:  "if c.witnesses.must {",
		New:  "if false {",
		Test: "TestScenario_RolledBack_AsksAllThatItKnows",
	}, {
		Name: "who gives up a replica id leaves what it has written to it",
		File: "delta/commit.go",
		Old:  "return c.carryOver(former, own)",
		New:  "return nil",
		Test: "TestScenario_Fork_KeepsWhatBothWrote",
	}, {
		Name: "who gives up a replica id brings back what the other has released",
		File: "delta/commit.go",
		Old:  "x.IsLive() && x.Added > since {",
		New:  "x.IsLive() && x.Added > 0*since {",
		Test: "TestScenario_Fork_KeepsWhatBothWrote",
	}, {
		Name: "who gives up a replica id counts what it carries over twice",
		File: "delta/reissue.go",
		Old:  "	t.emitRelease(crdt.PNCounter{x.Release()})\n",
		New:  "",
		Test: "TestScenario_Fork_KeepsWhatBothWrote",
	}})
}

// TestSim_RulesOfSessions breaks the rules that only matter while a session is
// open, under the names that the model of the design gives to its breaks.
func TestSim_RulesOfSessions(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "widen-by-end: a session widens by the context that the sender had at its end",
		File: "delta/take.go",
		Old:  "	c.ahead.Join(covered)\n	return nil",
		New:  "	c.ahead.Join(covered)\n	if a.InSession { c.session = c.session.Clone(); c.session.Join(a.Context) }\n	return nil",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "no-filter: events inside the start of a session are applied",
		File: "delta/receive.go",
		Old:  "case c.session.Covers(dot):",
		New:  "case false:",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "no-defer: a release of what the session may have found closed is applied",
		File: "delta/receive.go",
		Old:  "if c.session == nil || e.Kind != Release {",
		New:  "if true {",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "subrange-filter: answers from elsewhere ignore the session",
		File: "delta/take.go",
		Old:  "if inSession || c.session.Get(x.Origin) < x.Last {",
		New:  "if true {",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "skip-trimmed: what is left of a log is taken for all of it",
		File: "antientropy/exchange.go",
		Old:  "			found.trimmed++\n",
		New:  "			c.commit([]Step{{Kind: StepOpen, Context: crdt.Context{t.Replica: t.Have}}, {Kind: StepComplete}}, func(CommitResult) {})\n",
		Test: "TestScenario_Corrosion366_TrimmedIsNotComplete",
	}, {
		Name: "equal counts though our side of it was read before the session was open",
		File: "antientropy/session_join.go",
		Old:  "case f.Verdict == VerdictEqual && t.inside:",
		New:  "case f.Verdict == VerdictEqual:",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "ahead: not of a span that was found equal",
		File: "antientropy/session_join.go",
		Old:  "if matched && s.complete {",
		New:  "if false {",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}, {
		Name: "one at a time: the start of an abandoned session counts for the next",
		File: "delta/take.go",
		Old:  "	c.session = start.Clone()\n	return nil",
		New:  "	open := c.session\n	c.session = start.Clone()\n	c.session.Join(open)\n	return nil",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "continued with another peer, a session widens by what that one had",
		File: "antientropy/session_join.go",
		Old:  "		start = s.narrow(from.Context, c.replica.Context)\n",
		New:  "		s.narrow(from.Context, c.replica.Context)\n",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "only complete: the repair of a part widens",
		File: "antientropy/session_join.go",
		Old:  "	if !s.complete {\n		c.close(s)\n",
		New:  "	if !s.complete {\n		c.commit([]Step{{Kind: StepOpen, Context: s.known.context}, {Kind: StepComplete}}, func(CommitResult) {})\n		c.close(s)\n",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "only complete: a session that is interrupted widens",
		File: "antientropy/session_join.go",
		Old:  "		c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) {})\n	}\n}\n\n// tickSession",
		New:  "		c.commit([]Step{{Kind: StepComplete}}, func(CommitResult) {})\n	}\n}\n\n// tickSession",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "only complete: a join that did not reach the disk counts",
		File: "antientropy/session_join.go",
		Old:  "	if r.Err != nil {\n		c.abandon(s, \"the disk failed\")\n		return\n	}\n	if cause := r.Lost(); cause != nil {",
		New:  "	if cause := r.Lost(); cause != nil {",
		Test: "TestScenario_Session_KeepsOthersOut",
	}, {
		Name: "ahead: only of the last sender",
		File: "delta/replica.go",
		Old:  "	for id, sequence := range e.Ahead {\n		if sequence == 0 {",
		New:  "	if len(e.Ahead) > 0 {\n		clear(r.Ahead)\n	}\n	for id, sequence := range e.Ahead {\n		if sequence == 0 {",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}, {
		Name: "ahead: not of what the sender was ahead of",
		File: "antientropy/session_join.go",
		Old:  "Ahead: from.Ahead, InSession",
		New:  "InSession",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}, {
		Name: "a record of which nobody is left to decide stays where it is",
		File: "delta/take.go",
		Old:  "(len(a.Ahead) == 0 || a.Stuck)",
		New:  "len(a.Ahead) == 0",
		Test: "TestScenario_NobodyLeftToDecide",
	}})
}

// TestSim_SessionsOnDisk breaks the order in which a session, its joins and its
// end reach the disk, and what is left of one that is interrupted.
func TestSim_SessionsOnDisk(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "S3: a session completes while joins are on their way to the disk",
		File: "antientropy/session.go",
		Old:  "	case s.pending == 0:\n		c.endSession(s)",
		New:  "	default:\n		c.endSession(s)",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "S1: the first answer is joined, and compared, before the session is open on disk",
		File: "antientropy/session_join.go",
		Old:  "			s.opened = true\n			then()\n		}\n	})\n",
		New:  "			s.opened = true\n		}\n	})\n	s.opened = true\n	then()\n",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "S1: a narrower start that did not reach the disk counts",
		File: "antientropy/session_join.go",
		Old:  "		case r.Err != nil:\n			c.abandon(s, \"the disk failed\")\n		default:\n			s.opened = true",
		New:  "		default:\n			s.opened = true",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "held without a gap: nothing is kept out while a session looks for another peer",
		File: "antientropy/elsewhere.go",
		Old:  "	s.drop()\n	s.tried",
		New:  "	s.drop()\n	c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) {})\n	s.tried",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "S4: an answer of a peer that has lost what it had at the start counts",
		File: "antientropy/session.go",
		Old:  "case s.complete && !s.start.Leq(from.Context):",
		New:  "case false:",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "a session whose end did not reach the disk keeps events out for ever",
		File: "antientropy/session_join.go",
		Old:  "	case s == nil && c.replica.InSession() && len(c.commits) == 0:\n		c.commit([]Step{{Kind: StepAbandon}}, func(CommitResult) {})\n",
		New:  "",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}})
}

// TestSim_AnswersOfSessions breaks what an answer is, and S2: what was asked and
// not answered is left to do.
func TestSim_AnswersOfSessions(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "one instant: an answer comes with the context at which it is sent",
		File: "antientropy/serve_range.go",
		Old:  "a := rangeAnswer{Sender: c.senderAt(b.Known, r.Instant)",
		New:  "a := rangeAnswer{Sender: c.senderAt(b.Known, InstantOf(c.replica))",
		Test: "TestScenario_Session_AnswersAreOfOneInstant",
	}, {
		Name: "one instant: its context is told as what has changed since a later one",
		File: "antientropy/sender.go",
		Old:  "covered == c.entriesAt(then)",
		New:  "true",
		Test: "TestScenario_Session_AnswersAreOfOneInstant",
	}, {
		Name: "all records: what had no room is taken for missing",
		File: "antientropy/span.go",
		Old:  "			answer.Cut = e.Key\n",
		New:  "",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "a record that the sender lacks is dropped though it has not seen it",
		File: "delta/take.go",
		Old:  "x.Origin == c.id || a.Context.Get(x.Origin) < x.Last:",
		New:  "x.Origin == c.id:",
		Test: "TestScenario_Session_AnswersAreOfOneInstant",
	}, {
		Name: "a record that the sender has seen closed stays",
		File: "delta/take.go",
		Old:  "x.Origin == c.id || a.Context.Get(x.Origin) < x.Last:",
		New:  "true:",
		Test: "TestScenario_Session_AnswersAreOfOneInstant",
	}, {
		Name: "S2: a question without an answer is as good as answered",
		File: "antientropy/elsewhere.go",
		Old:  "	s.busy, s.asked = false, nil\n	s.putBack(tasks)\n	s.tries++",
		New:  "	s.busy, s.asked = false, nil\n	s.tries++",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "a lost answer costs the session",
		File: "antientropy/elsewhere.go",
		Old:  "again := s.tries < sessionTries &&",
		New:  "again := s.tries < 1 &&",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "S5: a session completes though the peer has seen more of a forgotten replica",
		File: "antientropy/session_join.go",
		Old:  "if s.isBeyond(c.replica.Forgotten) {",
		New:  "if false {",
		Test: "TestScenario_Session_OfWhatWasForgotten",
	}, {
		Name: "S5: the peer is not asked at the end whom it takes for forgotten",
		File: "antientropy/session_join.go",
		Old:  "if c.asksWhoIsForgotten(s) {",
		New:  "if false {",
		Test: "TestScenario_Session_OfWhatWasForgotten",
	}, {
		Name: "S2: what is behind a cut is forgotten",
		File: "antientropy/session_join.go",
		Old:  "			if f.Cut < t.span.To {\n",
		New:  "			if false {\n",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "S2: what the peer leaves for later is forgotten",
		File: "antientropy/session_join.go",
		Old:  "		case f.Verdict == VerdictLater:\n			left = append(left, t)\n",
		New:  "		case f.Verdict == VerdictLater:\n",
		Test: "TestScenario_Session_ContinuesElsewhere",
	}, {
		Name: "S2: children that differ are forgotten",
		File: "antientropy/session_join.go",
		Old:  "		s.putBack(differing)\n",
		New:  "",
		Test: "TestScenario_Session_WidensOnlyIfComplete",
	}, {
		Name: "ahead: until any event of an origin has come",
		File: "delta/commit.go",
		Old:  "c.replica.Ahead.Get(r) > 0 && c.seen(r) >= c.replica.Ahead.Get(r)",
		New:  "c.replica.Ahead.Get(r) > 0",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}, {
		Name: "equal contexts of a state ahead are taken to prove something",
		File: "antientropy/check.go",
		Old:  "	case p.check.settled() && mine.settled():\n",
		New:  "	case true:\n",
		Test: "TestScenario_Session_IsAheadOfItsContext",
	}})
}

// TestSim_Identity breaks what tells the lives of one replica apart.
func TestSim_Identity(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "a later start proves nothing",
		File: "antientropy/start.go",
		Old:  "return s != now && s.Counter >= now.Counter",
		New:  "return false",
		Test: "TestScenario_RolledBack_IsKnownByItsStart",
	}, {
		Name: "of two living processes with one id both keep it",
		File: "antientropy/start.go",
		Old:  "		return c.Listed\n",
		New:  "		return false\n",
		Test: "TestScenario_RolledBack_IsKnownByItsStart",
	}})
}

// TestSim_NothingReleasedStays breaks what lets released records go.
func TestSim_NothingReleasedStays(t *testing.T) {
	mutant.Run(t, "internal/sim", []mutant.Mutant{{
		Name: "a replica closes none of its own records",
		File: "delta/commit.go",
		Old:  "	if !ok || mine.IsLive() {\n		return Event{}, false, nil\n",
		New:  "	if ok || !ok {\n		return Event{}, false, nil\n",
		Test: "TestScenario_Closed_NothingReleasedStays",
	}, {
		Name: "a session that brings the rest of a forgotten replica drops nothing",
		File: "delta/commit.go",
		Old:  "	if !c.sweep {\n",
		New:  "	if true {\n",
		Test: "TestScenario_Closed_NothingReleasedStays",
	}, {
		Name: "a forget drops nothing of what was released before",
		File: "delta/receive.go",
		Old:  "ok && c.isAbandoned(x) {",
		New:  "ok && c.isAbandoned(x) && false {",
		Test: "TestScenario_Ghosts_AreForgotten",
	}, {
		Name: "what is released after the forget stays",
		File: "delta/receive.go",
		Old:  "if mine = mine.Join(x); !c.isAbandoned(mine) {",
		New:  "if mine = mine.Join(x); true {",
		Test: "TestScenario_Ghosts_AreForgotten",
	}, {
		Name: "what waited for an event of a forgotten replica stays when that has come",
		File: "delta/commit.go",
		Old:  "	if c.isAbandoned(merged) {\n",
		New:  "	if c.isAbandoned(merged) && false {\n",
		Test: "TestScenario_Closed_NothingReleasedStays",
	}})
}
