package gossip

import (
	"time"
)

// Liveness is what this node believes about a member. It is shown to people
// and steers whom to talk to; it never changes replicated state.
type Liveness uint8

// Livenesses.
const (
	// Unknown is the zero Liveness: the member was never listed.
	Unknown Liveness = iota
	// Alive members answer probes.
	Alive
	// Suspect members are listed as alive, but did not answer this node's own
	// last probe, and nothing has been heard from them since.
	Suspect
	// Dead members were found unreachable by the cluster.
	Dead
	// Left members have said that they leave, and are gone.
	Left
)

// String returns the name of the liveness in lower case.
func (l Liveness) String() string {
	switch l {
	case Alive:
		return "alive"
	case Suspect:
		return "suspect"
	case Dead:
		return "dead"
	case Left:
		return "left"
	}
	return "unknown"
}

// Became is how often members other than this node became so, as this node sees
// it, each change once. Who was suspect and became alive was suspected falsely, or
// was slow; one that leaves may be taken for dead before its notice comes.
type Became struct{ Alive, Suspect, Dead, Left uint64 }

func (b *Became) count(l Liveness) {
	switch l {
	case Alive:
		b.Alive++
	case Suspect:
		b.Suspect++
	case Dead:
		b.Dead++
	case Left:
		b.Left++
	}
}

// Member is one member of the cluster as this node sees it.
type Member struct {
	// Name is unique in the cluster.
	Name string
	// Meta is what the member tells about itself.
	Meta
	// Gossip is the address at which it receives gossip, host:port.
	Gossip string
	// Liveness is what this node believes.
	Liveness Liveness
	// Since is when the liveness became what it is, by this node's clock.
	Since time.Time
	// LastHeard is when the member last answered this node or sent something
	// to it; zero if it never did. For the node itself it is now.
	LastHeard time.Time
	// Refuted: the member runs on an older copy of its directory, has been told
	// so, and has not drawn a new replica id yet. Nothing is sent to it.
	Refuted bool
	// Self marks the node itself.
	Self bool
}

// Reachable reports whether frames may be sent to the member.
func (m Member) Reachable() bool {
	return !m.Self && !m.Refuted && (m.Liveness == Alive || m.Liveness == Suspect)
}
