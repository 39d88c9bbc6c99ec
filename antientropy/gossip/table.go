package gossip

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// goneMax bounds the dead and left members that are remembered. Past it the
// one that is gone longest is forgotten.
const goneMax = 4096

// table remembers every member that was ever listed, also when memberlist has
// forgotten it. It is a leaf: memberlist calls it with its own lock held, so
// no method calls memberlist.
type table struct {
	self string
	// grace is how long after a missed probe a member becomes suspect: what
	// memberlist takes to try other ways.
	grace time.Duration
	// changed is called, with mu held, when a member changed. It may not block.
	changed func()

	mu struct {
		sync.Mutex
		entries map[string]*entry
		lives   lives
		became  Became
	}
}

// entry is one member. Invariants:
//
//  1. listed is Alive, Dead or Left; Suspect is derived, see shown.
//  2. listed = Left ⇒ announced.
//  3. missed is zero, or later than heard.
//  4. told is shown, or Alive where Suspect is by the passing of time alone.
type entry struct {
	node    memberlist.Node // Addr, Port and what senders need
	meta    Meta
	listed  Liveness
	since   time.Time
	heard   time.Time
	missed  time.Time // the first probe missed since heard
	leaving StartID   // the last start that has said that it leaves
	told    Liveness  // what was shown when last looked at
	// refuted: it runs on an older copy of its directory. Until it has drawn a
	// new replica id no frames go either way: they would confirm the old one.
	refuted bool
}

// valid reports which invariant an entry violates, or nil.
func (e *entry) valid() error {
	switch {
	case e.listed != Alive && e.listed != Dead && e.listed != Left:
		return fmt.Errorf("member %s: invariant 1: listed as %s", e.node.Name, e.listed)
	case e.listed == Left && !e.announced():
		return fmt.Errorf("member %s: invariant 2: left without a notice", e.node.Name)
	case !e.missed.IsZero() && e.missed.Before(e.heard):
		return fmt.Errorf("member %s: invariant 3: missed %s before heard %s", e.node.Name, e.missed, e.heard)
	case e.told != e.listed && (e.told != Suspect || e.listed != Alive):
		return fmt.Errorf("member %s: invariant 4: told as %s, listed as %s", e.node.Name, e.told, e.listed)
	}
	return nil
}

func newTable(self string, grace time.Duration, changed func(), remembered ...Life) *table {
	t := &table{self: self, grace: grace, changed: changed}
	t.mu.entries = make(map[string]*entry)
	t.mu.lives = newLives(remembered)
	return t
}

// shown returns what is believed about the member now, and since when.
func (e *entry) shown(now time.Time, grace time.Duration) (Liveness, time.Time) {
	if suspectAt := e.missed.Add(grace); e.listed == Alive && !e.missed.IsZero() && !now.Before(suspectAt) {
		return Suspect, suspectAt
	}
	return e.listed, e.since
}

// note takes note of what is believed of a member now, and reports whether that
// is another than before. Whoever changes what shown depends on calls it, before
// too if that may hide that the member has become suspect since it was looked at.
func (t *table) note(e *entry, now time.Time) bool {
	is, _ := e.shown(now, t.grace)
	if is == e.told {
		return false
	}
	e.told = is
	if e.node.Name != t.self {
		t.mu.became.count(is)
	}
	return true
}

// announced reports whether the member has said that it leaves, under the
// start by which it is or was listed.
func (e *entry) announced() bool { return e.leaving != (StartID{}) && e.leaving == e.meta.Start }

// list records that memberlist lists a member as alive. It returns the start
// that is remembered of its replica, if that refutes the one it has.
func (t *table) list(node memberlist.Node, meta Meta, now time.Time) (later StartID, refuted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[node.Name]
	if e == nil {
		e = new(entry)
		t.mu.entries[node.Name] = e
	}
	if e.listed != Alive {
		e.listed, e.since, e.missed = Alive, now, time.Time{}
	}
	e.node, e.meta = node, meta
	t.note(e, now)
	t.changed()
	later, e.refuted = t.mu.lives.meet(Life{Name: node.Name, Replica: meta.Replica, Start: meta.Start}, t.isAliveLocked)
	return later, e.refuted
}

// isAliveLocked reports whether a member is listed as alive, with mu held.
func (t *table) isAliveLocked(name string) bool {
	e := t.mu.entries[name]
	return e != nil && e.listed == Alive
}

// remembered returns the last known life of every member, ascending by name.
func (t *table) remembered() []Life {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.lives.all(func(name string) bool { return name != t.self })
}

// gone returns the last known lives of those who are not listed as alive.
func (t *table) gone(most int) []Life {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.mu.lives.all(func(name string) bool { return name != t.self && !t.isAliveLocked(name) })
	return all[:min(most, len(all))]
}

