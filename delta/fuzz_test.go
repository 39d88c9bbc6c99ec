package delta_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// amplificationMax bounds how many bytes a decoder may allocate for each byte
// that it is given, beyond allocationFloor: a small message never costs much
// memory, whatever it claims to hold.
const (
	amplificationMax = 200
	allocationFloor  = 1 << 20
)

// bounded runs decode and holds that it allocated in proportion to its input.
func bounded(t *testing.T, input int, decode func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	decode()
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > allocationFloor+amplificationMax*uint64(input) {
		t.Errorf("decoding %d bytes allocated %d", input, got)
	}
}

// samples returns deltas and entries of every kind.
func samples(t reporter) (deltas []delta.Packed, entries []delta.Entry) {
	a, b := newMember(1), newMember(2)
	long, unbounded, zeros := claim("", "\xff\x00\xfe"), claim("a", ""), claim("\x00\x00\x01", "\x00\xff")
	unbounded.Range.To = ranges.Unbounded()
	keep := func(m *member, d delta.Packed) {
		deltas = append(deltas, d)
		entries = append(entries, m.state()...)
		other := map[*member]*member{a: b, b: a}[m]
		_, closes := other.receive(t, d)
		for _, x := range closes {
			deltas = append(deltas, travelled(t, x))
			m.receive(t, x)
		}
	}
	keep(a, a.write(t, register(long, 10), register(unbounded, delta.AmountMax), increase(zeros, 7)))
	keep(b, b.write(t, increase(long, 3), decrease(unbounded, 9), decrease(zeros, 2)))
	keep(b, b.write(t, tightenWithGap(long, "", "b"), release(unbounded)))
	keep(a, a.write(t, register(unbounded, 1), increase(zeros, delta.AmountMax)))
	c := a.begin()
	if _, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "s:1", API: "a:2", Gossip: "g:3", Labels: []delta.Label{{Name: "rack", Value: ""}, {Name: "zone", Value: "é"}}}); err != nil {
		t.Fatalf("advertise: %v", err)
	}
	keep(a, only(t, a.finish(t, c).Deltas))
	keep(b, b.forget(t, replicaID(9)))
	return deltas, entries
}

// FuzzDecodeDelta: whatever arrives, decoding does not panic, takes memory in
// proportion, and takes only what encoding gives back; what is taken can be
// received by a replica without breaking its invariants.
func FuzzDecodeDelta(f *testing.F) {
	deltas, _ := samples(f)
	for _, d := range deltas {
		f.Add(d.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p delta.Packed
		var err error
		bounded(t, len(b), func() { p, err = delta.DecodeDelta(b) })
		var outline, want delta.Outline
		var outlineErr error
		bounded(t, len(b), func() { outlineErr = outline.Decode(b) })
		if err != nil {
			if !errors.Is(err, delta.ErrCorrupt) || outlineErr != nil && !errors.Is(outlineErr, delta.ErrCorrupt) {
				t.Fatalf("%v or %v does not wrap ErrCorrupt", err, outlineErr)
			}
			return
		}
		if want.SetTo(p.Delta); outlineErr != nil || outline.Dot() != want.Dot() || fmt.Sprint(outline.Touches) != fmt.Sprint(want.Touches) {
			t.Fatalf("the outline is %+v (%v), want %+v", outline, outlineErr, want)
		}
		if again, err := delta.EncodeDelta(p.Delta); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again: % x (%v)\nwas             % x", again, err, b)
		}
		m := newMember(40)
		c := m.begin()
		if outcome, err := c.Receive(p); err == nil && p.First == 1 && outcome != delta.Applied {
			t.Fatalf("received as %s", outcome)
		}
		m.finish(t, c)
	})
}

// FuzzDecodeEntry is the same for stored and answered entries.
func FuzzDecodeEntry(f *testing.F) {
	_, entries := samples(f)
	for _, e := range entries {
		f.Add(string(e.Key), delta.EncodeEntry(e))
	}
	f.Fuzz(func(t *testing.T, k string, value []byte) {
		var e delta.Entry
		var err error
		bounded(t, len(k)+len(value), func() { e, err = delta.DecodeEntry(delta.Key(k), value) })
		if err != nil {
			if !errors.Is(err, delta.ErrCorrupt) {
				t.Fatalf("%v does not wrap ErrCorrupt", err)
			}
			return
		}
		if again := delta.EncodeEntry(e); e.Key != delta.Key(k) || !bytes.Equal(again, value) {
			t.Fatalf("encoded again: % x\nwas             % x", again, value)
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("decoded, but not valid: %v", err)
		}
		m := newMember(40)
		m.take(t, delta.Answer{Span: delta.Whole, Entries: []delta.Entry{e}})
		if len(m.state()) != 1 {
			t.Fatalf("taken as %+v", m.state())
		}
	})
}

// FuzzKey: a key that parses is the key of what it was parsed to, and keys are
// in the order of their claims.
func FuzzKey(f *testing.F) {
	_, entries := samples(f)
	for i, e := range entries {
		f.Add(string(e.Key), string(entries[len(entries)-1-i].Key))
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		k := delta.Key(s)
		var claim ranges.Claim
		var err error
		bounded(t, len(s), func() { claim, err = k.Claim() })
		switch {
		case err == nil && delta.ClaimKey(claim) != k:
			t.Fatalf("%q is the key of %+v, which has %q", k, claim, delta.ClaimKey(claim))
		case err == nil && !k.IsClaim(), err != nil && !errors.Is(err, delta.ErrCorrupt):
			t.Fatalf("%q: %v", k, err)
		case err == nil && len(k) > delta.KeyBytesMax:
			t.Fatalf("a key of %d bytes", len(k))
		}
		if name, err := k.Node(); err == nil && delta.NodeKey(name) != k {
			t.Fatalf("%q is the key of node %q", k, name)
		}
		if id, err := k.Forgotten(); err == nil && delta.ForgottenKey(id) != k {
			t.Fatalf("%q is the key of replica %s", k, id)
		}
		if second, err2 := delta.Key(other).Claim(); err == nil && err2 == nil {
			if got, want := strings.Compare(s, other), claim.Compare(second); got != want {
				t.Fatalf("keys compare as %d, their claims as %d:\n%+v\n%+v", got, want, claim, second)
			}
		}
	})
}

// FuzzDecodeContext is the same for contexts.
func FuzzDecodeContext(f *testing.F) {
	f.Add(delta.EncodeContext(nil))
	f.Add(delta.EncodeContext(crdt.Context{replicaID(1): 1, replicaID(2): 1 << 62, replicaID(3): 1 << 31}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c crdt.Context
		var err error
		bounded(t, len(b), func() { c, err = delta.DecodeContext(b, 1<<16) })
		if err != nil {
			if !errors.Is(err, delta.ErrCorrupt) {
				t.Fatalf("%v does not wrap ErrCorrupt", err)
			}
			return
		}
		if again := delta.EncodeContext(c); !bytes.Equal(again, b) {
			t.Fatalf("encoded again: % x\nwas             % x", again, b)
		}
	})
}
