package antientropy

import (
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
)

// A replica that starts again cannot tell whether its directory is the one that
// it left: an older copy looks the same. Its witnesses are the peers that may
// have events of it that such a copy lacks. Until it is identified nothing is
// committed that could bear a dot of its own.
//
//	W1  A replica with witnesses is identified when each of them has shown that
//	    it knows no more of it than it does itself; one that is down shows
//	    nothing, so that the shell has to rename the replica in the end.
//	W2  Whoever is no witness shows nothing: it may never have heard of the
//	    replica.
//
// W1 holds up nobody for long: a new id costs some tens of bytes. That one
// witness were enough would be wrong wherever it lags.
type witnesses struct {
	// must says that all of left have to show it, not just any peer.
	must bool
	// left are those that have not yet, with when they are asked next.
	left map[string]uint64
}

func newWitnesses(s Start) witnesses {
	w := witnesses{must: s.Witnessed, left: map[string]uint64{}}
	for _, name := range s.Witnesses {
		w.left[name] = 0
	}
	return w
}

// identify notes that a peer knows no more of this replica than it does.
func (c *Core) identify(from string) {
	if c.identified || c.renaming > 0 {
		return
	}
	if c.witnesses.must {
		if _, ok := c.witnesses.left[from]; !ok {
			return
		}
		if delete(c.witnesses.left, from); len(c.witnesses.left) > 0 {
			return
		}
	}
	c.identified = true
	c.peers.due = true
	c.notice(Notice{Kind: NoticeIdentified, Peer: from})
}

// askWitnesses asks those that are alive for the events of this replica that it
// lacks. One that has any proves that it must be renamed.
func (c *Core) askWitnesses() {
	if c.identified || c.renaming > 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.witnesses.left)) {
		if slices.Contains(c.peers.live, name) && c.now >= c.witnesses.left[name] {
			c.askWitness(name)
		}
	}
}

func (c *Core) askWitness(name string) {
	c.witnesses.left[name] = c.now + c.options.RequestTimeout
	own := seenArray{Replica: c.replica.ID, Sequence: c.replica.Context.Get(c.replica.ID)}
	c.pullListed(name, []seenArray{own}, func(answer []byte) error { return c.witnessAnswered(name, own.Replica, answer) })
}

func (c *Core) witnessAnswered(name string, id crdt.ReplicaID, answer []byte) error {
	if answer == nil {
		c.counters.PullsFailed++
		return nil
	}
	found, err := c.takePull(name, byPull, answer) // which proves the contrary if it has any
	if err != nil {
		return err
	}
	if id == c.replica.ID && !found.more && !found.unknown {
		c.identify(name)
	}
	return nil
}