// unlist records that memberlist has found a member dead or was told that it
// leaves; which of both, only a notice tells.
func (t *table) unlist(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	if e == nil || e.listed != Alive {
		return
	}
	t.note(e, now)
	e.listed, e.since = Dead, now
	if e.announced() {
		e.listed = Left
	}
	t.note(e, now)
	t.bound()
	t.changed()
}

// bound forgets the member that is gone longest if too many are.
func (t *table) bound() {
	var oldest string
	gone := 0
	for name, e := range t.mu.entries {
		if e.listed == Alive {
			continue
		}
		gone++
		if oldest == "" || e.since.Before(t.mu.entries[oldest].since) {
			oldest = name
		}
	}
	if gone > goneMax {
		delete(t.mu.entries, oldest)
	}
}

// announce records a notice and reports whether it is news.
func (t *table) announce(name string, start StartID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	if e == nil || e.leaving == start || e.meta.Start != start {
		return false
	}
	e.leaving = start
	if e.listed == Dead {
		e.listed = Left
		t.note(e, e.since)
		t.changed()
	}
	return true
}

// notices returns the notices about those who are gone, latest first.
func (t *table) notices(most int) []notice {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := slices.DeleteFunc(slices.Collect(maps.Values(t.mu.entries)), func(e *entry) bool {
		return !e.announced()
	})
	slices.SortFunc(gone, func(a, b *entry) int { return b.since.Compare(a.since) })
	all := make([]notice, 0, min(most, len(gone)))
	for _, e := range gone[:min(most, len(gone))] {
		all = append(all, notice{Name: e.node.Name, Counter: e.leaving.Counter, Nonce: e.leaving.Nonce})
	}
	return all
}

// hear records a sign of life and reports whether the member is known.
func (t *table) hear(name string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	if e == nil {
		return false
	}
	t.note(e, now)
	e.heard, e.missed = now, time.Time{}
	if t.note(e, now) {
		t.changed()
	}
	return true
}

// isRefuted reports whether nothing may be heard from a member yet.
func (t *table) isRefuted(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	return e != nil && e.refuted
}

// miss records that a probe of the member was not answered.
func (t *table) miss(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.mu.entries[name]; e != nil && e.missed.IsZero() {
		e.missed = now
	}
}

// look notices who has become suspect by the passing of time.
func (t *table) look(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.mu.entries {
		if t.note(e, now) {
			t.changed()
		}
	}
}

// target returns the node to send to.
func (t *table) target(name string) (memberlist.Node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	switch {
	case name == t.self:
		return memberlist.Node{}, fmt.Errorf("send to %s: %w", name, ErrSelf)
	case e == nil:
		return memberlist.Node{}, fmt.Errorf("send to %s: %w", name, ErrUnknownMember)
	case e.listed != Alive:
		return memberlist.Node{}, fmt.Errorf("send to %s: %w: it is %s", name, ErrNotAlive, e.listed)
	case e.refuted:
		return memberlist.Node{}, fmt.Errorf("send to %s: %w as who it says", name, ErrNotAlive)
	}
	return e.node, nil
}

// peers returns the others that are listed as alive.
func (t *table) peers() []memberlist.Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []memberlist.Node
	for name, e := range t.mu.entries {
		if name != t.self && e.listed == Alive {
			all = append(all, e.node)
		}
	}
	return all
}

// size returns the number of members listed as alive, this node included.
func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, e := range t.mu.entries {
		if e.listed == Alive {
			n++
		}
	}
	return n
}

// became returns how often others became what they are believed to be.
func (t *table) became() Became {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.became
}

// forget removes a member that is gone.
func (t *table) forget(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.mu.entries[name]
	switch {
	case name == t.self:
		return fmt.Errorf("forget %s: %w", name, ErrSelf)
	case e == nil:
		return fmt.Errorf("forget %s: %w", name, ErrUnknownMember)
	case e.listed == Alive:
		return fmt.Errorf("forget %s: %w", name, ErrAlive)
	}
	delete(t.mu.entries, name)
	delete(t.mu.lives, name)
	t.changed()
	return nil
}

// all returns every member, ascending by name.
func (t *table) all(now time.Time) []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	members := make([]Member, 0, len(t.mu.entries))
	for name, e := range t.mu.entries {
		m := Member{Name: name, Meta: e.meta, Gossip: e.node.Address(), LastHeard: e.heard, Self: name == t.self, Refuted: e.refuted}
		m.Liveness, m.Since = e.shown(now, t.grace)
		if m.Self {
			m.LastHeard = now
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return members
}
