package ranges

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndex_Table_Raises has claims of few nodes, that nest, overlap and lie side by
// side, become more preferred, one at a time or many, among them some that become less
// so, come, or go. Tables of narrow nodes must equal the sweep, and stay as they are
// when others are made of them.
func TestIndex_Table_Raises(t *testing.T) {
	const seed, indexes = 17, 300 // change the seed to try others
	random := rand.New(rand.NewPCG(seed, seed))
	raised, swept := 0, 0
	for round := range indexes {
		r := newRaises(random)
		for range 40 {
			before := r.x.Table()
			was := slices.Collect(before.All())
			r.batch()
			onlyRaises, epoch := len(r.x.dirty) == 0 && len(r.x.raises) > 0, r.x.epoch
			got, want := slices.Collect(r.x.Table().All()), Sweep(r.m.claims())
			if err := r.x.valid(); err != nil || !slices.EqualFunc(got, want, Subrange.Equal) {
				t.Fatalf("seed %d, index %d: %v; of %v\nthere is %v\n  not %v", seed, round, err, r.m.claims(), got, want)
			}
			if is := slices.Collect(before.All()); !slices.EqualFunc(was, is, Subrange.Equal) {
				t.Fatalf("seed %d, index %d: the table before became %v, it was %v", seed, round, is, was)
			}
			switch {
			case onlyRaises && r.x.epoch == epoch+1:
				raised++
			case onlyRaises:
				swept++
			}
		}
	}
	if raised < indexes || swept < indexes {
		t.Errorf("%d tables were made by raises alone, %d with sweeps; neither should be rare", raised, swept)
	}
}

// raises is an index, what it should hold, and what happens to them.
type raises struct {
	random *rand.Rand
	x      *Index
	m      model
	top    int64  // no claim has a higher priority
	format string // of bounds
}

func newRaises(random *rand.Rand) *raises {
	r := &raises{random: random, x: NewIndex("ks"), m: model{}, top: int64(2 + random.IntN(5))}
	r.format = []string{"k%02d", "longer than a rung/%02d", "%02d/longer than a rung"}[random.IntN(3)]
	r.x.width = []int{4, 5, 20, tableWidth}[random.IntN(4)]
	claims := 3 + random.IntN(40)
	for range claims {
		r.set(r.drawn(), 1+random.Int64N(r.top))
	}
	return r
}

// drawn returns a claim, which may be there.
func (r *raises) drawn() claimKey {
	const bounds = 40
	from := r.random.IntN(bounds)
	to := from + 1 + r.random.IntN(3)
	if r.random.IntN(4) == 0 {
		to = from + 1 + r.random.IntN(bounds)
	}
	c := claimKey{r: Range{From: fmt.Sprintf(r.format, from), To: Before(fmt.Sprintf(r.format, to))}, node: fmt.Sprint("n", r.random.IntN(3))}
	if from == 0 && r.random.IntN(2) == 0 {
		c.r.From = ""
	}
	if to >= bounds {
		c.r.To = Unbounded()
	}
	return c
}

func (r *raises) set(c claimKey, priority int64) {
	if r.m[c] = priority; priority == 0 {
		delete(r.m, c)
	}
	if r.random.IntN(2) == 0 {
		w := Weighted{Claim: Claim{Node: c.node, Range: c.r}, Priority: priority}
		r.x.SetAll(1, func(int) *Weighted { return &w })
	} else if priority == 0 {
		r.x.Remove(c.r, c.node)
	} else {
		r.x.Set(c.r, c.node, priority)
	}
}

// batch raises some claims, and every other time changes some otherwise.
func (r *raises) batch() {
	otherwise := r.random.IntN(2) == 0
	for range 1 + r.random.IntN(6) {
		all := r.m.claims()
		if len(all) == 0 || otherwise && r.random.IntN(3) == 0 {
			r.set(r.drawn(), r.random.Int64N(r.top+1))
			continue
		}
		w := all[r.random.IntN(len(all))]
		r.set(claimKeyOf(w), min(r.top, w.Priority+1+r.random.Int64N(2)))
	}
}

// TestIndex_SetAll_EqualsSet has more claims than go in lockstep, in any order and some
// of them twice, be set together and one by one.
func TestIndex_SetAll_EqualsSet(t *testing.T) {
	const seed = 19 // change it to try others
	random := rand.New(rand.NewPCG(seed, seed))
	x, m := NewIndex("ks"), model{}
	for batch := range 60 {
		claims, all := make([]Weighted, random.IntN(4*lockstep)), m.claims()
		changing := random.IntN(1 + batch) // for each that comes or goes
		for i := range claims {
			from := random.IntN(3000)
			r := Range{From: fmt.Sprintf("a prefix/%04d", from), To: Before(fmt.Sprintf("a prefix/%04d", from+1))}
			claims[i] = Weighted{Claim: Claim{Node: fmt.Sprint("n", random.IntN(2)), Range: r}, Priority: random.Int64N(4)}
			if len(all) > 0 && random.IntN(1+changing) > 0 {
				claims[i].Claim = all[random.IntN(len(all))].Claim
				claims[i].Priority = max(1, claims[i].Priority)
			}
		}
		x.SetAll(len(claims), func(i int) *Weighted { return &claims[i] })
		for _, w := range claims {
			if m[claimKeyOf(w)] = w.Priority; w.Priority == 0 {
				delete(m, claimKeyOf(w))
			}
		}
		if got := slices.Collect(x.All()); !slices.Equal(got, m.claims()) {
			t.Fatalf("seed %d, batch %d: %d claims are not the %d that there should be", seed, batch, len(got), len(m))
		}
		if got := slices.Collect(x.Table().All()); !slices.EqualFunc(got, Sweep(m.claims()), Subrange.Equal) {
			t.Fatalf("seed %d, batch %d: the table is not that of the claims", seed, batch)
		}
		if err := x.valid(); err != nil {
			t.Fatalf("seed %d, batch %d: %v", seed, batch, err)
		}
	}
}
