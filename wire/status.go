package wire

import "time"

// Member is one row of Members.
type Member struct {
	Node        string    `json:"node"`
	Replica     string    `json:"replica"`
	Gossip      string    `json:"gossip"`
	Address     string    `json:"address"`
	Liveness    Liveness  `json:"liveness"`
	LastHeard   time.Time `json:"last_heard,omitzero"`
	Fingerprint string    `json:"fingerprint"`
	InSync      bool      `json:"in_sync"`
	// Behind is the number of events that the answering node knows of and the
	// member, as far as heard, does not.
	Behind uint64 `json:"behind"`
	Traffic
}

// Traffic is what has passed between the answering node and another member.
type Traffic struct {
	// SyncSince is since when in_sync has been what it is; absent of the
	// answering node itself, and of members that it has not met.
	SyncSince time.Time `json:"sync_since,omitzero"`
	// BytesSent and BytesReceived count the frames of replication, since the
	// member was listed.
	BytesSent     uint64 `json:"bytes_sent"`
	BytesReceived uint64 `json:"bytes_received"`
	// LastSession is the last time that the answering node fetched something
	// from the member; null if it never did.
	LastSession *Session `json:"last_session"`
}

// SessionKind says how something was fetched from a member.
type SessionKind string

// The kinds of sessions.
const (
	SessionPull          SessionKind = "pull"           // events from its log
	SessionPartialRepair SessionKind = "partial_repair" // a part of its state
	SessionRepair        SessionKind = "repair"         // all of its state
)

// Session is how a fetch from a member has ended.
type Session struct {
	Ended time.Time   `json:"ended"`
	Kind  SessionKind `json:"kind"`
	OK    bool        `json:"ok"`
	// Failure says why it was given up, if it was.
	Failure string `json:"failure,omitempty"`
	// Bytes passed between the two meanwhile.
	Bytes uint64 `json:"bytes"`
}

// Peer is a member other than the one that answers, in Status.
type Peer struct {
	Node     string   `json:"node"`
	Liveness Liveness `json:"liveness"`
	InSync   bool     `json:"in_sync"`
	Behind   uint64   `json:"behind"`
	Traffic
}

// Repair is how far a repair of the answering node's state is.
type Repair struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
	// Whole says that it is of the whole state.
	Whole bool      `json:"whole"`
	Since time.Time `json:"since"`
	// Entries were joined; Spans are known to be left, each of any size, so
	// that they say nothing of how far it is.
	Entries uint64 `json:"entries"`
	Spans   int    `json:"spans"`
	// Compared records were found equal or joined, of about Expected, of a
	// repair of the whole state; both are absent of one of some ranges, which
	// has done SpansDone of the SpansBegun that it began with.
	Compared   uint64 `json:"compared,omitempty"`
	Expected   uint64 `json:"expected,omitempty"`
	SpansBegun int    `json:"spans_begun,omitempty"`
	SpansDone  int    `json:"spans_done,omitempty"`
	// Through is a key in ThroughKeyspace: nothing is left of claims that start
	// before it, nor of keyspaces before that. Both are absent while nothing is
	// done, and when all claims are.
	ThroughKeyspace string  `json:"through_keyspace,omitempty"`
	Through         *string `json:"through,omitempty"`
	// Sketch says that a sketch of the whole state tells what differs.
	Sketch bool `json:"sketch"`
}

// Members lists the members of the cluster as the answering node sees them.
type Members struct {
	Members List[Member] `json:"members"`
}

// Identity says whether a node may assign dots yet.
type Identity string

// The states of an identity.
const (
	IdentityConfirmed   Identity = "confirmed"
	IdentityUnconfirmed Identity = "unconfirmed"
)

// Status is a node about itself. Sizes are in bytes.
type Status struct {
	Node        string       `json:"node"`
	Replica     string       `json:"replica"`
	Cluster     string       `json:"cluster"`
	Version     string       `json:"version"`
	API         string       `json:"api"`
	Gossip      string       `json:"gossip"`
	Ready       bool         `json:"ready"`
	NotReady    List[string] `json:"not_ready"`
	Claims      int          `json:"claims"`
	Fingerprint string       `json:"fingerprint"`
	Context     Token        `json:"context"`
	Members     int          `json:"members"`
	LogRecords  int64        `json:"log_records"`
	LogBytes    int64        `json:"log_bytes"`
	DBBytes     int64        `json:"db_bytes"`
	DBFreeBytes int64        `json:"db_free_bytes"`
	Identity    Identity     `json:"identity"`
	// Rival says who else bears, or bore, this node's name or replica id.
	Rival string `json:"rival,omitempty"`
	// Peers are all other members.
	Peers List[Peer] `json:"peers"`
	// Waiting has the replicas for which most records wait, WaitingRecords how
	// many wait for all of them.
	Waiting        List[Waiting] `json:"waiting"`
	WaitingRecords int64         `json:"waiting_records"`
	// Repair is the one that is under way; null if none is.
	Repair *Repair `json:"repair"`
	// Incomplete says that the node has yet to fetch a great part of the state
	// of the cluster, of which Records are here and about ExpectedRecords are
	// elsewhere, 0 if that is not known.
	Incomplete      bool   `json:"incomplete,omitempty"`
	Records         uint64 `json:"records"`
	ExpectedRecords uint64 `json:"expected_records,omitempty"`
	// Replication is what was done to hold what others hold, by tier.
	Replication Replication `json:"replication"`
	// History is what of the log is of which class, as of the last time it was
	// held to its retention; empty before the first.
	History List[HistoryClass] `json:"history"`
}

// Waiting names an origin that has records to close and is silent.
type Waiting struct {
	Replica string `json:"replica"`
	Records int64  `json:"records"`
	// Node is the name by which it went; absent if that is not known.
	Node string `json:"node,omitempty"`
}

// Compact is what a compaction did, or would do.
type Compact struct {
	LogRecordsBefore     int64         `json:"log_records_before"`
	LogRecordsAfter      int64         `json:"log_records_after"`
	TrimmedParticipating int64         `json:"trimmed_participating"`
	TrimmedOther         int64         `json:"trimmed_other"`
	DBBytesBefore        int64         `json:"db_bytes_before"`
	DBBytesAfter         int64         `json:"db_bytes_after"`
	Waiting              List[Waiting] `json:"waiting"`
	// Classes say what went and what stays, and why.
	Classes List[CompactClass] `json:"classes,omitempty"`
	// Blocked are the members that other records wait for.
	Blocked List[Blocker] `json:"blocked,omitempty"`
}

// Check is what a check of a data directory found.
type Check struct {
	OK       bool         `json:"ok"`
	Problems List[string] `json:"problems"`
}
