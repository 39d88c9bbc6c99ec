package antientropy

import (
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestFirstDifference_OfForgottenIsQuiet: records of forgotten replicas may
// differ; anything else under a key may not.
func TestFirstDifference_OfForgottenIsQuiet(t *testing.T) {
	one, two := crdt.ReplicaID{1}, crdt.ReplicaID{2}
	entry := func(key string, origins ...crdt.ReplicaID) delta.Entry {
		e := delta.Entry{Key: delta.ClaimKey(ranges.Claim{Keyspace: "k", Node: "n", Range: ranges.Single(key)})}
		for _, r := range origins {
			e.Counter = e.Counter.Put(crdt.Contribution{Origin: r, Era: 1, Last: 1, Added: 1, Register: 1, Amount: 1})
		}
		return e
	}
	list := func(entries ...delta.Entry) []delta.Entry { return entries }
	for name, c := range map[string]struct {
		mine, theirs []delta.Entry
		want         string
	}{
		"equal":                         {list(entry("a", one), entry("b", two)), list(entry("a", one), entry("b", two)), ""},
		"mine only":                     {list(entry("a", one), entry("b", one)), list(entry("b", one)), "a"},
		"theirs only":                   {list(entry("a", one)), list(entry("a", one), entry("b", one)), "b"},
		"record":                        {list(entry("a", one)), list(entry("a", two)), "a"},
		"record of the forgotten":       {list(entry("a", one)), list(entry("a", one, two)), ""},
		"entry of the forgotten":        {list(entry("a", two), entry("b", one)), list(entry("b", one)), ""},
		"behind one of the forgotten":   {list(entry("a", two), entry("b", one)), list(entry("c", two)), "b"},
		"nothing, and of the forgotten": {nil, list(entry("c", two)), ""},
	} {
		var mine []PackedEntry
		for _, e := range c.mine {
			mine = append(mine, PackedEntry{Key: e.Key, Value: delta.EncodeEntry(e)})
		}
		want := delta.Key("")
		if c.want != "" {
			want = entry(c.want).Key
		}
		if got := firstDifference(mine, c.theirs, map[crdt.ReplicaID]struct{}{two: {}}); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
