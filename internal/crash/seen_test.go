package crash_test

import (
	"fmt"
	"testing"
)

// seen is what kills or power failures have met, of what only some of them can meet.
type seen struct {
	// dropped is in how many cycles commits have put entries in place and dropped a
	// chunk, folds how often the journal was folded beside the writers.
	dropped, folds int
	// journaled is in how many cycles the journal had commits at the end that the
	// tables had not, most how many at most.
	journaled int
	most      uint64
}

// note takes in a cycle: what there was before it, and what is found after it.
func (s *seen) note(role string, r, found record) {
	if (role == roleSteady || role == roleNode) && found.newest < r.newest {
		s.dropped++ // a rewriting does that, too
	}
	s.folds += found.folds
	if found.frames > 0 {
		s.journaled++
		s.most = max(s.most, found.frames)
	}
}

// enough is of how many cycles all of it must have been met.
const enough = 100

// verify fails a test whose cycles have not met what they are for.
func (s *seen) verify(t *testing.T, cycles int) {
	t.Helper()
	if cycles < enough {
		return
	}
	if s.dropped == 0 {
		t.Error("no commit has put entries in place and dropped a chunk: the test saw nothing of that")
	}
	if s.folds == 0 || s.journaled == 0 {
		t.Errorf("%s: the test saw nothing of the journal", s)
	}
}

func (s *seen) String() string {
	return fmt.Sprintf("in %d cycles chunks were dropped; %d folds beside the writers; in %d cycles the journal had commits, %d at most", s.dropped, s.folds, s.journaled, s.most)
}
