package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// heldBack is a storm over a node on its own whose transactions are held back, or
// fail, again and again: its id is given up, its disk fails before or after a
// transaction is there, and steps fail. Every run of a step registers a claim that
// no other run does, so that it shows which runs came to be seen.
type heldBack struct {
	t    *testing.T
	seed uint64
	node *Node

	runs atomic.Int64
	mu   struct {
		sync.Mutex
		random *rand.Rand
		// told are the names of the runs whose writers were told that they are
		// done, seen those that watchers were shown.
		told, seen map[string]bool
	}
}

// disk fails now and then, on either side of a commit, and takes its time, so that
// others join and one is ready; or the id is given up meanwhile.
func (h *heldBack) disk(commit func() error) error {
	h.mu.Lock()
	draw := h.mu.random.IntN(160)
	h.mu.Unlock()
	switch {
	case draw == 0:
		return errDisk
	case draw == 1:
		return errors.Join(commit(), errDisk)
	case draw < 8:
		time.Sleep(time.Millisecond)
		h.node.identity.disown(h.node.Replica(), "another has it")
	case draw < 100:
		time.Sleep(time.Millisecond)
	}
	return commit()
}

// fate is what becomes of a step whose writer draws it.
type fate int

const (
	works    fate = iota
	refused       // by itself, which concerns nobody else
	fails         // each time, as if a page were corrupt
	failsNow      // once
)

// request returns one whose step registers a claim of its own, and releases or
// registers one that many change, in a keyspace that comes and goes.
func (h *heldBack) request(random *rand.Rand, done func(name string, err error)) *request {
	f, joins := works, 1
	switch draw := random.IntN(60); {
	case draw == 0:
		f = fails
	case draw == 1:
		f = failsNow
	case draw < 4:
		f = refused
	case draw < 6:
		joins = 0
	}
	shared := claimAt(fmt.Sprint("shared", random.IntN(3)))
	shared.Keyspace = fmt.Sprint("comes and goes ", random.IntN(2))
	verb := delta.VerbRegister
	if random.IntN(2) == 0 {
		verb = delta.VerbRelease
	}
	name, again := "", false
	step := func(c *delta.Commit) error {
		name = fmt.Sprintf("run%06d", h.runs.Add(1))
		isFirst := !again
		again = true
		_, _, err := c.Write([]delta.Operation{{Verb: verb, Claim: shared, Amount: 1}})
		if err != nil && !isOwn(err) {
			return err
		}
		switch {
		case f == refused:
			return fmt.Errorf("%w: it is to be refused", delta.ErrNotFound)
		case f == fails, f == failsNow && isFirst:
			return fmt.Errorf("%w: the page is not what was written", store.ErrCorrupt)
		}
		return write(registering(name))(c)
	}
	return &request{joins: joins, step: step, done: func(err error) { done(name, err) }}
}

// round has writers hand over requests without waiting for those before, and waits
// until all are answered, each once, those that are done in their order.
func (h *heldBack) round(round uint64) {
	var running sync.WaitGroup
	for writer := range uint64(8) {
		running.Go(func() { h.write(rand.New(rand.NewPCG(h.seed, round*100+writer))) })
	}
	running.Wait()
}

func (h *heldBack) write(random *rand.Rand) {
	const requests = 20
	answers := make(chan int, 2*requests)
	last := atomic.Int64{}
	last.Store(-1)
	put := 0
	for i := range requests {
		err := h.node.commits.put(h.request(random, func(name string, err error) {
			switch {
			case err == nil:
				h.tell(name)
				if former := last.Swap(int64(i)); former > int64(i) {
					h.t.Errorf("%d is done after %d", i, former)
				}
			case !errors.Is(err, ErrUnavailable) && !errors.Is(err, delta.ErrNotFound):
				h.t.Errorf("%d is answered %v", i, err)
			}
			answers <- i
		}), commitWeightMin)
		if err != nil {
			break // it is closed
		}
		put++
		if random.IntN(8) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
	}
	answered := map[int]bool{}
	for range put {
		select {
		case i := <-answers:
			if answered[i] {
				h.t.Errorf("%d is answered again", i)
			}
			answered[i] = true
		case <-time.After(20 * time.Second):
			h.t.Errorf("%d of %d are answered", len(answered), put)
			return
		}
	}
}

func (h *heldBack) tell(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.told[name] {
		h.t.Errorf("%s is done twice", name)
	}
	h.mu.told[name] = true
}

