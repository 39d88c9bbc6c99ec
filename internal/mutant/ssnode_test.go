package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestSsnode_ScribeRules breaks what a process does about a standard error that
// nobody reads.
func TestSsnode_ScribeRules(t *testing.T) {
	mutant.Run(t, "cmd/ssnode", []mutant.Mutant{{
		Name: "C1: what is said waits for the reader",
		File: "cmd/ssnode/scribe.go",
		Old:  "	s.put(p, scribeBytesMax)\n",
		New:  "	_, _ = s.to.Write(p)\n",
		Test: "TestScribe_Write_WaitsForNobodyAndKeepsTheOrder",
	}, {
		Name: "C1: whatever is said waits for the reader, in memory",
		File: "cmd/ssnode/scribe.go",
		Old:  "if s.mu.bytes >= bytesMax {",
		New:  "if false {",
		Test: "TestScribe_Write_SaysWhatIsLost",
	}, {
		Name: "C3: nobody hears of what is lost",
		File: "cmd/ssnode/scribe.go",
		Old:  "	if s.mu.lost > 0 {\n",
		New:  "	if false {\n",
		Test: "TestScribe_Write_SaysWhatIsLost",
	}, {
		Name: "the end of the process does not wait for its last word",
		File: "cmd/ssnode/scribe.go",
		Old:  "	case <-s.ended:\n",
		New:  "	default:\n",
		Test: "TestScribe_Close_WaitsForASecondAtMost",
	}, {
		Name: "the end of the process waits for a reader for ever",
		File: "cmd/ssnode/scribe.go",
		Old:  "	case <-time.After(scribeEndMax):\n",
		New:  "	case <-time.After(time.Hour):\n",
		Test: "TestScribe_Close_WaitsForASecondAtMost",
	}})
}
