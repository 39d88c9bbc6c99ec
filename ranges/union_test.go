package ranges

import (
	"slices"
	"testing"
)

func TestUnion_SameKeysApart(t *testing.T) {
	r := func(from, to string) Range { return Range{From: from, To: Before(to)} }
	tail := Range{From: "x", To: Unbounded()}
	for _, test := range []struct{ list, want []Range }{
		{nil, nil},
		{[]Range{r("c", "d"), r("a", "b")}, []Range{r("a", "b"), r("c", "d")}},
		{[]Range{r("b", "c"), r("a", "b")}, []Range{r("a", "c")}},
		{[]Range{r("a", "z"), r("b", "c"), tail}, []Range{{From: "a", To: Unbounded()}}},
	} {
		list := slices.Clone(test.list)
		if got := Union(list); !slices.Equal(got, test.want) {
			t.Errorf("Union(%v) = %v, want %v", test.list, got, test.want)
		}
		if !slices.Equal(list, test.list) {
			t.Errorf("Union changed its argument to %v", list)
		}
	}
}
