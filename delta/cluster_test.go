package delta_test

import (
	"errors"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// cluster is a handful of replicas and a network that loses, repeats, cuts and
// reorders. Each step of it is one commit of one replica, checked against the
// oracle and against the invariants of delta.Replica.
type cluster struct {
	reporter
	choices
	members []*peer
	backups []*peer
	history *history
	ids     int
	// claims are those that are written to, spans a partition of all keys with
	// one span for each of them.
	claims  []ranges.Claim
	forgets bool
	// joined says that the commit under way joins state, joinedInSession that
	// it does so for the open session, turned that it opens or completes one.
	joined, joinedInSession, turned bool
	// continued says that a commit goes on with its session with another.
	continued bool
}

// peer is a member of a cluster with its log, its part of the network and the
// place that its open session has come to.
type peer struct {
	*member
	log     map[crdt.ReplicaID][]delta.Packed
	inbox   []parcel
	session *session
}

// parcel is a message on its way: a delta or a range answer.
type parcel struct {
	delta  delta.Packed
	answer *delta.Answer
}

// universe are all claims that histories are about. The second and third are
// what the first can be tightened to.
func universe() []ranges.Claim {
	other := claim("a", "m")
	other.Node = "n2"
	return []ranges.Claim{claim("a", "m"), claim("a", "f"), claim("f", "m"), other}
}

func newCluster(t reporter, size, claims int, forgets bool) *cluster {
	c := &cluster{reporter: t, history: newHistory(), claims: universe()[:claims], forgets: forgets}
	for range size {
		c.join(newMember(c.nextID()))
	}
	return c
}

func (c *cluster) nextID() int {
	c.ids++
	if c.ids >= idsMax {
		c.Fatalf("the harness has no ids left")
	}
	return c.ids
}

func (c *cluster) join(m *member) *peer {
	p := &peer{member: m, log: map[crdt.ReplicaID][]delta.Packed{}}
	c.members = append(c.members, p)
	return p
}

func (p *peer) clone() *peer {
	log := map[crdt.ReplicaID][]delta.Packed{}
	for id, deltas := range p.log {
		log[id] = slices.Clone(deltas)
	}
	return &peer{member: p.member.clone(), log: log}
}

// deed is one step within a commit.
type deed func(p *peer, commit *delta.Commit)

// commit does deeds in one commit of p and checks what comes of it. Now and
// then the transaction fails: then nothing has changed.
func (c *cluster) commit(p *peer, deeds ...deed) {
	before := p.session.clone()
	c.joined, c.joinedInSession, c.turned, c.continued = false, false, false, false
	commit := p.begin()
	for _, do := range deeds {
		do(p, commit)
	}
	effects, err := commit.Finish()
	if err != nil {
		c.Fatalf("finish: %v", err)
	}
	if c.oneIn(16) {
		c.Logf("replica %d: the commit fails", p.ID[1])
		p.session = before
	} else {
		c.adopt(p, effects)
	}
	c.check(p, effects)
	c.talk(p)
}

// adopt makes a commit durable, and then its deltas known to others.
func (c *cluster) adopt(p *peer, effects *delta.Effects) {
	old := *p.Replica
	old.Context, old.Ahead = p.Context.Clone(), p.Ahead.Clone()
	p.memory.Write(effects)
	p.Adopt(effects)
	if effects.Renamed && !p.InSession() {
		p.session = nil
	}
	for _, d := range effects.Deltas {
		p.log[d.Origin] = append(p.log[d.Origin], d)
		if d.First > c.history.issued[index(d.Origin)] {
			c.issue(p, travelled(c, d))
		}
	}
	c.Logf("replica %d: %v", p.ID[1], trace{effects})
	c.checkChange(p, &old, effects)
	c.checkReleases(p, &old, effects)
}

// issue notes a new delta and sends it to each of the others: not at all, once
// or twice, whole or in part.
func (c *cluster) issue(from *peer, d delta.Packed) {
	for _, e := range d.Events {
		if e.Kind == delta.Forget {
			c.history.forget([]crdt.ReplicaID{e.Replica}, c.contexts())
		}
	}
	c.history.record(d)
	for _, p := range c.members {
		if p == from {
			continue
		}
		for range []int{0, 1, 1, 1, 2}[c.pick(5)] {
			p.inbox = append(p.inbox, parcel{delta: c.cut(d)})
		}
	}
}

func (c *cluster) cut(d delta.Packed) delta.Packed {
	if len(d.Events) < 2 || !c.oneIn(3) {
		return d
	}
	from := c.pick(len(d.Events))
	part, err := delta.Pack(d.Slice(from, from+1+c.pick(len(d.Events)-from)))
	if err != nil {
		c.Fatalf("pack a part of %s: %v", d, err)
	}
	return travelled(c, part)
}

func (c *cluster) contexts() []crdt.Context {
	var out []crdt.Context
	for _, p := range c.members {
		out = append(out, p.Context)
	}
	return out
}

// offer hands over something that may prove that p was forgotten; it then goes
// on under a new id.
func (c *cluster) offer(commit *delta.Commit, hand func() error) {
	err := hand()
	if errors.Is(err, delta.ErrForgotten) {
		c.turned = true // the session ends
		commit.Rename(replicaID(c.nextID()))
		err = hand()
	}
	if err != nil {
		c.Fatalf("%v", err)
	}
}

// receive offers a delta.
func (c *cluster) receive(commit *delta.Commit, d delta.Packed) (outcome delta.Outcome) {
	c.offer(commit, func() (err error) {
		outcome, err = commit.Receive(d)
		return err
	})
	return outcome
}

// deliver hands p one of the oldest messages on their way to it.
func (c *cluster) deliver(p *peer, commit *delta.Commit) {
	if len(p.inbox) == 0 {
		return
	}
	i := c.pick(min(len(p.inbox), 12))
	message := p.inbox[i]
	if !c.oneIn(8) { // else it comes again
		p.inbox = slices.Delete(p.inbox, i, i+1)
	}
	if message.answer != nil {
		c.take(commit, *message.answer)
		return
	}
	c.receive(commit, message.delta)
}

// take hands over a range answer.
func (c *cluster) take(commit *delta.Commit, a delta.Answer) {
	c.joined, c.joinedInSession = true, c.joinedInSession || a.InSession
	c.offer(commit, func() error { return commit.Take(a) })
}

// pull offers p all that the log of another has and p has not, as far as it
// goes without a gap.
func (c *cluster) pull(p *peer, commit *delta.Commit) {
	from := c.other(p)
	if from == nil {
		return
	}
	for _, id := range slices.SortedFunc(maps.Keys(from.log), crdt.ReplicaID.Compare) {
		for _, d := range from.log[id] {
			if o := c.receive(commit, d); o == delta.Early || o == delta.Held {
				break
			}
		}
	}
}

// trim forgets a part of a log, as compaction does.
func (c *cluster) trim(p *peer) {
	for _, id := range slices.SortedFunc(maps.Keys(p.log), crdt.ReplicaID.Compare) {
		p.log[id] = slices.DeleteFunc(p.log[id], func(delta.Packed) bool { return c.oneIn(2) })
	}
}

// other returns one of the others, nil if there is none.
func (c *cluster) other(p *peer) *peer {
	if len(c.members) < 2 {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(c.members), func(q *peer) bool { return q == p })
	return others[c.pick(len(others))]
}

// spans returns a random partition of all keys, in random order: every claim,
// the nodes and the forgotten are apart or together.
func (c *cluster) spans() []delta.Span {
	bounds := []delta.Key{delta.Whole.From}
	for _, x := range universe() {
		bounds = append(bounds, delta.ClaimKey(x))
	}
	bounds = append(bounds, delta.NodeSpan.From, delta.ForgottenSpan.From)
	slices.Sort(bounds)
	bounds = append(slices.DeleteFunc(bounds, func(k delta.Key) bool { return k != "" && c.oneIn(2) }), delta.Whole.To)
	var out []delta.Span
	for i, k := range bounds[1:] {
		out = append(out, delta.Span{From: bounds[i], To: k})
	}
	for i := range out {
		j := i + c.pick(len(out)-i)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// choices are the random numbers of one step: a stream that begins with what
// rapid drew for the step, so that leaving out one step leaves the others
// what they were (Steele, Lea, Flood: Fast splittable pseudorandom number
// generators, 2014).
type choices struct{ state uint64 }

func (c *choices) next() uint64 {
	c.state += 0x9e3779b97f4a7c15
	x := c.state
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// pick returns a number below n.
func (c *choices) pick(n int) int { return int(c.next() >> 33 % uint64(n)) }

func (c *choices) oneIn(n int) bool { return c.pick(n) == 0 }
