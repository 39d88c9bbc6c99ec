package delta_test

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// commit makes the steps of do durable in a map: a store would write the
// effects in one transaction before the replica adopts them.
func commit(r *delta.Replica, entries *delta.Memory, do func(*delta.Commit) error) *delta.Effects {
	c := r.Begin(delta.Env{Read: entries})
	if err := do(c); err != nil {
		fmt.Println("error:", err)
	}
	effects, err := c.Finish()
	if err != nil {
		fmt.Println("error:", err)
		return nil
	}
	entries.Write(effects)
	r.Adopt(effects)
	return effects
}

func exampleClaim() ranges.Claim {
	return ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}}
}

// A batch is carried out as a whole, each operation on what those before it
// left, or not at all.
func ExampleCommit_Write() {
	replica, entries := delta.NewReplica(crdt.ReplicaID{1}), &delta.Memory{}
	commit(replica, entries, func(c *delta.Commit) error {
		d, results, err := c.Write([]delta.Operation{
			{Verb: delta.VerbRegister, Claim: exampleClaim(), Amount: 10},
			{Verb: delta.VerbIncrease, Claim: exampleClaim(), Amount: 5},
		})
		fmt.Println(len(d.Events), "events,", results)
		return err
	})
	commit(replica, entries, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{
			{Verb: delta.VerbRelease, Claim: exampleClaim()},
			{Verb: delta.VerbDecrease, Claim: exampleClaim(), Amount: 1},
		})
		return err
	})
	e, _ := entries.Get(delta.ClaimKey(exampleClaim()))
	fmt.Println("shown:", e.Counter.Value())
	// Output:
	// 2 events, [{true 10} {true 15}]
	// error: operation 2: not found: nobody has registered this claim
	// shown: 15
}

// What one replica commits, others receive; twice is once, and an event waits
// for those before it.
func ExampleCommit_Receive() {
	one, two := delta.NewReplica(crdt.ReplicaID{1}), delta.NewReplica(crdt.ReplicaID{2})
	ofOne, ofTwo := &delta.Memory{}, &delta.Memory{}
	var sent []delta.Packed
	for _, amount := range []int64{10, 5} {
		effects := commit(one, ofOne, func(c *delta.Commit) error {
			_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbIncrease, Claim: exampleClaim(), Amount: amount}})
			return err
		})
		sent = append(sent, effects.Deltas...)
	}
	for _, i := range []int{1, 0, 0, 1} {
		commit(two, ofTwo, func(c *delta.Commit) error {
			outcome, err := c.Receive(sent[i])
			fmt.Println("increase by", sent[i].Events[0].By, outcome)
			return err
		})
	}
	e, _ := ofTwo.Get(delta.ClaimKey(exampleClaim()))
	fmt.Println("shown:", e.Counter.Value(), "equal:", one.Fingerprint == two.Fingerprint)
	// Output:
	// increase by 5 early
	// increase by 10 applied
	// increase by 10 seen
	// increase by 5 applied
	// shown: 15 equal: true
}

// Where the deltas are gone, the state of a peer is joined, span by span. Only
// a complete session lets the context grow.
func ExampleCommit_Take() {
	one, two := delta.NewReplica(crdt.ReplicaID{1}), delta.NewReplica(crdt.ReplicaID{2})
	ofOne, ofTwo := &delta.Memory{}, &delta.Memory{}
	commit(one, ofOne, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbRegister, Claim: exampleClaim(), Amount: 10}})
		return err
	})
	answer := delta.Answer{Span: delta.Whole, Context: one.Context.Clone(), Ahead: one.Ahead.Clone(), InSession: true}
	_ = ofOne.Scan(delta.Whole, func(e delta.Entry) error {
		answer.Entries = append(answer.Entries, e)
		return nil
	})

	commit(two, ofTwo, func(c *delta.Commit) error { return c.OpenSession(one.Context) })
	commit(two, ofTwo, func(c *delta.Commit) error { return c.Take(answer) })
	fmt.Println("equal:", one.Fingerprint == two.Fingerprint, "ahead:", two.IsAhead())
	commit(two, ofTwo, (*delta.Commit).CompleteSession)
	fmt.Println("equal contexts:", one.ContextHash == two.ContextHash, "ahead:", two.IsAhead())
	// Output:
	// equal: true ahead: true
	// equal contexts: true ahead: false
}
