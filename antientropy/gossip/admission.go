package gossip

import (
	"fmt"
	"log/slog"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/crdt"
)

// Conflict is another process that bears this node's name.
type Conflict struct {
	// Name is this node's name.
	Name string
	// Rival is what the other process tells about itself, Gossip its address.
	Rival  Meta
	Gossip string
	// Lost says that the rival goes on under the name (Claimant.Remains), so
	// that this node has to end once the rival has said so again
	// (Transport.Ask). Otherwise the rival was refused here. Listed says that
	// members list this node, too.
	Lost, Listed bool
	// Fork says that the rival has this node's replica id too: it runs, or ran
	// later than this node's directory knows of, on a copy of that directory.
	// Yields says that this node has to draw a new id before it numbers
	// anything; otherwise the rival does. Gossip is empty if the rival is not
	// known to be alive.
	Fork, Yields bool
	// Seen is how many events of the replica Of, by which this node went when it
	// asked, the rival has on disk; 0 if it was not asked.
	Of   crdt.ReplicaID
	Seen uint64
}

// readMeta decodes versions and metadata of a member.
func readMeta(b []byte) (Versions, Meta, error) {
	v, rest, err := decodeVersions(b)
	if err != nil {
		return v, Meta{}, err
	}
	m, err := decodeMeta(rest)
	return v, m, err
}

// admit returns nil if a member may be listed, or why not.
func (t *Transport) admit(n *memberlist.Node) error {
	v, rest, err := decodeVersions(n.Meta)
	if err != nil {
		return fmt.Errorf("%w with %s at %s: %w", ErrVersion, n.Name, n.Address(), err)
	}
	if !v.Overlap(t.options.Versions) {
		return fmt.Errorf("%w with %s at %s: it understands version %s, this node %s; upgrade the older one",
			ErrVersion, n.Name, n.Address(), v, t.options.Versions)
	}
	if _, err := decodeMeta(rest); err != nil {
		return fmt.Errorf("%w with %s at %s: %w", ErrVersion, n.Name, n.Address(), err)
	}
	return nil
}

// refuse counts and logs a member that may not be listed.
func (t *Transport) refuse(n *memberlist.Node, err error) {
	t.stats.refusedVersion.Add(1)
	t.log.limited(slog.LevelWarn, refusalEvery, "version "+n.Name, "gossip: refused a member", "member", n.Name, "reason", err)
}

var (
	_ memberlist.AliveDelegate    = delegate{}
	_ memberlist.MergeDelegate    = delegate{}
	_ memberlist.ConflictDelegate = delegate{}
)

// NotifyAlive implements memberlist.AliveDelegate. memberlist's lock is held.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	if n.Name == d.t.options.Name {
		return nil // itself, or a rival for NotifyConflict
	}
	err := d.t.admit(n)
	if err != nil {
		d.t.refuse(n, err)
	}
	return err
}

// NotifyMerge implements memberlist.MergeDelegate: it judges what a peer of a
// join lists, on both sides. Members that may not be listed are left out by
// NotifyAlive; the whole is refused only if nobody is left, since otherwise
// one odd member would keep the others apart.
func (d delegate) NotifyMerge(listed []*memberlist.Node) error {
	var refused error
	admitted, itself := 0, false
	for _, n := range listed {
		if n.State == memberlist.StateDead || n.State == memberlist.StateLeft {
			continue
		}
		if n.Name == d.t.options.Name {
			if err := d.t.meet(n); err != nil {
				return err
			}
			itself = itself || d.t.isItself(n)
			continue
		}
		if err := d.t.admit(n); err != nil {
			d.t.refuse(n, err)
			refused = err
			continue
		}
		admitted++
	}
	switch {
	case admitted > 0:
		return nil
	case refused != nil:
		return refused
	case itself:
		return ErrSelf // who lists nobody alive but this node, is it
	}
	return nil
}

// isItself reports whether an entry is this very process.
func (t *Transport) isItself(n *memberlist.Node) bool {
	_, m, err := readMeta(n.Meta)
	return err == nil && m == t.Meta()
}

// meet judges an entry under this node's own name in the list of a peer of a
// join. A node without peers, which nobody lists, has to give way.
func (t *Transport) meet(n *memberlist.Node) error {
	_, rival, err := readMeta(n.Meta) // of another version, it is a rival all the same
	if err != nil {
		rival = Meta{}
	}
	if n.Address() == t.Addr() {
		// A former life, or a later one: no rival lives here.
		t.recognise("the member that was joined", []Life{{Name: n.Name, Replica: rival.Replica, Start: rival.Start}})
		return nil
	}
	t.challenge(n, rival)
	if !t.isAlone() {
		return nil
	}
	switch {
	case rival.Start == t.Meta().Start && t.isOurs(rival.Replica):
		return nil
	case t.isOurs(rival.Replica) && !t.hasAnswered(n.Address(), rival.Start):
		return fmt.Errorf("%w at %s; if that process is gone, it will be found dead in some seconds", ErrStillListed, n.Address())
	}
	return fmt.Errorf("%w: %s is a member at %s (replica %s); if that process is gone, wait until it is listed as dead, otherwise give this node another --node",
		ErrNameTaken, n.Name, n.Address(), rival.Replica)
}

// isAlone reports whether nobody lists this node: it has no peers, or had none
// when the join began that is going on.
func (t *Transport) isAlone() bool {
	t.joins.Lock()
	defer t.joins.Unlock()
	return t.joins.alone > 0 || t.table.size() < 2
}

// NotifyConflict implements memberlist.ConflictDelegate. memberlist's lock is
// held; it keeps the existing one.
func (d delegate) NotifyConflict(existing, other *memberlist.Node) {
	t := d.t
	t.stats.conflicts.Add(1)
	_, rival, err := readMeta(other.Meta) // of another version, it is a rival all the same
	if err != nil {
		rival = Meta{}
	}
	if existing.Name == t.options.Name {
		t.challenge(other, rival) // who is no more, or was this node elsewhere, does not answer
		if t.isOurs(rival.Replica) {
			return
		}
	}
	t.log.limited(slog.LevelWarn, refusalEvery, "name "+other.Name+other.Address(),
		"gossip: refused a member whose name is taken", "member", other.Name,
		"listed", existing.Address(), "refused", other.Address(), "replica", rival.Replica)
}

// tell hands a conflict to the handler, or drops it if too many wait.
func (t *Transport) tell(c Conflict) {
	select {
	case t.conflicts <- c:
	default:
		t.stats.dropsConflict.Add(1)
	}
}
