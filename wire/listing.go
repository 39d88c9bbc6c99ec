package wire

import "github.com/scalesmall/ssnode/ranges"

// Liveness is what the members think of a node. It is shown beside the state
// and never changes it.
type Liveness string

// The states of a node.
const (
	LivenessAlive   Liveness = "alive"
	LivenessSuspect Liveness = "suspect"
	LivenessDead    Liveness = "dead"
	LivenessLeft    Liveness = "left"
	LivenessUnknown Liveness = "unknown"
)

// Server is one node of a server list. Listings leave address and liveness
// out, lookups have both.
type Server struct {
	Node     string   `json:"node"`
	Priority int64    `json:"priority"`
	Address  string   `json:"address,omitempty"`
	Liveness Liveness `json:"liveness,omitempty"`
}

// MarshalJSON returns s as a JSON object. Who has a liveness has an address,
// also if that is "": that the node serves at none is an answer.
func (s Server) MarshalJSON() ([]byte, error) {
	if s.Liveness == "" {
		type plain Server
		return Marshal(plain(s))
	}
	return Marshal(struct {
		Node     string   `json:"node"`
		Priority int64    `json:"priority"`
		Address  string   `json:"address"`
		Liveness Liveness `json:"liveness"`
	}(s))
}

// Servers returns the JSON of a server list.
func Servers(servers []ranges.Server) List[Server] {
	out := make(List[Server], len(servers))
	for i, s := range servers {
		out[i] = Server{Node: s.Node, Priority: s.Priority}
	}
	return out
}

// Lookup answers which nodes serve a key. A key in a gap has no servers.
type Lookup struct {
	Keyspace string `json:"keyspace"`
	Key      string `json:"key"`
	Bounds
	Servers List[Server] `json:"servers"`
	Token   Token        `json:"token"`
	// Incomplete says that the node has yet to fetch a great part of the state
	// of the cluster: others may know of more servers.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Subrange is one row of Ranges; gaps have no servers.
type Subrange struct {
	Bounds
	Servers List[Server] `json:"servers"`
}

// Subrange returns the JSON of s, its keys in the form f.
func (f Form) Subrange(s ranges.Subrange) Subrange {
	return Subrange{Bounds: f.Bounds(s.Range), Servers: Servers(s.Servers)}
}

// Ranges lists the subranges of a keyspace.
type Ranges struct {
	Keyspace  string         `json:"keyspace"`
	Subranges List[Subrange] `json:"subranges"`
	Token     Token          `json:"token"`
	// Next continues the listing as "after"; absent at its end.
	Next string `json:"next,omitempty"`
}

// Claim is one row of Claims.
type Claim struct {
	Keyspace string `json:"keyspace"`
	Node     string `json:"node"`
	Bounds
	Priority int64 `json:"priority"`
}

// Claim returns the JSON of w, its keys in the form f.
func (f Form) Claim(w ranges.Weighted) Claim {
	return Claim{Keyspace: w.Keyspace, Node: w.Node, Bounds: f.Bounds(w.Range), Priority: w.Priority}
}

// Weighted returns the claim that c says, validated.
func (c Claim) Weighted() (ranges.Weighted, error) {
	r, err := c.Range()
	if err != nil {
		return ranges.Weighted{}, err
	}
	w := ranges.Weighted{Claim: ranges.Claim{Keyspace: c.Keyspace, Node: c.Node, Range: r}, Priority: c.Priority}
	return w, invalid(w.Validate())
}

// Claims lists the visible claims.
type Claims struct {
	Claims List[Claim] `json:"claims"`
	Token  Token       `json:"token"`
	// Next continues the listing as "after"; absent at its end.
	Next string `json:"next,omitempty"`
}

// Node is what a node advertises about itself, and whether it lives.
type Node struct {
	Node string `json:"node"`
	// Address is where it serves its users, API its HTTP interface; empty if it
	// has not said.
	Address  string   `json:"address"`
	API      string   `json:"api,omitempty"`
	Labels   Labels   `json:"labels"`
	Liveness Liveness `json:"liveness"`
}

// Labels are what a node says of itself, such as its zone.
type Labels map[string]string

// MarshalJSON returns l as a JSON object, {} if it is nil.
func (l Labels) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("{}"), nil
	}
	return Marshal(map[string]string(l))
}

// Nodes lists the node records.
type Nodes struct {
	Nodes List[Node] `json:"nodes"`
	// Next continues the listing as "after"; absent at its end.
	Next string `json:"next,omitempty"`
}
