package delta_test

import (
	"flag"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// checksDefault is how many histories a plain `go test` runs. Continuous
// integration asks for more with -rapid.checks.
const checksDefault = "1000"

// How many steps a history has: about twice the minimum on average.
const stepsMin, stepsMax = 30, 150

func TestMain(m *testing.M) {
	flag.Parse()
	given := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", checksDefault) // a number
	}
	os.Exit(m.Run())
}

// TestReplica_AnyHistory holds the rules over random histories: see cluster for
// what may happen, and its checks for what must be true after every commit. At
// the end everything is delivered and repaired, in either order, and every
// replica must show what follows from the set of all events.
func TestReplica_AnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(t,
			rapid.IntRange(2, 5).Draw(t, "replicas"),
			rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "claims"),
			rapid.SampledFrom([]bool{false, false, true}).Draw(t, "forgets"))
		repairFirst := rapid.Bool().Draw(t, "repair first")
		for _, x := range rapid.SliceOfN(rapid.Uint64(), stepsMin, stepsMax).Draw(t, "steps") {
			c.step(x)
		}
		if repairFirst {
			c.repairAll()
		}
		c.deliverAll()
		c.repairAll()
		c.checkEqual()
		c.checkComplete()
	})
}
