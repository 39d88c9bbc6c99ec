package antientropy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

var (
	repairRecords = flag.Int("repair.n", 100_000, "claims of the states that TestRepair_Costs repairs")
	repairDiffers = flag.Int("repair.d", 1000, "up to how many claims differ in TestRepair_Costs")
)

// table is a state that is shared by two sides, and never changes.
type table struct {
	entries []delta.Entry
	kept    *antientropy.Fingerprints
}

// newTable returns n claims of random ranges, registered by one replica.
func newTable(n int) *table {
	random := rand.New(rand.NewPCG(3, 5))
	t := &table{entries: make([]delta.Entry, n)}
	for i := range t.entries {
		from := fmt.Sprintf("%016x", random.Uint64())
		k := delta.ClaimKey(ranges.Claim{
			Keyspace: "default", Node: fmt.Sprintf("node-%d", i%50), Range: ranges.Range{From: from, To: ranges.Before(from + "~")},
		})
		t.entries[i] = delta.Entry{Key: k, Counter: crdt.PNCounter{{
			Origin: crdt.ReplicaID{7}, Era: uint64(i + 1), Last: uint64(i + 1), Added: uint64(i + 1), Register: uint64(i + 1), Amount: 10,
		}}}
	}
	slices.SortFunc(t.entries, func(a, b delta.Entry) int { return strings.Compare(string(a.Key), string(b.Key)) })
	b := antientropy.NewFingerprintsBuilder(antientropy.DefaultShape)
	for _, e := range t.entries {
		b.Add(e.Key, delta.FingerprintOf(e))
	}
	t.kept = b.Done()
	return t
}

// side is a replica whose state is that of a table but for some entries.
type side struct {
	*table
	name    string
	replica *delta.Replica
	core    *antientropy.Core
	changed map[delta.Key]delta.Entry
	keys    []delta.Key // of changed, ascending
	mine    *antientropy.Fingerprints
	told    *antientropy.Fingerprints // whose symbols it tells, nil for its own
	// visited counts the entries that were read, spent the time that it took to
	// work and to answer reads.
	visited int
	spent   time.Duration
}

func newSide(t *testing.T, base *table, name string, id byte) *side {
	s := &side{table: base, name: name, replica: delta.NewReplica(crdt.ReplicaID{id}), changed: map[delta.Key]delta.Entry{}, mine: base.kept}
	n := uint64(len(base.entries))
	s.replica.Context = crdt.Context{{7}: n}
	s.replica.ContextHash, s.replica.Fingerprint = delta.HashContext(s.replica.Context), base.kept.Whole()
	return s
}

// begin starts the cores of two sides that are equal and have seen that.
func begin(t *testing.T, a, b *side, symbols int) {
	a.begin(t, b, symbols)
	b.begin(t, a, symbols)
	a.core.Heard(b.name, b.core.CheckPayload())
	b.core.Heard(a.name, a.core.CheckPayload())
}

func (s *side) begin(t *testing.T, other *side, symbols int) {
	core, err := antientropy.New(antientropy.Options{Cluster: "test", Symbols: symbols}, antientropy.StartOf(s.replica))
	if err != nil {
		t.Fatal(err)
	}
	s.core = core
	core.Tick(1000)
	core.SetPeers([]antientropy.Peer{{Name: other.name, Replica: other.replica.ID, Alive: true}})
}

// Get implements delta.Reader.
func (s *side) Get(k delta.Key) (delta.Entry, error) {
	if e, ok := s.changed[k]; ok {
		return e, nil
	}
	i := s.index(k)
	if i < len(s.entries) && s.entries[i].Key == k {
		return s.entries[i], nil
	}
	return delta.Entry{}, nil
}

func (s *side) index(k delta.Key) int {
	return sort.Search(len(s.entries), func(i int) bool { return s.entries[i].Key >= k })
}

