package node_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// shown is what somebody who applies the lines of a watch has.
type shown struct {
	claims map[ranges.Claim]int64
	nodes  map[string]node.NodeInfo
	// whole says that a snapshot was complete, or was resumed.
	whole   bool
	token   node.Token
	trimmed int
	lines   int
}

func (s *shown) apply(e node.WatchEvent) {
	s.lines++
	switch e.Type {
	case node.WatchClaim:
		s.claims[e.Claim.Claim] = e.Claim.Priority
	case node.WatchReleased:
		delete(s.claims, e.Claim.Claim)
	case node.WatchNode:
		s.nodes[e.Node.Name] = e.Node
	case node.WatchTrimmed:
		s.claims, s.nodes = map[ranges.Claim]int64{}, map[string]node.NodeInfo{}
		s.trimmed++
		s.whole = false
	case node.WatchSnapshotEnd, node.WatchBookmark:
		s.whole, s.token = true, e.Token
	}
}

// watching is a watch that runs in the background.
type watching struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan error
	// at is called, if set, at every marker and bookmark.
	at func(shown)
	// hold is locked by those who want the consumer to be slow.
	hold sync.Mutex

	mu    sync.Mutex
	state shown
}

// watchNode begins to watch, and ends with the test.
func watchNode(t *testing.T, n *node.Node, o node.WatchOptions) *watching {
	return watchFrom(t, n, o, shown{claims: map[ranges.Claim]int64{}, nodes: map[string]node.NodeInfo{}}, nil)
}

// watchFrom is watchNode for somebody who has something already.
func watchFrom(t *testing.T, n *node.Node, o node.WatchOptions, have shown, at func(shown)) *watching {
	have.claims, have.nodes, have.lines = maps.Clone(have.claims), maps.Clone(have.nodes), 0
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{t: t, cancel: cancel, done: make(chan error, 1), at: at, state: have}
	go func() { w.done <- n.Watch(ctx, o, w.emit) }()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *watching) emit(e node.WatchEvent) error {
	w.pass()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.apply(e)
	if w.at != nil && (e.Type == node.WatchSnapshotEnd || e.Type == node.WatchBookmark) {
		w.at(w.state)
	}
	return nil
}

// pass waits while the watcher is held up.
func (w *watching) pass() {
	w.hold.Lock()
	defer w.hold.Unlock()
}

// stop ends the watch and returns what it has shown.
func (w *watching) stop() shown {
	w.cancel()
	if err := <-w.done; err != nil && !errors.Is(err, node.ErrClosed) {
		w.t.Errorf("the watch ended with %v", err)
	}
	w.done <- nil // for the next call
	return w.now()
}

func (w *watching) now() shown {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state
	s.claims, s.nodes = maps.Clone(s.claims), maps.Clone(s.nodes)
	return s
}

func (w *watching) eventually(what string, isSo func(shown) bool) {
	w.t.Helper()
	// Hundreds of lines may each wait for a commit, on a disk that others use.
	deadline := time.Now().Add(time.Minute)
	for !isSo(w.now()) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it did not come about that %s: %+v", what, w.now())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// claimsOf returns what a node shows.
func (c *cluster) claimsOf(at string, f node.Filter) map[ranges.Claim]int64 {
	c.t.Helper()
	claims, _, err := c.nodes[at].Claims(f)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[ranges.Claim]int64{}
	for _, w := range claims {
		out[w.Claim] = w.Priority
	}
	return out
}

// numbered returns a claim of its own range for each number.
func numbered(i int) ranges.Claim {
	return claimOf(fmt.Sprintf("m%d", i%7), fmt.Sprintf("%05d", i), fmt.Sprintf("%05d~", i))
}

// TestNode_Watch_SnapshotIsOfOneInstant moves a claim while a snapshot in many
// parts is being shown: from a part that was not read yet to one that was, and
// the other way round. Read by itself, it would be nowhere, or twice.
func TestNode_Watch_SnapshotIsOfOneInstant(t *testing.T) {
	var o node.Options
	o.SetWatch(1<<16, 4)
	c := newClusterWith(t, o, "n1")
	for i := range 40 {
		c.write("n1", register(keyspaceOf("filler", numbered(i)), 1))
	}
	for name, way := range map[string][2]int{"backward": {35, 0}, "forward": {0, 35}} {
		from, to := keyspaceOf("filler", numbered(1000)), keyspaceOf("filler", numbered(1000))
		from.Range, to.Range = numbered(way[0]).Range, numbered(way[1]).Range
		c.write("n1", register(from, 1))
		have := shown{claims: map[ranges.Claim]int64{}, nodes: map[string]node.NodeInfo{}}
		end := errors.New("the snapshot has ended")
		err := c.nodes["n1"].Watch(t.Context(), node.WatchOptions{}, func(e node.WatchEvent) error {
			if have.apply(e); have.lines == 20 {
				c.write("n1", register(to, 1), delta.Operation{Verb: delta.VerbRelease, Claim: from})
			}
			if have.whole {
				return end
			}
			return nil
		})
		if err != end || !maps.Equal(have.claims, c.claimsOf("n1", node.Filter{})) {
			t.Errorf("%s: it shows %d at %v and %d at %v: %v", name, have.claims[from], from, have.claims[to], to, err)
		}
		c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: to})
	}
}

