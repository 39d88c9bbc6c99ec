package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// gate holds the commits of a node.
type gate struct {
	mu      sync.Mutex
	closed  chan struct{} // nil while open
	waiting chan struct{}
	// instead is what is done with the next commit, once; nil carries it out.
	instead func(commit func() error) error
}

func newGate() *gate { return &gate{waiting: make(chan struct{}, 1)} }

func (g *gate) pass(commit func() error) error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed != nil {
		g.waiting <- struct{}{}
		<-closed
	}
	g.mu.Lock()
	instead := g.instead
	g.instead = nil
	g.mu.Unlock()
	if instead != nil {
		return instead(commit)
	}
	return commit()
}

// shut holds the next commit, whoever's that is (the keeper remembers members),
// and so all behind it; it returns what lets them pass.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	closed := make(chan struct{})
	g.closed = closed
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.closed = nil
		close(closed)
	})
}

// together has steps go into one transaction, and returns their answers.
func together(t *testing.T, n *Node, g *gate, steps []func(*delta.Commit) error) (answers []chan error, open func()) {
	t.Helper()
	open = g.shut()
	t.Cleanup(open) // or the end of a test that fails would wait for ever
	if err := n.awaitIdentity(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := &request{step: write(registering("first")), done: func(err error) {
		if err != nil {
			t.Errorf("the first write: %v", err)
		}
	}}
	if err := n.commits.put(first, commitWeightMin); err != nil {
		t.Fatal(err)
	}
	until(t, "the first write is carried out by itself", func() bool { return !n.commits.isWaiting() })
	<-g.waiting
	for i, step := range steps {
		answer := make(chan error, 1)
		answers = append(answers, answer)
		go func() { answer <- n.writeLocal(context.Background(), step) }()
		until(t, "it waits", func() bool {
			n.commits.mu.Lock()
			defer n.commits.mu.Unlock()
			return len(n.commits.mu.letters) == i+1
		})
	}
	return answers, open
}

func write(operations ...delta.Operation) func(*delta.Commit) error {
	return func(c *delta.Commit) error {
		_, _, err := c.Write(operations)
		return err
	}
}

func registering(from string) delta.Operation {
	return delta.Operation{Verb: delta.VerbRegister, Claim: claimAt(from), Amount: 1}
}

func TestCommitter_Group_OneThatFailsAffectsNoOther(t *testing.T) {
	g := newGate()
	n := openAlone(t, Options{disk: g.pass})
	notFound := delta.Operation{Verb: delta.VerbDecrease, Claim: claimAt("missing"), Amount: 1}
	broken := fmt.Errorf("%w: the page is not what was written", store.ErrCorrupt)
	steps := []func(*delta.Commit) error{
		write(registering("a")),
		write(registering("lost"), notFound),
		write(registering("b")),
		write(slices.Repeat([]delta.Operation{registering("lost")}, delta.BatchOperationsMax+1)...),
		write(registering("c"), registering("d")),
	}
	before := n.Counters().Commits
	answers, open := together(t, n, g, steps)
	open()
	for i, want := range []error{nil, delta.ErrNotFound, nil, delta.ErrTooLarge, nil} {
		if err := <-answers[i]; !errors.Is(err, want) {
			t.Errorf("writer %d was answered %v, want %v", i, err, want)
		}
	}
	if got := n.Counters().Commits - before; got != 2 {
		t.Errorf("it took %d transactions", got)
	}

	steps = append(steps, func(*delta.Commit) error { return broken })
	answers, open = together(t, n, g, steps)
	open()
	for i, want := range []error{nil, delta.ErrNotFound, nil, delta.ErrTooLarge, nil, broken} {
		if err := <-answers[i]; !errors.Is(err, want) || errors.Is(err, ErrUnavailable) != (want == broken) {
			t.Errorf("writer %d was answered %v, want %v", i, err, want)
		}
	}
	if len(n.Lookup("default", "lost").Servers) > 0 || len(n.Lookup("default", "d").Servers) == 0 {
		t.Error("lookups show something else than was acknowledged")
	}
	if s, err := n.Status(); err != nil || s.Ready || n.store.Failed() != nil {
		t.Errorf("what is corrupt is not told: %+v, %v", s, err)
	}
}

func TestCommitter_Close_AnswersAllThatWait(t *testing.T) {
	g := newGate()
	o := Options{disk: g.pass, DataDir: t.TempDir(), Node: "n1", Gossip: "127.0.0.1:0"}
	n, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var steps []func(*delta.Commit) error
	for i := range 30 {
		steps = append(steps, write(registering(fmt.Sprintf("%02d", i))))
	}
	whole, watched, ended := make(chan struct{}), map[string]bool{}, make(chan error, 1)
	go func() {
		ended <- n.Watch(context.Background(), WatchOptions{}, func(e WatchEvent) error {
			watched[e.Claim.Range.From] = true
			if e.Type == WatchSnapshotEnd {
				close(whole)
			}
			return nil
		})
	}()
	<-whole
	answers, open := together(t, n, g, steps)
	passed := make(chan error, 1)
	go func() { passed <- n.passCommitter(context.Background()) }()
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := n.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	<-n.ctx.Done()
	open()
	closing.Wait()
	for i, answer := range answers {
		if err := <-answer; err != nil {
			t.Errorf("writer %d, who came in time, was answered %v", i, err)
		}
	}
	if err := <-ended; err != ErrClosed {
		t.Errorf("the watch ended with %v", err)
	}
	if err := <-passed; err != nil && err != ErrClosed {
		t.Errorf("who waited for the committer was answered %v", err)
	}
	if _, err := n.Write(t.Context(), nil); err != ErrClosed {
		t.Errorf("a write after the end is answered %v", err)
	}
	if _, err := n.Await(t.Context(), n.Context(), Members{N: 2}); err != ErrClosed {
		t.Errorf("a wait after the end is answered %v", err)
	}
	if _, _, err := n.Claims(Filter{}); err != ErrClosed {
		t.Errorf("a listing after the end is answered %v", err)
	}
	o.disk = nil
	again, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i := range answers {
		if len(again.Lookup("default", fmt.Sprintf("%02d", i)).Servers) == 0 {
			t.Errorf("what writer %d was told is on disk is not there", i)
		}
		if !watched[fmt.Sprintf("%02d", i)] {
			t.Errorf("what writer %d wrote was not shown to who watched", i)
		}
	}
}

// TestCommitter_Commit_LeavesOutWhatAFormerCoreAsked has the core of an open
// session be replaced: what it still asks must not open a session that the new
// core knows nothing of, under numbers that the new one gives as well.
func TestCommitter_Commit_LeavesOutWhatAFormerCoreAsked(t *testing.T) {
	n := openAlone(t, Options{})
	former := n.protocol.current
	replaced := make(chan error, 1)
	err := n.commits.force(&request{done: func(error) { replaced <- n.protocol.restart() }}) // in the committer
	if err = errors.Join(err, <-replaced); err != nil {
		t.Fatal(err)
	}
	open := antientropy.CommitRequest{ID: 1, Steps: []antientropy.Step{{Kind: antientropy.StepOpen, Context: n.Context()}}}
	for _, asked := range []struct {
		by     *antientropy.Core
		isOpen bool
	}{{former, false}, {n.protocol.current, true}} {
		if err := n.commits.force(&request{core: &open, from: asked.by}); err != nil {
			t.Fatal(err)
		}
		if err := n.passCommitter(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.store.Summary().InSession; got != asked.isOpen {
			t.Errorf("asked by the present core: %t, a session is open: %t", asked.isOpen, got)
		}
	}
}

// TestProtocol_Answer_IsOfTheCoreThatAsked has a core wait for a read while
// another read, of the same number, is answered that a former core asked for.
func TestProtocol_Answer_IsOfTheCoreThatAsked(t *testing.T) {
	n := openAlone(t, Options{})
	asking, err := antientropy.New(antientropy.Options{Cluster: n.Cluster()}, antientropy.Start{ID: store.NewReplicaID()})
	if err != nil {
		t.Fatal(err)
	}
	asking.SetPeers([]antientropy.Peer{{Name: "n1", Alive: true}})
	asking.Tick(1)
	var reads []antientropy.ReadRequest
	err = n.protocol.look(func(c *antientropy.Core) {
		for _, m := range asking.Ready().Messages {
			c.Receive("n2", m.Frame)
		}
		reads = c.Ready().Reads
	})
	if err != nil || len(reads) != 1 {
		t.Fatalf("it wants to read %v: %v", reads, err)
	}
	result := antientropy.ReadResult{ID: reads[0].ID, Err: errors.New("cannot be read")}
	for _, x := range []struct {
		by     *antientropy.Core
		failed uint64
	}{{asking, 0}, {n.protocol.current, 1}} {
		n.protocol.answer(read{ReadRequest: reads[0], from: x.by}, result)
		err := n.protocol.look(func(c *antientropy.Core) {
			if got := c.Counters().ReadsFailed; got != x.failed {
				t.Errorf("it has taken %d answers, want %d", got, x.failed)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommitter_WhoGivesUp_ReadsNothing: a request that nobody waits for any more may
// be carried out at any time, also while its answer is made, which so has nothing of it.
func TestCommitter_WhoGivesUp_ReadsNothing(t *testing.T) {
	g := newGate()
	n := openAlone(t, Options{disk: g.pass})
	givingUp := func(what string, act func(context.Context) (token crdt.Context, replicas int, err error)) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		open := g.shut()
		defer open()
		go func() {
			<-g.waiting // its step has run
			cancel()
		}()
		token, replicas, err := act(ctx)
		if !errors.Is(err, context.Canceled) || len(token) > 0 || replicas > 0 {
			t.Errorf("%s: %s, %d replicas, %v", what, token, replicas, err)
		}
	}
	givingUp("advertise", func(ctx context.Context) (crdt.Context, int, error) {
		token, err := n.advertise(ctx, delta.NodeRecord{Name: "n1", Service: "other:1"})
		return token, 0, err
	})
	givingUp("retire", func(ctx context.Context) (crdt.Context, int, error) {
		f := Forgotten{Token: crdt.NewContext()}
		replicas, err := n.retire(ctx, &f, "", []crdt.ReplicaID{{9}})
		return f.Token, len(replicas), err
	})
}