// Scan implements delta.Reader.
func (s *side) Scan(span delta.Span, visit func(delta.Entry) error) error {
	i := s.index(span.From)
	j, _ := slices.BinarySearch(s.keys, span.From)
	for {
		k := span.To
		if i < len(s.entries) {
			k = min(k, s.entries[i].Key)
		}
		if j < len(s.keys) {
			k = min(k, s.keys[j])
		}
		if k >= span.To {
			return nil
		}
		e, _ := s.Get(k)
		if i < len(s.entries) && s.entries[i].Key == k {
			i++
		}
		if j < len(s.keys) && s.keys[j] == k {
			j++
		}
		if e.IsZero() {
			continue
		}
		s.visited++
		if err := visit(e); err != nil {
			return err
		}
	}
}

// Instant implements antientropy.Source.
func (s *side) Instant() antientropy.Instant { return antientropy.InstantOf(s.replica) }

// Log implements antientropy.Source: it was trimmed.
func (s *side) Log(crdt.ReplicaID, uint64, int) ([]delta.Packed, error) { return nil, nil }

// commit makes steps durable.
func (s *side) commit(t *testing.T, steps func(*delta.Commit) error) *delta.Effects {
	c := s.replica.Begin(delta.Env{Read: s})
	if err := steps(c); err != nil {
		t.Fatal(err)
	}
	e, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range e.Entries {
		if _, ok := s.changed[x.Key]; !ok {
			s.keys = append(s.keys, x.Key)
		}
		s.changed[x.Key] = x.After()
	}
	slices.Sort(s.keys)
	if s.mine, err = s.mine.Next(e.Entries, s); err != nil {
		t.Fatal(err)
	}
	s.replica.Adopt(e)
	return e
}

// work does what a core wants done, until it wants nothing more, and returns
// what it sends.
func (s *side) work(t *testing.T) []antientropy.Message {
	began := time.Now()
	defer func() { s.spent += time.Since(began) }()
	var out []antientropy.Message
	for r := s.core.Ready(); !r.IsEmpty(); r = s.core.Ready() {
		checkOpensFirst(t, r)
		for _, q := range r.Commits {
			var result antientropy.CommitResult
			e := s.commit(t, func(c *delta.Commit) (err error) {
				result, err = q.Run(c, func() crdt.ReplicaID { panic("nobody is renamed") })
				return err
			})
			s.core.Committed(e, result)
		}
		for _, q := range r.Reads {
			s.core.Answered(q.Run(s.source()))
		}
		out = append(out, r.Messages...)
	}
	return out
}

// checkOpensFirst: what is read to be compared is asked for when the session is
// open on disk, not while that is under way (S1).
func checkOpensFirst(t *testing.T, r antientropy.Ready) {
	opens := slices.ContainsFunc(r.Commits, func(q antientropy.CommitRequest) bool {
		return slices.ContainsFunc(q.Steps, func(s antientropy.Step) bool { return s.Kind == antientropy.StepOpen })
	})
	if opens && len(r.Reads) > 0 {
		t.Errorf("a read of %s is asked for beside the opening of the session", r.Reads[0].Kind)
	}
}

func (s *side) source() antientropy.Source {
	own := antientropy.WithFingerprints(s, func() *antientropy.Fingerprints { return s.mine })
	if s.told == nil {
		return own
	}
	return liar{own, own.(antientropy.Summaries), own.(antientropy.Sketched), s.told}
}

// liar is a source with the symbols of another state.
type liar struct {
	antientropy.Source
	antientropy.Summaries
	antientropy.Sketched
	told *antientropy.Fingerprints
}

func (l liar) Symbols(from, to int) []antientropy.Symbol { return l.told.Symbols(from, to) }

