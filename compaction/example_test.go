package compaction_test

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

func ExamplePick() {
	own := ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}}
	far := ranges.Claim{Keyspace: "default", Node: "n2", Range: ranges.Range{From: "x", To: ranges.Unbounded()}}
	origin := crdt.ReplicaID{1}
	plan := compaction.Pick(compaction.Env{
		Now:           60_000,
		Node:          "n1",
		Participation: compaction.ParticipationOf(slices.Values([]ranges.Claim{own})),
		Members:       []compaction.Member{{Name: "n2", Context: crdt.Context{origin: 2}}},
		Records: slices.Values([]compaction.Record{
			{Index: 1, Origin: origin, First: 1, Last: 1, AppliedAt: 1000, Bytes: 90, Touches: []delta.Touch{{Keyspace: own.Keyspace, Range: ranges.BytesOf(own.Range)}}},
			{Index: 2, Origin: origin, First: 2, Last: 2, AppliedAt: 2000, Bytes: 80, Touches: []delta.Touch{{Keyspace: far.Keyspace, Range: ranges.BytesOf(far.Range)}}},
			{Index: 3, Origin: origin, First: 3, Last: 3, AppliedAt: 3000, Bytes: 80, Touches: []delta.Touch{{Keyspace: far.Keyspace, Range: ranges.BytesOf(far.Range)}}},
		}),
	})
	for _, d := range plan.Drop {
		fmt.Println("drop", d.Index, d.Reason)
	}
	fmt.Print(plan)
	// Output:
	// drop 2 covered
	// participating: drop 0 records of 0 bytes, keep 1 records of 90 bytes
	// other: drop 1 records of 80 bytes, keep 1 records of 80 bytes
	// 1 records of 80 bytes wait for n2
}
