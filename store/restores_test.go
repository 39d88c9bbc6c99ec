package store

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

var (
	restores     = flag.Int("restores", 12, "how many old backups are restored under traffic")
	restoresSeed = flag.Uint64("restores-seed", 0, "seed of the test of restores; 0: by the time of day")
)

// restorer are three replicas under traffic, of which now and then one goes
// back to an old backup.
type restorer struct {
	t       *testing.T
	random  *rand.Rand
	stores  [3]*Store
	backups [3][]string
	// used has every dot that was ever given to a write, and what it was.
	used map[crdt.Dot]int
}

// restoreChunk is so small that entries outgrow it: each restored replica adds a record.
const restoreClaims, restoreChunk = 5, 150

func (k *restorer) claim(i int) delta.Operation {
	o := register("n1", fmt.Sprintf("k%d", i), "z", 1)
	o.Verb = delta.VerbIncrease
	return o
}

// write increases a random claim on a replica.
func (k *restorer) write(i int) {
	k.t.Helper()
	what := k.random.IntN(restoreClaims)
	d := write(k.t, k.stores[i], k.claim(what))
	if before, ok := k.used[d.Dot(0)]; ok {
		k.t.Fatalf("the dot %s stands for an increase of k%d, and now for one of k%d", d.Dot(0), before, what)
	}
	k.used[d.Dot(0)] = what
}

// pull brings to one replica all that another has seen.
func (k *restorer) pull(to, from int) {
	k.t.Helper()
	var deltas []delta.Packed
	seen := k.stores[to].Summary().Context
	view(k.t, k.stores[from], func(v *View) error {
		for origin := range v.Summary().Context {
			events, err := v.Log(origin, seen.Get(origin)+1, 1<<20)
			if err != nil || events.Stop != StopEnd {
				return fmt.Errorf("the log of %s stops: %s, %v", origin, events.Stop, err)
			}
			deltas = append(deltas, events.Deltas...)
		}
		return nil
	})
	if len(deltas) == 0 {
		return
	}
	_, err := k.stores[to].Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for _, p := range deltas {
			if outcome, err := c.Receive(p); err != nil || outcome == delta.Early {
				return fmt.Errorf("%s is %s: %v", p.Delta, outcome, err)
			}
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// restore puts one of its old backups in the place of a replica.
func (k *restorer) restore(i int) {
	k.t.Helper()
	checkAndClose(k.t, k.stores[i])
	backup := k.backups[i][k.random.IntN(len(k.backups[i]))]
	dir := filepath.Join(k.t.TempDir(), "restored")
	done, err := Restore(dir, backup, Options{NoSync: true})
	if err != nil {
		k.t.Fatal(err)
	}
	k.stores[i] = openTest(k.t, dir, Options{Node: done.Node, freshMax: 1 + k.random.IntN(4), chunkMax: restoreChunk})
	if id := k.stores[i].Summary().ID; id != done.Replica || k.stores[i].Summary().Context.Get(id) != 0 {
		k.t.Fatalf("it goes on as %s, of which it has seen events", id)
	}
}

// TestRestore_OldBackupsUnderTraffic restores old backups while all write and
// tell each other: no dot is used twice, and what another replica held is there
// in the end, whole and unshadowed. A hundred: -restores 100.
func TestRestore_OldBackupsUnderTraffic(t *testing.T) {
	seed := *restoresSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -restores-seed %d", seed)
	k := &restorer{t: t, random: rand.New(rand.NewPCG(seed, 0)), used: map[crdt.Dot]int{}}
	for i := range k.stores {
		k.stores[i] = openTest(t, t.TempDir(), Options{Node: fmt.Sprintf("n%d", i+1), freshMax: 2, chunkMax: restoreChunk})
	}
	for range *restores {
		for range 12 {
			i := k.random.IntN(3)
			switch k.random.IntN(6) {
			case 0:
				k.backups[i] = append(k.backups[i], backupOf(t, k.stores[i]))
			case 1, 2:
				k.pull(i, (i+1+k.random.IntN(2))%3)
			default:
				k.write(i)
			}
		}
		i := k.random.IntN(3)
		if len(k.backups[i]) == 0 {
			k.backups[i] = append(k.backups[i], backupOf(t, k.stores[i]))
			k.write(i)
		}
		k.restore(i)
		k.write(i) // before it has heard of anybody
	}
	held := crdt.NewContext() // by somebody
	for _, s := range k.stores {
		held.Join(s.Summary().Context)
	}
	for range 2 {
		for i := range k.stores {
			k.pull(i, (i+1)%3)
			k.pull(i, (i+2)%3)
		}
	}
	k.compare(held)
}

// compare holds all replicas against each other, and against what was held by
// some of them before all told each other everything.
func (k *restorer) compare(held crdt.Context) {
	k.t.Helper()
	context := k.stores[0].Summary().Context
	var want [restoreClaims]int64
	for dot, what := range k.used {
		if context.Covers(dot) {
			want[what]++
		}
	}
	if !context.Equal(held) {
		k.t.Errorf("%s was held, %s is left", held, context)
	}
	for i, s := range k.stores {
		if x := s.Summary(); !x.Context.Equal(context) || x.Fingerprint != k.stores[0].Summary().Fingerprint {
			k.t.Errorf("n%d holds %s after %s, n1 %s after %s", i+1, x.Fingerprint, x.Context, k.stores[0].Summary().Fingerprint, context)
		}
		for c := range restoreClaims {
			if got := priorityOf(k.t, s, "n1", fmt.Sprintf("k%d", c), "z"); got != want[c] {
				k.t.Errorf("n%d: k%d has priority %d, want %d", i+1, c, got, want[c])
			}
		}
	}
}