// repair has to repaired from from, and returns what it cost.
func repair(t *testing.T, to, from *side) repairCost {
	to.visited, from.visited, to.spent, from.spent = 0, 0, 0, 0
	cost := exchange(t, to, from)
	cost.visited, cost.spent = to.visited+from.visited, to.spent+from.spent
	if to.replica.Fingerprint != from.replica.Fingerprint || !to.replica.Context.Equal(from.replica.Context) {
		t.Fatalf("not equal after the repair: %s and %s", to.replica.Fingerprint, from.replica.Fingerprint)
	}
	return cost
}

// exchange has to repaired from from, of some spans or of everything.
func exchange(t *testing.T, to, from *side, spans ...delta.Span) repairCost {
	cost := repairCost{}
	to.core.Repair(from.name, spans...)
	for i := 0; ; i++ {
		questions := to.work(t)
		if len(questions) == 0 {
			break
		}
		cost.trips++
		for _, m := range questions {
			cost.bytes += len(m.Frame)
			from.core.Receive(to.name, m.Frame)
		}
		for _, m := range from.work(t) {
			cost.bytes += len(m.Frame)
			to.core.Receive(from.name, m.Frame)
		}
		if i > 100_000 {
			t.Fatal("the session does not end")
		}
	}
	return cost
}

type repairCost struct {
	bytes, trips, visited int
	spent                 time.Duration
}

// change writes an Increase of n claims, scattered or neighbours.
func (s *side) change(t *testing.T, n int, scattered bool) {
	total := len(s.entries)
	order := rand.New(rand.NewPCG(uint64(n), 1)).Perm(total)
	for first := 0; first < n; first += 1000 {
		e := s.commit(t, func(c *delta.Commit) error {
			var batch []delta.Operation
			for i := first; i < min(n, first+1000); i++ {
				at := total/3 + i
				if scattered {
					at = order[i]
				}
				claim, err := s.entries[at].Key.Claim()
				if err != nil {
					return err
				}
				batch = append(batch, delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1})
			}
			_, _, err := c.Write(batch)
			return err
		})
		s.core.Committed(e)
		s.core.Ready() // what it pushes is lost
	}
}

// payload is what the changed entries take by themselves.
func (s *side) payload() int {
	n := 0
	for k, e := range s.changed {
		n += len(k) + len(delta.EncodeEntry(e))
	}
	return n
}

// TestRepair_Costs is what it costs to repair a large state whose log was
// trimmed, beyond the entries that differ: bytes and round trips exactly, and
// that what is read follows the difference.
func TestRepair_Costs(t *testing.T) {
	base := newTable(*repairRecords)
	for _, c := range []struct {
		d                  int
		scattered, sketch  bool
		bytesMax, tripsMax int // bytes in all for d ≤ 1, else for each difference
	}{
		{d: 1, scattered: true, sketch: true, bytesMax: 400, tripsMax: 2},
		{d: 1, scattered: true, bytesMax: 1498, tripsMax: 10},
		{d: 100, scattered: true, sketch: true, bytesMax: 80},
		{d: 100, scattered: true, bytesMax: 350},
		{d: 100, sketch: true, bytesMax: 27},
		{d: 100, bytesMax: 24},
		{d: 1000, scattered: true, sketch: true, bytesMax: 80},
		{d: 1000, scattered: true, bytesMax: 350},
		{d: 1000, sketch: true, bytesMax: 24},
		{d: 1000, bytesMax: 24},
		{d: 10000, scattered: true, sketch: true, bytesMax: 80},
		{d: 10000, scattered: true, bytesMax: 350},
		{d: 10000, sketch: true, bytesMax: 24},
		{d: 10000, bytesMax: 24},
	} {
		if c.d > *repairDiffers {
			continue
		}
		name := fmt.Sprintf("d=%d", c.d)
		if c.scattered {
			name += " scattered"
		}
		symbols := 0
		if c.sketch {
			name, symbols = name+" sketch", antientropy.DefaultShape.Symbols
		}
		t.Run(name, func(t *testing.T) {
			to, from := newSide(t, base, "to", 1), newSide(t, base, "from", 2)
			begin(t, to, from, symbols)
			from.change(t, c.d, c.scattered)
			payload := from.payload()
			cost := repair(t, to, from)
			beyond := cost.bytes - payload
			each := float64(beyond) / float64(max(1, c.d))
			t.Logf("%d bytes beyond %d of entries, %.1f for each; %d trips; %d entries read; %s", beyond, payload, each, cost.trips, cost.visited, cost.spent)
			if c.tripsMax > 0 && cost.trips > c.tripsMax || each > float64(c.bytesMax) {
				t.Errorf("want at most %d bytes and %d trips", c.bytesMax, c.tripsMax)
			}
			if visitedMax := 1000 * c.d; cost.visited > visitedMax {
				t.Errorf("want at most %d entries read", visitedMax)
			}
		})
	}
}

