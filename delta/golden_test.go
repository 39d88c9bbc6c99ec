package delta_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// update rewrites the fixtures. They pin what is on disks and on the wire: a
// change of them is a new version of the format, not a new expectation.
var update = flag.Bool("update", false, "rewrite testdata/encoded.txt")

const goldenFile = "testdata/encoded.txt"

// golden is one value with its encoded form, and how the form is read back.
type golden struct {
	name    string
	encoded []byte
	decode  func([]byte) ([]byte, error)
}

func goldenDelta(name string, events ...delta.Event) golden {
	d := delta.Delta{Origin: replicaID(1), First: 300, Time: 1_448_150_400_000, Events: events}
	b, err := delta.EncodeDelta(d)
	if err != nil {
		panic(err) // constant values
	}
	return golden{"delta: " + name, b, func(b []byte) ([]byte, error) {
		p, err := delta.DecodeDelta(b)
		if err != nil {
			return nil, err
		}
		return delta.EncodeDelta(p.Delta)
	}}
}

func goldenEntry(name string, e delta.Entry) []golden {
	f := delta.FingerprintOf(e)
	sum := f.Sum.Bytes()
	return []golden{
		{"key: " + name, []byte(e.Key), func(b []byte) ([]byte, error) { return keyAgain(delta.Key(b)) }},
		{"entry: " + name, delta.EncodeEntry(e), func(b []byte) ([]byte, error) {
			decoded, err := delta.DecodeEntry(e.Key, b)
			return delta.EncodeEntry(decoded), err
		}},
		{"fingerprint: " + name, sum[:], func([]byte) ([]byte, error) { return sum[:], nil }},
	}
}

// keyAgain returns the key of what k is parsed to.
func keyAgain(k delta.Key) ([]byte, error) {
	switch {
	case k.IsClaim():
		c, err := k.Claim()
		return []byte(delta.ClaimKey(c)), err
	case k.IsNode():
		name, err := k.Node()
		return []byte(delta.NodeKey(name)), err
	}
	id, err := k.Forgotten()
	return []byte(delta.ForgottenKey(id)), err
}

func goldens() []golden {
	unbounded, zero := claim("a", ""), claim("\x00", "\x00\xff")
	unbounded.Range.To = ranges.Unbounded()
	full := crdt.Contribution{
		Origin: replicaID(1), Era: 280, Last: 300, Total: 17, Added: 299, Register: 290, Amount: 12, Watermark: 285, Released: -4,
	}
	registered := crdt.Contribution{Origin: replicaID(1), Era: 300, Last: 300, Added: 300, Register: 300, Amount: 10}
	increased := full
	increased.Last, increased.Added, increased.Total = 301, 301, 20
	released := crdt.PNCounter{
		{Origin: replicaID(2), Era: 1, Last: 5, Total: -3, Watermark: 5, Released: -3},
		{Origin: replicaID(1), Era: 280, Last: 301, Total: 20, Watermark: 301, Released: 20},
	}
	node := delta.NodeRecord{
		Name: "n1", Generation: 3, Dot: crdt.Dot{Replica: replicaID(1), Sequence: 300},
		Service: "10.0.0.1:80", API: "10.0.0.1:7481", Gossip: "10.0.0.1:7480",
		Labels: []delta.Label{{Name: "rack", Value: "r7"}, {Name: "zone", Value: "a"}},
	}
	retired := node
	retired.Retired, retired.Labels = true, nil
	context := crdt.Context{replicaID(1): 1, replicaID(2): 1 << 40, replicaID(3): 300}
	hash := delta.HashContext(context).Bytes()

	out := []golden{
		goldenDelta("register", delta.Event{Kind: delta.Add, Claim: claim("a", "m"), Records: crdt.PNCounter{registered}}),
		goldenDelta("register and increase",
			delta.Event{Kind: delta.Add, Claim: unbounded, Records: crdt.PNCounter{registered}},
			delta.Event{Kind: delta.Add, Claim: zero, By: 3, Records: crdt.PNCounter{increased}}),
		goldenDelta("decrease", delta.Event{Kind: delta.Add, Claim: claim("a", "m"), By: -2, Records: crdt.PNCounter{full}}),
		goldenDelta("close", delta.Event{Kind: delta.Close, Claim: claim("a", "m"), Era: 280}),
		goldenDelta("advertise", delta.Event{Kind: delta.Advertise, Node: &node}),
		goldenDelta("forget", delta.Event{Kind: delta.Forget, Replica: replicaID(2)}),
		goldenDelta("release", delta.Event{Kind: delta.Close, Claim: unbounded, Era: 1}, delta.Event{Kind: delta.Advertise, Node: withDot(node, 301)},
			delta.Event{Kind: delta.Release, Claim: claim("a", "m"), Records: released}),
		{"context", delta.EncodeContext(context), func(b []byte) ([]byte, error) {
			c, err := delta.DecodeContext(b, 1<<10)
			return delta.EncodeContext(c), err
		}},
		{"context hash", hash[:], func([]byte) ([]byte, error) { return hash[:], nil }},
	}
	out = append(out, goldenEntry("claim", delta.Entry{Key: delta.ClaimKey(claim("a", "m")), Counter: crdt.PNCounter{released[0], full}})...)
	out = append(out, goldenEntry("unbounded claim", delta.Entry{Key: delta.ClaimKey(unbounded), Counter: crdt.PNCounter{registered}})...)
	out = append(out, goldenEntry("claim with zero bytes", delta.Entry{Key: delta.ClaimKey(zero), Counter: crdt.PNCounter{registered}})...)
	out = append(out, goldenEntry("node", delta.Entry{Key: delta.NodeKey("n1"), Node: &node})...)
	out = append(out, goldenEntry("retired node", delta.Entry{Key: delta.NodeKey("n1"), Node: &retired})...)
	return append(out, goldenEntry("forgotten", delta.Entry{Key: delta.ForgottenKey(replicaID(2))})...)
}

