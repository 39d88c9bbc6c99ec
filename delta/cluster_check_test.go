package delta_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// check holds what is true of a replica after every commit, whether it became
// durable or not.
func (c *cluster) check(p *peer, effects *delta.Effects) {
	if err := p.Verify(p.memory); err != nil {
		c.Fatalf("replica %s: %v", p.ID, err)
	}
	for id, sequence := range p.Context {
		if sequence > c.history.issued[index(id)] {
			c.Fatalf("R1: replica %s has seen %d events of %s, there are %d", p.ID, sequence, id, c.history.issued[index(id)])
		}
	}
	if got, want := p.Context.Get(p.ID), c.history.issued[index(p.ID)]; got != want {
		c.Fatalf("R2: replica %s has issued %d events, and knows of %d", p.ID, want, got)
	}
	if _, ok := p.Forgotten[p.ID]; ok {
		c.Fatalf("replica %s goes on although it was forgotten", p.ID)
	}
	if p.InSession() != (p.session != nil) {
		c.Fatalf("replica %s: in session: %t", p.ID, p.InSession())
	}
	if len(effects.Context) > 0 || len(effects.Entries) > 0 {
		c.checkView(p)
		c.checkPairs(p)
	}
}

// checkChange holds what is true of a commit that became durable.
func (c *cluster) checkChange(p *peer, old *delta.Replica, effects *delta.Effects) {
	for _, x := range effects.Entries {
		encoded := delta.EncodeEntry(x.After())
		if room := delta.EntryRoom(x.After()); x.Key.IsClaim() && !x.After().IsZero() && room != len(encoded) {
			c.Fatalf("entry %q takes %d bytes, not %d", x.Key, len(encoded), room)
		}
		decoded, err := delta.DecodeEntry(x.Key, encoded)
		if !x.After().IsZero() && (err != nil || !decoded.Equal(x.After())) {
			c.Fatalf("entry %q: decoded and encoded again it is another (%v)", x.Key, err)
		}
		if mine, ok := x.After().Counter.Find(p.ID); ok && !mine.IsLive() {
			c.Fatalf("replica %s has not closed its record %+v", p.ID, mine)
		}
	}
	if session := old.Session(); session != nil && !c.turned && p.InSession() && session.Equal(p.Session()) {
		c.checkSession(p, old, effects)
	}
}

// checkSession holds R5 over a commit during which the session stayed open.
func (c *cluster) checkSession(p *peer, old *delta.Replica, effects *delta.Effects) {
	session := old.Session()
	for id, sequence := range effects.Context {
		if before := old.Context.Get(id); sequence > before && before < session.Get(id) {
			c.Fatalf("R5: the context of replica %s grew to %d of %s, the open session covers %d", p.ID, sequence, id, session.Get(id))
		}
	}
	if c.joinedInSession {
		return
	}
	for _, x := range effects.Entries {
		for _, after := range x.After().Counter {
			before, _ := x.Before().Counter.Find(after.Origin)
			if after.IsLive() && before.Last < after.Last && after.Last <= session.Get(after.Origin) {
				c.Fatalf("R5: replica %s has %+v from outside the open session, which covers %d", p.ID, after, session.Get(after.Origin))
			}
		}
	}
}

// checkReleases holds that each Release of a commit observed what lived where
// it was written, and nothing else.
func (c *cluster) checkReleases(p *peer, old *delta.Replica, effects *delta.Effects) {
	if old.IsAhead() || c.joined {
		return // more is observed than the context says
	}
	seen := sequencesOf(old.Context)
	for _, d := range effects.Deltas {
		for i, e := range d.Events {
			if e.Kind == delta.Release && d.Origin == p.ID && !c.history.touchedByForgotten(e.Key()) {
				c.checkRelease(d.Dot(i), e, seen)
			}
			seen[index(d.Origin)] = d.Dot(i).Sequence
		}
	}
}

