package wire

import "time"

// WatchType says what a line of a watch is.
type WatchType string

// The lines of a watch: a snapshot of claims and nodes, its end, then changes
// with bookmarks in between. After trimmed a new snapshot follows.
const (
	WatchClaim       WatchType = "claim"
	WatchReleased    WatchType = "released"
	WatchNode        WatchType = "node"
	WatchSnapshotEnd WatchType = "snapshot_end"
	WatchBookmark    WatchType = "bookmark"
	WatchTrimmed     WatchType = "trimmed"
)

// WatchLine is one line of a watch; the fields that its type does not have are
// absent.
type WatchLine struct {
	Type     WatchType `json:"type"`
	Keyspace string    `json:"keyspace,omitempty"`
	Node     string    `json:"node,omitempty"`
	*Bounds
	Priority int64             `json:"priority,omitempty"`
	Address  string            `json:"address,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Liveness Liveness          `json:"liveness,omitempty"`
	// Repair marks a change that range repair brought or had a part in, so that
	// no event names all of it.
	Repair bool  `json:"repair,omitempty"`
	Token  Token `json:"token,omitempty"`
}

// MarshalJSON returns l as a JSON object. That of a node always has its address
// and labels, also if it has none.
func (l WatchLine) MarshalJSON() ([]byte, error) {
	if l.Type != WatchNode {
		type plain WatchLine
		return Marshal(plain(l))
	}
	return Marshal(struct {
		Type     WatchType `json:"type"`
		Node     string    `json:"node"`
		Address  string    `json:"address"`
		Labels   Labels    `json:"labels"`
		Liveness Liveness  `json:"liveness"`
		Repair   bool      `json:"repair,omitempty"`
	}{l.Type, l.Node, l.Address, l.Labels, l.Liveness, l.Repair})
}

// Event is one row of History.
type Event struct {
	// Time is when the origin wrote the event, by its own clock, for people to
	// read.
	Time time.Time `json:"time"`
	// Dot names the event, "replica:sequence".
	Dot      string `json:"dot"`
	Op       Op     `json:"op"`
	Keyspace string `json:"keyspace,omitempty"`
	Node     string `json:"node,omitempty"`
	*Bounds
	Priority int64 `json:"priority,omitempty"`
	By       int64 `json:"by,omitempty"`
}

// History lists the events that are still kept. Complete is false if others may
// be missing: they were trimmed, lie beyond the limit, or came by range repair,
// which brings states and no events.
type History struct {
	Events   List[Event] `json:"events"`
	Complete bool        `json:"complete"`
	// Missing says where events were trimmed, or arrived as state only; events
	// beyond a limit are not missing. It may be more than what is missing, never
	// less.
	Missing List[Missing] `json:"missing,omitempty"`
}

// Missing is a range of which a history lacks events. An absent keyspace stands
// for all of those that were asked for.
type Missing struct {
	Keyspace string `json:"keyspace,omitempty"`
	Bounds
}

// HistoryEnd is the last line of a streamed History, after its events.
type HistoryEnd struct {
	Complete bool `json:"complete"`
}
