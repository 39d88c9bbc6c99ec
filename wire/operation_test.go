package wire

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/ranges"
)

func TestOperation_Claim_Defaults(t *testing.T) {
	claim, err := Operation{Op: OpRelease, Bounds: Bounds{From: "a"}}.WithDefaults("n1").Claim()
	want := ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Unbounded()}}
	if err != nil || claim != want {
		t.Errorf("Claim = %v, %v; want %v", claim, err, want)
	}
	own := Operation{Keyspace: "ks", Node: "n2"}
	if got := own.WithDefaults("n1"); got.Keyspace != "ks" || got.Node != "n2" {
		t.Errorf("WithDefaults overrides: %v", got)
	}
	for _, bad := range []Operation{
		{Keyspace: "ks"}, {Node: "n1"}, {Keyspace: "k:s", Node: "n1"},
		{Keyspace: "ks", Node: "n1", Bounds: Bounds{To: new("")}},
		{Keyspace: "ks", Node: "n1", Bounds: Bounds{From: "b", To: new("a")}},
		{Keyspace: "ks", Node: "n1", Bounds: Bounds{From: "hex:0"}},
	} {
		if c, err := bad.Claim(); CodeOf(err) != CodeInvalid {
			t.Errorf("%v is the claim %v, %v", bad, c, err)
		}
	}
}

// TestBounds_Range_EmptyEnd: "" is not a way to say unbounded, and the error
// says which is.
func TestBounds_Range_EmptyEnd(t *testing.T) {
	_, err := Bounds{From: "a", To: new("")}.Range()
	if CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), "leave it out") {
		t.Errorf("an empty end: %v", err)
	}
}

func TestOperation_Amount_Bounds(t *testing.T) {
	for _, row := range []struct {
		o    Operation
		want int64
	}{
		{Operation{Op: OpRegister}, 1},
		{Operation{Op: OpRegister, Priority: new(int64(7))}, 7},
		{Operation{Op: OpIncrease, By: new(int64(AmountMax))}, AmountMax},
		{Operation{Op: OpDecrease, By: new(int64(1))}, 1},
		{Operation{Op: OpSet, Priority: new(int64(3))}, 3},
		{Operation{Op: OpRegister, Priority: new(int64(0))}, 0},
		{Operation{Op: OpRegister, Priority: new(int64(-1))}, 0},
		{Operation{Op: OpRegister, Priority: new(int64(AmountMax + 1))}, 0},
		{Operation{Op: OpIncrease}, 0},
		{Operation{Op: OpIncrease, Priority: new(int64(5))}, 0},
		{Operation{Op: OpDecrease, By: new(int64(0))}, 0},
		{Operation{Op: OpSet}, 0},
	} {
		got, err := row.o.Amount()
		if row.want == 0 && CodeOf(err) != CodeInvalid || row.want != 0 && (err != nil || got != row.want) {
			t.Errorf("%+v: Amount = %d, %v; want %d", row.o, got, err, row.want)
		}
	}
}

func TestOperation_Tightened_WithinTheClaim(t *testing.T) {
	bounded := Bounds{From: "c", To: new("m")}
	for _, row := range []struct {
		o    Operation
		want string // "" if refused
	}{
		{Operation{Bounds: bounded, NewFrom: new("d")}, "[d, m)"},
		{Operation{Bounds: bounded, NewTo: new("f")}, "[c, f)"},
		{Operation{Bounds: bounded, NewFrom: new("d"), NewTo: new("hex:65")}, "[d, e)"},
		{Operation{NewFrom: new("d")}, "[d, +inf)"},
		{Operation{NewTo: new("d")}, "[-inf, d)"},
		{Operation{Bounds: bounded}, ""},
		{Operation{Bounds: bounded, NewFrom: new("c")}, ""},
		{Operation{Bounds: bounded, NewFrom: new("")}, ""},
		{Operation{Bounds: bounded, NewFrom: new("a")}, ""},
		{Operation{Bounds: bounded, NewTo: new("n")}, ""},
		{Operation{Bounds: bounded, NewTo: new("")}, ""},
		{Operation{Bounds: bounded, NewFrom: new("f"), NewTo: new("e")}, ""},
		{Operation{Bounds: bounded, NewFrom: new("hex:0")}, ""},
	} {
		got, err := row.o.Tightened()
		if row.want == "" && CodeOf(err) != CodeInvalid || row.want != "" && (err != nil || FormatRange(got) != row.want) {
			t.Errorf("%+v: Tightened = %s, %v; want %q", row.o, FormatRange(got), err, row.want)
		}
	}
}

func TestParseMemberCount_RoundTrip(t *testing.T) {
	for _, text := range []string{"all", "0", "1", "64"} {
		m, err := ParseMemberCount(text)
		if err != nil || m.String() != text || m.IsZero() != (text == "0") {
			t.Errorf("ParseMemberCount(%q) = %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "-1", "ALL", "1.5", "1e3", "\"1\""} {
		if m, err := ParseMemberCount(text); CodeOf(err) != CodeInvalid {
			t.Errorf("ParseMemberCount(%q) = %v, %v", text, m, err)
		}
	}
}
