package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// behind is a member b that holds some of the claims of another, a, whose answers are
// small.
func behind(t *testing.T, bytesMax, both, more int) (k *cluster, a, b *member) {
	k, a, b = quiet(t, 0)
	k.options.RangeBytesMax = bytesMax
	a.start()
	k.run(100)
	fill(t, both, a, b)
	k.run(1000)
	k.faults.loss = 100
	for i := range more {
		if err := a.write(delta.Operation{Verb: delta.VerbIncrease, Claim: claimOf(i), Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	k.run(1000)
	k.faults.loss = 0
	b.core.Heard("a", a.core.CheckPayload())
	return k, a, b
}

// TestCore_Session_Progress_CountsWhatIsAsked: what the peer was asked about is
// left until it has answered, which on a slow way is most of the time.
func TestCore_Session_Progress_CountsWhatIsAsked(t *testing.T) {
	k, _, b := behind(t, 1, 40, 20)
	var spans []delta.Span
	for from := byte('a'); from < 'z'; from += 5 {
		spans = append(spans, delta.StartingIn("default", ranges.Range{From: string(from), To: ranges.Before(string(from + 5))}))
	}
	b.core.Repair("a", spans...)
	b.work()
	s, ok := b.core.Session()
	if !ok || s.Spans != len(spans) || s.SpansDone != 0 || s.Through != spans[0].From {
		t.Fatalf("all are asked about, none is answered: %+v", s)
	}
	seen := map[int]bool{}
	for k.step(k.now + 1000) {
		if s, ok = b.core.Session(); !ok {
			break
		}
		seen[s.SpansDone] = true
		if s.Spans == 0 && s.Through < delta.Whole.To {
			t.Fatalf("nothing is left, from %q on: %+v", s.Through, s)
		}
	}
	for done := range spans {
		if !seen[done] {
			t.Errorf("that %d of %d spans are done is never told: %v", done, len(spans), seen)
		}
	}
}

// TestCore_Session_Progress_GoesByKeys: a member that has next to nothing gets
// the rest in the order of keys, so that the key before which nothing is left
// says how far it is. What has room left in an answer gets one entry, so each of
// the 16 spans that everything is split into may have one before its turn.
func TestCore_Session_Progress_GoesByKeys(t *testing.T) {
	const claims = 400
	k, a, b := behind(t, 1000, 1, claims)
	before := func(through delta.Key) (n uint64) {
		for i := range claims {
			if delta.ClaimKey(claimOf(i)) < through {
				n++
			}
		}
		return n
	}
	b.core.Repair("a")
	b.work()
	told := 0
	var last delta.Key
	for k.step(k.now + 1000) {
		s, ok := b.core.Session()
		if !ok {
			break
		}
		if s.Through < last {
			t.Fatalf("nothing was left before %q, and now is before %q", last, s.Through)
		}
		if last = s.Through; last == "" {
			continue
		}
		told++
		if n := before(last); s.Compared > n+16 {
			t.Fatalf("%d are compared, of which %d are before %q", s.Compared, n, last)
		}
	}
	if told < 20 || b.replica.Fingerprint != a.replica.Fingerprint {
		t.Errorf("told %d times; equal %t", told, b.replica.Fingerprint == a.replica.Fingerprint)
	}
}
