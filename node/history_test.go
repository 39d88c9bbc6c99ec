package node_test

import (
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// amounts returns the amounts of the events of a history.
func amounts(h node.History) string {
	var out []int64
	for _, e := range h.Events {
		out = append(out, max(e.Event.By, e.Event.Contribution().Amount))
	}
	return fmt.Sprint(out, h.Complete)
}

func TestNode_History_FiltersLimitsAndKnowsItsHoles(t *testing.T) {
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c := newClusterWith(t, node.Options{Retention: compaction.Options{Other: nothing}}, "n1")
	own, other := claimOf("n1", "a", "m"), keyspaceOf("other", claimOf("n2", "a", "m"))
	c.write("n1", register(own, 1))
	c.write("n1", register(other, 2))
	for i := range 5 {
		c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: own, Amount: int64(10 + i)})
	}
	inside, beside := ranges.Range{From: "b", To: ranges.Before("c")}, ranges.Range{From: "m", To: ranges.Unbounded()}
	for _, x := range []struct {
		filter node.Filter
		limit  int
		want   string
	}{
		{node.Filter{}, 0, "[0 1 2 10 11 12 13 14] true"}, // the record of n1 first
		{node.Filter{Keyspace: "default"}, 0, "[1 10 11 12 13 14] true"},
		{node.Filter{Keyspace: "default"}, 6, "[1 10 11 12 13 14] true"},
		{node.Filter{Keyspace: "default"}, 2, "[13 14] false"},
		{node.Filter{Keyspace: "default"}, 1, "[14] false"},
		{node.Filter{Node: "n2"}, 3, "[2] true"},
		{node.Filter{Range: &inside}, 0, "[1 2 10 11 12 13 14] true"},
		{node.Filter{Range: &beside}, 0, "[] true"},
	} {
		if h, err := c.nodes["n1"].History(x.filter, x.limit); err != nil || amounts(h) != x.want {
			t.Errorf("%+v, at most %d: %s, want %s: %v", x.filter, x.limit, amounts(h), x.want, err)
		}
	}
	if _, err := c.nodes["n1"].Compact(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[node.Filter]string{
		{Keyspace: "default"}: "[1 10 11 12 13 14] true",
		{Keyspace: "other"}:   "[] false",
		{}:                    "[0 1 10 11 12 13 14] false",
	} {
		if h, err := c.nodes["n1"].History(filter, 0); err != nil || amounts(h) != want {
			t.Errorf("%+v after trimming: %s, want %s: %v", filter, amounts(h), want, err)
		}
	}
	if h, err := c.nodes["n1"].History(node.Filter{}, 0); err != nil || len(h.Missing) != 1 || h.Missing[0].Keyspace != "other" {
		t.Errorf("events are missing of %+v, %v", h.Missing, err)
	}
}
