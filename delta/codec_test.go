package delta_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestDecode_RefusesNullForEmpty: nil and empty lists are equal values in Go,
// so null in place of an empty list would be a second form of the same value.
func TestDecode_RefusesNullForEmpty(t *testing.T) {
	a := newMember(1)
	registered := a.write(t, register(claim("", "b"), 10)).Bytes
	c := a.begin()
	if _, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "host:1"}); err != nil {
		t.Fatal(err)
	}
	advertised := only(t, a.finish(t, c).Deltas).Bytes
	e, _ := a.memory.Get(delta.NodeKey("n1"))
	node := delta.EncodeEntry(e)

	decodeDelta := func(b []byte) error { _, err := delta.DecodeDelta(b); return err }
	decodeNode := func(b []byte) error { _, err := delta.DecodeEntry(delta.NodeKey("n1"), b); return err }
	decodeContext := func(b []byte) error { _, err := delta.DecodeContext(b, 100); return err }
	for _, test := range []struct {
		name      string
		decode    func([]byte) error
		encoded   []byte
		empty, by string
	}{
		{"start of a range", decodeDelta, registered, "bn1\x40Ab", "bn1\xf6Ab"},
		{"labels in a delta", decodeDelta, advertised, "fhost:1``\x80\xf4", "fhost:1``\xf6\xf4"},
		{"labels in an entry", decodeNode, node, "fhost:1``\x80\xf4", "fhost:1``\xf6\xf4"},
		{"context", decodeContext, delta.EncodeContext(nil), "\x80", "\xf6"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.decode(test.encoded); err != nil {
				t.Fatalf("as encoded: %v", err)
			}
			if bytes.Count(test.encoded, []byte(test.empty)) != 1 {
				t.Fatalf("% x does not have % x just once", test.encoded, test.empty)
			}
			null := bytes.Replace(test.encoded, []byte(test.empty), []byte(test.by), 1)
			if err := test.decode(null); !errors.Is(err, delta.ErrCorrupt) {
				t.Errorf("with null: %v, want ErrCorrupt", err)
			}
		})
	}
}

// TestNodeRecord_Validate_WhatIsAdvertisedDecodes: what a replica may write,
// every other must be able to read.
func TestNodeRecord_Validate_WhatIsAdvertisedDecodes(t *testing.T) {
	manyLabels := make([]delta.Label, 900)
	for i := range manyLabels {
		manyLabels[i].Name = fmt.Sprintf("%03d", i)
	}
	long := func(n int) delta.NodeRecord {
		return delta.NodeRecord{Name: "n1", Service: strings.Repeat("s", n)}
	}
	for _, test := range []struct {
		name   string
		record delta.NodeRecord
		want   error
	}{
		{"usual", delta.NodeRecord{Name: "n1", Service: "host:1", Labels: []delta.Label{{"zone", "a"}}}, nil},
		{"bare", delta.NodeRecord{Name: "n1"}, nil},
		{"largest", long(4053), nil},
		{"too large by one", long(4054), delta.ErrTooLarge},
		{"many small labels", delta.NodeRecord{Name: "n1", Labels: manyLabels}, delta.ErrTooLarge},
		{"service is not UTF-8", delta.NodeRecord{Name: "n1", Service: "\xff"}, delta.ErrInvalid},
		{"API is not UTF-8", delta.NodeRecord{Name: "n1", API: "\xff"}, delta.ErrInvalid},
		{"gossip is not UTF-8", delta.NodeRecord{Name: "n1", Gossip: "\xff"}, delta.ErrInvalid},
		{"label is not UTF-8", delta.NodeRecord{Name: "n1", Labels: []delta.Label{{"zone", "\xff"}}}, delta.ErrInvalid},
		{"label has no name", delta.NodeRecord{Name: "n1", Labels: []delta.Label{{"", "a"}}}, delta.ErrInvalid},
		{"labels descend", delta.NodeRecord{Name: "n1", Labels: []delta.Label{{"b", ""}, {"a", ""}}}, delta.ErrInvalid},
		{"labels repeat", delta.NodeRecord{Name: "n1", Labels: []delta.Label{{"a", ""}, {"a", "x"}}}, delta.ErrInvalid},
		{"no name", delta.NodeRecord{}, delta.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMember(1)
			c := m.begin()
			_, err := c.Advertise(test.record)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			effects := m.finish(t, c)
			if test.want == nil {
				only(t, effects.Deltas)
			} else if !effects.IsEmpty() {
				t.Errorf("the refusal had effects")
			}
			for _, x := range effects.Entries {
				if value := delta.EncodeEntry(x.After()); len(value) > delta.NodeRecordBytesMax {
					t.Errorf("the record has %d bytes", len(value))
				}
			}
		})
	}
}

