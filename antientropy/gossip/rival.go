package gossip

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// A list of members cannot tell a process that lives from one that has just
// died, nor a restart from a copy of the directory. So whoever finds another
// process under its own name and replica id asks at its address:
//
//	n1 ──asks: replica, start, whether listed──▶ n1'
//	   ◀──keeps, or yields────────────────────── decides by Claimant.Keeps
//
// Who has died does not answer. Both that live are told (Conflict.Fork), and
// whoever is told that the other keeps the id draws a new one. Who has another
// id is asked, too: it may go by a new one by now, so the question is about the
// id with which this process began. If that was never the other's, it is about
// the name alone.
//
// Each message also says what decides which of both goes on under the name
// (Claimant.Remains). It is true of the moment in which it was sent: whoever
// has lost asks again before it ends (Transport.Ask), or both might end.
//
// A third member that remembers a later start of a replica than the one that
// comes along says so to it:
//
//	n2 ──remembers: replica, start──▶ n1
//
// Such messages go to an address rather than to a member: who is meant is not
// listed, or not as who it is. In the same way a copy that ends hands over what
// it has written to the one that stays; nobody else would take it.
type verdict uint8

const (
	asks verdict = iota
	keeps
	yields
	remembers
	verdicts
)

// rivalArray is the body of these messages.
type rivalArray struct {
	_       struct{} `cbor:",toarray"`
	Verdict verdict
	Replica crdt.ReplicaID
	Counter uint64
	Nonce   uint64
	Listed  bool
	Joins   bool
	Gossip  string // where the sender is
	// Own is the id by which the sender goes. In an answer, Seen is how many
	// events of Of, the Own of the question, the sender has on disk.
	Own, Of crdt.ReplicaID
	Seen    uint64
}

func (a rivalArray) start() StartID { return StartID{Counter: a.Counter, Nonce: a.Nonce} }

func (a rivalArray) claimant() antientropy.Claimant {
	return antientropy.Claimant{Start: a.start(), Listed: a.Listed, Joins: a.Joins}
}

// rivalBytesMax bounds the body.
const rivalBytesMax = 256

func decodeRival(b []byte) (rivalArray, error) {
	var a rivalArray
	err := delta.Unmarshal(b, &a, rivalBytesMax)
	if err == nil && (a.Verdict >= verdicts || a.Verdict == remembers && a.Replica.IsZero()) {
		err = errEnvelope
	}
	return a, err
}

// rivals are what is known about those who compete for this node's name with a
// replica id that is, or was, its own.
type rivals struct {
	sync.Mutex
	// former are the ids that this process has gone by before.
	former []crdt.ReplicaID
	// alive are the starts that have answered, by address.
	alive map[string]StartID
}

// rivalsMax bounds former and alive.
const rivalsMax = 64

func (r *rivals) leaveBehind(before, now crdt.ReplicaID) {
	r.Lock()
	defer r.Unlock()
	if before != now && len(r.former) < rivalsMax {
		r.former = append(r.former, before)
	}
}

func (r *rivals) answered(address string, start StartID) {
	r.Lock()
	defer r.Unlock()
	if r.alive == nil || len(r.alive) >= rivalsMax {
		r.alive = map[string]StartID{}
	}
	r.alive[address] = start
}

// isOurs reports whether this process goes by a replica id, or went by it.
func (t *Transport) isOurs(id crdt.ReplicaID) bool {
	ours := t.Meta().Replica
	t.rivals.Lock()
	defer t.rivals.Unlock()
	return id == ours || slices.Contains(t.rivals.former, id)
}

// hasAnswered reports whether the process of a start has shown that it lives.
func (t *Transport) hasAnswered(address string, start StartID) bool {
	t.rivals.Lock()
	defer t.rivals.Unlock()
	return t.rivals.alive[address] == start
}

// letter is a message to an address.
type letter struct {
	to   netip.AddrPort
	body rivalArray
}

const (
	// challengeEvery is how often one address is asked or reminded.
	challengeEvery = time.Second
	// mailTimes and mailPause are how often a letter is tried.
	mailTimes = 3
	mailPause = 200 * time.Millisecond
)

// mail has a letter sent by run: whoever calls may hold memberlist's lock.
func (t *Transport) mail(to string, body rivalArray) {
	at, err := netip.ParseAddrPort(to)
	if err != nil {
		return // of a peer that is told apart by nothing
	}
	body.Gossip, body.Own = t.Addr(), t.Meta().Replica
	select {
	case t.letters <- letter{at, body}:
	default: // too many wait; the occasion comes again
	}
}

// post sends a letter. It may wait for the network.
func (t *Transport) post(l letter) {
	message := seal(kindRival, t.options.Name, delta.Marshal(l.body))
	for range mailTimes {
		if t.sendTo(l.to, message) == nil {
			return
		}
		select {
		case <-time.After(mailPause):
		case <-t.ctx.Done():
			return
		}
	}
}

// claimant is what this node is to a rival.
func (t *Transport) claimant(rival string) antientropy.Claimant {
	return antientropy.Claimant{Start: t.Meta().Start, Listed: !t.isAlone(), Joins: t.hasTried(rival)}
}

// claim is what this node says of itself to a rival for a replica id, which is,
// or was, its own, or for its name alone.
func claim(v verdict, id crdt.ReplicaID, as antientropy.Claimant) rivalArray {
	return rivalArray{Verdict: v, Replica: id, Counter: as.Start.Counter, Nonce: as.Start.Nonce, Listed: as.Listed, Joins: as.Joins}
}

