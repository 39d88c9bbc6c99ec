package antientropy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// fetching is a cluster in which fresh has everything to fetch from others that
// hold the same and have trimmed their logs, in sessions of many rounds.
func fetching(t *testing.T, others ...string) (k *cluster, fresh *member) {
	k = newCluster(t, 1)
	k.options.SplitFanOut, k.options.LeafRecords, k.options.RangeBytesMax = 2, 1, 1
	for _, name := range others {
		k.add(name)
	}
	for i := range 40 {
		if err := k.members[0].write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.run(3000)
	for _, m := range k.members {
		if !m.replica.Context.Equal(k.members[0].replica.Context) {
			t.Fatalf("%s has seen %v", m.name, m.replica.Context)
		}
		m.trim(100)
	}
	return k, k.add("fresh")
}

func asksFor(requests []antientropy.CommitRequest, kind antientropy.StepKind) bool {
	return slices.ContainsFunc(requests, func(r antientropy.CommitRequest) bool {
		return slices.ContainsFunc(r.Steps, func(s antientropy.Step) bool { return s.Kind == kind })
	})
}

// TestSession_CompletesOnlyWhatIsDurable: whatever else comes to pass while
// joins are on their way to the disk, the session is not completed before they
// are there (S3). One of them may fail alone, and would be covered all the same.
func TestSession_CompletesOnlyWhatIsDurable(t *testing.T) {
	k, fresh := fetching(t, "a")
	fresh.busy = true // the disk is as slow as can be: all else comes to pass first
	joins := 0
	for until := k.now + 60_000; !k.members[0].replica.Context.Leq(fresh.replica.Context); {
		if k.run(50); k.now > until {
			t.Fatal("it never has everything")
		}
		requests := fresh.commits
		fresh.commits = nil
		if asksFor(requests, antientropy.StepTake) {
			if joins++; asksFor(requests, antientropy.StepComplete) {
				t.Fatal("the session is to be completed with joins that are not on the disk")
			}
		}
		if err := fresh.commit(requests, nil); err != nil {
			t.Fatal(err)
		}
	}
	if joins < 5 {
		t.Errorf("%d commits with joins make no session of many rounds", joins)
	}
}

// TestSession_ContinuedElsewhere_IsOpenAllTheTime: when a peer is lost and the
// session goes on with another, at no instant on disk is it closed: an event
// from inside its start, applied then, would stay for ever.
func TestSession_ContinuedElsewhere_IsOpenAllTheTime(t *testing.T) {
	k, fresh := fetching(t, "a", "b")
	k.faults.diskMax = 40
	opened, cut := false, ""
	for until := k.now + 60_000; !k.members[0].replica.Context.Leq(fresh.replica.Context); {
		if !k.step(until) {
			t.Fatal("it never has everything")
		}
		opened = opened || fresh.replica.InSession()
		if opened && !fresh.replica.InSession() && !k.members[0].replica.Context.Leq(fresh.replica.Context) {
			t.Fatalf("the session is closed, and %s not seen", k.members[0].replica.Context)
		}
		if status, ok := fresh.core.Session(); cut == "" && ok && fresh.replica.Fingerprint.Count > 10 {
			cut = status.Peer
			k.faults.cut[[2]string{cut, "fresh"}] = true
		}
	}
	if got := fresh.core.Counters(); cut == "" || got.Sessions != 1 || got.SessionsAbandoned > 0 {
		t.Errorf("%q was cut off: %s", cut, fmt.Sprintf("%d sessions, %d abandoned", got.Sessions, got.SessionsAbandoned))
	}
}

// TestSession_Renamed_IsGivenUp: whoever goes on under a new id gives up the session
// and everything that it has found under the old one, and begins another.
func TestSession_Renamed_IsGivenUp(t *testing.T) {
	k, fresh := fetching(t, "a")
	for until := k.now + 60_000; fresh.replica.Fingerprint.Count < 10; {
		if !k.step(until) {
			t.Fatal("it never has ten")
		}
	}
	if err := fresh.commit(nil, func(c *delta.Commit) error { c.Rename(crdt.ReplicaID{9}); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, ok := fresh.core.Session(); ok || fresh.replica.InSession() {
		t.Fatalf("the core has a session: %t; it is open on disk: %t", ok, fresh.replica.InSession())
	}
	k.run(60_000)
	got := fresh.core.Counters()
	if !k.members[0].replica.Context.Leq(fresh.replica.Context) || got.SessionsAbandoned != 1 || got.SessionsCompleted != 1 {
		t.Errorf("it has seen %v after %d sessions, %d of them abandoned, %d completed", fresh.replica.Context, got.Sessions, got.SessionsAbandoned, got.SessionsCompleted)
	}
}
