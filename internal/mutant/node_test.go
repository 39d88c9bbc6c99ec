package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestNode_Rules breaks what a node does about itself: the watchdog, and the id
// that it has lost.
func TestNode_Rules(t *testing.T) {
	mutant.Run(t, "node", []mutant.Mutant{{
		Name: "W1: a loop that works for long has stalled",
		File: "node/watchdog.go",
		Old:  "if steps != l.steps || !l.pulse",
		New:  "if !l.pulse",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "W2: a slow disk is a stall",
		File: "node/watchdog.go",
		Old:  "		if w.onDisk() {\n",
		New:  "		if false {\n",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "a stall is noticed and nothing comes of it",
		File: "node/watchdog.go",
		Old:  "			w.stalled(l.name, l.beats)\n",
		New:  "",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "W3: the end of a stalled node waits for its log",
		File: "node/watchdog.go",
		Old:  "		case <-time.After(tellMax):\n",
		New:  "		case <-time.After(time.Hour):\n",
		Test: "TestNode_Stall_EndsThoughTheLogIsStuck",
	}, {
		Name: "I3: a node writes on under an id that another has",
		File: "node/transaction.go",
		Old:  "	case isDisowned:\n",
		New:  "	case isDisowned && false:\n",
		Test: "TestNode_Open_OlderCopyIsKnownByItsStart",
	}})
}

// TestNode_FlightRules breaks what may happen while a transaction is on its way.
func TestNode_FlightRules(t *testing.T) {
	mutant.Run(t, "node", []mutant.Mutant{{
		Name: "F4: all that are about go together",
		File: "node/flight.go",
		Old:  "max(shareMin, (2*n.about+2)/3)",
		New:  "max(groupMax, (2*n.about+2)/3)",
		Test: "TestFlight_TakesTwoThirdsOfThoseAbout",
	}, {
		Name: "F4: half of those that are about go together",
		File: "node/flight.go",
		Old:  "max(shareMin, (2*n.about+2)/3)",
		New:  "max(shareMin, (n.about+1)/2)",
		Test: "TestFlight_TakesTwoThirdsOfThoseAbout",
	}, {
		Name: "S21: nobody derives fingerprints before they are asked for",
		File: "node/flight.go",
		Old:  "			signal(n.indexing)\n",
		New:  "",
		Test: "TestNode_Indexing_FollowsCommits",
	}, {
		Name: "F2: what may not join does",
		File: "node/committer.go",
		Old:  "return r.joins > 0",
		New:  "return true",
		Test: "TestFlight_NobodyOvertakes",
	}, {
		Name: "what is left in the queue does not move to the front",
		File: "node/mailbox.go",
		Old:  "	copy(m.mu.letters, m.mu.letters[n:])\n",
		New:  "",
		Test: "TestMailbox_Take_NothingIsLostOrWokenInVain",
	}, {
		Name: "F2: what joins overtakes what may not",
		File: "node/mailbox.go",
		Old:  "	items, _ = m.takeFirst(n)\n",
		New:  "	items, _ = m.takeFirst(min(most, len(m.mu.letters)))\n",
		Test: "TestFlight_NobodyOvertakes",
	}, {
		Name: "a write joins before the replica's id is certain",
		File: "node/flight.go",
		Old:  "f != nil && f.node.identity.certain.Load()",
		New:  "f != nil",
		Test: "TestFlight_IdentityNotCertain",
	}, {
		Name: "F3: a transaction departs on one that has failed",
		File: "node/flight.go",
		Old:  "isDisowned || before != nil && before.err != nil",
		New:  "isDisowned || before != nil && false",
		Test: "TestFlight_ThatFails_ThoughTheDiskWorks",
	}, {
		Name: "F3: what is ready departs under an id that was given up",
		File: "node/flight.go",
		Old:  "isDisowned || before != nil && before.err != nil",
		New:  "isDisowned && false || before != nil && before.err != nil",
		Test: "TestFlight_Ready_IDGivenUpMeanwhile",
	}, {
		Name: "F5: what was derived of one behind one that has failed stays",
		File: "node/flight.go",
		Old:  "			n.takeBack(next)\n",
		New:  "			<-next.landed\n",
		Test: "TestFlight_ThatFails_ThoughTheDiskWorks",
	}, {
		Name: "F5: what was derived under an id that was given up stays",
		File: "node/flight.go",
		Old:  "		n.takeBack(f)\n",
		New:  "",
		Test: "TestFlight_Ready_IDGivenUpMeanwhile",
	}, {
		Name: "a plan goes on though somebody else trims what it has counted",
		File: "node/trim.go",
		Old:  "	if l.hasRun && gone != l.gone {\n",
		New:  "	if l.hasRun && gone < l.gone {\n",
		Test: "TestLogReader_ReadsInShortViews",
	}, {
		Name: "a trimming plans anew for each part",
		File: "node/trim.go",
		Old:  "	t.gone += uint64(len(before.Drop))\n",
		New:  "",
		Test: "TestTrimming_Run_InParts",
	}, {
		Name: "a trimming goes on though somebody else has dropped what it counts on",
		File: "node/trim.go",
		Old:  "	if l.failed == errTrimmed {\n		var c Compacted\n",
		New:  "	if l.failed == errTrimmed && false {\n		var c Compacted\n",
		Test: "TestTrimming_Run_InParts",
	}, {
		Name: "what waits for a fold is never done by who folds",
		File: "node/folds.go",
		Old:  "		case ride := <-n.rides:\n			ride()\n",
		New:  "",
		Test: "TestNode_Folds_TakeWhatWaits",
	}, {
		Name: "what joins counts as progress of a flight that is out",
		File: "node/committer.go",
		Old:  "			if !n.flight.isOut() {\n				n.pulse.begin() // else it is the flight whose progress counts\n			}\n",
		New:  "			n.pulse.begin()\n",
		Test: "TestFlight_Pulse_IsOfWhatAllWaitFor",
	}, {
		Name: "what has joined shows no progress when the flight has landed",
		File: "node/transaction.go",
		Old:  "		if !t.node.flight.isOut() {",
		New:  "		if t.node.flight == nil {",
		Test: "TestFlight_Pulse_IsOfWhatAllWaitFor",
	}})
}

