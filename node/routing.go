package node

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// routing is everything derived from the entries that reads are answered from.
// The flights write it, so that who has an answer to a write sees its effect;
// lookups read immutable tables. What takes a while is prepared before the commit is
// on disk, and shown when it is there.
type routing struct {
	// tables maps keyspaces to their current tables. The map is replaced when
	// a keyspace comes or goes, the pointers in it when its claims change.
	tables atomic.Pointer[map[string]*atomic.Pointer[ranges.Table]]
	// claims belong to the previews, and to the committer while nothing that was
	// launched has yet to land. They are ahead of the rest between prepare and show,
	// of one commit or two; where the disk fails they stay so until loaded, any other
	// commit that is not carried out is undone.
	claims indexes
	// loading and loadingClaims are what load takes in until loaded; readers do
	// not see it. They belong to who opens the store.
	loading       *derived
	loadingClaims indexes
	// spare has room for changes: that of commits whose changes nobody has kept.
	spare chan []change

	mu struct {
		sync.RWMutex
		*derived
		context crdt.Context
		// contextHash is that of context.
		contextHash delta.Sum
		// recent are replicas of which something was seen last, the last first.
		recent []crdt.ReplicaID
	}
}

func newRouting() *routing {
	r := &routing{claims: indexes{}, spare: make(chan []change, 2)} // as many as may be under way
	r.reload()
	r.tables.Store(&map[string]*atomic.Pointer[ranges.Table]{})
	r.mu.derived, r.mu.context = newDerived(), crdt.NewContext()
	return r
}

var emptyTable = ranges.NewIndex("").Table()

// table returns the current table of a keyspace. No lock, no allocation.
func (r *routing) table(keyspace string) *ranges.Table {
	if p, ok := (*r.tables.Load())[keyspace]; ok {
		return p.Load()
	}
	return emptyTable
}

// reload begins to take everything in anew.
func (r *routing) reload() { r.loading, r.loadingClaims = newDerived(), indexes{} }

// load takes an entry in while the store is being opened or reopened.
func (r *routing) load(e delta.Entry) error {
	r.loading.wait(nil, e.Counter)
	c, visible, err := visibleChange(e.Key, &delta.Entry{}, &e)
	if err != nil || !visible {
		return err
	}
	if c.key.IsClaim() {
		r.loadingClaims.set(c.claim)
	}
	r.loading.note(&c)
	return nil
}

// loaded shows readers what load took in, of the node of that name.
func (r *routing) loaded(self string, context crdt.Context) {
	r.claims = r.loadingClaims
	r.loading.name(self, r.claims)
	tables := map[string]*atomic.Pointer[ranges.Table]{}
	for keyspace, index := range r.claims {
		tables[keyspace] = pointerTo(index.Table())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.self == self { // a commit may be on disk of which nobody was told
		r.loading.fresh = r.loading.own.Participation().Beyond(r.mu.own.Participation())
	}
	r.mu.derived, r.loading, r.loadingClaims = r.loading, nil, nil
	r.mu.context, r.mu.contextHash = context, delta.HashContext(context)
	r.tables.Store(&tables)
}

func pointerTo(t *ranges.Table) *atomic.Pointer[ranges.Table] {
	p := new(atomic.Pointer[ranges.Table])
	p.Store(t)
	return p
}

// prepared is what a commit shows.
type prepared struct {
	changes []change
	tables  []keyspaceTable
	err     error
}

// keyspaceTable is the new table of a keyspace, nil if no claim of it is left.
type keyspaceTable struct {
	keyspace string
	table    *ranges.Table
}

// prepare derives what a commit shows while nobody sees it yet. For the previews
// only.
func (r *routing) prepare(e *delta.Effects) prepared {
	p := prepared{changes: r.roomFor(len(e.Entries))}
	for i := range e.Entries {
		x := &e.Entries[i]
		before, after := x.Before(), x.After()
		c, visible, err := visibleChange(x.Key, &before, &after)
		if err != nil {
			return prepared{err: err}
		}
		if visible {
			c.repaired = x.Repaired
			p.changes = append(p.changes, c)
		}
	}
	p.tables = r.claims.take(p.changes)
	return p
}

// roomFor returns room for n changes.
func (r *routing) roomFor(n int) []change {
	select {
	case room := <-r.spare:
		return slices.Grow(room, n)
	default:
		return make([]change, 0, n)
	}
}

// changesKept is for how many changes room is kept: it takes 112 KiB. Groups of single
// writes have fewer.
const changesKept = 1024

// reuse takes the room of changes that were shown, and that nobody has kept.
func (r *routing) reuse(changes []change) {
	if cap(changes) > changesKept {
		return
	}
	clear(changes)
	select {
	case r.spare <- changes[:0]:
	default:
	}
}

// undo makes the claims what they were before the last prepare that is not undone,
// or leaves them so. For the committer, when that commit was not carried out.
func (r *routing) undo(e *delta.Effects) {
	var back []change
	for i := range e.Entries {
		x := &e.Entries[i]
		before, after := x.Before(), x.After()
		if c, visible, err := visibleChange(x.Key, &after, &before); err == nil && visible {
			back = append(back, c)
		}
	}
	r.claims.take(back)
}

// show makes visible what was prepared.
func (r *routing) show(e *delta.Effects, p prepared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range e.Entries {
		r.mu.wait(e.Entries[i].Before().Counter, e.Entries[i].After().Counter)
	}
	for i := range p.changes {
		r.mu.note(&p.changes[i])
	}
	r.mu.settle()
	for _, t := range p.tables {
		r.showTable(t.keyspace, t.table)
	}
	r.mu.context.Join(e.Context)
	r.mu.contextHash = e.ContextHash
	r.mu.recent = wrote(r.mu.recent, e.Context)
}

// showTable shows readers the table of a keyspace, nil if it has no claims. The
// caller holds mu.
func (r *routing) showTable(keyspace string, table *ranges.Table) {
	tables := *r.tables.Load()
	p, ok := tables[keyspace]
	if ok && table != nil {
		p.Store(table)
		return
	}
	tables = maps.Clone(tables)
	if table != nil {
		tables[keyspace] = pointerTo(table)
	} else {
		delete(tables, keyspace)
	}
	r.tables.Store(&tables)
}

// overlapping returns the visible claims of a keyspace that overlap a range. For
// the committer, while no flight is out.
func (r *routing) overlapping(keyspace string, within ranges.Range) []ranges.Claim {
	index, ok := r.claims[keyspace]
	if !ok {
		return nil
	}
	var claims []ranges.Claim
	for w := range index.Overlapping(within) {
		claims = append(claims, w.Claim)
	}
	return claims
}

// participants returns the nodes that claim a part of what a delta touches,
// ascending. The first lookedAtMax servers there stand for all.
func (r *routing) participants(d delta.Delta) []string {
	found := newNodeSearch()
	for _, e := range d.Events {
		if e.Key().IsClaim() {
			found.among(r.table(e.Claim.Keyspace), e.Claim.Range)
		}
	}
	return found.ascending()
}

// partners returns the nodes that claim a part of what this node claims, itself
// left out, ascending. The first lookedAtMax servers there stand for all.
func (r *routing) partners() []string {
	found := newNodeSearch()
	for part := range r.participation().All() {
		if !found.among(r.table(part.Keyspace), part.Range) {
			break
		}
	}
	delete(found.names, r.self())
	return found.ascending()
}

// nodeSearch collects the nodes that serve ranges.
type nodeSearch struct {
	names map[string]struct{}
	left  int
}

// lookedAtMax bounds the servers that a search looks at: a claim may cover a
// million subranges, and what is sought for is whom to tell first.
const lookedAtMax = 1 << 13

func newNodeSearch() *nodeSearch { return &nodeSearch{names: map[string]struct{}{}, left: lookedAtMax} }

// among adds the nodes that serve a part of a range, and reports whether it may
// look on.
func (s *nodeSearch) among(table *ranges.Table, within ranges.Range) bool {
	for x := range table.Overlapping(within) {
		if s.left -= len(x.Servers) + 1; s.left < 0 {
			return false
		}
		for _, server := range x.Servers {
			s.names[server.Node] = struct{}{}
		}
	}
	return true
}

func (s *nodeSearch) ascending() []string { return slices.Sorted(maps.Keys(s.names)) }

// self returns the name of this node.
func (r *routing) self() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.self
}

