package node_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"pgregory.net/rapid"
)

func TestToken_Parse_ReadsWhatFormatWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := crdt.NewContext()
		for _, seed := range rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "replicas") {
			c[crdt.ReplicaID{1, seed}] = rapid.Uint64Range(1, 1<<62).Draw(t, "sequence")
		}
		text := node.FormatToken(c)
		got, err := node.ParseToken(text)
		if err != nil || !got.Equal(c) {
			t.Fatalf("%v is written %q and read %v: %v", c, text, got, err)
		}
	})
}

func TestToken_Parse_RefusesWhatNobodyHandedOut(t *testing.T) {
	good := node.FormatToken(crdt.Context{{1}: 7})
	for _, text := range []string{"", "no token", good[:len(good)-1], good + "A", good + "=", good[:3] + "\n" + good[3:], "gB", strings.Repeat("A", 2<<20)} {
		if c, err := node.ParseToken(text); !errors.Is(err, delta.ErrInvalid) {
			t.Errorf("%.20q is read as %v: %v", text, c, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(node.FormatToken(crdt.NewContext()))
	f.Add(node.FormatToken(crdt.Context{{1}: 7, {2, 3}: 1 << 40}))
	f.Add("gg")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := node.ParseToken(text)
		if err != nil {
			return
		}
		if got := node.FormatToken(c); got != text {
			t.Errorf("%q and %q are read as %v", text, got, c)
		}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	})
}
