package wire

// StateRequest asks what a node holds in a part of its state, by fingerprints
// or entry by entry: GET or POST /v1/fingerprints. The state is everything that
// equal replicas have alike: claims, node records and forgotten replicas, in
// one order. Positions in it are opaque hexadecimal digits that order as texts
// do: take them from answers.
type StateRequest struct {
	// From is the first position, "" for the beginning; To the first after it,
	// null for the end.
	From string  `json:"from,omitempty"`
	To   *string `json:"to,omitempty"`
	// Cuts are where the part is to be cut, ascending; Parts into how many
	// pieces the node is to cut it by itself.
	Cuts  List[string] `json:"cuts,omitempty"`
	Parts int          `json:"parts,omitempty"`
	// Entries asks for entries instead, as many as have room.
	Entries bool `json:"entries,omitempty"`
}

// State answers it, all of one instant of the node.
type State struct {
	Node    string `json:"node"`
	Cluster string `json:"cluster"`
	// Fingerprint is that of the whole state, Context that of what the node
	// has seen: where contexts are equal and fingerprints are not, something
	// is wrong; where they are not, events are still on their way.
	Fingerprint string `json:"fingerprint"`
	Context     string `json:"context"`
	// Parts and Entries are what was asked for. Next is where to ask for the
	// entries that had no room; absent if there are none.
	Parts   List[Part]       `json:"parts"`
	Entries List[StateEntry] `json:"entries"`
	Next    string           `json:"next,omitempty"`
}

// Part is a piece of the state: how many records it has, and their sum. Equal
// sums mean equal records, but for a chance of 2⁻⁶⁴.
type Part struct {
	From    string  `json:"from"`
	To      *string `json:"to"`
	Records uint64  `json:"records"`
	Sum     string  `json:"sum"`
}

// StateType says what an entry is.
type StateType string

// The types of entries.
const (
	StateClaim     StateType = "claim"
	StateNode      StateType = "node"
	StateForgotten StateType = "forgotten"
)

// Subject is what an entry is about; the fields that its type does not have are
// absent.
type Subject struct {
	Type     StateType `json:"type"`
	Keyspace string    `json:"keyspace,omitempty"`
	Node     string    `json:"node,omitempty"`
	*Bounds
	// Replica is the one that was forgotten.
	Replica string `json:"replica,omitempty"`
}

// Content is what an entry says, and of how many records it is made.
type Content struct {
	// Priority is what a claim shows, 0 if nothing: then its records wait for
	// their origins to close them.
	Priority int64 `json:"priority,omitempty"`
	// Address, Labels and Retired are what a node says of itself.
	Address string `json:"address,omitempty"`
	Labels  Labels `json:"labels,omitempty"`
	Retired bool   `json:"retired,omitempty"`
	Records int    `json:"records"`
	Sum     string `json:"sum"`
}

// StateEntry is one entry and its position.
type StateEntry struct {
	Position string `json:"position"`
	Subject
	Content
}

// Difference is an entry that two nodes do not hold alike; null stands for a
// node that has none.
type Difference struct {
	Subject
	A *Content `json:"a"`
	B *Content `json:"b"`
}

// DiffSide is one of the nodes that were compared.
type DiffSide struct {
	Address     string `json:"address"`
	Node        string `json:"node"`
	Fingerprint string `json:"fingerprint"`
}

// Diff is what comparing two nodes has found.
type Diff struct {
	Equal bool     `json:"equal"`
	A     DiffSide `json:"a"`
	B     DiffSide `json:"b"`
	// SameEvents says that both had seen the same events when it began. If
	// not, what differs may be still on its way.
	SameEvents  bool             `json:"same_events"`
	Differences List[Difference] `json:"differences"`
	// More says that there are others beyond a limit.
	More bool `json:"more"`
}
