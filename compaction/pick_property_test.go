package compaction

import (
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"pgregory.net/rapid"
)

// drawEnv draws a decision over a small world. Times of application ascend.
func drawEnv(t *rapid.T) (Env, []Record) {
	bound := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	replica := rapid.SampledFrom([]crdt.ReplicaID{{1}, {2}, {3}})
	claims := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ranges.Claim {
		from := bound.Draw(t, "from")
		return ranges.Claim{Keyspace: "default", Node: "self", Range: ranges.Range{From: from, To: ranges.Before(from + "~")}}
	}), 1, 3).Draw(t, "claims")
	var at int64
	var index uint64
	records := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Record {
		at += rapid.Int64Range(0, 20).Draw(t, "pause")
		index += rapid.Uint64Range(1, 3).Draw(t, "step")
		first := rapid.Uint64Range(1, 9).Draw(t, "first")
		from := bound.Draw(t, "key")
		return Record{
			Index: index, Origin: replica.Draw(t, "origin"), First: first, Last: first + rapid.Uint64Range(0, 2).Draw(t, "more"),
			AppliedAt: at, Bytes: rapid.Uint64Range(1, 40).Draw(t, "bytes"),
			Touches: []delta.Touch{{Keyspace: "default", Range: ranges.BytesOf(ranges.Range{From: from, To: ranges.Before(from + "m")})}},
		}
	}), 8, 30).Draw(t, "records")
	retention := rapid.Custom(func(t *rapid.T) Retention {
		return Retention{Age: rapid.Int64Range(1, 300).Draw(t, "age"), Bytes: rapid.Uint64Range(1, 400).Draw(t, "size")}
	})
	members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
		if rapid.IntRange(0, 4).Draw(t, "unknown") == 0 {
			return Member{Name: "unknown"}
		}
		return Member{Name: "known", Context: rapid.MapOfN(replica, rapid.Uint64Range(4, 12), 2, 3).Draw(t, "context")}
	}), 0, 2).Draw(t, "members")
	return Env{
		Now: at + rapid.Int64Range(0, 200).Draw(t, "since"), Options: Options{Own: retention.Draw(t, "own"), Other: retention.Draw(t, "other")},
		Node: "self", Replica: crdt.ReplicaID{1}, Participation: ParticipationOf(slices.Values(claims)),
		Members: members, Records: slices.Values(records),
	}, records
}

// TestPick_Rules holds K1 and K2, and that nothing stays which they let go,
// against the rules written down once more, class by class.
func TestPick_Rules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env, records := drawEnv(t)
		plan := Pick(env)
		if !slices.IsSortedFunc(plan.Drop, func(a, b Drop) int { return int(a.Index) - int(b.Index) }) {
			t.Fatalf("not ascending: %v", plan.Drop)
		}
		reasons := map[uint64]Reason{}
		for _, d := range plan.Drop {
			reasons[d.Index] = d.Reason
		}
		for _, c := range Classes {
			checkClass(t, env, c, records, reasons, plan)
		}
	})
}

func checkClass(t *rapid.T, env Env, c Class, records []Record, reasons map[uint64]Reason, plan Plan) {
	limit := env.Options.Own
	if c == Other {
		limit = env.Options.Other
	}
	var kept, dropped Totals
	var bySize []Record
	for _, r := range records {
		if env.classOf(r) != c {
			continue
		}
		why, gone := reasons[r.Index]
		covered := c == Other && len(env.Members) > 0 && !slices.ContainsFunc(env.Members, func(m Member) bool { return m.Context[r.Origin] < r.Last })
		old := r.AppliedAt+limit.Age < env.Now
		switch {
		case covered != (why == Covered):
			t.Fatalf("record %d: covered is %v, its reason %q", r.Index, covered, why)
		case (old && !covered) != (why == Age):
			t.Fatalf("record %d: too old is %v, its reason %q", r.Index, old, why)
		case why == Size && kept.Records > 0:
			t.Fatalf("record %d goes by size, an older one of its class stays", r.Index)
		case why == Size:
			bySize = append(bySize, r)
		case !gone:
			kept.add(r.Bytes)
		}
		if gone {
			dropped.add(r.Bytes)
		}
	}
	if kept.Bytes > limit.Bytes {
		t.Fatalf("%s keeps %d bytes, at most %d are allowed", c, kept.Bytes, limit.Bytes)
	}
	if n := len(bySize); n > 0 && kept.Bytes+bySize[n-1].Bytes <= limit.Bytes {
		t.Fatalf("%s: record %d goes by size, but would fit", c, bySize[n-1].Index)
	}
	if plan.Kept[c] != kept || plan.Dropped[c] != dropped {
		t.Fatalf("%s: totals are %v and %v, want %v and %v", c, plan.Kept[c], plan.Dropped[c], kept, dropped)
	}
}

// TestPick_KeepsWhatItKept holds K3.
func TestPick_KeepsWhatItKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env, records := drawEnv(t)
		env.Records = slices.Values(remaining(records, Pick(env)))
		if again := Pick(env); !again.IsEmpty() {
			t.Fatalf("dropped only the second time: %v", again.Drop)
		}
	})
}

func remaining(records []Record, p Plan) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool {
		return slices.ContainsFunc(p.Drop, func(d Drop) bool { return d.Index == r.Index })
	})
}

// TestPick_MonotoneInTime holds K4.
func TestPick_MonotoneInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env, records := drawEnv(t)
		before := remaining(records, Pick(env))
		env.Now += rapid.Int64Range(0, 300).Draw(t, "later")
		after := Pick(env)
		for _, r := range remaining(records, after) {
			if !slices.ContainsFunc(before, func(x Record) bool { return x.Index == r.Index }) {
				t.Fatalf("record %d goes, and later stays", r.Index)
			}
		}
	})
}

// TestResume_InParts holds that a plan which may not drop all at once drops, in
// several parts, what one would, says the totals of all at the first, and reads no
// record for the next parts but those that are behind what has gone, up to the first
// of the part after it.
func TestResume_InParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env, records := drawEnv(t)
		whole := Pick(env)
		env.DropMax = rapid.IntRange(1, 5).Draw(t, "part")
		plan := Pick(env)
		if plan.Dropped != whole.Dropped || plan.Kept != whole.Kept || plan.Why != whole.Why {
			t.Fatalf("the first part says %v, want %v", plan, whole)
		}
		parts := plan.Drop
		for plan.More {
			if len(plan.Drop) != env.DropMax {
				t.Fatalf("a part drops %d of %d", len(plan.Drop), env.DropMax)
			}
			left := records[slices.IndexFunc(records, func(r Record) bool { return r.Index == plan.Next }):]
			var read uint64
			env.Records = func(yield func(Record) bool) {
				for _, r := range left {
					if read = r.Index; !yield(r) {
						return
					}
				}
			}
			plan = Resume(env, plan)
			if plan.More && read != plan.Next {
				t.Fatalf("it reads up to record %d, the next part begins at %d", read, plan.Next)
			}
			parts = append(parts, plan.Drop...)
		}
		if !slices.Equal(parts, whole.Drop) {
			t.Fatalf("parts drop %v, the whole %v", parts, whole.Drop)
		}
	})
}
