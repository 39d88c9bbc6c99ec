package crash_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestOperations_FaultAtEveryCall_AreDoneAgain has each call of an operation fail
// once, as on a disk that is full or broken: the operation fails, and without a
// restart it can be carried out.
func TestOperations_FaultAtEveryCall_AreDoneAgain(t *testing.T) {
	k := newKiller(t)
	for _, name := range failing {
		for _, fault := range []string{"ENOSPC", "EIO"} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				k := k.of(name)
				all, err := k.record()
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for i := 0; i < len(all); i += k.stride(len(all)) {
					n++
					if err := k.faultAt(all[i], fault); err != nil {
						t.Errorf("%s, %s at %s %d, call %d of %d: %v", k.role, fault, all[i].name, all[i].n, i+1, len(all), err)
					}
				}
				t.Logf("%s: %s at %d of %d calls that write, sync, rename or remove", k.role, fault, n, len(all))
			})
		}
	}
}

// runtimeFault is how the runtime of Go ends a process in which its own write failed, that
// wakes the poller from another thread: strace counts by thread, and has it fail, too.
const runtimeFault = "netpollBreak write failed"

// faultAt has a call of the operation fail and judges what becomes of it.
func (k *killer) faultAt(c call, fault string) error {
	var out string
	for range 10 {
		dir, err := k.fresh()
		if err != nil {
			return err
		}
		inject := fmt.Sprintf("inject=%s:error=%s:when=%d", c.name, fault, c.n)
		out, err = k.trace(dir, "-o", os.DevNull, "-e", "trace="+traced, "-e", inject, "-E", envAgain+"=1")
		switch {
		case err == nil:
			return k.operation.judge(dir, strings.Contains(out, done) || c.name != "write") // which may have been what it said
		case !strings.Contains(out, runtimeFault):
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return fmt.Errorf("the runtime fails each time: %s", out)
}
