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
	// Repeated were asked again, as nothing of an answer had come. Stale are
	// the frames of answers that came after another one had.
	Repeated uint64 `json:"repeated"`
	Stale    uint64 `json:"stale"`
	// RoundTrips are the questions that were answered.
	RoundTrips uint64 `json:"round_trips"`
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
	// RoundTrips are the questions that were answered, Stale the frames of
	// answers that nobody waited for any more.
	RoundTrips uint64 `json:"round_trips"`
	Stale      uint64 `json:"stale"`
	// Equal spans were found so, Split ones differed and were compared in parts.
	Equal uint64 `json:"equal"`
	Split uint64 `json:"split"`
	// SketchesPeeled told what differs, SketchesGivenUp did not, and ranges were
	// compared instead. SymbolsServed and ElementsServed were sent of sketches
	// and by them.
	SketchesPeeled  uint64 `json:"sketches_peeled"`
	SketchesGivenUp uint64 `json:"sketches_given_up"`
	SymbolsServed   uint64 `json:"symbols_served"`
	ElementsServed  uint64 `json:"elements_served"`
}

// HistoryTier is beside them: the history of ranges that a node begins to claim.
type HistoryTier struct {
	TierTraffic
	// Begun asked a member for the history of a range, Failed ended early, Added
	// events were put into the log.
	Begun  uint64 `json:"begun"`
	Failed uint64 `json:"failed"`
	Added  uint64 `json:"added"`
	// Served pages of history were sent.
	Served uint64 `json:"served"`
	// RoundTrips are questions that were answered, Stale the frames of answers
	// that came too late.
	RoundTrips uint64 `json:"round_trips"`
	Stale      uint64 `json:"stale"`
}

// OtherTier is what belongs to none of them: checks in frames of their own,
// confirmations, and what was no answer to anything that is remembered.
type OtherTier struct {
	TierTraffic
	// ChecksIn and ChecksOut came and went with gossip's probes and its
	// membership, in no frame of their own.
	ChecksIn      uint64 `json:"checks_in"`
	ChecksOut     uint64 `json:"checks_out"`
	CheckBytesIn  uint64 `json:"check_bytes_in"`
	CheckBytesOut uint64 `json:"check_bytes_out"`
}

// Replication is what a node has done to hold what others hold, by tier, since
// it began.
type Replication struct {
	Push    PushTier    `json:"push"`
	Pull    PullTier    `json:"pull"`
	Range   RangeTier   `json:"range"`
	History HistoryTier `json:"history"`
	Other   OtherTier   `json:"other"`
	// Dropped deltas had no room in a queue; they are pulled later.
	Dropped uint64 `json:"dropped"`
}
