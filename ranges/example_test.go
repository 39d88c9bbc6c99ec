package ranges_test

import (
	"fmt"

	"github.com/scalesmall/ssnode/ranges"
)

func show(s ranges.Subrange) {
	to := "+inf"
	if !s.Range.To.Unbounded {
		to = s.Range.To.Key
	}
	fmt.Printf("[%s, %s) %v\n", s.Range.From, to, s.Servers)
}

// Three nodes claim parts of the key space; how that splits it is calculated.
func Example() {
	x := ranges.NewIndex("default")
	x.Set(ranges.Range{From: "a", To: ranges.Before("m")}, "n1", 10)
	x.Set(ranges.Range{From: "g", To: ranges.Unbounded()}, "n2", 5)
	x.Set(ranges.Range{From: "a", To: ranges.Before("h")}, "n3", 10)

	table := x.Table() // immutable: publish it to readers
	for s := range table.All() {
		show(s)
	}
	fmt.Println("who serves hello?")
	show(table.Lookup("hello"))
	// Output:
	// [, a) []
	// [a, g) [{n1 10} {n3 10}]
	// [g, h) [{n1 10} {n3 10} {n2 5}]
	// [h, m) [{n1 10} {n2 5}]
	// [m, +inf) [{n2 5}]
	// who serves hello?
	// [h, m) [{n1 10} {n2 5}]
}

func ExampleTable_Coverage() {
	x := ranges.NewIndex("default")
	x.Set(ranges.Range{From: "a", To: ranges.Before("m")}, "n1", 10)
	x.Set(ranges.Range{From: "a", To: ranges.Before("f")}, "n2", 10)

	coverage := x.Table().Coverage(2)
	fmt.Println("complete:", coverage.IsComplete())
	for _, gap := range coverage.Gaps {
		show(ranges.Subrange{Range: gap})
	}
	for _, thin := range coverage.Thin {
		show(thin)
	}
	// Output:
	// complete: false
	// [, a) []
	// [m, +inf) []
	// [f, m) [{n1 10}]
}

// Would n1 leave a gap if it tightened [a, z) to [f, z)?
func ExampleUncoveredBy() {
	x := ranges.NewIndex("default")
	claim := ranges.Range{From: "a", To: ranges.Before("z")}
	tightened := ranges.Range{From: "f", To: ranges.Before("z")}
	x.Set(claim, "n1", 10)
	x.Set(ranges.Range{From: "a", To: ranges.Before("c")}, "n2", 10)

	x.Set(tightened, "n1", 10)
	x.Remove(claim, "n1")
	for _, gap := range ranges.UncoveredBy(claim, x.Covering(claim)) {
		show(ranges.Subrange{Range: gap})
	}
	// Output:
	// [c, f) []
}

func ExamplePrefix() {
	r := ranges.Prefix("user/")
	fmt.Println(r.From, r.To.Key, r.Contains("user/42"), r.Contains("users"))
	// Output:
	// user/ user0 true false
}