// watch notes every run that readers are shown, until the node is closed. A watch
// that has to read while the disk is at fault ends with that, and its reader comes
// again; any other end would be wrong.
func (h *heldBack) watch(ctx context.Context) {
	err := ErrUnavailable
	for errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
		err = h.node.Watch(ctx, WatchOptions{}, func(e WatchEvent) error {
			if e.Type == WatchClaim && e.Claim.Keyspace == "default" {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.mu.seen[e.Claim.Range.From] = true
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrClosed) {
		h.t.Errorf("the watch ends with %v", err)
	}
}

// compare sees that claims, tables and entries are the same while nothing is under
// way. It is called while nobody writes.
func (h *heldBack) compare() {
	var claims map[ranges.Claim]int64
	for deadline := time.Now().Add(20 * time.Second); claims == nil && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		ended := make(chan error, 1)
		var found map[ranges.Claim]int64
		err := h.node.commits.put(&request{step: func(*delta.Commit) error {
			found = map[ranges.Claim]int64{}
			for _, index := range h.node.routing.claims {
				for w := range index.All() {
					found[w.Claim] = w.Priority
				}
			}
			return nil
		}, done: func(err error) { ended <- err }}, commitWeightMin)
		if err != nil {
			h.t.Fatal(err)
		}
		if <-ended == nil {
			claims = found
		}
	}
	entries := map[ranges.Claim]int64{}
	err := h.node.store.View(func(v *store.View) error {
		for _, keyspace := range []string{"default", "comes and goes 0", "comes and goes 1"} {
			if err := v.Scan(delta.KeyspaceSpan(keyspace), func(e delta.Entry) error {
				c, err := changeOf(e)
				if err == nil && c.claim.Priority > 0 {
					entries[c.claim.Claim] = c.claim.Priority
				}
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrFailed) {
		h.t.Fatal(err)
	}
	if err == nil && !maps.Equal(claims, entries) {
		h.t.Errorf("tables are made of %d claims, %d are there", len(claims), len(entries))
	}
	if err == nil && !maps.Equal(h.shown(), entries) {
		h.t.Errorf("readers see %d claims, %d are there", len(h.shown()), len(entries))
	}
}

// shown returns the claims of the present tables.
func (h *heldBack) shown() map[ranges.Claim]int64 {
	found := map[ranges.Claim]int64{}
	for _, k := range h.node.routing.keyspaces() {
		for x := range h.node.LookupTable(k.Name).All() {
			for _, s := range x.Servers {
				c := claimAt(x.Range.From)
				c.Keyspace = k.Name
				found[c] = s.Priority
			}
		}
	}
	return found
}

// TestFlight_HeldBackAgainAndAgain: F3 and F5. Whatever is held back, fails or is
// refused, what tables are made of is what is on disk; nothing is shown that is not
// there in the end; what a writer was told is there is, by one run of its step alone.
// Replay the draws with SSNODE_SEED; what goroutines do between them is not.
func TestFlight_HeldBackAgainAndAgain(t *testing.T) {
	h := &heldBack{t: t, seed: RandomSeed(t)}
	h.mu.random = rand.New(rand.NewPCG(h.seed, 1<<32))
	h.mu.told, h.mu.seen = map[string]bool{}, map[string]bool{}
	isWild := atomic.Bool{}
	h.node = openAlone(t, Options{StallAfter: stallAfter, diskRetry: 5 * time.Millisecond, disk: func(commit func() error) error {
		if isWild.Load() {
			return h.disk(commit)
		}
		return commit()
	}})
	directory := h.node.options.DataDir
	isWild.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() { h.watch(ctx) })
	for round := range uint64(12) {
		h.round(round)
		h.compare()
	}
	isWild.Store(false)
	var last sync.WaitGroup
	last.Go(func() { h.round(99) })
	time.Sleep(3 * time.Millisecond)
	if err := h.node.Close(); err != nil { // with requests under way
		t.Error(err)
	}
	last.Wait()
	cancel()
	beside.Wait()
	h.endsWith(directory)
}

// endsWith opens the directory again, and compares what is there with what was told.
func (h *heldBack) endsWith(directory string) {
	n, err := Open(h.t.Context(), Options{DataDir: directory, Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		h.t.Fatal(err)
	}
	defer n.Close()
	for _, name := range slices.Concat(slices.Collect(maps.Keys(h.mu.told)), slices.Collect(maps.Keys(h.mu.seen))) {
		if len(n.Lookup("default", name).Servers) != 1 {
			h.t.Errorf("%s is not there; its writer was told: %t, watchers were shown: %t", name, h.mu.told[name], h.mu.seen[name])
		}
	}
	if len(h.mu.told) < 100 || len(h.mu.seen) < 100 {
		h.t.Errorf("%d were told, %d were seen", len(h.mu.told), len(h.mu.seen))
	}
	h.t.Logf("%d runs, %d told, %d seen", h.runs.Load(), len(h.mu.told), len(h.mu.seen))
}
