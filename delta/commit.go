package delta

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Env is what a commit needs from outside.
type Env struct {
	// Read gives the committed state.
	Read Reader
	// Now is the time written into deltas, in milliseconds since the epoch.
	Now int64
	// Overlapping returns the committed visible claims of a keyspace that
	// overlap a range, for the gap check of a Tighten. Optional: without it
	// the keyspace is scanned.
	Overlapping func(keyspace string, r ranges.Range) []ranges.Claim
}

// Commit collects the effects of any number of steps — local writes, received
// deltas, joined range answers, session changes — that become durable
// together. Steps see the effects of those before them. A step that returns an
// error wrapping one of this package's sentinels has changed nothing; any
// other error comes from the Reader and ends the commit.
//
// A Commit is used by one goroutine and ends with Finish.
type Commit struct {
	replica *Replica
	env     Env
	*workspace

	id      crdt.ReplicaID
	context crdt.Context
	session crdt.Context
	gone    *gone
	sweep   bool // the context of a forgotten replica grew without its events
}

// Begin starts a commit on r.
func (r *Replica) Begin(env Env) *Commit {
	room := r.workspace
	r.workspace = nil
	if room == nil {
		room = newWorkspace()
	}
	return &Commit{
		replica: r, env: env, workspace: room, id: r.ID, session: r.session, gone: r.gone,
		context: crdt.NewContext(),
	}
}

// ID returns the id under which the commit writes.
func (c *Commit) ID() crdt.ReplicaID { return c.id }

// seen returns up to where the events of a replica are seen at this point.
func (c *Commit) seen(r crdt.ReplicaID) uint64 {
	return max(c.context.Get(r), c.replica.Context.Get(r))
}

// Covers reports whether everything in other is seen at this point.
func (c *Commit) Covers(other crdt.Context) bool {
	for r, sequence := range other {
		if sequence > c.seen(r) {
			return false
		}
	}
	return true
}

func (c *Commit) isForgotten(r crdt.ReplicaID) bool {
	if _, ok := c.forgotten[r]; ok {
		return true
	}
	_, ok := c.replica.Forgotten[r]
	return ok
}

// change returns the entry under k as it stands at this point, to be read or
// written.
func (c *Commit) change(k Key) (*EntryChange, error) {
	if e, ok := c.entries[k]; ok {
		return e, nil
	}
	return c.read(k)
}

// changeOf is change for the entry of a claim.
func (c *Commit) changeOf(claim *ranges.Claim) (*EntryChange, error) {
	c.key = appendClaimKey(c.key[:0], claim)
	if e, ok := c.entries[Key(c.key)]; ok {
		return e, nil
	}
	return c.read(Key(c.key))
}

// read returns an entry that no step has changed or read.
func (c *Commit) read(k Key) (*EntryChange, error) {
	before, err := c.env.Read.Get(k)
	if err != nil {
		return nil, err
	}
	e := c.newChange()
	*e = NewEntryChange(k, before, before)
	c.entries[k] = e
	return e, nil
}

// counter returns the counter of a claim as it stands at this point.
func (c *Commit) counter(k Key) (crdt.PNCounter, error) {
	e, err := c.change(k)
	if err != nil {
		return nil, err
	}
	return e.after.counter, nil
}

func (c *Commit) setCounter(k Key, counter crdt.PNCounter) error {
	e, err := c.change(k)
	if err != nil {
		return err
	}
	e.hold(counter)
	c.noteClosable(e)
	return nil
}

// noteClosable notes if our own record on a claim is released.
func (c *Commit) noteClosable(e *EntryChange) {
	if mine, ok := e.after.counter.Find(c.id); ok && !mine.IsLive() {
		c.closable[e.Key] = struct{}{}
	}
}

// put returns counter with x joined in. A released record of a forgotten
// origin whose contributions are all seen is dropped: nobody will close it.
func (c *Commit) put(counter crdt.PNCounter, x crdt.Contribution) crdt.PNCounter {
	counter = counter.MergeInto(x, c.newCounter)
	merged, _ := counter.Find(x.Origin)
	if c.isAbandoned(merged) {
		return counter.Drop(x.Origin)
	}
	return counter
}

// newCounter returns room for a counter of so many records.
func (c *Commit) newCounter(records int) crdt.PNCounter { return c.records.cut(records) }

func (c *Commit) isAbandoned(x crdt.Contribution) bool {
	return !x.IsLive() && c.isForgotten(x.Origin) && c.seen(x.Origin) >= x.Last
}

// Rename goes on under a new id, which must never have been used. What was
// issued under the former one stays as it is: nobody else has issued any of it.
// An open session is abandoned: records of the former id that its sender lacks
// were kept as our own, which only we could have closed, and are so no more.
func (c *Commit) Rename(id crdt.ReplicaID) {
	c.id, c.session, c.gone = id, nil, nil
	clear(c.closable)
	clear(c.reissued)
}

