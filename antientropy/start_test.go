package antientropy

import "testing"

// TestStartID_Refutes: who restarts has a higher counter; who was copied back
// has a lower one, or the same with another nonce.
func TestStartID_Refutes(t *testing.T) {
	known := StartID{Counter: 5, Nonce: 50}
	for now, want := range map[StartID]bool{
		known:                     false,
		{Counter: 6, Nonce: 1}:    false,
		{Counter: 600, Nonce: 50}: false,
		{Counter: 5, Nonce: 51}:   true,
		{Counter: 4, Nonce: 50}:   true,
		{Counter: 1, Nonce: 9}:    true,
	} {
		if got := known.Refutes(now); got != want {
			t.Errorf("%s remembered, %s told: refuted %t, want %t", known, now, got, want)
		}
	}
	if (StartID{}).Refutes(StartID{Counter: 1}) {
		t.Error("who remembers nothing refutes")
	}
}

// TestClaimant_Keeps_OneAtMost tries all pairs: whoever asks, the listed one
// keeps the id, and two that are listed never both do.
func TestClaimant_Keeps_OneAtMost(t *testing.T) {
	var all []Claimant
	for _, listed := range []bool{false, true} {
		for counter := range uint64(3) {
			for nonce := range uint64(2) {
				all = append(all, Claimant{Start: StartID{counter, nonce}, Listed: listed})
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			switch {
			case a.Start == b.Start:
			case a.Listed != b.Listed:
				if a.Keeps(b) != a.Listed {
					t.Errorf("%+v keeps it against %+v: %t", a, b, a.Keeps(b))
				}
			case a.Listed:
				if a.Keeps(b) == b.Keeps(a) {
					t.Errorf("%+v and %+v both say %t", a, b, a.Keeps(b))
				}
			default:
				if !a.Keeps(b) {
					t.Errorf("%+v, which was there first, gives way to %+v", a, b)
				}
			}
		}
	}
}

// TestClaimant_Remains_ExactlyOne tries all pairs: the listed one remains, and
// of two that nobody lists the one that did not come to the other.
func TestClaimant_Remains_ExactlyOne(t *testing.T) {
	var all []Claimant
	for bits := range 4 {
		for counter := range uint64(3) {
			for nonce := range uint64(2) {
				all = append(all, Claimant{Start: StartID{counter, nonce}, Listed: bits&1 != 0, Joins: bits&2 != 0})
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			switch remains := a.Remains(b); {
			case a.Start == b.Start:
			case remains == b.Remains(a):
				t.Errorf("%+v and %+v both say %t", a, b, remains)
			case a.Listed != b.Listed:
				if remains != a.Listed {
					t.Errorf("%+v remains against %+v: %t", a, b, remains)
				}
			case !a.Listed && a.Joins != b.Joins:
				if remains != b.Joins {
					t.Errorf("%+v remains against %+v: %t", a, b, remains)
				}
			}
		}
	}
}
