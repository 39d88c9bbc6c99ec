package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// many returns operations on 500 claims of another node.
func many(verb delta.Verb, group int) []delta.Operation {
	out := make([]delta.Operation, 500)
	for i := range out {
		key := fmt.Sprintf("k%03d-%03d%s", group, i, strings.Repeat("x", 100))
		out[i] = delta.Operation{Verb: verb, Claim: claimOf("n2", key, key+"~")}
		if verb == delta.VerbRegister {
			out[i].Amount = 1
		}
	}
	return out
}

// A running node says what of its history is about its own ranges, holds it to
// its retention, and gives the space back by itself.
func TestNode_Trim_ByParticipationAndGivesSpaceBack(t *testing.T) {
	var o node.Options
	o.SetTrimEvery(10 * time.Millisecond)
	o.SetRewriteEvery(time.Millisecond)
	o.Retention = compaction.Options{
		Own:   compaction.Retention{Age: time.Hour.Milliseconds(), Bytes: 64 << 20},
		Other: compaction.Retention{Age: 1, Bytes: 1},
	}
	c := newClusterWith(t, o, "n1")
	n1 := c.nodes["n1"]
	c.write("n1", register(claimOf("n1", "a", "b"), 1))
	for i := range 40 {
		c.write("n1", many(delta.VerbRegister, i)...)
	}
	c.write("n1", register(claimOf("n1", "a", "b"), 2))
	c.eventually("what is about others has gone, what is its own stays", func() bool {
		s := c.status("n1")
		return len(s.History) == 2 && s.History[1].Records == 0 && s.History[0].Records >= 2 && s.LogRecords == s.History[0].Records
	})
	s := c.status("n1")
	own := s.History[0]
	if own.Class != compaction.Own || own.Oldest.IsZero() || time.Since(own.Oldest) > time.Hour || !s.History[1].Oldest.IsZero() {
		t.Errorf("the classes are %+v", s.History)
	}
	within := claimOf("n1", "a", "b").Range
	if h, err := n1.History(node.Filter{Keyspace: "default", Range: &within}, 0); err != nil || !h.Complete || len(h.Events) != 2 {
		t.Errorf("the history of its own range is %+v, %v", h, err)
	}
	// Claims that are released leave free pages in the state.
	for i := range 40 {
		c.write("n1", many(delta.VerbRelease, i)...)
	}
	c.eventually("the space is given back", func() bool { return c.logs["n1"].has("INFO", "rewritten without its free space") })
	// What is freed after the last rewriting stays until it is worth another.
	c.eventually("little of the file is free", func() bool { s := c.status("n1"); return s.DBFreeBytes < 4<<20 })
	if s := c.status("n1"); s.Claims != 1 {
		t.Errorf("it shows %d claims", s.Claims)
	}
}