// Disown goes on under a new id because another has issued events under the
// same id, too: the directory was rolled back or copied. Who has seen those
// under a sequence will never take ours from anybody, and drops our records
// where its context covers them. So what this process has added is carried
// over: each record that it has registered or increased in this life is
// released, as it stands here, and contributed again under the new id
// (docs/data-model.md, 7). One that it has only decreased is left: the other may
// have released it, and a decrease is no reason to bring it back. O(claims), for
// what is rare.
func (c *Commit) Disown(id crdt.ReplicaID) error {
	former, since := c.id, uint64(0)
	if former == c.replica.ID {
		since = c.replica.since
	}
	c.Rename(id)
	var own []Key
	err := c.scan(ClaimSpan, func(k Key, counter crdt.PNCounter) error {
		if x, ok := counter.Find(former); ok && x.IsLive() && x.Added > since {
			own = append(own, k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(own)
	return c.carryOver(former, own)
}

// Finish closes what this replica can close and returns the effects. The commit is
// of no use any more.
func (c *Commit) Finish() (*Effects, error) {
	if err := c.sweepAbandoned(); err != nil {
		return nil, err
	}
	if err := c.closeOwn(); err != nil {
		return nil, err
	}
	if err := c.reissueOwn(); err != nil {
		return nil, err
	}
	e := &Effects{
		ID: c.id, Renamed: c.id != c.replica.ID,
		Context: c.context, Ahead: c.aheadChanges(),
		Deltas: append([]Packed(nil), c.deltas...), Session: c.session, gone: c.gone,
		Fingerprint: c.replica.Fingerprint, ContextHash: c.replica.ContextHash,
	}
	if len(c.forgotten) > 0 {
		e.Forgotten = slices.SortedFunc(maps.Keys(c.forgotten), crdt.ReplicaID.Compare)
	}
	changes := c.changed()
	e.Entries = make([]EntryChange, len(changes))
	for i, x := range changes {
		x.sum()
		before, after := x.Fingerprints()
		e.Entries[i] = *x
		e.Fingerprint = e.Fingerprint.Minus(before).Plus(after)
	}
	for r, sequence := range c.context {
		e.ContextHash = e.ContextHash.WithSeen(r, c.replica.Context.Get(r), sequence)
	}
	c.replica.workspace, c.workspace = c.tidied(), nil
	return e, nil
}

// changed returns what differs from what is committed, ascending by key.
func (c *Commit) changed() []*EntryChange {
	for i := range c.taken {
		if x := c.changeAt(i); !x.isNothing() {
			c.sorted = append(c.sorted, x)
		}
	}
	slices.SortFunc(c.sorted, func(a, b *EntryChange) int { return cmp.Compare(a.Key, b.Key) })
	return c.sorted
}

func sortedKeys[V any](m map[Key]V) []Key {
	keys := slices.AppendSeq(make([]Key, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	return keys
}

// sweepAbandoned drops the released records that a completed session has left
// without anything to wait for. O(claims), and only where the session has
// brought something of a forgotten replica.
func (c *Commit) sweepAbandoned() error {
	if !c.sweep {
		return nil
	}
	return c.scan(ClaimSpan, func(k Key, counter crdt.PNCounter) error {
		if !slices.ContainsFunc(counter, c.isAbandoned) {
			return nil
		}
		return c.setCounter(k, slices.DeleteFunc(slices.Clone(counter), c.isAbandoned))
	})
}

// aheadChanges returns what changes in Ahead so that R3 holds.
func (c *Commit) aheadChanges() crdt.Context {
	changes := crdt.NewContext()
	for r, sequence := range c.ahead {
		if sequence > c.seen(r) && sequence > c.replica.Ahead.Get(r) {
			changes[r] = sequence
		}
	}
	for r := range c.context {
		if _, ok := changes[r]; !ok && c.replica.Ahead.Get(r) > 0 && c.seen(r) >= c.replica.Ahead.Get(r) {
			changes[r] = 0
		}
	}
	return changes
}

// closeBytesMax bounds the encoded size of a Close beyond the key of its claim.
const closeBytesMax = 64

// closeOwn issues a Close for every own record that was found released. A
// close answers the release of another; no operation waits for it, so it may
// come at the end, after a later step has perhaps used the record again. How
// many there are is up to others: they make as many deltas as it takes.
func (c *Commit) closeOwn() error {
	if len(c.closable) == 0 {
		return nil
	}
	w, size := c.newWriter(), 0
	for _, k := range sortedKeys(c.closable) {
		e, ok, err := c.closeOf(k)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if size += len(k) + closeBytesMax; size > DeltaBytesMax-closeBytesMax {
			if _, err := c.write(w); err != nil {
				return err
			}
			w, size = c.newWriter(), len(k)+closeBytesMax
		}
		w.emit(e)
	}
	_, err := c.write(w)
	return err
}

// closeOf returns the Close of our own record under k, if it is still released.
func (c *Commit) closeOf(k Key) (Event, bool, error) {
	counter, err := c.counter(k)
	if err != nil {
		return Event{}, false, err
	}
	mine, ok := counter.Find(c.id)
	if !ok || mine.IsLive() {
		return Event{}, false, nil
	}
	claim, err := k.Claim()
	return Event{Kind: Close, Claim: claim, Era: mine.Era}, true, err
}
