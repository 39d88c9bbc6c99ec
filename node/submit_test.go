package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// registering returns batches of one Register each, of claims of their own.
func registering(n int) [][]delta.Operation {
	batches := make([][]delta.Operation, n)
	for i := range batches {
		batches[i] = []delta.Operation{register(claimOf("n1", fmt.Sprintf("%06d", i), fmt.Sprintf("%06d~", i)), 1)}
	}
	return batches
}

// TestNode_WriteEach_RefusedWhileLeaving: what is written then would be
// acknowledged, and known to nobody until the node comes back.
func TestNode_WriteEach_RefusedWhileLeaving(t *testing.T) {
	c := newClusterWith(t, node.Options{}, "n1")
	if _, err := c.nodes["n1"].Leave(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for i, o := range c.nodes["n1"].WriteEach(t.Context(), registering(2)) {
		if o.Err != node.ErrLeaving {
			t.Errorf("batch %d after leaving: %v", i, o.Err)
		}
	}
}

// TestNode_WriteEach_ToldOfAStall: who waits without a limit of its own is
// answered when the node gives up.
func TestNode_WriteEach_ToldOfAStall(t *testing.T) {
	c := newClusterWith(t, node.Options{StallAfter: 200 * time.Millisecond}, "n1")
	n1, entered, release, stalled := c.nodes["n1"], make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		stalled <- n1.CommitStep(t.Context(), func() {
			close(entered)
			standStill(release)
		})
	}()
	<-entered
	ended := make(chan []node.Outcome, 1)
	go func() { ended <- n1.WriteEach(context.Background(), registering(2)) }()
	select {
	case outcomes := <-ended:
		for i, o := range outcomes {
			if !errors.Is(o.Err, node.ErrStalled) {
				t.Errorf("batch %d is told %v", i, o.Err)
			}
		}
	case <-time.After(20 * time.Second):
		t.Error("nobody is told")
	}
	<-stalled
	<-n1.Done()
	delete(c.nodes, "n1")
	close(release)
}

// submit hands over batches and returns what became of each, in the order in
// which that is told.
func submit(t *testing.T, n *node.Node, batches [][]delta.Operation) <-chan told {
	t.Helper()
	ended := make(chan told, len(batches))
	all := make([]*node.Submission, len(batches))
	for i, operations := range batches {
		all[i] = &node.Submission{Operations: operations, Ended: func(o node.Outcome) { ended <- told{i, o} }}
	}
	n.Submit(t.Context(), all)
	return ended
}

// told is what became of the batch at a place.
type told struct {
	place int
	node.Outcome
}

// TestNode_Submit_EachHasItsOwnOutcome: nobody waits for the disk, one that
// cannot be carried out hurts no other, and the outcomes come in order.
func TestNode_Submit_EachHasItsOwnOutcome(t *testing.T) {
	d := newDisk()
	var o node.Options
	o.SetDisk(d.commit)
	c := newClusterWith(t, o, "n1")
	goOn := sync.OnceFunc(d.stop())
	t.Cleanup(goOn) // before the node is closed, which waits for the disk
	batches := registering(5)
	batches[2] = []delta.Operation{{Verb: delta.VerbDecrease, Claim: claimOf("n1", "a", "b"), Amount: 1}}
	batches[4] = batches[0] // sees the effect of the first
	ended := submit(t, c.nodes["n1"], batches)
	<-d.waiting
	select {
	case got := <-ended:
		t.Fatalf("batch %d has ended before it was on disk: %+v", got.place, got.Outcome)
	default:
	}
	goOn()
	for want := range batches {
		got := <-ended
		isBad := want == 2
		switch {
		case got.place != want:
			t.Errorf("batch %d is told of before batch %d", got.place, want)
		case errors.Is(got.Err, delta.ErrNotFound) != isBad, !isBad && got.Err != nil:
			t.Errorf("batch %d: %v", want, got.Err)
		case !isBad && (len(got.Written.Results) != 1 || got.Written.Results[0].Changed != (want != 4)):
			t.Errorf("batch %d: %+v", want, got.Written)
		}
	}
	if got := c.priority("n1", claimOf("n1", "000003", "000003~")); got != 1 {
		t.Errorf("the one behind the refused shows %d", got)
	}
}

// TestNode_Submit_RefusedAtOnce: who finds the node leaving, or closed, is told
// so before Submit returns.
func TestNode_Submit_RefusedAtOnce(t *testing.T) {
	c := newClusterWith(t, node.Options{}, "n1")
	n1 := c.nodes["n1"]
	if _, err := n1.Leave(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	ended := submit(t, n1, registering(1))
	if len(ended) != 1 || (<-ended).Err != node.ErrLeaving {
		t.Error("a node that leaves takes it")
	}
	c.stop("n1")
	c.start("n1")
	n1 = c.nodes["n1"]
	c.stop("n1")
	ended = submit(t, n1, registering(1))
	if len(ended) != 1 || (<-ended).Err != node.ErrClosed {
		t.Error("a closed node takes it")
	}
}

// TestNode_Submit_Again: a batch that has ended may be submitted with other
// operations, and tells nothing of those before.
func TestNode_Submit_Again(t *testing.T) {
	n := newClusterWith(t, node.Options{}, "n1").nodes["n1"]
	ended := make(chan node.Outcome, 1)
	s := &node.Submission{Operations: make([]delta.Operation, 1), Ended: func(o node.Outcome) { ended <- o }}
	claim := claimOf("n1", "a", "b")
	var last crdt.Dot
	for i, x := range []struct {
		verb delta.Verb
		want int64
		err  error
	}{{delta.VerbRegister, 2, nil}, {delta.VerbIncrease, 4, nil}, {delta.VerbRelease, 0, nil}, {delta.VerbDecrease, 0, delta.ErrNotFound}, {delta.VerbSet, 2, nil}, {delta.VerbSet, 2, nil}} {
		s.Operations[0] = delta.Operation{Verb: x.verb, Claim: claim, Amount: 2}
		n.Submit(t.Context(), []*node.Submission{s})
		o := <-ended
		if !errors.Is(o.Err, x.err) || x.err == nil && o.Written.Results[0].Priority != x.want {
			t.Fatalf("step %d: %+v, want %d, %v", i, o, x.want, x.err)
		}
		if hasWritten := x.err == nil && o.Written.Results[0].Changed; hasWritten != (o.Written.Last.Sequence > last.Sequence) || !hasWritten && !o.Written.Last.IsZero() {
			t.Errorf("step %d: the last event is %v, before it was %v", i, o.Written.Last, last)
		}
		if !o.Written.Last.IsZero() {
			last = o.Written.Last
		}
		s.Operations[0] = delta.Operation{} // it is ours
	}
}

// TestWritten_AppendToken: it is the text of the token.
func TestWritten_AppendToken(t *testing.T) {
	for _, last := range []crdt.Dot{{}, {Replica: crdt.ReplicaID{1, 2, 3}, Sequence: 1}, {Replica: crdt.ReplicaID{255, 15: 7}, Sequence: 1<<53 - 1}, {Replica: crdt.ReplicaID{9}, Sequence: 1<<64 - 1}} {
		w := node.Written{Last: last}
		if got, want := string(w.AppendToken([]byte("before "))), "before "+node.WholeToken(w.Token()).String(); got != want {
			t.Errorf("%v: %q, want %q", last, got, want)
		}
	}
}
