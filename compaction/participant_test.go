package compaction

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// keysOfParts returns the one-letter keys, by keyspace, that parts have.
func keysOfParts(parts []Part) map[string]bool {
	keys := map[string]bool{}
	for _, p := range parts {
		for key := byte('a'); key <= 'h'; key++ {
			if p.Range.Contains(string(key)) {
				keys[p.Keyspace+string(key)] = true
			}
		}
	}
	return keys
}

// TestParticipant_Settle_MatchesClaims lets claims come and go in groups, and
// compares with what all claims have in each.
func TestParticipant_Settle_MatchesClaims(t *testing.T) {
	claim := rapid.Custom(func(t *rapid.T) Part {
		from := rapid.IntRange('a', 'g').Draw(t, "from")
		p := Part{
			Keyspace: rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "keyspace"),
			Range:    ranges.Range{From: string(byte(from)), To: ranges.Unbounded()},
		}
		if to := rapid.IntRange(from+1, 'i').Draw(t, "to"); to < 'i' {
			p.Range.To = ranges.Before(string(byte(to)))
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		var p Participant
		claims := map[Part]bool{}
		before := p.Participation()
		for range rapid.IntRange(1, 8).Draw(t, "groups") {
			changes := rapid.SliceOfN(claim, 0, 4).Draw(t, "changes")
			for _, c := range changes {
				if claims[c] {
					delete(claims, c)
					p.Release(c.Keyspace, c.Range)
				} else {
					claims[c] = true
					p.Claim(c.Keyspace, c.Range)
				}
			}
			fresh, changed := p.Settle()
			now := p.Participation()
			checkSettled(t, claims, before, now, fresh)
			if changed != (len(changes) > 0) {
				t.Fatalf("%d changes are told as %t", len(changes), changed)
			}
			before = now
		}
	})
}

func checkSettled(t *rapid.T, claims map[Part]bool, before, now Participation, fresh []Part) {
	var all, was []Part
	for c := range claims {
		all = append(all, c)
	}
	for p := range before.All() {
		was = append(was, p)
	}
	if !slices.Equal(fresh, now.Beyond(before)) {
		t.Fatalf("new are %v, not %v", fresh, now.Beyond(before))
	}
	wantKeys, wasKeys, freshKeys, nowKeys := keysOfParts(all), keysOfParts(was), keysOfParts(fresh), keysOfParts(slices.Collect(now.All()))
	for _, keyspace := range []string{"k1", "k2"} {
		for key := byte('a'); key <= 'h'; key++ {
			k := keyspace + string(key)
			want := wantKeys[k]
			if nowKeys[k] != want || now.Overlaps(keyspace, ranges.Single(string(key))) != want || freshKeys[k] != (want && !wasKeys[k]) {
				t.Fatalf("%s is claimed: %t, was: %t; it says %v, new %v", k, want, wasKeys[k], slices.Collect(now.All()), fresh)
			}
		}
	}
	checkOverlapsBytes(t, now)
	list := slices.Collect(now.All())
	for i := range list[min(1, len(list)):] {
		if a, b := list[i], list[i+1]; a.Keyspace > b.Keyspace || a.Keyspace == b.Keyspace && a.Range.To.Compare(ranges.Before(b.Range.From)) >= 0 {
			t.Fatalf("%v and %v touch, or descend", a, b)
		}
	}
}

// checkOverlapsBytes holds what is said of any range in bytes against what is said of it.
func checkOverlapsBytes(t *rapid.T, p Participation) {
	for _, keyspace := range []string{"k1", "k2", "k3"} {
		for from := byte('a'); from <= 'h'; from++ {
			for to := from + 1; to <= 'i'; to++ {
				r := ranges.Range{From: string(from), To: ranges.Before(string(to))}
				if to == 'i' {
					r.To = ranges.Unbounded()
				}
				if want := p.Overlaps(keyspace, r); p.OverlapsBytes(keyspace, ranges.BytesOf(r)) != want {
					t.Fatalf("%s %v overlaps %v: %t, not so in bytes", keyspace, r, slices.Collect(p.All()), want)
				}
			}
		}
	}
}

// narrow returns the i-th of ranges that do not touch.
func narrow(i int) ranges.Range {
	key := fmt.Sprintf("k%07d", i)
	return ranges.Range{From: key, To: ranges.Before(key + "~")}
}

// claiming returns a participant with so many claims.
func claiming(claims int) *Participant {
	p := &Participant{}
	for i := range claims {
		p.Claim("default", narrow(i))
	}
	p.Settle()
	return p
}

// BenchmarkParticipant_Settle measures what one more claim costs, and that it
// goes, beside others.
func BenchmarkParticipant_Settle(b *testing.B) {
	for _, claims := range []int{10, 1000, 50_000} {
		b.Run(fmt.Sprintf("claims=%d", claims), func(b *testing.B) {
			p := claiming(claims)
			extra := ranges.Single(narrow(claims/2).From + "~~")
			b.ReportAllocs()
			for b.Loop() {
				p.Claim("default", extra)
				p.Settle()
				p.Release("default", extra)
				p.Settle()
			}
		})
	}
}

// TestParticipant_Settle_CostsTheChange counts what one more claim allocates.
func TestParticipant_Settle_CostsTheChange(t *testing.T) {
	cost := func(claims int) uint64 {
		const turns = 100
		p := claiming(claims)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range turns {
			p.Claim("default", narrow(claims+i))
			p.Settle()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / turns
	}
	few, many := cost(1000), cost(50_000)
	t.Logf("%d bytes beside 1,000 claims, %d beside 50,000", few, many)
	if many > 3*few {
		t.Errorf("one more claim allocates %d bytes beside 1,000, %d beside 50,000", few, many)
	}
}
