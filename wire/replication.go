package wire

// TierTraffic is what a tier of replication has sent and received since the node
// began, in frames to and from single members.
type TierTraffic struct {
	FramesIn  uint64 `json:"frames_in"`
	FramesOut uint64 `json:"frames_out"`
	BytesIn   uint64 `json:"bytes_in"`
	BytesOut  uint64 `json:"bytes_out"`
}

// PushTier is the first tier: deltas are sent on as soon as they are durable.
type PushTier struct {
	TierTraffic
	// CopiesOut and CopiesIn count a delta once for each member it was sent to
	// or came from; New of the latter were not known yet.
	CopiesOut uint64 `json:"copies_out"`
	CopiesIn  uint64 `json:"copies_in"`
	New       uint64 `json:"new"`
	// Announced did not fit a frame, or a packet where they are passed on.
	Announced uint64 `json:"announced"`
	// Broadcasts were handed to gossip, which repeats each; BroadcastBytes
	// counts them once.
	Broadcasts     uint64 `json:"broadcasts"`
	BroadcastBytes uint64 `json:"broadcast_bytes"`
}

// PullTier is the second: what is missing is pulled from a log.
type PullTier struct {
	TierTraffic
	CopiesIn uint64 `json:"copies_in"`
	New      uint64 `json:"new"`
	// Begun pulls asked, Failed ones got no answer, Served ones answered.
	Begun  uint64 `json:"begun"`
	Failed uint64 `json:"failed"`
	Served uint64 `json:"served"`
}

// RangeTier is the third: states are compared and joined.
type RangeTier struct {
	TierTraffic
	// Begun, Completed and Abandoned count sessions.
	Begun     uint64 `json:"begun"`
	Completed uint64 `json:"completed"`
	Abandoned uint64 `json:"abandoned"`
	// Entries were joined.
	Entries uint64 `json:"entries"`
	// Served spans were answered about.
	Served uint64 `json:"served"`
}

// Replication is what a node has done to hold what others hold, by tier, since
// it began.
type Replication struct {
	Push  PushTier  `json:"push"`
	Pull  PullTier  `json:"pull"`
	Range RangeTier `json:"range"`
	// Other are checks in frames of their own and confirmations.
	Other TierTraffic `json:"other"`
	// Dropped deltas had no room in a queue; they are pulled later.
	Dropped uint64 `json:"dropped"`
}
