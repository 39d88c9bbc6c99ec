package sim

// Mark is a branch worth knowing to have been reached: a simulator that never
// gets there proves nothing about it.
type Mark uint8

// The marks.
const (
	// MarkFrameLost and the next are faults of the network and the disk.
	MarkFrameLost Mark = iota
	MarkFrameRepeated
	MarkCommitFailed
	MarkReadFailed
	// MarkSessionOpened: a complete session was opened on disk; Narrowed: it
	// went on with another peer; Completed, Abandoned: how it ended; Widened: at
	// its end the context grew; Subrange: a part of the state was repaired.
	MarkSessionOpened
	MarkSessionNarrowed
	MarkSessionCompleted
	MarkSessionAbandoned
	MarkSessionWidened
	MarkWrittenInSession
	MarkSubrangeTaken
	MarkSubrangeTakenInSession
	// MarkParticipated: a member takes part somewhere, and knows.
	MarkParticipated
	// MarkSketchPeeled: a sketch told what differs; MarkSketchGivenUp: it did
	// not, and ranges were compared instead.
	MarkSketchPeeled
	MarkSketchGivenUp
	// MarkEventHeld: an event was left to the open session; ReleaseDeferred: a
	// release was, of what the session may have found closed; EarlyBuffered: an
	// event had to wait for one before it.
	MarkEventHeld
	MarkReleaseDeferred
	MarkEarlyBuffered
	// MarkDropped: a delta had no room; Announced: it fit no packet.
	MarkDropped
	MarkAnnounced
	// MarkPulled: a pull brought events; PullTrimmed: the log no longer had
	// them; Trimmed: compaction dropped deltas.
	MarkPulled
	MarkPullTrimmed
	MarkTrimmed
	// MarkAhead: a state got ahead of its context; CaughtUp: no more.
	MarkAhead
	MarkCaughtUp
	// MarkRecordDropped: a record that a sender lacks was dropped as closed.
	MarkRecordDropped
	MarkRecordClosed
	// MarkAmnesia: others knew more of a replica than it did; Renamed: it went
	// on under a new id.
	MarkAmnesia
	MarkRenamed
	MarkForgottenRenamed
	MarkForgottenDropped
	MarkDotReused
	MarkEventsLost
	// MarkForkNoticed: a second process with one replica id gave way;
	// StartRefuted: a member remembered a later start of another;
	// Unwitnessed: not all who might know more of a member could be asked.
	MarkForkNoticed
	MarkStartRefuted
	MarkUnwitnessed
	// MarkDiverged: equal contexts came with different states.
	MarkDiverged
	// MarkReissued: an origin issued a record once more that all others lack,
	// since nobody is left who knows why.
	MarkReissued
	// The faults that members suffer.
	MarkCrashed
	MarkRestored
	MarkRolledBack
	MarkDirectoryLost
	MarkCloned
	MarkForgot
	MarkLeft
	MarkJoined
	MarkTightened
	MarkConfirmed
	marks
)

var markNames = [marks]string{
	"frame lost", "frame repeated", "commit failed", "read failed",
	"session opened", "session narrowed", "session completed", "session abandoned", "session widened",
	"written in session", "subrange taken", "subrange taken in session", "participated", "sketch peeled", "sketch given up",
	"event held", "release deferred", "early buffered", "dropped", "announced",
	"pulled", "pull trimmed", "trimmed",
	"ahead", "caught up", "record dropped", "record closed",
	"amnesia", "renamed", "forgotten renamed", "forgotten dropped", "dot reused", "events lost", "fork noticed", "start refuted", "unwitnessed",
	"diverged", "reissued",
	"crashed", "restored", "rolled back", "directory lost", "cloned", "forgot", "left", "joined", "tightened", "confirmed",
}

// String returns the name of the mark.
func (m Mark) String() string { return markNames[m] }

// AllMarks are all marks, in order.
func AllMarks() []Mark {
	out := make([]Mark, marks)
	for i := range out {
		out[i] = Mark(i)
	}
	return out
}

// Marks count how often each mark was reached.
type Marks [marks]uint64

// Add adds the counts of another run.
func (m *Marks) Add(other Marks) {
	for i, n := range other {
		m[i] += n
	}
}

// Missing returns the marks that were never reached.
func (m *Marks) Missing() []Mark {
	var out []Mark
	for i, n := range m {
		if n == 0 {
			out = append(out, Mark(i))
		}
	}
	return out
}

func (k *cluster) mark(m Mark) { k.report.Marks[m]++ }

func (k *cluster) markMany(m Mark, n uint64) { k.report.Marks[m] += n }

func (k *cluster) markIf(m Mark, reached bool) {
	if reached {
		k.mark(m)
	}
}
