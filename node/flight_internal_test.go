package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

var errDisk = errors.New("the disk is gone")

// stallAfter has a node end that will never answer, before the test gives up.
const stallAfter = 10 * time.Second

// steps notes in which order steps run and requests are answered.
type steps struct {
	t    *testing.T
	node *Node

	mu   sync.Mutex
	seen []string
}

// settle waits until only the test writes to the disk.
func (s *steps) settle() {
	s.t.Helper()
	until(s.t, "the node has noted whom it has met", func() bool {
		note, err := s.node.store.Note(rosterNote)
		return err == nil && note != nil
	})
}

func (s *steps) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, what)
}

func (s *steps) have() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// put queues a request that registers a claim. It is noted by the claim's name when
// its step runs, and with how it was answered.
func (s *steps) put(name string, joins int) {
	s.t.Helper()
	err := s.node.commits.put(&request{joins: joins, step: func(c *delta.Commit) error {
		s.note(name)
		return write(registering(name))(c)
	}, done: func(err error) {
		switch {
		case errors.Is(err, ErrUnavailable):
			s.note(name + " is refused")
		case err != nil:
			s.note(fmt.Sprint(name, " is answered ", err))
		default:
			s.note(name + " is done")
		}
	}}, commitWeightMin)
	if err != nil {
		s.t.Fatal(err)
	}
}

// await waits until as much is noted. Steps come in order, and so do the answers of
// flights and the refusals of the committer, but not one kind beside another.
func (s *steps) await(want ...string) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("these are noted: %q; there are %q", want, s.have()), func() bool { return len(s.have()) >= len(want) })
	if got := s.have(); !slices.Equal(byKind(got), byKind(want)) {
		s.t.Fatalf("noted are\n%q, want\n%q", got, want)
	}
}

