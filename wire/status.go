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
}

// Waiting names an origin that has records to close and is silent.
type Waiting struct {
	Replica string `json:"replica"`
	Records int64  `json:"records"`
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
}

// Check is what a check of a data directory found.
type Check struct {
	OK       bool         `json:"ok"`
	Problems List[string] `json:"problems"`
}
