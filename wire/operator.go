package wire

// JoinRequest is the body of POST /v1/join: gossip addresses, HOST:PORT each.
type JoinRequest struct {
	Addresses List[string] `json:"addresses"`
}

// JoinFailure is an address at which no member was met, and why.
type JoinFailure struct {
	Address string `json:"address"`
	Error   string `json:"error"`
}

// Joined answers a join that met somebody.
type Joined struct {
	Joined List[string]      `json:"joined"`
	Failed List[JoinFailure] `json:"failed"`
}

// LeaveRequest is the body of POST /v1/leave.
type LeaveRequest struct {
	// Release releases the claims of the node, which stay otherwise.
	Release bool `json:"release,omitempty"`
}

// Left answers a leave: what the node has released, and which of those that it
// could reach have on disk what it said last.
type Left struct {
	Node     string       `json:"node"`
	Released int          `json:"released"`
	OnDisk   List[string] `json:"on_disk"`
	Missing  List[string] `json:"missing"`
}

// ForgetRequest is the body of POST /v1/forget: a node, or one replica.
type ForgetRequest struct {
	Node    string `json:"node,omitempty"`
	Replica string `json:"replica,omitempty"`
	// Release releases the claims of the node, which stay otherwise.
	Release bool `json:"release,omitempty"`
}

// Forgotten answers a forget.
type Forgotten struct {
	Node string `json:"node,omitempty"`
	// Replicas were retired by it; those that were before are not among them.
	Replicas List[string] `json:"replicas"`
	Released int          `json:"released"`
	// Changed is false if all of it was so already.
	Changed bool  `json:"changed"`
	Token   Token `json:"token"`
}

// NodeRequest is the body of PUT /v1/nodes/{node}: what the node says of
// itself from now on. What is absent is taken away.
type NodeRequest struct {
	Address string `json:"address"`
	Labels  Labels `json:"labels"`
}

// NodeWritten answers it.
type NodeWritten struct {
	Node     string   `json:"node"`
	Address  string   `json:"address"`
	Labels   Labels   `json:"labels"`
	Liveness Liveness `json:"liveness"`
	// Changed is false if it said so already.
	Changed bool  `json:"changed"`
	Token   Token `json:"token"`
}
