package antientropy

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// NoticeKind says what a notice is about.
type NoticeKind uint8

// The kinds of notices; the values name the fields of Notice that they use.
const (
	// NoticeBadFrame: a frame of Peer cannot be read: Err. At most once a minute
	// and peer.
	NoticeBadFrame NoticeKind = 1 + iota
	// NoticeForeign: Peer is of another cluster, or speaks another version of
	// the protocol: Err. At most once a minute and peer.
	NoticeForeign
	// NoticeReadFailed: reading the state or the log failed: Err.
	NoticeReadFailed
	// NoticeCommitFailed: a commit failed: Err.
	NoticeCommitFailed
	// NoticeTrimmed: Peer no longer has the events that are missing here as
	// deltas; Count replicas are concerned.
	NoticeTrimmed
	// NoticeSessionBegun, NoticeSessionProgress, NoticeSessionComplete and
	// NoticeSessionAbandoned: range repair with Peer, for Reason; Count
	// entries joined so far.
	NoticeSessionBegun
	NoticeSessionProgress
	NoticeSessionComplete
	NoticeSessionAbandoned
	// NoticeDiverged: this replica and Peer have seen the same and hold
	// different states: corruption, or a dot that was used twice. It is being
	// repaired. Key is an example, where one is known.
	NoticeDiverged
	// NoticeLost: Peer shows that this replica must not go on under its id:
	// Err, delta.ErrAmnesia or delta.ErrForgotten. It is renamed before anything
	// else is committed.
	NoticeLost
	// NoticeRenamed: the replica goes on under a new id.
	NoticeRenamed
	// NoticeIdentified: Peer knows no more of this replica than it does
	// itself. Told once, by the first peer to show it.
	NoticeIdentified
)

// String returns the name of the kind.
func (k NoticeKind) String() string {
	names := [...]string{
		"bad frame", "foreign peer", "read failed", "commit failed", "log trimmed",
		"session begun", "session progress", "session complete", "session abandoned",
		"diverged", "identity lost", "renamed", "identified",
	}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("notice(%d)", uint8(k))
	}
	return names[k-1]
}

// Notice tells of something that happened.
type Notice struct {
	Kind   NoticeKind
	Peer   string
	Reason string
	Count  uint64
	Key    delta.Key
	Err    error
}

// String returns the notice as a line of text.
func (n Notice) String() string {
	s := n.Kind.String()
	if n.Peer != "" {
		s += " peer=" + n.Peer
	}
	if n.Reason != "" {
		s += fmt.Sprintf(" reason=%q", n.Reason)
	}
	if n.Count > 0 {
		s += fmt.Sprintf(" count=%d", n.Count)
	}
	if n.Key != "" {
		s += fmt.Sprintf(" key=%q", n.Key)
	}
	if n.Err != nil {
		s += fmt.Sprintf(" err=%q", n.Err)
	}
	return s
}

// noticesMax bounds the notices of one Ready: whoever floods must not flood
// the log as well. All are counted.
const noticesMax = 64

func (c *Core) notice(n Notice) {
	if len(c.ready.Notices) == noticesMax {
		c.counters.NoticesDropped++
		return
	}
	c.ready.Notices = append(c.ready.Notices, n)
}

// Counters count what happened since New, for metrics.
type Counters struct {
	// FramesIn, FramesOut and BytesIn, BytesOut count frames to single peers.
	FramesIn, FramesOut, BytesIn, BytesOut uint64
	// Traffic is the same by tier. Trips are questions of this replica that were
	// answered, Stale the frames of answers that nobody waited for any more: they
	// came too late, or again, since the question was asked again.
	Traffic      [Tiers]Traffic
	Trips, Stale [Tiers]uint64
	// FramesBad were refused by a decoder, FramesForeign were of another
	// cluster or version, FramesStale answered nothing that was asked.
	FramesBad, FramesForeign, FramesStale uint64
	// DeltasPushed counts each delta once per peer, DeltasAnnounced those
	// announced because they fit no frame.
	DeltasPushed, DeltasAnnounced uint64
	// DeltasIn counts received deltas, DeltasKnown those of them that were
	// known, DeltasEarly those that came before others, DeltasHeld those left
	// to a session.
	DeltasIn, DeltasKnown, DeltasEarly, DeltasHeld uint64
	// PushedIn of the received deltas were pushed, PushedNew of them were new;
	// PulledIn and PulledNew were pulled.
	PushedIn, PushedNew, PulledIn, PulledNew uint64
	// Broadcasts were handed to the medium that reaches everybody, which
	// repeats each: BroadcastBytes counts them once.
	Broadcasts, BroadcastBytes uint64
	// DeltasDropped had no room in a queue; they are pulled later.
	DeltasDropped uint64
	// Pulls were begun, PullsRepeated asked again, PullsServed answered,
	// PullsFailed got no answer.
	Pulls, PullsRepeated, PullsServed, PullsFailed uint64
	// RequestsRefused had no room; their peer asks again.
	RequestsRefused uint64
	// Sessions were begun, SessionsCompleted and SessionsAbandoned ended.
	Sessions, SessionsCompleted, SessionsAbandoned uint64
	// RangesEqual, RangesSplit and EntriesTaken count what sessions found.
	RangesEqual, RangesSplit, EntriesTaken uint64
	// RangesServed counts spans that were answered about, SymbolsServed and
	// ElementsServed what was sent of sketches and by them.
	RangesServed, SymbolsServed, ElementsServed uint64
	// SketchesPeeled told what differs, SketchesGivenUp did not, and ranges were
	// compared instead.
	SketchesPeeled, SketchesGivenUp uint64
	// Diverged counts how often equal contexts came with different states.
	Diverged uint64
	// ReadsFailed and CommitsFailed count errors of the disk.
	ReadsFailed, CommitsFailed uint64
	// AsksServed were confirmed, AsksRefused had no room.
	AsksServed, AsksRefused uint64
	// Backfills were begun, BackfillsFailed ended early and begin anew;
	// HistoriesServed are pages for others.
	Backfills, BackfillsFailed, HistoriesServed uint64
	// NoticesDropped had no room, AnnouncementsDropped neither: their replicas
	// are found by checks.
	NoticesDropped, AnnouncementsDropped uint64
}

// Counters returns the counters.
func (c *Core) Counters() Counters { return c.counters }
