package store

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestTryUnseal_SaysWhereInWords: who reads of damage is told what is damaged,
// not the bytes of its key.
func TestTryUnseal_SaysWhereInWords(t *testing.T) {
	id := crdt.ReplicaID{0: 0xab, 15: 1}
	claim := func(from string, to ranges.End) []byte {
		return []byte(delta.ClaimKey(ranges.Claim{Keyspace: "users", Node: "n1", Range: ranges.Range{From: from, To: to}}))
	}
	for _, c := range []struct {
		bucket string
		key    []byte
		want   string
	}{
		{bucketEntries, claim("a", ranges.Before("m")), "the claim users:[a, m) of n1 (bucket entries)"},
		{bucketEntries, claim("", ranges.Unbounded()), "the claim users:[-inf, +inf) of n1 (bucket entries)"},
		{bucketEntries, claim("a\x00", ranges.Before("\xff, b")), "the claim users:[hex:6100, hex:ff2c2062) of n1 (bucket entries)"},
		{bucketEntries, claim("a, b", ranges.Unbounded()), "the claim users:[hex:612c2062, +inf) of n1 (bucket entries)"},
		{bucketEntries, []byte(delta.NodeKey("n2")), "the record of node n2 (bucket entries)"},
		{bucketEntries, []byte(delta.ForgottenKey(id)), "the mark that replica ab000000000000000000000000000001 was forgotten (bucket entries)"},
		{bucketEntries, []byte("\x01x"), "the key 0178 (bucket entries)"},
		{bucketLog, indexKey(12), "record 12 and those behind it (bucket log)"},
		{bucketTail, indexKey(12), "record 12 (bucket tail)"},
		{bucketTail, chunkKey(9), "chunk 9 of the newest entries (bucket tail)"},
		{bucketFresh, indexKey(9), "chunk 9 of the newest entries (bucket fresh)"},
		{bucketDots, dotKey(crdt.Dot{Replica: id, Sequence: 7}), "the delta from ab000000000000000000000000000001:7 on (bucket dots)"},
		{bucketContext, id[:], "replica ab000000000000000000000000000001 (bucket context)"},
		{bucketAhead, id[:], "replica ab000000000000000000000000000001 (bucket ahead)"},
		{bucketHoles, []byte(holeKeyspace + "users"), "what history lacks of keyspace users (bucket holes)"},
		{bucketHoles, []byte(holeEverything), "what history lacks of everything (bucket holes)"},
		{bucketHoles, []byte(holeNodes), "what history lacks of node records (bucket holes)"},
		{bucketMeta, []byte(metaState), "state (bucket meta)"},
		{bucketLog, []byte("odd"), "the key 6f6464 (bucket log)"},
		{bucketNotes, []byte("\xff"), "the key ff (bucket notes)"},
	} {
		_, problem := tryUnseal(c.bucket, c.key, []byte("no checksum"))
		if want := "the checksum of " + c.want + " does not match"; problem != want {
			t.Errorf("%s\nwant\n%s", problem, want)
		}
		if _, problem := tryUnseal(c.bucket, c.key, nil); !strings.Contains(problem, "the value of "+c.want+" has 0 bytes") {
			t.Errorf("%s, want %s", problem, c.want)
		}
	}
}
