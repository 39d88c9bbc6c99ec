package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestNode_Rules breaks what a node does about itself: the watchdog, and the id
// that it has lost.
func TestNode_Rules(t *testing.T) {
	mutant.Run(t, "node", []mutant.Mutant{{
		Name: "W1: a loop that works for long has stalled",
		File: "node/watchdog.go",
		Old:  "if steps != l.steps || !l.pulse",
		New:  "if !l.pulse",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "W2: a slow disk is a stall",
		File: "node/watchdog.go",
		Old:  "if !w.onDisk() {",
		New:  "if true {",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "a stall is noticed and nothing comes of it",
		File: "node/watchdog.go",
		Old:  "			w.stalled(l.name, l.beats)\n",
		New:  "",
		Test: "TestWatchdog_Beat_ComparesProgress",
	}, {
		Name: "W3: the end of a stalled node waits for its log",
		File: "node/watchdog.go",
		Old:  "		case <-time.After(tellMax):\n",
		New:  "		case <-time.After(time.Hour):\n",
		Test: "TestNode_Stall_EndsThoughTheLogIsStuck",
	}, {
		Name: "I3: a node writes on under an id that another has",
		File: "node/transaction.go",
		Old:  "	case isDisowned:\n",
		New:  "	case isDisowned && false:\n",
		Test: "TestNode_Open_OlderCopyIsKnownByItsStart",
	}})
}