// TestNode_Watch_ShowsWhatChangesWhileItShows writes in the middle of lines.
func TestNode_Watch_ShowsWhatChangesWhileItShows(t *testing.T) {
	c := newCluster(t, "n1")
	claim := claimOf("n1", "a", "b")
	c.write("n1", register(claim, 1))
	for _, when := range []node.WatchType{node.WatchClaim, node.WatchNode, node.WatchSnapshotEnd} {
		before, once := c.priority("n1", claim), false
		have := shown{claims: map[ranges.Claim]int64{}, nodes: map[string]node.NodeInfo{}}
		end := errors.New("it shows the change")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := c.nodes["n1"].Watch(ctx, node.WatchOptions{}, func(e node.WatchEvent) error {
			if have.apply(e); e.Type == when && !once {
				once = true
				c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1})
			}
			if have.whole && have.claims[claim] == before+1 {
				return end
			}
			return nil
		})
		if cancel(); err != end {
			t.Errorf("a change at %s was never shown: %v", when, err)
		}
	}
}

// TestNode_Watch_NothingIsLostBetweenSnapshotAndChanges lets one claim wander,
// by batches that register the next and release the last, while watches begin
// again and again, in many small parts: whoever applies the lines sees exactly
// one at every marker, though it wanders through parts that are being read.
func TestNode_Watch_NothingIsLostBetweenSnapshotAndChanges(t *testing.T) {
	var o node.Options
	o.SetWatch(1<<16, 8)
	c := newClusterWith(t, o, "n1")
	n1 := c.nodes["n1"]
	const places = 100
	c.write("n1", register(numbered(0), 1))
	c.write("n1", register(keyspaceOf("calm", numbered(0)), 1))
	var writers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	writers.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_, err := n1.Write(context.Background(), []delta.Operation{
				register(numbered((i+1)*37%places), int64(i+2)), {Verb: delta.VerbRelease, Claim: numbered(i * 37 % places)},
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	writers.Go(func() { // fills the state, so that it has many parts
		for i := 0; ctx.Err() == nil; i++ {
			claim := keyspaceOf("filler", numbered(i%300))
			if _, err := n1.Write(context.Background(), []delta.Operation{{Verb: delta.VerbIncrease, Claim: claim, Amount: 1}}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	exactlyOne := func(s shown) {
		var wandering []ranges.Claim
		for claim := range s.claims {
			if claim.Keyspace == "default" {
				wandering = append(wandering, claim)
			}
		}
		if len(wandering) != 1 {
			t.Errorf("the wandering claim is at %v", wandering)
		}
	}
	have := shown{claims: map[ranges.Claim]int64{}, nodes: map[string]node.NodeInfo{}}
	for round := range 12 {
		o := node.WatchOptions{}
		if round%3 == 2 {
			o.Token = have.token // resumes
		} else {
			have.claims = map[ranges.Claim]int64{}
		}
		w := watchFrom(t, n1, o, have, exactlyOne)
		w.eventually("it is whole, and goes on", func(s shown) bool { return s.whole && s.lines > 320 || !o.Token.IsZero() && s.lines > 20 })
		have = w.stop()
		have.whole = false
	}
	last := watchFrom(t, n1, node.WatchOptions{Token: have.token}, have, exactlyOne)
	cancel()
	writers.Wait()
	last.eventually("it shows what the node shows", func(s shown) bool {
		return maps.Equal(s.claims, c.claimsOf("n1", node.Filter{}))
	})
}

func TestNode_Watch_ResumesOnAnotherNode(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	for i := range 20 {
		c.write("n1", register(numbered(i), 1))
	}
	w := watchNode(t, c.nodes["n1"], node.WatchOptions{})
	w.eventually("it is whole", func(s shown) bool { return s.whole && len(s.claims) == 20 && len(s.nodes) == 2 })
	have := w.stop()

	c.write("n2", delta.Operation{Verb: delta.VerbRelease, Claim: numbered(3)})
	c.spread("n2", c.write("n2", register(numbered(30), 5)))
	again := watchFrom(t, c.nodes["n2"], node.WatchOptions{Token: have.token}, have, nil)
	again.eventually("it shows what n2 shows", func(s shown) bool { return maps.Equal(s.claims, c.claimsOf("n2", node.Filter{})) })
	if s := again.stop(); s.trimmed != 0 || s.lines > 6 {
		t.Errorf("it resumed with %d lines and %d new snapshots", s.lines, s.trimmed)
	}
}

// TestNode_Watch_ShowsLiveness stops a member and starts it again: nothing is
// written of that, and yet who watches, and who resumes, must not go on
// believing what was shown.
func TestNode_Watch_ShowsLiveness(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	isAlive := func(s shown) bool { return s.whole && s.nodes["n2"].Liveness == gossip.Alive }
	isGone := func(s shown) bool { return s.whole && !isAlive(s) } // suspect, then dead
	w := watchNode(t, c.nodes["n1"], node.WatchOptions{})
	w.eventually("n2 is alive", isAlive)
	have := w.now()
	c.stop("n2")
	w.eventually("n2 is gone", isGone)
	resumed := watchFrom(t, c.nodes["n1"], node.WatchOptions{Token: have.token}, have, nil)
	resumed.eventually("who resumes sees it too", isGone)
	if resumed.now().trimmed > 0 {
		t.Error("it did not resume")
	}
	c.start("n2")
	w.eventually("n2 is alive again", isAlive)
	resumed.eventually("n2 is alive again", isAlive)
}

func TestNode_Watch_WaitsUntilTheNodeKnowsTheToken(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	c.network.Cut("n1", "n2")
	w := c.write("n1", register(numbered(1), 1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	fail := errors.New("a line")
	emit := func(node.WatchEvent) error { return fail }
	if err := c.nodes["n2"].Watch(ctx, node.WatchOptions{Token: node.WholeToken(w.Token())}, emit); err != nil {
		t.Errorf("it did not wait: %v", err)
	}
	again := watchNode(t, c.nodes["n2"], node.WatchOptions{Token: node.WholeToken(w.Token())})
	c.network.HealAll()
	again.eventually("it has resumed, without a snapshot", func(s shown) bool { return s.whole && s.trimmed == 0 && covers(t, c.nodes["n2"], s.token, w.Token()) })
	if err := c.nodes["n1"].Watch(t.Context(), node.WatchOptions{}, emit); err != fail {
		t.Errorf("it returned %v, not what emit did", err)
	}
}

// covers reports whether what a token stands for covers a context.
func covers(t *testing.T, n *node.Node, token node.Token, c crdt.Context) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	all, err := n.Resolve(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leq(all)
}

func TestNode_Watch_TrimmedThenSnapshot(t *testing.T) {
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c := newClusterWith(t, node.Options{Retention: compaction.Options{Own: nothing, Other: nothing}}, "n1")
	c.write("n1", register(numbered(1), 1))
	w := watchNode(t, c.nodes["n1"], node.WatchOptions{})
	w.eventually("it is whole", func(s shown) bool { return s.whole && len(s.claims) == 1 })
	have := w.stop()
	c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: numbered(1)})
	for i := range 10 {
		c.write("n1", register(numbered(i+2), 1))
	}
	if done, err := c.nodes["n1"].Compact(t.Context(), false); err != nil || done.After.LogRecords > 1 {
		t.Fatalf("the log has %d records: %v", done.After.LogRecords, err)
	}
	again := watchFrom(t, c.nodes["n1"], node.WatchOptions{Token: have.token}, have, nil)
	again.eventually("it was told and shown anew", func(s shown) bool {
		return s.trimmed == 1 && maps.Equal(s.claims, c.claimsOf("n1", node.Filter{}))
	})
	s := again.stop()
	if at := watchFrom(t, c.nodes["n1"], node.WatchOptions{Token: s.token}, s, nil); !at.endsWhole(1) {
		t.Error("from the new token it does not resume")
	}
}

// endsWhole reports whether a watch resumes without another snapshot.
func (w *watching) endsWhole(trimmed int) bool {
	w.eventually("it is whole", func(s shown) bool { return s.lines > 0 && s.whole })
	return w.stop().trimmed == trimmed
}

func TestNode_Watch_SlowOneDelaysNobodyAndIsShownAnew(t *testing.T) {
	var o node.Options
	o.SetWatch(50, 1<<10)
	c := newClusterWith(t, o, "n1")
	c.write("n1", register(numbered(0), 1))
	slow, fast := watchNode(t, c.nodes["n1"], node.WatchOptions{}), watchNode(t, c.nodes["n1"], node.WatchOptions{})
	for _, w := range []*watching{slow, fast} {
		w.eventually("it is whole", func(s shown) bool { return s.whole })
	}
	slow.hold.Lock()
	for i := range 200 {
		c.write("n1", register(numbered(i%20), 1), delta.Operation{Verb: delta.VerbRelease, Claim: numbered((i + 7) % 20)})
	}
	slow.hold.Unlock()
	for _, w := range []*watching{slow, fast} {
		w.eventually("it shows what the node shows", func(s shown) bool { return maps.Equal(s.claims, c.claimsOf("n1", node.Filter{})) })
	}
	if s := slow.stop(); s.trimmed == 0 {
		t.Error("the slow one was not told")
	}
	fast.stop()
	if got := c.nodes["n1"].Counters().Watchers; got != 0 {
		t.Errorf("%d watchers are left", got)
	}
}

func TestNode_Watch_SlowOneHoldsUpNeitherDiskNorClose(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, withDisk(d), "n1")
	for i := range 20 {
		c.write("n1", register(numbered(i), 1))
	}
	reached := make(chan struct{})
	release := make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		ended <- c.nodes["n1"].Watch(context.Background(), node.WatchOptions{}, func(node.WatchEvent) error {
			once.Do(func() { close(reached) })
			<-release
			return nil
		})
	}()
	<-reached // in the middle of a snapshot
	d.fail(errDisk, nil)
	c.nodes["n1"].Write(t.Context(), []delta.Operation{register(numbered(1), 1)})
	d.fail(nil, nil)
	c.eventually("the disk works again", func() bool { s, err := c.nodes["n1"].Status(); return err == nil && s.Ready })
	c.stop("n1")
	close(release)
	if err := <-ended; err != node.ErrClosed {
		t.Errorf("the watch of a closed node ended with %v", err)
	}
}

func TestNode_Watch_Filters(t *testing.T) {
	c := newCluster(t, "n1")
	within := ranges.Range{From: "b", To: ranges.Before("c")}
	filters := map[string]node.Filter{
		"all": {}, "keyspace": {Keyspace: "other"}, "range": {Range: &within}, "node": {Node: "n1"},
		"everything": {Keyspace: "default", Range: &within, Node: "n1"},
	}
	var claims []ranges.Claim
	for _, keyspace := range []string{"default", "other"} {
		for _, name := range []string{"n1", "n2"} {
			for _, bounds := range [][2]string{{"a", "b"}, {"a", "bb"}, {"b", "c"}, {"c", "d"}} {
				claims = append(claims, keyspaceOf(keyspace, claimOf(name, bounds[0], bounds[1])))
			}
		}
	}
	half := len(claims) / 2
	for _, claim := range slices.Concat(claims[:half], claims[half:]) {
		c.write("n1", register(claim, 1))
	}
	c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claims[0]})
	for name, f := range filters {
		w := watchNode(t, c.nodes["n1"], node.WatchOptions{Filter: f})
		w.eventually(name+": the snapshot is what the listing shows", func(s shown) bool {
			return s.whole && maps.Equal(s.claims, c.claimsOf("n1", f))
		})
		c.write("n1", register(claims[0], 1))
		for _, claim := range claims[1:4] {
			c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claim})
		}
		c.write("n1", register(keyspaceOf("other", claimOf("n2", "b", "bb")), 9))
		w.eventually(name+": so are the changes", func(s shown) bool { return maps.Equal(s.claims, c.claimsOf("n1", f)) })
		for _, claim := range claims[1:4] {
			c.write("n1", register(claim, 1))
		}
		s := w.stop()
		for claim := range s.claims {
			if !f.Selects(claim) {
				t.Errorf("%s: it shows %v", name, claim)
			}
		}
		if _, ok := s.nodes["n1"]; !ok {
			t.Errorf("%s: it does not show the record of n1", name)
		}
		c.write("n1", delta.Operation{Verb: delta.VerbRelease, Claim: claims[0]})
	}
	w := watchNode(t, c.nodes["n1"], node.WatchOptions{Filter: node.Filter{Node: "n2"}})
	w.eventually("it is whole", func(s shown) bool { return s.whole })
	if s := w.stop(); len(s.nodes) != 0 {
		t.Errorf("whoever asks for n2 is shown the record of %v", s.nodes)
	}
}
