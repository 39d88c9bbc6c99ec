package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// storm is writers of one node, each with a claim that nobody else touches, while
// its disk fails, another node writes, its file is rewritten, and it is closed in
// the end with all of them under way.
type storm struct {
	*cluster
	seed uint64

	mu struct {
		sync.Mutex
		// dots are those of acknowledged events, and who has them.
		dots map[crdt.Dot]string
	}
}

// tally is what one writer, of a claim of its own, was told.
type tally struct {
	*storm
	node *node.Node
	i    int
	// shown is what the last answer said that the claim shows, unknown how many
	// increases by one have an unknown outcome since.
	shown, unknown int64
}

// note takes the answer to an increase by one. It reports whether there will be
// others.
func (t *tally) note(w node.Written, err error) bool {
	switch {
	case errors.Is(err, node.ErrUnavailable):
		t.unknown++
		return true
	case err != nil:
		if !errors.Is(err, node.ErrClosed) {
			t.t.Errorf("writer %d is answered %v", t.i, err)
		}
		return false
	}
	t.keep(fmt.Sprint("writer ", t.i), w)
	got := w.Results[0].Priority
	if got <= t.shown || got > t.shown+t.unknown+1 {
		t.t.Errorf("writer %d is told of %d after %d, with %d unknown between", t.i, got, t.shown, t.unknown)
	}
	t.shown, t.unknown = got, 0
	if servers := t.node.Lookup("default", numbered(t.i).Range.From).Servers; len(servers) != 1 || servers[0].Priority < got {
		t.t.Errorf("writer %d was told of %d, and lookups show %v", t.i, got, servers)
	}
	return true
}

// keep notes the events of an acknowledged batch: nobody else may be told of them.
func (s *storm) keep(who string, w node.Written) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sequence := range w.Token() {
		dot := crdt.Dot{Replica: id, Sequence: sequence}
		if other, ok := s.mu.dots[dot]; ok {
			s.t.Errorf("%s and %s were told of %s", other, who, dot)
		}
		s.mu.dots[dot] = who
	}
}

func increasing(i int) delta.Operation {
	return delta.Operation{Verb: delta.VerbIncrease, Claim: numbered(i), Amount: 1}
}

// underWay is how many batches of a submitter wait at most.
const underWay = 8

// submit hands over batches, some at a time, before those before have an answer,
// until the node is closed: each builds on what the ones before have written. One
// that has its answer is the memory of another at once.
func (t *tally) submit(random *rand.Rand) {
	var ended atomic.Bool
	free := make(chan *node.Submission, underWay)
	for range underWay {
		s := &node.Submission{Operations: make([]delta.Operation, 1)}
		s.Ended = func(o node.Outcome) { // in their order, but when all ends
			if !t.note(o.Written, o.Err) {
				ended.Store(true)
			}
			s.Operations[0] = delta.Operation{}
			free <- s // blocks where one is answered twice
		}
		free <- s
	}
	for !ended.Load() && !t.t.Failed() {
		batches := make([]*node.Submission, 1+random.IntN(3))
		for i := range batches {
			batches[i] = <-free
			batches[i].Operations[0] = increasing(t.i)
		}
		t.node.Submit(context.Background(), batches)
	}
	for range underWay {
		<-free // all that were submitted are answered
	}
}

// write writes one batch at a time until the node is closed. Some may not join: they
// tighten what they have registered.
func (t *tally) write(random *rand.Rand) {
	wide := claimOf("wide", fmt.Sprintf("w%d", t.i), fmt.Sprintf("w%d~~", t.i))
	for goesOn := true; goesOn && !t.t.Failed(); {
		batch := []delta.Operation{increasing(t.i)}
		if random.IntN(20) == 0 {
			to := wide.Range
			to.From += fmt.Sprint(random.IntN(3))
			batch = append(batch, register(wide, 1), delta.Operation{Verb: delta.VerbTighten, Claim: wide, To: to, AllowGap: true})
		}
		w, err := t.node.Write(context.Background(), batch)
		if goesOn = t.note(w, err); !goesOn {
			t.unknown++ // it was on its way, or was not
		}
	}
}

// TestNode_Flights_HoldWhatWasAcknowledged: each request is answered once, no two
// are told of one event, and what was acknowledged is there, once, after all.
// Replay the draws with SSNODE_SEED; what goroutines do between them is not.
func TestNode_Flights_HoldWhatWasAcknowledged(t *testing.T) {
	seed := node.RandomSeed(t)
	s := &storm{cluster: newCluster(t), seed: seed}
	s.mu.dots = map[crdt.Dot]string{}
	d := newDisk()
	s.options = withDisk(d)
	n1 := s.start("n1")
	s.options = node.Options{}
	s.start("n2")
	s.meet()
	s.disturb(d)
	const writers, fewest = 6, 3000
	tallies := make([]*tally, writers)
	var running sync.WaitGroup
	for i := range tallies {
		tallies[i] = &tally{storm: s, node: n1, i: i}
		act := tallies[i].write
		if i%2 == 0 {
			act = tallies[i].submit
		}
		running.Go(func() { act(rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	others := s.beside(n1, &running, numbered(writers), fewest)
	d.fail(nil, nil)
	s.stop("n1") // with all writers under way
	running.Wait()
	s.start("n1")
	s.meet()
	s.eventually("both are equal", s.equal)
	shown := s.claimsOf("n1", node.Filter{})
	for i, x := range tallies {
		if got := shown[numbered(i)]; got < x.shown || got > x.shown+x.unknown {
			t.Errorf("writer %d was told of %d, and of %d more nobody knows; it shows %d", i, x.shown, x.unknown, got)
		}
	}
	if got := shown[numbered(writers)]; got != others {
		t.Errorf("n2 has written %d, n1 shows %d", others, got)
	}
	for name, log := range s.logs {
		if log.has("diverged") {
			t.Errorf("%s took it for corruption: %q", name, log.above())
		}
	}
}

// disturb has the disk fail now and then, before a transaction is there or after,
// and take its time, so that others join.
func (s *storm) disturb(d *disk) {
	random := rand.New(rand.NewPCG(s.seed, 99))
	d.random(func() (before, after error) {
		switch x := random.IntN(40); {
		case x == 0:
			return errDisk, nil
		case x == 1:
			return nil, errDisk
		case x < 20:
			time.Sleep(time.Millisecond)
		}
		return nil, nil
	})
}

// beside has the other node increase a claim, and the file of the first be
// rewritten, until enough has been acknowledged. It returns how much it has written.
func (s *storm) beside(n1 *node.Node, running *sync.WaitGroup, claim ranges.Claim, fewest int) (written int64) {
	for s.acknowledged() < fewest && !s.t.Failed() {
		time.Sleep(3 * time.Millisecond) // what the protocol asks for does not join
		s.cluster.write("n2", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1})
		if written++; written%20 == 10 {
			running.Go(func() { _ = n1.Rewrite(context.Background()) }) // the disk may fail, or the node be closed
		}
	}
	return written
}

func (s *storm) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.dots)
}