// seen returns a context that what is read from now on reflects at least.
func (r *routing) seen() crdt.Context {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.context.Clone()
}

// participation returns where this node participates. O(keyspaces).
func (r *routing) participation() compaction.Participation {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.own.Participation()
}

// moves counts how often where this node participates has changed since what is
// derived was built.
func (r *routing) moves() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.ownMoves
}

// participated returns the spans of the claims that start where this node
// participates, ascending: the first limit of them.
func (r *routing) participated(limit int) []delta.Span {
	var spans []delta.Span
	for part := range r.participation().All() {
		if len(spans) == limit {
			break
		}
		spans = append(spans, delta.StartingIn(part.Keyspace, part.Range))
	}
	return spans
}

// takeFresh returns where this node has begun to participate since the last
// call. For the flight, or the committer while none is out.
func (r *routing) takeFresh() []compaction.Part {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := r.mu.fresh
	r.mu.fresh = nil
	return fresh
}

// covers reports whether what is read from now on reflects a token.
func (r *routing) covers(token crdt.Context) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return token.Leq(r.mu.context)
}

// keyspaces returns all keyspaces that have visible claims, ascending by name.
func (r *routing) keyspaces() []Keyspace {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Keyspace
	for _, name := range slices.Sorted(maps.Keys(r.mu.derived.keyspaces)) {
		out = append(out, Keyspace{Name: name, Claims: r.mu.derived.keyspaces[name], Subranges: r.table(name).Len()})
	}
	return out
}

// visible returns how many claims are visible.
func (r *routing) visible() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.derived.claims
}

// waiting returns for whom records wait, the most first.
func (r *routing) waiting() []compaction.Wait {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]compaction.Wait, 0, len(r.mu.derived.waiting))
	for replica, records := range r.mu.derived.waiting {
		out = append(out, compaction.Wait{Replica: replica, Records: records})
	}
	slices.SortFunc(out, func(a, b compaction.Wait) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), a.Replica.Compare(b.Replica))
	})
	return out
}

// node returns the record of a node, retired or not.
func (r *routing) node(name string) (delta.NodeRecord, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n, ok := r.mu.nodes[name]
	return n, ok
}

// nodeRecords returns the records of all nodes that are not retired, ascending
// by name.
func (r *routing) nodeRecords() []delta.NodeRecord {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []delta.NodeRecord
	for _, name := range slices.Sorted(maps.Keys(r.mu.nodes)) {
		if n := r.mu.nodes[name]; !n.Retired {
			out = append(out, n)
		}
	}
	return out
}