// TestSession_Sketch_LiesAreNotBelieved: a peer whose symbols leave out what it
// has, as a collision of hashes would, is not taken for equal: what is fetched
// and what is shared have not the fingerprint of its state, so ranges are
// compared.
func TestSession_Sketch_LiesAreNotBelieved(t *testing.T) {
	base := newTable(2000)
	to, from := newSide(t, base, "to", 1), newSide(t, base, "from", 2)
	begin(t, to, from, antientropy.DefaultShape.Symbols)
	from.change(t, 5, true)
	from.told = base.kept // which knows nothing of the changes
	cost := repair(t, to, from)
	if c := to.core.Counters(); c.SketchesGivenUp != 1 || c.SketchesPeeled != 0 || c.EntriesTaken == 0 {
		t.Errorf("%d trips, %+v", cost.trips, c)
	}
}

// TestRepair_OfSpans_Costs: a node that takes part in much of the state repairs
// that by a sketch too, and gets everything that differs; one that takes part in
// little, or of whose spans few differ, compares them. Both end up right in them.
func TestRepair_OfSpans_Costs(t *testing.T) {
	base := newTable(*repairRecords)
	hex := func(from, to byte) delta.Span {
		return delta.StartingIn("default", ranges.Range{From: string(from), To: ranges.Before(string(to))})
	}
	for _, c := range []struct {
		name      string
		spans     []delta.Span
		scattered bool
		sketch    bool
		bytesMax  int // for each difference that is repaired
	}{
		{"much, scattered", []delta.Span{hex('0', '3'), hex('5', '9'), hex('b', 'e')}, true, true, 80},
		{"much, clustered", []delta.Span{hex('0', '3'), hex('5', '9'), hex('b', 'e')}, false, false, 40},
		{"little, scattered", []delta.Span{hex('5', '6')}, true, false, 350},
	} {
		t.Run(c.name, func(t *testing.T) {
			to, from := newSide(t, base, "to", 1), newSide(t, base, "from", 2)
			begin(t, to, from, antientropy.DefaultShape.Symbols)
			from.change(t, 1000, c.scattered)
			before := to.core.Counters()
			cost := exchange(t, to, from, c.spans...)
			payload, repaired := 0, 0
			for k, e := range to.changed {
				payload += len(k) + len(delta.EncodeEntry(e))
				repaired++
			}
			counted := to.core.Counters()
			each := float64(cost.bytes-payload) / float64(max(1, repaired))
			t.Logf("%d repaired, %.1f bytes for each, %d trips", repaired, each, cost.trips)
			if got := counted.SketchesPeeled > before.SketchesPeeled; got != c.sketch || each > float64(c.bytesMax) || repaired == 0 {
				t.Errorf("by a sketch: %t; want at most %d bytes for each", got, c.bytesMax)
			}
			for _, span := range c.spans {
				for k, e := range from.changed {
					if mine, _ := to.Get(k); span.Contains(k) && !mine.Equal(e) {
						t.Fatalf("%q is not repaired", k)
					}
				}
			}
			if to.replica.Context.Equal(from.replica.Context) {
				t.Error("the context has grown with a part")
			}
		})
	}
}