// TestNode_TokenRules breaks how a token is understood (T1), and what a watch
// says of what it has shown.
func TestNode_TokenRules(t *testing.T) {
	mutant.Run(t, "node", []mutant.Mutant{{
		Name: "T1: a token is taken for what is nearest to it",
		File: "node/named.go",
		Old:  "	if hash != t.hash { // T1\n",
		New:  "	if false { // T1\n",
		Test: "TestRouting_Find_UnderstandsNothingElse",
	}, {
		Name: "T1: who came later is taken for one who was there",
		File: "node/named.go",
		Old:  "		delete(c, id)\n",
		New:  "		_ = id\n",
		Test: "TestRouting_Find_UnderstandsNothingElse",
	}, {
		Name: "a token is not understood any more once a member has written",
		File: "node/named.go",
		Old:  "hash.WithSeen(id, r.mu.context.Get(id), sequence)\n",
		New:  "hash.WithSeen(id, r.mu.context.Get(id), max(sequence, r.mu.context.Get(id)))\n",
		Test: "TestRouting_Find_UnderstandsNothingElse",
	}, {
		Name: "changes that wait for who watches are in room that is used again",
		File: "node/watchers.go",
		Old:  "	return len(w.mu.all) > 0\n",
		New:  "	return false\n",
		Test: "TestWatch_Queue_KeepsWhatWasPublished",
	}, {
		Name: "a bookmark names what was shown before the last change",
		File: "node/watch.go",
		Old:  "		w.hash = p.contextHash\n",
		New:  "",
		Test: "TestNode_Watch_NamedTokens_ResumeOnAnotherNode",
	}})
}
