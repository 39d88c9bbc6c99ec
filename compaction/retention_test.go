package compaction

import (
	"errors"
	"testing"
)

func TestOptions_Defaults(t *testing.T) {
	o := Options{}.WithDefaults()
	if o.Own.String() != "168h,256MiB" || o.Other.String() != "10m,16MiB" {
		t.Errorf("the defaults are %s and %s", o.Own, o.Other)
	}
	if err := (Options{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestOptions_Validate_ReportsAllProblems(t *testing.T) {
	err := Options{Own: Retention{Age: -1, Bytes: 1}, Other: Retention{Age: 1}}.Validate()
	want := "own history: invalid retention: the age must be at least 1ms\nother history: invalid retention: the size must be at least 1B"
	if err == nil || err.Error() != want || !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzParseRetention(f *testing.F) {
	for _, seed := range []string{"168h,256MiB", "1h30m5s7ms,3B", "0s,0B", "1m1h,1TiB", ",", "9999999999999999999h,1B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRetention(s)
		if err != nil {
			return
		}
		if again, err := ParseRetention(r.String()); err != nil || again != r {
			t.Errorf("%q reads as %+v, whose text %q reads as %+v, %v", s, r, r, again, err)
		}
	})
}
