package delta_test

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestKey_Start_OfBoundsToo: what a key is about is told of keys of claims, of
// bounds of spans, and of keys that are cut anywhere.
func TestKey_Start_OfBoundsToo(t *testing.T) {
	claim := func(from string) delta.Key {
		return delta.ClaimKey(ranges.Claim{Keyspace: "shop", Node: "n1", Range: ranges.Range{From: from, To: ranges.Unbounded()}})
	}
	bound := func(from string) delta.Key {
		return delta.StartingIn("shop", ranges.Range{From: from, To: ranges.Unbounded()}).From
	}
	for _, c := range []struct {
		key            delta.Key
		keyspace, from string
		ok             bool
	}{
		{claim("a"), "shop", "a", true},
		{claim("a\x00\x00b"), "shop", "a\x00\x00b", true},
		{bound("a\x00b"), "shop", "a\x00b", true},
		{bound(""), "shop", "", true},
		{claim("a\x00b")[:len("_shop_a")+1], "shop", "a", true}, // within an escape
		{"\x01sh", "sh", "", true},
		{delta.ClaimSpan.From, "", "", true},
		{"", "", "", false},
		{delta.NodeKey("n1"), "", "", false},
		{delta.Whole.To, "", "", false},
	} {
		if keyspace, from, ok := c.key.Start(); keyspace != c.keyspace || from != c.from || ok != c.ok {
			t.Errorf("%q starts in %q at %q, %t", c.key, keyspace, from, ok)
		}
	}
}
