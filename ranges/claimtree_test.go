package ranges

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestClaimTree_EqualsSortedSlice grows a tree to four levels and takes all of
// it away again, in random order, beside a sorted slice.
func TestClaimTree_EqualsSortedSlice(t *testing.T) {
	const seed, n = 11, 12_000 // change the seed to try others
	random := rand.New(rand.NewPCG(seed, seed))
	names := []*nodeName{{name: "n1"}, {name: "n2"}}
	var claims []storedClaim
	for i := range n {
		from := fmt.Sprintf("%05d", random.IntN(n))
		to := fmt.Sprintf("%05d", random.IntN(n)) + "x"
		r := Range{From: min(from, to), To: Before(max(from, to))}
		if i%100 > 0 {
			r.To = Before(r.From + fmt.Sprint(i)) // most claims are narrow
		}
		claims = append(claims, newStoredClaim(r, names[i%2], 1))
	}
	slices.SortFunc(claims, compareClaims)
	claims = slices.CompactFunc(claims, func(a, b storedClaim) bool { return compareClaims(a, b) == 0 })

	var tree *claimTree
	var present []storedClaim
	check := func() {
		t.Helper()
		if err := tree.valid(); err != nil {
			t.Fatalf("seed %d, %d claims: %v", seed, len(present), err)
		}
		slices.SortFunc(present, compareClaims)
		for range 20 {
			r := claims[random.IntN(len(claims))].bounds()
			checkOverlapping(t, tree, present, r)
		}
		checkOverlapping(t, tree, present, Everything())
	}
	for i, at := range random.Perm(len(claims)) {
		tree = tree.insert(&claims[at])
		present = append(present, claims[at])
		if i%3000 == 0 || i == 5 {
			check()
		}
	}
	check()
	for i, at := range random.Perm(len(present)) {
		tree = tree.remove(&claims[at])
		if findClaim(tree, &claims[at]) != nil {
			t.Fatalf("seed %d: %v was removed and is found", seed, claims[at].bounds())
		}
		if i%3000 == 0 || i > len(claims)-70 && i%10 == 0 {
			present = slices.DeleteFunc(slices.Clone(claims), func(c storedClaim) bool { return findClaim(tree, &c) == nil })
			check()
		}
	}
	if tree != nil {
		t.Fatalf("%d claims are left of none", tree.size)
	}
}

func compareClaims(a, b storedClaim) int {
	r := b.bounds()
	return a.compare(&r, b.node.name)
}

func findClaim(tree *claimTree, c *storedClaim) *storedClaim {
	r := c.bounds()
	return tree.find(&r, c.node.name)
}

func checkOverlapping(t *testing.T, tree *claimTree, present []storedClaim, r Range) {
	t.Helper()
	var got, want []storedClaim
	tree.overlapping(r, func(c *storedClaim) bool { got = append(got, *c); return true })
	for _, c := range present {
		if !c.bounds().Intersect(r).IsEmpty() {
			want = append(want, c)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("overlapping(%v) yields %d claims of %d, want %d", r, len(got), len(present), len(want))
	}
}

// TestClaimTree_SideBySideIsOrdered: what narrow claims and replicas of them
// need to be found without looking at all of a node.
func TestClaimTree_SideBySideIsOrdered(t *testing.T) {
	var tree *claimTree
	names := []*nodeName{{name: "n1"}, {name: "n2"}}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(4 * treeWidth) {
		r := Range{From: fmt.Sprintf("%04d", i/2), To: Before(fmt.Sprintf("%04d", i/2+1))}
		c := newStoredClaim(r, names[i%2], 1)
		tree = tree.insert(&c)
	}
	for _, c := range append(tree.children, tree) {
		if !c.ordered || c.reaching(c.low.start()) != 0 || c.end.Unbounded || c.reaching(c.end.Key) != len(c.claims)+len(c.children) {
			t.Errorf("the node from %q on: ordered: %v", c.low.start(), c.ordered)
		}
	}
}

// TestClaimTree_AscendingInsertsFillNodes: bulk loads leave no room unused.
func TestClaimTree_AscendingInsertsFillNodes(t *testing.T) {
	var tree *claimTree
	name := &nodeName{name: "n"}
	for i := range treeWidth*treeWidth + 1 {
		c := newStoredClaim(Single(fmt.Sprintf("%06d", i)), name, 1)
		tree = tree.insert(&c)
	}
	if err := tree.valid(); err != nil {
		t.Fatal(err)
	}
	if first := tree.children[0]; len(first.children) != treeWidth || len(first.children[0].claims) != treeWidth {
		t.Fatalf("the first nodes have %d children and %d claims, not %d", len(first.children), len(first.children[0].claims), treeWidth)
	}
}
