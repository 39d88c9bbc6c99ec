package mutant

import (
	"flag"
	"os"
	"testing"
)

// parallel is how many mutants run at a time. A test that fails where it waits for what
// does not come about has nothing to do for up to twenty seconds: others go on meanwhile,
// also where there are few processors.
const parallel = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	isGiven := false
	flag.Visit(func(f *flag.Flag) { isGiven = isGiven || f.Name == "test.parallel" })
	if !isGiven {
		if err := flag.Set("test.parallel", parallel); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
