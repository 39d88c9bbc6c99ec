package gossip

import (
	"testing"

	"github.com/hashicorp/memberlist"
)

// FuzzPeekPacketLabel: a label is read as memberlist reads it, of every packet
// that memberlist can read; an empty one is none.
func FuzzPeekPacketLabel(f *testing.F) {
	for _, b := range []string{"", "\x01", "\xf4", "\xf4\x00", "\xf4\x03", "\xf4\x03ab", "\xf4\x03abc", "\xf4\x03abcd", "abc"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		label, ok := peekPacketLabel(b)
		_, want, err := memberlist.RemoveLabelHeaderFromPacket(b)
		if readable := err == nil && len(b) > 0; ok != readable || string(label) != want {
			t.Errorf("the label of %x is read as %q, %v, by memberlist as %q, %v", b, label, ok, want, err)
		}
	})
}