// challenge asks a process that is listed under this node's name whether it
// lives.
func (t *Transport) challenge(n *memberlist.Node, rival Meta) {
	if n.Address() == t.Addr() || rival.Start == t.Meta().Start {
		return
	}
	if _, ok := t.log.allow("challenge "+n.Address(), challengeEvery); ok {
		t.Ask(n.Address(), rival.Replica)
	}
}

// Ask asks the process at an address, which has this node's name and some
// replica id, whether it lives. Its answer is told as a Conflict.
func (t *Transport) Ask(address string, id crdt.ReplicaID) {
	if !t.isOurs(id) {
		id = t.firstID()
	}
	t.mail(address, claim(asks, id, t.claimant(address)))
}

// firstID returns the id by which this process went at first.
func (t *Transport) firstID() crdt.ReplicaID {
	ours := t.Meta().Replica
	t.rivals.Lock()
	defer t.rivals.Unlock()
	if len(t.rivals.former) > 0 {
		return t.rivals.former[0]
	}
	return ours
}

// takeRival takes a message about a replica id of this node, or its name.
func (t *Transport) takeRival(from string, body []byte) {
	a, err := decodeRival(body)
	if err != nil {
		t.stats.dropsMalformed.Add(1)
		return
	}
	if a.Verdict == remembers {
		t.recognise(from, []Life{{Name: t.options.Name, Replica: a.Replica, Start: a.start()}})
		return
	}
	ours, fork := t.Meta(), t.isOurs(a.Replica)
	if from != t.options.Name || a.start() == ours.Start {
		return
	}
	t.rivals.answered(a.Gossip, a.start())
	mine, theirs := t.claimant(a.Gossip), a.claimant()
	c := Conflict{
		Name: from, Rival: Meta{Replica: a.Replica, Start: a.start()}, Gossip: a.Gossip,
		Fork: fork, Yields: fork && a.Verdict == keeps,
		Lost: !mine.Remains(theirs), Listed: mine.Listed, Of: a.Of, Seen: a.Seen,
	}
	if a.Verdict == asks {
		answer := keeps
		if fork && (a.Replica != ours.Replica || !mine.Keeps(theirs)) {
			answer, c.Yields = yields, true
		}
		about := a.Replica
		if !fork {
			about = crdt.ReplicaID{}
		}
		reply := claim(answer, about, mine)
		reply.Of, reply.Seen = a.Own, t.options.Handler.seen(a.Own)
		t.mail(a.Gossip, reply)
	}
	t.stats.conflicts.Add(1)
	t.tell(c)
}

// recognise looks for a later start of this node's replica in what another
// remembers. The handler is told at once: what comes after it from there may
// make the node certain of its identity.
func (t *Transport) recognise(by string, told []Life) {
	ours := t.Meta()
	for _, x := range told {
		if x.Name == t.options.Name && x.Replica == ours.Replica && x.Start.Refutes(ours.Start) {
			t.stats.conflicts.Add(1)
			t.log.limited(slog.LevelWarn, refusalEvery, "copied back "+by,
				"gossip: this data directory is an older copy, or another process runs on a copy of it",
				"remembered by", by, "later", x.Start, "here", ours.Start)
			t.call(func() {
				t.options.Handler.conflict(Conflict{Name: x.Name, Rival: Meta{Replica: x.Replica, Start: x.Start}, Fork: true, Yields: true})
			})
		}
	}
}

// remind tells a member that it runs on an older copy of its directory.
// memberlist's lock is held.
func (t *Transport) remind(n *memberlist.Node, later StartID) {
	if n.Name == t.options.Name {
		return
	}
	_, m, err := readMeta(n.Meta)
	if _, ok := t.log.allow("remind "+n.Address(), challengeEvery); err != nil || !ok {
		return
	}
	t.log.limited(slog.LevelWarn, refusalEvery, "copied back "+n.Name,
		"gossip: a member runs on an older copy of its data directory, and is told so",
		"member", n.Name, "address", n.Address(), "later", later, "start", m.Start)
	t.mail(n.Address(), rivalArray{Verdict: remembers, Replica: m.Replica, Counter: later.Counter, Nonce: later.Nonce})
}

// HandOver sends an encoded delta to the process at an address that goes on
// under this node's name. It waits for the network.
func (t *Transport) HandOver(address string, delta []byte) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w address of a rival: %w", ErrInvalid, err)
	}
	return t.sendTo(at, seal(kindLegacy, t.options.Name, delta))
}

// sendTo sends an envelope to an address, whoever is listed there.
func (t *Transport) sendTo(at netip.AddrPort, envelope []byte) error {
	return t.list.SendReliable(&memberlist.Node{Addr: net.IP(at.Addr().AsSlice()), Port: at.Port()}, envelope)
}

// takeLegacy takes what a process with this node's name hands over. The bytes
// are memberlist's.
func (t *Transport) takeLegacy(from string, body []byte) {
	switch {
	case from != t.options.Name:
		t.stats.dropsUnknown.Add(1)
	case len(body) > delta.DeltaBytesMax:
		t.stats.dropsMalformed.Add(1)
	default:
		t.call(func() { t.options.Handler.legacy(bytes.Clone(body)) })
	}
}
