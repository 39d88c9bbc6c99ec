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
		Name: "riak_kv#1864: what one side has pruned the other keeps",
		File: "delta/take.go",
		Old:  "a.Context.Get(x.Origin) >= x.Last {",
		New:  "false {",
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
		Test: "TestRun_HoldsInSessions",
	}})
}