func withDot(n delta.NodeRecord, sequence uint64) *delta.NodeRecord {
	n.Dot.Sequence = sequence
	return &n
}

// TestEncodedForms_AreFixed: bytes that were written once are written the same
// for ever, and read back.
func TestEncodedForms_AreFixed(t *testing.T) {
	if *update {
		writeGoldens(t)
	}
	want := readGoldens(t)
	for _, g := range goldens() {
		fixed, ok := want[g.name]
		delete(want, g.name)
		switch again, err := g.decode(fixed); {
		case !ok:
			t.Errorf("%s: not in %s", g.name, goldenFile)
		case string(g.encoded) != string(fixed):
			t.Errorf("%s is encoded as\n%x, fixed is\n%x", g.name, g.encoded, fixed)
		case err != nil || string(again) != string(fixed):
			t.Errorf("%s: decoded and encoded again: %x, %v", g.name, again, err)
		}
	}
	for name := range want {
		t.Errorf("%s has %q, which no value stands for", goldenFile, name)
	}
}

func writeGoldens(t *testing.T) {
	var b strings.Builder
	for _, g := range goldens() {
		fmt.Fprintf(&b, "%s\n\t%x\n", g.name, g.encoded)
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readGoldens reads names, each with its bytes in the next line.
func readGoldens(t *testing.T) map[string][]byte {
	content, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		b, err := hex.DecodeString(strings.TrimPrefix(lines[i+1], "\t"))
		if err != nil {
			t.Fatalf("%s: %s: %v", goldenFile, lines[i], err)
		}
		out[lines[i]] = b
	}
	return out
}

// TestDecode_HostileLengths: a few bytes that announce many cost no more than
// what they are, and 1 MiB of the smallest elements is bounded too.
func TestDecode_HostileLengths(t *testing.T) {
	array := func(header string, n int, element string) []byte {
		return []byte(header + strings.Repeat(element, n))
	}
	origin := "\x50" + strings.Repeat("\x01", 16)
	for name, b := range map[string][]byte{
		"array of 2³²−1":       []byte("\x9a\xff\xff\xff\xff"),
		"array of 2⁶⁴−1":       []byte("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
		"events of 2³²−1":      []byte("\x84" + origin + "\x01\x00\x9a\xff\xff\xff\xff"),
		"bytes of 2⁶⁴−1":       []byte("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
		"indefinite array":     []byte("\x9f\xff"),
		"deep nesting":         array("", 1<<16, "\x81"),
		"131,071 empty events": array("\x84"+origin+"\x01\x00\x9a\x00\x01\xff\xff", 1<<17-1, "\x80"),
		"131,071 bare events":  array("\x84"+origin+"\x01\x00\x9a\x00\x01\xff\xff", 1<<17-1, "\x82\x01\x80"),
		"many context entries": array("\x99\x40\x00", 1<<14, "\x82"+origin+"\x01"),
	} {
		t.Run(name, func(t *testing.T) {
			bounded(t, len(b), func() {
				if _, err := delta.DecodeDelta(b); err == nil {
					t.Error("decoded as a delta")
				}
				if _, err := delta.DecodeEntry(delta.ClaimKey(claim("a", "m")), b); err == nil {
					t.Error("decoded as an entry")
				}
				if _, err := delta.DecodeContext(b, 1<<20); err == nil {
					t.Error("decoded as a context")
				}
			})
		})
	}
	tooLong := make([]byte, delta.DeltaBytesMax+1)
	if _, err := delta.DecodeDelta(tooLong); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("one byte too many: %v", err)
	}
}