// TestNodeRecord_LastGeneration: the generation that follows must fit too.
func TestNodeRecord_LastGeneration(t *testing.T) {
	a, b := newMember(1), newMember(2)
	c := a.begin()
	if _, err := c.Advertise(delta.NodeRecord{Name: "n1"}); err != nil {
		t.Fatal(err)
	}
	p := only(t, a.finish(t, c).Deltas)
	p.Events[0].Node.Generation = 1<<64 - 1
	raw, err := delta.EncodeDelta(p.Delta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delta.DecodeDelta(raw); !errors.Is(err, delta.ErrCorrupt) {
		t.Errorf("a generation that has no next was decoded: %v", err)
	}

	p.Events[0].Node.Generation = 1 << 62
	if p, err = delta.Pack(p.Delta); err != nil {
		t.Fatal(err)
	}
	b.mustApply(t, travelled(t, p))
	c = b.begin()
	if _, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "mine"}); !errors.Is(err, delta.ErrInvalid) {
		t.Errorf("after the last generation: %v, want ErrInvalid", err)
	}
}

// TestOperation_Validate_WrapsErrInvalid: whatever refuses an operation, a
// caller finds the one sentinel.
func TestOperation_Validate_WrapsErrInvalid(t *testing.T) {
	c := claim("a", "m")
	noName, reversed := c, c
	noName.Node, reversed.Range = "", claim("m", "a").Range
	for name, o := range map[string]delta.Operation{
		"name":              register(noName, 1),
		"range":             release(reversed),
		"amount":            increase(c, 0),
		"verb":              {Verb: 99, Claim: c},
		"tighten reversed":  tighten(c, "f", "b"),
		"tighten to itself": tighten(c, "a", "m"),
		"tighten outwards":  tighten(c, "a", "n"),
	} {
		if err := o.Validate(); !errors.Is(err, delta.ErrInvalid) {
			t.Errorf("%s: %v does not wrap ErrInvalid", name, err)
		}
	}
}

// TestDelta_Context_OfNothing: the token of a write that had nothing to do
// waits for nothing.
func TestDelta_Context_OfNothing(t *testing.T) {
	m := newMember(1)
	d, _, err := m.begin().Write([]delta.Operation{release(claim("a", "b"))})
	if err != nil || len(d.Events) != 0 {
		t.Fatalf("%d events, %v", len(d.Events), err)
	}
	if got := d.Context(); len(got) != 0 {
		t.Errorf("the token is %s, want an empty one", got)
	}
}

// TestEncodeDelta_OneRegister_Size: what one Register of 16-byte bounds costs
// on the wire beyond its names and bounds, also late in a long life.
func TestEncodeDelta_OneRegister_Size(t *testing.T) {
	const target = 64
	for _, sequence := range []uint64{1, 1 << 16, 1 << 32, 1 << 40} {
		c := claim(strings.Repeat("a", 16), strings.Repeat("b", 16))
		e := delta.Event{Kind: delta.Add, Claim: c, Records: crdt.PNCounter{crdt.PNCounter(nil).Registering(replicaID(1), sequence, delta.AmountMax)}}
		p, err := delta.Pack(delta.Delta{Origin: replicaID(1), First: sequence, Time: 1 << 41, Events: []delta.Event{e}})
		if err != nil {
			t.Fatal(err)
		}
		travelled(t, p)
		bare := len(c.Keyspace) + len(c.Node) + len(c.Range.From) + len(c.Range.To.Key)
		if beyond := len(p.Bytes) - bare; beyond > target {
			t.Errorf("at sequence %d: %d bytes beyond names and bounds, at most %d are wanted", sequence, beyond, target)
		} else {
			t.Logf("at sequence %d: %d bytes beyond names and bounds", sequence, beyond)
		}
	}
}