// byKind returns steps, then answers, then refusals, each in their order.
func byKind(noted []string) []string {
	kind := func(s string) int {
		switch {
		case !strings.Contains(s, " is "):
			return 0
		case strings.HasSuffix(s, " is done"):
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(noted), func(a, b string) int { return kind(a) - kind(b) })
}

// awaitAnswers waits for as many answers, whatever steps ran again before them.
func (s *steps) awaitAnswers(want ...string) {
	s.t.Helper()
	answers := func() []string {
		return slices.DeleteFunc(s.have(), func(noted string) bool { return !strings.Contains(noted, " is ") })
	}
	until(s.t, fmt.Sprintf("these are noted: %q", want), func() bool { return len(answers()) >= len(want) })
	if got := answers(); !slices.Equal(got, want) {
		s.t.Fatalf("the answers are\n%q, want\n%q", got, want)
	}
}

// flying returns a node with the step of one write done, which waits for the disk.
func flying(t *testing.T) (s *steps, g *gate, open func()) {
	g = newGate()
	s = &steps{t: t, node: openAlone(t, Options{disk: g.pass, StallAfter: stallAfter})}
	s.settle()
	open = sync.OnceFunc(g.shut())
	t.Cleanup(open) // before the node is closed
	s.put("first", 1)
	<-g.waiting
	return s, g, open
}

// TestFlight_TakesTwoThirdsOfThoseAbout: F4. Of those that come while one is out, the next
// takes 64, and the one after that two thirds of all: where that is less than is left, and
// where it is not, but half would be.
func TestFlight_TakesTwoThirdsOfThoseAbout(t *testing.T) {
	for _, test := range []struct{ waiting, transactions int }{
		{220, 4}, // 1, 64, 148 and 8
		{190, 3}, // 1, 64 and 126, of 128 that it may take
	} {
		s, _, open := flying(t)
		before := s.node.Counters().Commits
		s.mu.Lock() // no step ends before all wait: those that came later would not be about
		for i := range test.waiting {
			s.put(fmt.Sprintf("w%03d", i), 1)
		}
		s.mu.Unlock()
		until(t, "64 have joined", func() bool { return len(s.have()) == 1+shareMin })
		open()
		until(t, "all are done", func() bool { return len(s.have()) == 2*(1+test.waiting) })
		if got := s.node.Counters().Commits - before; got != uint64(test.transactions) {
			t.Errorf("there were %d transactions for %d, want %d", got, test.waiting, test.transactions)
		}
	}
}

// TestFlight_LocalWritesJoinTheNext: their steps run while the disk has another
// transaction, they see what that has written, and nobody is answered early.
func TestFlight_LocalWritesJoinTheNext(t *testing.T) {
	s, _, open := flying(t)
	before := s.node.Counters().Commits
	var again Outcome
	s.put("second", 1)
	s.node.Submit(t.Context(), []*Submission{{
		Operations: []delta.Operation{{Verb: delta.VerbIncrease, Claim: claimAt("first"), Amount: 4}},
		Ended:      func(o Outcome) { again = o; s.note("again is done") },
	}})
	s.put("third", 1)
	s.await("first", "second", "third")
	if len(s.node.Lookup("default", "first").Servers) > 0 || len(s.node.Context()) > 1 {
		t.Error("readers see what is not durable")
	}
	open()
	s.await("first", "second", "third", "first is done", "second is done", "again is done", "third is done")
	if again.Err != nil || again.Written.Results[0].Priority != 5 {
		t.Errorf("to increase what was in flight led to %+v", again)
	}
	if got := s.node.Counters().Commits - before; got != 2 {
		t.Errorf("it took %d transactions", got)
	}
	for _, key := range []string{"first", "second", "third"} {
		if len(s.node.Lookup("default", key).Servers) != 1 {
			t.Errorf("%s is not there", key)
		}
	}
}

// TestFlight_NobodyOvertakes: what may not join waits, and with it what came later.
func TestFlight_NobodyOvertakes(t *testing.T) {
	s, _, open := flying(t)
	s.put("joins", 1)
	s.await("first", "joins")
	s.put("waits", 0)
	s.put("later", 1)
	until(t, "they wait", func() bool {
		return s.node.commits.reading("", &s.node.counters.writesRefused).Length == 2*commitWeightMin
	})
	time.Sleep(10 * time.Millisecond) // what could go wrong goes wrong at once
	s.await("first", "joins")
	open()
	s.await("first", "joins", "first is done", "joins is done", "waits", "later", "waits is done", "later is done")
}

// TestFlight_ThatFails_TakesTheNextWithIt: what was built on it is not acknowledged,
// nor there, and leaves no gap when the disk works again.
func TestFlight_ThatFails_TakesTheNextWithIt(t *testing.T) {
	for _, arrives := range []bool{false, true} {
		t.Run(fmt.Sprintf("the disk has it: %t", arrives), func(t *testing.T) {
			s, g, open := flying(t)
			id, former := s.node.Replica(), s.node.Context()
			s.put("second", 1)
			s.await("first", "second")
			g.instead = func(commit func() error) error {
				if arrives {
					return errors.Join(errDisk, commit())
				}
				return errDisk
			}
			open()
			s.await("first", "second", "first is refused", "second is refused")
			until(t, "the disk works again", func() bool { return s.node.store.Failed() == nil })
			increase(t, s.node, "third")
			if got := len(s.node.Lookup("default", "first").Servers); (got == 1) != arrives {
				t.Errorf("the first is shown by %d", got)
			}
			if len(s.node.Lookup("default", "second").Servers) != 0 {
				t.Error("the second is there")
			}
			want := former.Get(id) + 1
			if arrives {
				want++
			}
			if got := s.node.Context(); got.Get(id) != want {
				t.Errorf("it is at %s, want %d of %s", got, want, id)
			}
		})
	}
}

// TestFlight_ThatFails_ThoughTheDiskWorks has the flight fail, as if what it needs
// were corrupt, before the next one that was prepared departs: the store works, so
// that one could become durable, and all to come would wait for it to do so.
func TestFlight_ThatFails_ThoughTheDiskWorks(t *testing.T) {
	s, _, open := flying(t)
	tries := 0
	failing := sync.OnceFunc(func() {
		open()
		<-s.node.flight.landed
		for deadline := time.Now().Add(20 * time.Second); len(s.have()) < 3 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		} // until the first is answered
		s.node.flight.err = errors.New("a page is not what was written") // as the committer finds it
	})
	err := s.node.commits.put(&request{joins: 1, step: func(c *delta.Commit) error {
		s.note("second")
		failing()
		tries++
		return write(registering(fmt.Sprint("second", tries)))(c)
	}, done: func(err error) { s.note(fmt.Sprint("second is answered ", err)) }}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.await("first", "second", "first is done", "first is refused", "second", "second is answered <nil>")
	increase(t, s.node, "third")
	if servers := s.node.Lookup("default", "second1").Servers; len(servers) != 0 {
		t.Errorf("what was held back is served by %v", servers)
	}
	if servers := s.node.Lookup("default", "second2").Servers; len(servers) != 1 {
		t.Errorf("what was carried out instead is served by %v", servers)
	}
}

// ready has n writes join, as many as make a transaction full, so that it is ready to
// depart, and returns their names.
func (s *steps) ready(n int) (names []string) {
	s.t.Helper()
	for i := range n {
		name := fmt.Sprintf("r%02d", i)
		s.put(name, 1)
		names = append(names, name)
	}
	until(s.t, "the next is ready", func() bool { return len(s.node.departures) == 1 && len(s.node.previews) == 0 })
	return names
}

// each returns names with what is noted of them.
func each(names []string, what string) (noted []string) {
	for _, name := range names {
		noted = append(noted, name+what)
	}
	return noted
}

// TestFlight_ThatFails_TakesTheReadyNextWithIt: what waits for nothing but the disk is
// not acknowledged either, nor to be seen.
func TestFlight_ThatFails_TakesTheReadyNextWithIt(t *testing.T) {
	s, g, open := flying(t)
	id, former := s.node.Replica(), s.node.Context()
	names := s.ready(shareMin)
	g.instead = func(func() error) error { return errDisk }
	open()
	s.await(slices.Concat([]string{"first"}, names, []string{"first is refused"}, each(names, " is refused"))...)
	until(t, "the disk works again", func() bool { return s.node.store.Failed() == nil })
	increase(t, s.node, "third")
	for _, name := range append(names, "first") {
		if len(s.node.Lookup("default", name).Servers) != 0 {
			t.Errorf("%s is there", name)
		}
	}
	if got := s.node.Context(); got.Get(id) != former.Get(id)+1 {
		t.Errorf("it is at %s, want %d of %s", got, former.Get(id)+1, id)
	}
}

// TestFlight_Ready_IDGivenUpMeanwhile: F3, I3. What is ready and has been derived from
// is held back and carried out again, before what came later.
func TestFlight_Ready_IDGivenUpMeanwhile(t *testing.T) {
	s, _, open := flying(t)
	former, before := s.node.Replica(), s.node.Context()
	tries := 0
	err := s.node.commits.put(&request{joins: 1, step: func(c *delta.Commit) error {
		tries++
		return write(registering(fmt.Sprint("try", tries)))(c)
	}, done: func(error) {}}, commitWeightMin)
	if err != nil {
		t.Fatal(err)
	}
	names := s.ready(shareMin - 1)
	s.put("later", 1)
	s.node.identity.disown(former, "another has it")
	open()
	s.awaitAnswers(slices.Concat([]string{"first is done"}, each(names, " is done"), []string{"later is done"})...)
	now := s.node.Replica()
	if got := s.node.Context(); now == former || got.Get(former) != before.Get(former)+1 || got.Get(now) == 0 {
		t.Errorf("it goes on under %s, formerly %s, and is at %s", now, former, got)
	}
	if servers := s.node.Lookup("default", "try1").Servers; len(servers) != 0 {
		t.Errorf("what was held back is served by %v", servers)
	}
	for _, name := range append(names, "first", "later", "try2") {
		if servers := s.node.Lookup("default", name).Servers; len(servers) != 1 || servers[0].Priority != 1 {
			t.Errorf("%s is served by %v", name, servers)
		}
	}
}

// TestFlight_IDGivenUpMeanwhile: what has joined before the node was told that
// another has its id is numbered under the new one (I3).
func TestFlight_IDGivenUpMeanwhile(t *testing.T) {
	s, _, open := flying(t)
	former, before := s.node.Replica(), s.node.Context()
	s.put("second", 1)
	s.await("first", "second")
	s.node.identity.disown(former, "another has it")
	open()
	s.await("first", "second", "first is done", "second", "second is done")
	now := s.node.Replica()
	if got := s.node.Context(); now == former || got.Get(former) != before.Get(former)+1 || got.Get(now) == 0 {
		t.Errorf("it goes on under %s, formerly %s, and is at %s", now, former, got)
	}
}

// TestFlight_Pulse_IsOfWhatAllWaitFor: while a flight is out, its progress counts
// and not what joins meanwhile, or nobody would find it stuck; when it has landed,
// that of the steps does, which may be many.
func TestFlight_Pulse_IsOfWhatAllWaitFor(t *testing.T) {
	s, _, open := flying(t)
	out := s.node.pulse.steps.Load()
	s.put("joins", 1)
	s.await("first", "joins")
	if got := s.node.pulse.steps.Load(); got != out {
		t.Errorf("it has made %d steps while a flight is out", got-out)
	}
	var beats []uint64
	ended := make(chan error, 1)
	step := func(*delta.Commit) error {
		open()
		<-s.node.flight.landed
		beats = append(beats, s.node.pulse.steps.Load())
		return nil
	}
	requests := make([]*request, 3)
	for i := range requests {
		requests[i] = &request{joins: 1, step: step, done: func(err error) {
			if i == len(requests)-1 {
				ended <- err
			}
		}}
	}
	if _, err := s.node.commits.putAll(listed(requests...)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || len(beats) != 3 || beats[1] <= beats[0] || beats[2] <= beats[1] {
		t.Errorf("steps run at %d, %v", beats, err)
	}
}

// TestFlight_OneThatCannotJoin_AffectsNoOther has a step fail that runs while the
// disk has another transaction.
func TestFlight_OneThatCannotJoin_AffectsNoOther(t *testing.T) {
	s, _, open := flying(t)
	s.put("second", 1)
	s.await("first", "second")
	broken := fmt.Errorf("%w: the page is not what was written", store.ErrCorrupt)
	err := s.node.commits.put(&request{joins: 1, step: func(*delta.Commit) error { s.note("broken"); return broken },
		done: func(err error) { s.note(fmt.Sprint("broken is refused: ", errors.Is(err, store.ErrCorrupt))) }}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.await("first", "second", "broken")
	open()
	s.await("first", "second", "broken", "first is done", "second", "second is done", "broken", "broken is refused: true")
}

// TestFlight_IdentityNotCertain: the write after one that changes the replica's id
// waits, or it would change it again.
func TestFlight_IdentityNotCertain(t *testing.T) {
	g := newGate()
	s := &steps{t: t, node: openAlone(t, Options{disk: g.pass})}
	former := s.node.Replica()
	s.node.identity.certain.Store(false)
	s.settle()
	open := sync.OnceFunc(g.shut())
	t.Cleanup(open)
	s.put("first", 1)
	<-g.waiting
	s.put("second", 1)
	time.Sleep(10 * time.Millisecond) // what could go wrong goes wrong at once
	s.await("first")
	open()
	s.await("first", "first is done", "second", "second is done")
	got, now := s.node.Context(), s.node.Replica()
	others := slices.DeleteFunc(got.Replicas(), func(id crdt.ReplicaID) bool { return id == former || id == now })
	if now == former || len(others) > 0 || got.Get(now) < 2 {
		t.Errorf("it went on under %s, and is at %s", now, got)
	}
}

// TestFlight_Close_CarriesOutWhatHasJoined ends a node while a transaction is on its
// way and others wait for it.
func TestFlight_Close_CarriesOutWhatHasJoined(t *testing.T) {
	s, _, open := flying(t)
	s.put("second", 1)
	s.await("first", "second")
	s.put("third", 0)
	s.node.commits.close() // as Close does when nobody writes any more
	open()
	if err := s.node.Close(); err != nil {
		t.Error(err)
	}
	s.await("first", "second", "first is done", "second is done", "third", "third is done")
}
