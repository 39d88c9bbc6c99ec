package dump

import (
	"fmt"

	"github.com/scalesmall/ssnode/wire"
)

// Format is the version of the lines. A dump of a later one is refused.
const Format = 1

// The types of lines.
const (
	typeMeta      = "meta"
	typeContext   = "context"
	typeAhead     = "ahead"
	typeClaim     = "claim"
	typeNode      = "node"
	typeForgotten = "forgotten"
	typeDelta     = "delta"
	typeEnd       = "end"
)

// Meta is the first line of a full dump.
type Meta struct {
	Type    string `json:"type"`
	Format  int    `json:"format"`
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// Replica is the id under which the directory wrote. It is never used
	// again by what is loaded.
	Replica string `json:"replica"`
}

// Seen is one entry of a context: every event of the replica up to the
// sequence.
type Seen struct {
	Type     string `json:"type"`
	Replica  string `json:"replica"`
	Sequence uint64 `json:"sequence"`
}

// Claim is one claim with all that its priority is made of.
type Claim struct {
	Type     string `json:"type"`
	Keyspace string `json:"keyspace"`
	Node     string `json:"node"`
	wire.Bounds
	// Priority is the one shown, 0 if the claim is not visible. It follows
	// from the contributions.
	Priority      int64          `json:"priority"`
	Contributions []Contribution `json:"contributions"`
}

// Contribution is the record of one replica on a claim; crdt.Contribution says
// what the fields mean.
type Contribution struct {
	Origin    string `json:"origin"`
	Era       uint64 `json:"era"`
	Last      uint64 `json:"last"`
	Total     int64  `json:"total"`
	Added     uint64 `json:"added"`
	Register  uint64 `json:"register"`
	Amount    int64  `json:"amount"`
	Watermark uint64 `json:"watermark"`
	Released  int64  `json:"released"`
}

// Node is the record of a node.
type Node struct {
	Type       string     `json:"type"`
	Node       string     `json:"node"`
	Generation uint64     `json:"generation"`
	Dot        string     `json:"dot"`
	Service    string     `json:"service"`
	API        string     `json:"api"`
	Gossip     string     `json:"gossip"`
	Labels     [][]string `json:"labels"`
	Retired    bool       `json:"retired"`
}

// Forgotten is a replica that was forgotten.
type Forgotten struct {
	Type    string `json:"type"`
	Replica string `json:"replica"`
}

// Delta is one record of the log. Bytes is its encoded form, all else says
// what is in there.
type Delta struct {
	Type string `json:"type"`
	// AppliedAt and Time are in milliseconds since the Unix epoch: when it was
	// applied here, and when its origin wrote it.
	AppliedAt int64    `json:"applied_at_ms"`
	Origin    string   `json:"origin"`
	First     uint64   `json:"first"`
	Time      int64    `json:"time_ms"`
	Events    []string `json:"events"`
	Bytes     []byte   `json:"bytes"`
}

// End is the last line. A dump without it was cut off.
type End struct {
	Type      string `json:"type"`
	Replicas  int    `json:"replicas"`
	Claims    int    `json:"claims"`
	Nodes     int    `json:"nodes"`
	Forgotten int    `json:"forgotten"`
	Deltas    int    `json:"deltas"`
	// Fingerprint is that of the claims, nodes and forgotten replicas.
	Fingerprint string `json:"fingerprint"`
	// SHA256 is the hash of all lines before this one with their ends, in hex.
	SHA256 string `json:"sha256"`
}

// String says what a dump has, for people.
func (e End) String() string {
	return fmt.Sprintf("%d replicas, %d claims, %d nodes, %d forgotten, %d deltas, fingerprint %s, sha256 %s",
		e.Replicas, e.Claims, e.Nodes, e.Forgotten, e.Deltas, e.Fingerprint, e.SHA256)
}
