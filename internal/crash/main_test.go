package crash_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

var (
	cycles      = flag.Int("crash.cycles", 12, "how often writers are killed at a random moment")
	calls       = flag.Int("crash.calls", 5, "before how many calls of an operation it is killed, spread evenly; 0 for every one")
	powerCycles = flag.Int("crash.power", 0, "how often the power fails; 0 leaves these tests out, as they mount a file system")
)

// A child says with these what it is to do, and where.
const (
	envRole   = "SSNODE_CRASH_ROLE"
	envDir    = "SSNODE_CRASH_DIR"
	envNoSync = "SSNODE_CRASH_NO_SYNC"
	// envAgain has an operation that failed be tried once more, without a restart.
	envAgain = "SSNODE_CRASH_AGAIN"
)

// The thread of a child that carries out one operation makes all its calls, so
// that strace, which counts by thread, counts all of them.
func init() {
	if os.Getenv(envRole) != "" {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	role := os.Getenv(envRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, os.Getenv(envDir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// play is what a child does instead of testing.
func play(role, dir string) error {
	if role == roleNode {
		return writeNode(dir)
	}
	if u, ok := upkeeps[role]; ok {
		return writeStore(dir, os.Getenv(envNoSync) != "", u)
	}
	operation, ok := operations[role]
	if !ok {
		return fmt.Errorf("nobody plays %q", role)
	}
	return operation.run(dir)
}
