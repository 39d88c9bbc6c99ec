package gossip

import "sync/atomic"

// Stats are counts since Start, unless said otherwise.
type Stats struct {
	// FramesSentPacket and FramesSentStream are frames handed to the network
	// for one member; FramesReceived are those handed to the handler.
	FramesSentPacket, FramesSentStream, FramesReceived uint64
	// Broadcasts are frames put into the broadcast queue.
	Broadcasts uint64
	// ChecksReceived are payloads of SetCheck handed to the handler, ChecksSent
	// those sent with answers to probes and with membership; CheckBytes are theirs.
	ChecksReceived, CheckBytesReceived uint64
	ChecksSent, CheckBytesSent         uint64

	// DropsQueueFull are frames refused because a queue was full, DropsSend
	// those that waited in vain for a member that could not be reached,
	// DropsBroadcast broadcasts displaced by newer ones before their time.
	DropsQueueFull, DropsSend, DropsBroadcast uint64
	// DropsHandoff are received messages that memberlist had no room for,
	// DropsConflict reports of conflicts of which too many waited.
	DropsHandoff, DropsConflict uint64
	// DropsUnknown are frames received from nobody that is listed,
	// DropsMalformed messages that could not be understood.
	DropsUnknown, DropsMalformed uint64

	// RefusedCluster are packets and streams with another cluster's label,
	// RefusedNetwork those from a network that is not allowed, RefusedStreams
	// those beyond the bound of open streams, RefusedVersion memberships
	// without a protocol version in common, Conflicts memberships under a name
	// that another has.
	RefusedCluster, RefusedNetwork, RefusedStreams, RefusedVersion, Conflicts uint64

	// PacketsSent and so on are what crosses the sockets, memberlist's own
	// messages included; bytes are UDP or TCP payload.
	PacketsSent, PacketBytesSent, PacketsReceived, PacketBytesReceived uint64
	StreamsDialed, StreamsAccepted, StreamBytesSent, StreamBytesRead   uint64
	// FaultsInjected are packets and streams that Options.Faults has lost.
	FaultsInjected uint64

	// Became is how often other members came to have each liveness.
	Became Became

	// QueuedFrames and QueuedBytes wait for streams, QueuedBroadcasts for
	// gossip, now.
	QueuedFrames, QueuedBytes, QueuedBroadcasts int
	// HealthScore is 0 now if this node keeps up with its probes, and grows
	// to 3 while it does not.
	HealthScore int
}

// counters are the counting half of Stats.
type counters struct {
	framesSentPacket, framesSentStream, framesReceived, broadcasts atomic.Uint64
	checksReceived, checkBytesReceived, checksSent, checkBytesSent atomic.Uint64

	dropsQueueFull, dropsSend, dropsBroadcast, dropsUnknown, dropsMalformed atomic.Uint64
	dropsHandoff, dropsConflict                                             atomic.Uint64

	refusedCluster, refusedNetwork, refusedStreams, refusedVersion, conflicts atomic.Uint64

	packetsSent, packetBytesSent, packetsReceived, packetBytesReceived atomic.Uint64
	streamsDialed, streamsAccepted, streamBytesSent, streamBytesRead   atomic.Uint64

	faultsInjected atomic.Uint64
}

func (c *counters) snapshot() Stats {
	return Stats{
		FramesSentPacket: c.framesSentPacket.Load(),
		FramesSentStream: c.framesSentStream.Load(),
		FramesReceived:   c.framesReceived.Load(),
		Broadcasts:       c.broadcasts.Load(),

		ChecksReceived:     c.checksReceived.Load(),
		CheckBytesReceived: c.checkBytesReceived.Load(),
		ChecksSent:         c.checksSent.Load(),
		CheckBytesSent:     c.checkBytesSent.Load(),

		DropsQueueFull: c.dropsQueueFull.Load(),
		DropsSend:      c.dropsSend.Load(),
		DropsBroadcast: c.dropsBroadcast.Load(),
		DropsHandoff:   c.dropsHandoff.Load(),
		DropsConflict:  c.dropsConflict.Load(),
		DropsUnknown:   c.dropsUnknown.Load(),
		DropsMalformed: c.dropsMalformed.Load(),

		RefusedCluster: c.refusedCluster.Load(),
		RefusedNetwork: c.refusedNetwork.Load(),
		RefusedStreams: c.refusedStreams.Load(),
		RefusedVersion: c.refusedVersion.Load(),
		Conflicts:      c.conflicts.Load(),

		PacketsSent:         c.packetsSent.Load(),
		PacketBytesSent:     c.packetBytesSent.Load(),
		PacketsReceived:     c.packetsReceived.Load(),
		PacketBytesReceived: c.packetBytesReceived.Load(),
		StreamsDialed:       c.streamsDialed.Load(),
		StreamsAccepted:     c.streamsAccepted.Load(),
		StreamBytesSent:     c.streamBytesSent.Load(),
		StreamBytesRead:     c.streamBytesRead.Load(),

		FaultsInjected: c.faultsInjected.Load(),
	}
}
