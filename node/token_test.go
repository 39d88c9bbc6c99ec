package node_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"pgregory.net/rapid"
)

func drawEntries(t *rapid.T) crdt.Context {
	c := crdt.NewContext()
	for _, seed := range rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "replicas") {
		c[crdt.ReplicaID{1, seed}] = rapid.Uint64Range(1, 1<<62).Draw(t, "sequence")
	}
	return c
}

// namedText writes the token of a context that has a hash, and lists entries.
func namedText(hash byte, entries crdt.Context) string {
	b := append([]byte{1}, strings.Repeat(string([]byte{hash}), 16)...)
	return base64.RawURLEncoding.EncodeToString(append(b, delta.EncodeContext(entries)...))
}

func TestToken_Parse_ReadsWhatStringWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawEntries(t)
		text := node.WholeToken(c).String()
		token, err := node.ParseToken(text)
		if err != nil || token.String() != text || token.IsZero() || token.Validate() != nil {
			t.Fatalf("%v is written %q and read %v: %v", c, text, token, err)
		}
		var n *node.Node // a whole context is known to nobody in particular
		if got, err := n.Resolve(t.Context(), token); err != nil || !got.Equal(c) {
			t.Fatalf("%v is written %q and stands for %v: %v", c, text, got, err)
		}
		text = namedText(rapid.Byte().Draw(t, "hash"), c)
		if token, err = node.ParseToken(text); err != nil || token.String() != text || token.IsZero() || token.Validate() != nil {
			t.Fatalf("%q is read %v: %v", text, token, err)
		}
	})
}

// TestToken_Golden pins the bytes: users keep tokens while nodes are upgraded.
func TestToken_Golden(t *testing.T) {
	c := crdt.Context{{1}: 7, {2, 3}: 1 << 40}
	entries := "82" + "825001000000000000000000000000000000" + "07" + "825002030000000000000000000000000000" + "1b0000010000000000"
	for want, text := range map[string]string{
		entries: node.WholeToken(c).String(),
		"80":    node.WholeToken(nil).String(),
		"01" + strings.Repeat("aa", 16) + entries: namedText(0xaa, c),
		"01" + strings.Repeat("00", 16) + "80":    namedText(0, nil),
	} {
		token, err := node.ParseToken(text)
		if err != nil || token.String() != text {
			t.Errorf("%s is read %v: %v", text, token, err)
		}
		if b, err := base64.RawURLEncoding.DecodeString(text); err != nil || hex.EncodeToString(b) != want {
			t.Errorf("the bytes are %x, want %s: %v", b, want, err)
		}
	}
}

func TestToken_Parse_RefusesWhatNobodyHandedOut(t *testing.T) {
	crowd := crdt.NewContext()
	for i := range 4097 {
		crowd[crdt.ReplicaID{1, byte(i), byte(i >> 8)}] = 1
	}
	good, named := node.WholeToken(crdt.Context{{1}: 7}).String(), namedText(1, crdt.Context{{1}: 7})
	for _, text := range []string{
		"", "no token", good[:len(good)-1], good + "A", good + "=", good[:3] + "\n" + good[3:], "gB", strings.Repeat("A", 2<<20),
		named[:len(named)-2], named + "AA", named[:23], "AQ", "AQ" + good, "Ag" + named[2:], namedText(1, nil) + "AA", strings.Repeat("AQ", 1<<19), namedText(1, crowd),
	} {
		if token, err := node.ParseToken(text); !errors.Is(err, delta.ErrInvalid) {
			t.Errorf("%.40q is read as %v: %v", text, token, err)
		}
	}
}

func TestToken_Zero(t *testing.T) {
	var zero node.Token
	if empty := node.WholeToken(nil); !zero.IsZero() || zero.String() != "" || empty.IsZero() || fmt.Sprint(empty) != "gA" {
		t.Errorf("none is %q, that of nothing %q", zero, empty)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(node.WholeToken(crdt.NewContext()).String())
	f.Add(node.WholeToken(crdt.Context{{1}: 7, {2, 3}: 1 << 40}).String())
	f.Add(namedText(5, crdt.Context{{1}: 7, {2, 3}: 1 << 40}))
	f.Add(namedText(0, nil))
	f.Add("gg")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := node.ParseToken(text)
		if err != nil {
			return
		}
		if got := token.String(); got != text {
			t.Errorf("%q and %q are read as one", text, got)
		}
		if err := token.Validate(); err != nil {
			t.Error(err)
		}
	})
}
