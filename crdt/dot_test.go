package crdt_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/scalesmall/ssnode/crdt"
)

const idText = "00ff10000000000000000000000000ab"

var idOfText = ReplicaID{0, 0xff, 0x10, 15: 0xab}

func TestReplicaID_Parse(t *testing.T) {
	for _, c := range []struct {
		text string
		want ReplicaID
		err  error
	}{
		{idText, idOfText, nil},
		{strings.Repeat("0", 32), ReplicaID{}, nil},
		{"", ReplicaID{}, ErrSyntax},
		{idText[:31], ReplicaID{}, ErrSyntax},
		{idText[:30], ReplicaID{}, ErrSyntax},
		{idText + "0", ReplicaID{}, ErrSyntax},
		{idText + "00", ReplicaID{}, ErrSyntax},
		{" " + idText[1:], ReplicaID{}, ErrSyntax},
		{"g" + idText[1:], ReplicaID{}, ErrSyntax},
		{idText[:31] + "B", ReplicaID{}, ErrSyntax},
		{strings.ToUpper(idText), ReplicaID{}, ErrSyntax},
		{strings.Repeat("é", 16), ReplicaID{}, ErrSyntax},
	} {
		got, err := ParseReplicaID(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: got %s, %v, want %s, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestReplicaID_Compare(t *testing.T) {
	low, high := ReplicaID{1, 2}, ReplicaID{1, 3}
	if low.Compare(high) >= 0 || high.Compare(low) <= 0 || low.Compare(low) != 0 {
		t.Error("ids are not ordered bytewise")
	}
	if low.IsZero() || !(ReplicaID{}).IsZero() {
		t.Error("only the zero id is zero")
	}
}

func TestDot_Parse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Dot
		err  error
	}{
		{idText + ":1", Dot{idOfText, 1}, nil},
		{idText + ":18446744073709551615", Dot{idOfText, 1<<64 - 1}, nil},
		{idText + ":18446744073709551616", Dot{}, ErrSyntax},
		{idText + ":0", Dot{}, ErrInvalid},
		{strings.Repeat("0", 32) + ":1", Dot{}, ErrInvalid},
		{idText + ":", Dot{}, ErrSyntax},
		{idText + ":01", Dot{}, ErrSyntax},
		{idText + ":+1", Dot{}, ErrSyntax},
		{idText + ":-1", Dot{}, ErrSyntax},
		{idText + ": 1", Dot{}, ErrSyntax},
		{idText + ":1:1", Dot{}, ErrSyntax},
		{idText + ":0x1", Dot{}, ErrSyntax},
		{idText, Dot{}, ErrSyntax},
		{":1", Dot{}, ErrSyntax},
		{"", Dot{}, ErrSyntax},
		{idText[1:] + ":1", Dot{}, ErrSyntax},
	} {
		got, err := ParseDot(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: got %s, %v, want %s, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestDot_Compare(t *testing.T) {
	ascending := []Dot{{ReplicaID{1}, 9}, {ReplicaID{2}, 1}, {ReplicaID{2}, 2}}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
	if !(Dot{}).IsZero() || ascending[0].IsZero() {
		t.Error("only the zero dot is zero")
	}
}

// What is long is not repeated in the error.
func TestDot_Parse_BoundedError(t *testing.T) {
	long := strings.Repeat("f", 1<<20)
	for _, s := range []string{long, long + ":1", idText + ":" + long} {
		if _, err := ParseDot(s); len(err.Error()) > 200 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	}
}

// A text that is taken is the text of what it was taken for.
func FuzzParseReplicaID(f *testing.F) {
	for _, s := range []string{idText, "", strings.ToUpper(idText), idText[:31] + "g"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseReplicaID(s)
		switch {
		case err == nil && id.String() != s:
			t.Errorf("%q was taken for %s", s, id)
		case err != nil && (!errors.Is(err, ErrSyntax) || !id.IsZero()):
			t.Errorf("%q: %s, %v", s, id, err)
		}
	})
}

func FuzzParseDot(f *testing.F) {
	for _, s := range []string{idText + ":1", idText + ":0", idText + ":01", idText + ":18446744073709551616", ":", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDot(s)
		switch {
		case err == nil && (d.String() != s || d.Validate() != nil):
			t.Errorf("%q was taken for %s", s, d)
		case err != nil && (!errors.Is(err, ErrSyntax) && !errors.Is(err, ErrInvalid) || !d.IsZero()):
			t.Errorf("%q: %s, %v", s, d, err)
		}
	})
}