func (c *cluster) checkRelease(dot crdt.Dot, e delta.Event, seen *sequences) {
	var observed []crdt.Dot
	for _, x := range e.Released() {
		observed = append(observed, crdt.Dot{Replica: x.Origin, Sequence: x.Last})
	}
	if want := c.history.live(e.Key(), seen); !slices.Equal(observed, want) {
		c.Fatalf("release %s observed %v, live were %v", dot, observed, want)
	}
}

// checkView holds that a replica which is not ahead shows what follows from the
// events that its context covers.
func (c *cluster) checkView(p *peer) {
	if p.IsAhead() {
		return
	}
	seen := sequencesOf(p.Context)
	for _, x := range universe() {
		k := delta.ClaimKey(x)
		if c.history.touchedByForgotten(k) {
			continue
		}
		if got, want := p.value(x), c.history.value(k, seen); got != want {
			c.Fatalf("replica %s shows %d for %v, its events give %d", p.ID, got, x.Range, want)
		}
	}
	for _, name := range nodeNames {
		held := p.node(name)
		if want := c.history.node(name, seen); !held.Equal(&want) {
			c.Fatalf("replica %s holds %+v of node %s, its events give %+v", p.ID, held, name, want)
		}
	}
}

// checkPairs holds that equal contexts mean equal entries, unless one is ahead.
func (c *cluster) checkPairs(p *peer) {
	for _, q := range c.members {
		if p.IsAhead() || q.IsAhead() || p.ContextHash != q.ContextHash {
			continue
		}
		if !p.Context.Equal(q.Context) {
			c.Fatalf("equal context hashes: %s and %s", p.Context, q.Context)
		}
		if len(c.history.forgotten) == 0 && p.Fingerprint != q.Fingerprint {
			c.Fatalf("replicas %s and %s: equal contexts %s, different entries:\n%+v\n%+v", p.ID, q.ID, p.Context, p.state(), q.state())
		}
		if len(c.history.forgotten) > 0 && !slices.EqualFunc(c.untouched(p), c.untouched(q), delta.Entry.Equal) {
			c.Fatalf("replicas %s and %s: equal contexts %s, different entries:\n%+v\n%+v", p.ID, q.ID, p.Context, p.state(), q.state())
		}
	}
}

// untouched returns the entries that no forgotten replica has touched.
func (c *cluster) untouched(p *peer) []delta.Entry {
	return slices.DeleteFunc(p.state(), func(e delta.Entry) bool { return c.history.touchedByForgotten(e.Key) })
}

// checkEqual holds that all replicas have the same entries.
func (c *cluster) checkEqual() {
	for _, p := range c.members[1:] {
		if q := c.members[0]; p.Fingerprint != q.Fingerprint || !slices.EqualFunc(p.state(), q.state(), delta.Entry.Equal) {
			c.Fatalf("replicas %s and %s differ after the last repair:\n%+v\n%+v", p.ID, q.ID, p.state(), q.state())
		}
	}
}

// checkComplete holds that every replica shows what follows from all events.
func (c *cluster) checkComplete() {
	for _, p := range c.members {
		for _, x := range universe() {
			k := delta.ClaimKey(x)
			if c.history.late[k] {
				continue
			}
			if got, want := p.value(x), c.history.final(k); got != want {
				c.Fatalf("replica %s shows %d for %s %v, all events give %d", p.ID, got, x.Node, x.Range, want)
			}
		}
	}
}

// trace prints what a commit did.
type trace struct{ *delta.Effects }

func (e trace) String() string {
	var b strings.Builder
	for _, d := range e.Deltas {
		for i, x := range d.Events {
			fmt.Fprintf(&b, "%d:%d %s %d %v %d; ", d.Origin[1], d.Dot(i).Sequence, x.Operation(), x.By, x.Claim.Range, len(x.Released()))
		}
	}
	fmt.Fprintf(&b, "seen %v, ahead %v, session %v", short(e.Context), short(e.Ahead), short(e.Session))
	return b.String()
}

// short prints a context by the indices of its replicas.
type short crdt.Context

func (c short) String() string {
	var b strings.Builder
	for id, sequence := range crdt.Context(c).All() {
		fmt.Fprintf(&b, " %d:%d", id[1], sequence)
	}
	return "{" + strings.TrimSpace(b.String()) + "}"
}
