package sim

import "testing"

// The known defects of peers, each as a story of which the file says what must
// come out. internal/mutant breaks our code so that each would come out wrong.

// A part of the state came with a context that covered all of it.
func TestScenario_DeltaCrdtEx65_PartialDiffWithFullContext(t *testing.T) {
	runScript(t, "testdata/delta_crdt_ex_65.txt")
}

// A delta that could not be delivered for a while was dropped for ever.
func TestScenario_Horde90_UndeliveredDelta(t *testing.T) {
	runScript(t, "testdata/horde_90.txt")
}

// An actor went on under its id after it had lost what it had written.
func TestScenario_RiakKV679_ActorAfterDataLoss(t *testing.T) {
	runScript(t, "testdata/riak_kv_679.txt")
}

// A directory was rolled back, and all who could be asked lag behind it.
func TestScenario_RolledBack_IsKnownByItsStart(t *testing.T) {
	runScript(t, "testdata/starts.txt")
}

// A directory was rolled back, and whoever knows more of it is down.
func TestScenario_RolledBack_AsksAllThatItKnows(t *testing.T) {
	runScript(t, "testdata/witnesses.txt")
}

// Two processes numbered different events alike, on two sides of a partition.
func TestScenario_Fork_KeepsWhatBothWrote(t *testing.T) {
	runScript(t, "testdata/fork.txt")
}

// Two sides that had the same never stopped synchronising, as one had pruned.
func TestScenario_RiakKV1864_EndlessSync(t *testing.T) {
	runScript(t, "testdata/riak_kv_1864.txt")
}

// A delta was applied though one before it was missing.
func TestScenario_Akka_CausalGap(t *testing.T) {
	runScript(t, "testdata/akka_gap.txt")
}

// Versions that a peer had cleared were booked as complete.
func TestScenario_Corrosion366_TrimmedIsNotComplete(t *testing.T) {
	runScript(t, "testdata/corrosion_366.txt")
}

// What was released came back with the next increase.
func TestScenario_Counters_DoNotComeBack(t *testing.T) {
	runScript(t, "testdata/counters.txt")
}

// A member that was forgotten stayed in the state as a ghost, or brought back
// what had been released.
func TestScenario_Ghosts_AreForgotten(t *testing.T) {
	runScript(t, "testdata/ghosts.txt")
}

// Whoever reads the session's story again: writes, pieces and releases that
// arrive while it is open.
func TestScenario_Session_KeepsOthersOut(t *testing.T) {
	runScript(t, "testdata/session.txt")
}

// Nobody is left who knows why a record was dropped. Only its origin has it, and
// issues it again.
func TestScenario_NobodyLeftToDecide(t *testing.T) {
	runScript(t, "testdata/nobody_left.txt")
}

// A session that is not complete, for whatever reason, widens nothing.
func TestScenario_Session_WidensOnlyIfComplete(t *testing.T) {
	runScript(t, "testdata/session_complete.txt")
}

// A session that goes on with another peer keeps others out without a gap, and
// widens by what both had.
func TestScenario_Session_ContinuesElsewhere(t *testing.T) {
	runScript(t, "testdata/session_continued.txt")
}

// A member whose peer falls silent in the middle of a join goes on with another
// after one timeout (E2), and at once if it is told that the peer is suspect (E1).
func TestScenario_Session_GoesOnAtOnce(t *testing.T) {
	runScript(t, "testdata/session_silent.txt")
}

// An answer is all there is of a range, with the context of its instant.
func TestScenario_Session_AnswersAreOfOneInstant(t *testing.T) {
	runScript(t, "testdata/session_answer.txt")
}

// What was joined, or found equal, may be ahead of what was seen.
func TestScenario_Session_IsAheadOfItsContext(t *testing.T) {
	runScript(t, "testdata/session_ahead.txt")
}

// What random histories reach too seldom: see seldom.
func TestScenario_Seldom_IsReached(t *testing.T) {
	runScript(t, "testdata/seldom.txt")
}

// A released record that nobody closes, or drops, would stay for ever.
func TestScenario_Closed_NothingReleasedStays(t *testing.T) {
	runScript(t, "testdata/closed.txt")
}

// Who learns in a session that it was forgotten begins it anew.
func TestScenario_Session_EndsWithTheReplicaID(t *testing.T) {
	runScript(t, "testdata/session_renamed.txt")
}

// A directory was rolled back, and its member asked for what it had told it has.
func TestScenario_RolledBack_ConfirmsOnlyWhatItHas(t *testing.T) {
	runScript(t, "testdata/asks.txt")
}

// The sender of a session drops what a forgotten replica had contributed.
func TestScenario_Session_OfWhatWasForgotten(t *testing.T) {
	runScript(t, "testdata/session_forgotten.txt")
}
