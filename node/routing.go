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
// The committer writes it, after the commit and before the answers go out, so
// that who has an answer sees its effect; lookups read immutable tables.
type routing struct {
	// tables maps keyspaces to their current tables. The map is replaced when
	// a keyspace comes or goes, the pointers in it when its claims change.
	tables atomic.Pointer[map[string]*atomic.Pointer[ranges.Table]]
	// loading is what load takes in until loaded; readers do not see it. It
	// belongs to who opens the store.
	loading *derived

	mu struct {
		sync.RWMutex
		*derived
		context crdt.Context
	}
}

func newRouting() *routing {
	r := &routing{loading: newDerived()}
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
func (r *routing) reload() { r.loading = newDerived() }

// load takes an entry in while the store is being opened or reopened.
func (r *routing) load(e delta.Entry) error {
	_, _, err := r.loading.change(delta.EntryChange{Key: e.Key, After: e})
	return err
}

// loaded shows readers what load took in, of the node of that name.
func (r *routing) loaded(self string, context crdt.Context) {
	r.loading.name(self)
	tables := map[string]*atomic.Pointer[ranges.Table]{}
	for keyspace, index := range r.loading.indexes {
		tables[keyspace] = pointerTo(index.Table())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.self == self { // a commit may be on disk of which nobody was told
		r.loading.fresh = r.loading.own.Participation().Beyond(r.mu.own.Participation())
	}
	r.mu.derived, r.loading = r.loading, nil
	r.mu.context = context
	r.tables.Store(&tables)
}

func pointerTo(t *ranges.Table) *atomic.Pointer[ranges.Table] {
	p := new(atomic.Pointer[ranges.Table])
	p.Store(t)
	return p
}

// apply takes over the effects of a commit and returns what became visible.
func (r *routing) apply(e *delta.Effects) ([]change, error) {
	var changes []change
	touched := map[string]struct{}{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range e.Entries {
		c, visible, err := r.mu.change(x)
		if err != nil {
			return nil, err
		}
		if !visible {
			continue
		}
		changes = append(changes, c)
		if c.key.IsClaim() {
			touched[c.claim.Keyspace] = struct{}{}
		}
	}
	r.mu.settle()
	for keyspace := range touched {
		r.publish(keyspace)
	}
	r.mu.context.Join(e.Context)
	return changes, nil
}

// publish shows readers the present table of a keyspace. The caller holds mu.
func (r *routing) publish(keyspace string) {
	index := r.mu.indexes[keyspace]
	tables := *r.tables.Load()
	p, ok := tables[keyspace]
	if ok && index.Len() > 0 {
		p.Store(index.Table())
		return
	}
	tables = maps.Clone(tables)
	if index.Len() > 0 {
		tables[keyspace] = pointerTo(index.Table())
	} else {
		delete(tables, keyspace)
		delete(r.mu.indexes, keyspace)
	}
	r.tables.Store(&tables)
}

// overlapping returns the visible claims of a keyspace that overlap a range.
func (r *routing) overlapping(keyspace string, within ranges.Range) []ranges.Claim {
	r.mu.RLock()
	defer r.mu.RUnlock()
	index, ok := r.mu.indexes[keyspace]
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
// ascending.
func (r *routing) participants(d delta.Delta) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := map[string]struct{}{}
	for _, e := range d.Events {
		index, ok := r.mu.indexes[e.Claim.Keyspace]
		if !ok || !e.Key().IsClaim() {
			continue
		}
		for w := range index.Overlapping(e.Claim.Range) {
			names[w.Node] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// partners returns the nodes that claim a part of what this node claims, itself
// left out, ascending. The first partnersMax claims there stand for all.
func (r *routing) partners() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := map[string]struct{}{}
	left := partnersMax
	for part := range r.mu.own.Participation().All() {
		if left == 0 {
			break
		}
		for w := range r.mu.indexes[part.Keyspace].Overlapping(part.Range) {
			if left--; left == 0 {
				break
			}
			names[w.Node] = struct{}{}
		}
	}
	delete(names, r.mu.self)
	return slices.Sorted(maps.Keys(names))
}

// partnersMax bounds the claims that partners are looked for among.
const partnersMax = 1 << 16

// token returns a context that what is read from now on reflects at least.
func (r *routing) token() crdt.Context {
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
// call. For the committer only.
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
	for _, name := range slices.Sorted(maps.Keys(r.mu.indexes)) {
		out = append(out, Keyspace{Name: name, Claims: r.mu.indexes[name].Len(), Subranges: r.table(name).Len()})
	}
	return out
}

func (r *routing) claims() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.claims
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
