package node_test

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

var updates = flag.Int("updates", 3000, "how many updates the test of retention at scale makes")

// scaleClaims is how many claims are updated; every hundredth is of n1.
const scaleClaims = 1000

func scaleClaim(i int) ranges.Claim {
	name := "n2"
	if i%100 == 0 {
		name = "n1"
	}
	key := fmt.Sprintf("k%05d", i)
	return claimOf(name, key, key+"~")
}

// TestNode_Compact_AtScale updates 1,000 claims again and again on a node that
// participates in one in a hundred of them, n1, and one that participates in
// the others. After compaction n1 has next to none of the history, and its file
// is as small as what it still needs; n2 has all of what its retention
// promises. For a million updates: -updates 1000000.
func TestNode_Compact_AtScale(t *testing.T) {
	o := node.Options{}
	o.SetTrimEvery(time.Hour) // the test does it
	c := newClusterWith(t, o, "n1", "n2")
	for i := 0; i < scaleClaims; i += 250 {
		var registers []delta.Operation
		for j := i; j < i+250; j++ {
			registers = append(registers, register(scaleClaim(j), 1))
		}
		c.write("n1", registers...)
	}
	c.meet()
	var next atomic.Int64
	var writers sync.WaitGroup
	for range 64 {
		writers.Go(func() {
			for i := int(next.Add(1)); i <= *updates; i = int(next.Add(1)) {
				verb := delta.VerbIncrease
				if i/scaleClaims%2 == 1 {
					verb = delta.VerbDecrease
				}
				if _, err := c.nodes["n1"].Write(t.Context(), []delta.Operation{{Verb: verb, Claim: scaleClaim(i % scaleClaims), Amount: 1}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	c.eventually("both are equal", c.equal)
	c.eventually("n1 knows that n2 has seen all", func() bool {
		return !slices.ContainsFunc(c.nodes["n1"].Members(), func(m node.Member) bool { return !m.InSync })
	})
	if done, err := c.nodes["n1"].Compact(t.Context(), false); err != nil || done.Plan.Kept[compaction.Other].Records != 0 {
		t.Fatalf("it keeps %v, %v", done.Plan.Kept, err)
	}
	if err := c.nodes["n1"].Rewrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	s1, s2 := c.status("n1"), c.status("n2")
	var state uint64
	err := c.nodes["n1"].View(func(v *store.View) error {
		return v.Scan(delta.Whole, func(e delta.Entry) error {
			state += uint64(len(e.Key) + len(delta.EncodeEntry(e)))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	all := uint64(*updates)
	t.Logf("%d updates: n1 keeps %d records of %d bytes and a file of %d, for a state of %d; n2 keeps %d records", all, s1.LogRecords, s1.LogBytes, s1.DBBytes, state, s2.LogRecords)
	if s1.LogRecords*1000 > all*15+16*1000 { // and a few of the nodes themselves
		t.Errorf("n1 keeps %d records of %d updates", s1.LogRecords, all)
	}
	const slack = 1<<20 + 129<<12 // by which the file grows at a time, and its journal
	if s1.DBBytes > 2*(state+s1.LogBytes)+slack {
		t.Errorf("the file of n1 has %d bytes, for a state of %d and a log of %d", s1.DBBytes, state, s1.LogBytes)
	}
	if want := all / 100 * 99; s2.LogRecords < want {
		t.Errorf("n2 keeps %d records, its retention promises %d", s2.LogRecords, want)
	}
}
