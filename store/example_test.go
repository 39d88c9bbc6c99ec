package store_test

import (
	"fmt"
	"os"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "ssnode")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	s, err := store.Open(dir, store.Options{Node: "n1"})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	// When Update returns, the claim is on disk.
	_, err = s.Update(delta.Env{Now: 1_700_000_000_000}, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{{
			Verb: delta.VerbRegister, Amount: 10,
			Claim: ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}},
		}})
		return err
	})
	if err != nil {
		panic(err)
	}

	// A view shows entries and log of one instant.
	err = s.View(func(v *store.View) error {
		err := v.Scan(delta.ClaimSpan, func(e delta.Entry) error {
			claim, err := e.Key.Claim()
			fmt.Println(claim.Node, claim.Range.From, claim.Range.To.Key, e.Counter.Value())
			return err
		})
		if err != nil {
			return err
		}
		events, err := v.Log(v.Summary().ID, 1, 1<<20)
		fmt.Println(len(events.Deltas), "delta, next event", events.Next, "because of", events.Stop)
		return err
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// n1 a m 10
	// 1 delta, next event 2 because of end
}
