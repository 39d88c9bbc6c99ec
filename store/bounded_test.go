package store

import (
	"flag"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

var moves = flag.Int("moves", 6000, "how often the priority of a claim moves in the test of bounded metadata")

// trio are three replicas that tell each other everything, or keep it for later
// while they are cut off from each other.
type trio struct {
	stores [3]*Store
	kept   [3][]delta.Packed // for each, what it was not told yet
	cut    bool
}

func newTrio(t *testing.T) *trio {
	k := &trio{}
	for i := range k.stores {
		k.stores[i] = openTest(t, t.TempDir(), Options{Node: fmt.Sprintf("n%d", i+1)})
	}
	return k
}

// at carries out operations on one of them and tells the others.
func (k *trio) at(t *testing.T, i int, operations ...delta.Operation) {
	t.Helper()
	k.update(t, i, func(c *delta.Commit) error { _, _, err := c.Write(operations); return err })
}

func (k *trio) update(t *testing.T, i int, fn func(*delta.Commit) error) {
	t.Helper()
	e, err := k.stores[i].Update(delta.Env{Now: 1}, fn)
	if err != nil {
		t.Fatal(err)
	}
	id := k.stores[i].Summary().ID
	for _, p := range e.Deltas {
		for j := range k.stores {
			if j != i && p.Origin == id {
				k.kept[j] = append(k.kept[j], p)
			}
		}
	}
	if !k.cut {
		k.deliver(t)
	}
}

// deliver tells all of them what they were not told, and what comes of that.
func (k *trio) deliver(t *testing.T) {
	t.Helper()
	for j := range k.stores {
		for len(k.kept[j]) > 0 {
			n := min(len(k.kept[j]), 64)
			told := k.kept[j][:n]
			k.kept[j] = k.kept[j][n:]
			k.update(t, j, func(c *delta.Commit) error {
				for _, p := range told {
					if outcome, err := c.Receive(p); err != nil || outcome == delta.Early {
						return fmt.Errorf("%s: %v", outcome, err)
					}
				}
				return nil
			})
		}
	}
}

// records returns how many records the claim has on each, and the most bytes
// that its entry takes.
func (k *trio) records(t *testing.T, key delta.Key) (n [3]int, bytes int) {
	t.Helper()
	for i, s := range k.stores {
		view(t, s, func(v *View) error {
			e, err := v.Get(key)
			if n[i] = len(e.Counter); n[i] > 0 {
				bytes = max(bytes, len(key)+len(delta.EncodeEntry(e)))
			}
			return err
		})
	}
	return n, bytes
}

// TestStore_Metadata_IsBounded moves the priority of one claim from three
// replicas, a third of the time while they are cut off from each other: it
// costs three records, and once it was released and its origins have closed it,
// nothing. For a million times: -moves 1000000.
func TestStore_Metadata_IsBounded(t *testing.T) {
	const batch = 100
	k := newTrio(t)
	for i := range k.stores {
		k.at(t, i, register("n1", "a", "m", 1))
	}
	up, down := register("n1", "a", "m", 3), register("n1", "a", "m", 2)
	up.Verb, down.Verb = delta.VerbIncrease, delta.VerbDecrease
	operations := make([]delta.Operation, batch)
	for i := range operations {
		operations[i] = []delta.Operation{up, down}[i%2]
	}
	rounds := *moves / batch
	key := delta.ClaimKey(up.Claim)
	for i := range rounds {
		k.cut = i > rounds/3 && i < 2*rounds/3
		k.at(t, i%3, operations...)
		if i%1000 == 999 {
			for _, s := range k.stores {
				trimAll(t, s) // histories are another matter
			}
		}
		if n, bytes := k.records(t, key); n[0] > 3 || n[1] > 3 || n[2] > 3 || bytes > 200 {
			t.Fatalf("after %d moves it has %v records in %d bytes", (i+1)*batch, n, bytes)
		}
	}
	k.cut = false
	k.deliver(t)
	n, bytes := k.records(t, key)
	priority := 1 + int64(rounds)*batch/2
	for i, s := range k.stores {
		if got := priorityOf(t, s, "n1", "a", "m"); got != priority || n[i] != 3 {
			t.Errorf("n%d has priority %d, want %d, in %d records", i+1, got, priority, n[i])
		}
	}
	t.Logf("%d moves: 3 records, %d bytes with the key", rounds*batch, bytes)
	release := register("n1", "a", "m", 0)
	release.Verb = delta.VerbRelease
	k.at(t, 1, release)
	if n, _ := k.records(t, key); n != [3]int{} {
		t.Errorf("released and closed it has %v records", n)
	}
	for i, s := range k.stores {
		if x := s.Summary(); x.Fingerprint.Count != 0 || !x.Context.Equal(k.stores[0].Summary().Context) {
			t.Errorf("n%d holds %s after %s", i+1, x.Fingerprint, x.Context)
		}
	}
}

// A released record waits for its origin alone, is named, and is freed by a
// forget of that.
func TestStore_Metadata_WaitsForASilentOrigin(t *testing.T) {
	k := newTrio(t)
	k.at(t, 2, register("n3", "a", "m", 1))
	silent := k.stores[2].Summary().ID
	k.cut = true
	release := register("n3", "a", "m", 0)
	release.Verb = delta.VerbRelease
	k.at(t, 0, release)
	k.kept[2] = nil // it never hears of it
	k.cut = false
	k.deliver(t)
	key := delta.ClaimKey(release.Claim)
	if n, _ := k.records(t, key); n[0] != 1 || n[1] != 1 {
		t.Fatalf("it has %v records", n)
	}
	k.cut = true
	k.update(t, 0, func(c *delta.Commit) error { _, err := c.Forget(silent); return err })
	k.kept[2] = nil
	k.cut = false
	k.deliver(t)
	if n, _ := k.records(t, key); n[0] != 0 || n[1] != 0 {
		t.Errorf("after the forget of %s it has %v records", silent, n)
	}
}
