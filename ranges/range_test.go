package ranges

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRange_Operations_AgreeWithMembership(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rangeGen().Draw(t, "a"), rangeGen().Draw(t, "b")
		m := model{claimKey{a, "n1"}: 1, claimKey{b, "n2"}: 1}
		both, onlyB := 0, 0
		meet := a.Intersect(b)
		for _, key := range m.keysOf() {
			inA, inB := a.Contains(key), b.Contains(key)
			if meet.Contains(key) != (inA && inB) {
				t.Fatalf("Intersect = %v is wrong about %q", meet, key)
			}
			if inA && inB {
				both++
			}
			if inB && !inA {
				onlyB++
			}
		}
		if a.Overlaps(b) != (both > 0) || b.Overlaps(a) != (both > 0) || meet.IsEmpty() != (both == 0) {
			t.Fatalf("Overlaps = %v, %d keys are in both", a.Overlaps(b), both)
		}
		if a.Covers(b) != (onlyB == 0) {
			t.Fatalf("Covers = %v, %d keys are only in the second", a.Covers(b), onlyB)
		}
		if (a.Compare(b) == 0) != (a == b) || a.Compare(b) != -b.Compare(a) {
			t.Fatalf("Compare = %d, back %d", a.Compare(b), b.Compare(a))
		}
	})
}

func TestPrefix_ContainsExactlyTheKeysWithIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'b'}), 0, 3, -1)
		bytes := rapid.SampledFrom([]string{"", "\xff", "\xff\xff", "\x00"})
		prefix := key.Draw(t, "prefix") + bytes.Draw(t, "bytes")
		other := rapid.OneOf(rapid.Just(prefix), key).Draw(t, "key") + bytes.Draw(t, "tail")
		r := Prefix(prefix)
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		if r.Contains(other) != strings.HasPrefix(other, prefix) {
			t.Fatalf("Prefix(%q) = %v, Contains(%q) = %v", prefix, r, other, r.Contains(other))
		}
	})
}

func TestSingle_ContainsOneKey(t *testing.T) {
	for _, key := range []string{"", "a", "a\x00", "\xff", strings.Repeat("k", KeyBytesMax)} {
		r := Single(key)
		if err := r.Validate(); err != nil {
			t.Errorf("Single(%.10q): %v", key, err)
		}
		if !r.Contains(key) || r.Contains(key+"\x00") || key != "" && r.Contains(key[:len(key)-1]) {
			t.Errorf("Single(%.10q) = %v", key, r)
		}
	}
}

func TestRange_Validate_ErrInvalid(t *testing.T) {
	long := strings.Repeat("k", KeyBytesMax+1)
	for what, r := range map[string]Range{
		"zero":                {},
		"empty":               {From: "a", To: Before("a")},
		"reversed":            {From: "b", To: Before("a")},
		"empty end":           {From: "a", To: Before("")},
		"long start":          {From: long, To: Unbounded()},
		"long end":            {From: "a", To: Before(long)},
		"both ends":           {From: "a", To: End{Key: "b", Unbounded: true}},
		"both ends, no start": {To: End{Key: "b", Unbounded: true}},
	} {
		if err := r.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s range: %v", what, err)
		}
	}
	for _, r := range []Range{Everything(), {From: long[1:], To: Unbounded()}, {To: Before(long[1:])}} {
		if err := r.Validate(); err != nil {
			t.Errorf("%.20v: %v", r, err)
		}
	}
}

func TestEnd_Compare_UnboundedLast(t *testing.T) {
	ascending := []End{{}, Before("a"), Before("a\x00"), Before("b"), Before("\xff\xff"), Unbounded()}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v.Compare(%v) = %d", a, b, got)
			}
		}
	}
}

func TestClaim_Validate_ErrInvalid(t *testing.T) {
	good := Claim{Keyspace: "default", Node: "n1", Range: Single("a")}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", "a b", "a:b", "a[b", "a,b", "a\nb", "a\x00", "\xff", "\u00a0", "\u200b", strings.Repeat("n", NameBytesMax+1),
	} {
		node, keyspace := good, good
		node.Node, keyspace.Keyspace = name, name
		for _, c := range []Claim{node, keyspace} {
			if err := c.Validate(); !errors.Is(err, ErrInvalid) {
				t.Errorf("claim %.40v: %v", c, err)
			}
		}
	}
	for _, name := range []string{"n1.example", "münchen-3", "a]b)c=d", strings.Repeat("n", NameBytesMax)} {
		if err := ValidateName("node", name); err != nil {
			t.Error(err)
		}
	}
	good.Range = Range{}
	if err := good.Validate(); !errors.Is(err, ErrInvalid) {
		t.Errorf("claim on an empty range: %v", err)
	}
}

func TestClaim_Compare_KeyspaceRangeNode(t *testing.T) {
	ascending := []Claim{
		{"a", "n9", Everything()},
		{"b", "n1", Range{From: "a", To: Before("b")}},
		{"b", "n2", Range{From: "a", To: Before("b")}},
		{"b", "n1", Range{From: "a", To: Unbounded()}},
		{"b", "n1", Range{From: "b", To: Before("c")}},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v.Compare(%v) = %d", a, b, got)
			}
		}
	}
}

// TestValidateName_Plain: names that are taken at a glance are those that a look at
// every character would take.
func TestValidateName_Plain(t *testing.T) {
	for c := range rune(0x180) {
		for _, name := range []string{string(c), "n" + string(c), string(c) + "n", "n-" + string(c) + "\u00e9"} {
			if got, want := ValidateName("node", name) == nil, !forbiddenInName(c); got != want {
				t.Errorf("%q is valid: %t, want %t", name, got, want)
			}
		}
	}
}
