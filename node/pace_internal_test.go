package node

import (
	"errors"
	"testing"
)

// pacing counts what a pace does, on a node of which everything is made up.
type pacing struct {
	free, rests int
	commits     uint64
	// each is how many transactions there are in a rest, takes how many pages.
	each  uint64
	takes int
	// last is the rest in which the time is over, broken what it ends with.
	last   int
	broken error
}

func (x *pacing) pace() pace {
	return pace{
		free:    func() (int, error) { return x.free, nil },
		commits: func() uint64 { return x.commits },
		isOver:  func() bool { return x.last > 0 && x.rests >= x.last },
		rest: func() error {
			x.rests, x.free, x.commits = x.rests+1, x.free-x.takes, x.commits+x.each
			return x.broken
		},
	}
}

// TestPace_Keep_HoldsBackWhileWritersAreBusy: a trimming waits until they have taken
// what is free, but not for writers who do not come, nor for ever.
func TestPace_Keep_HoldsBackWhileWritersAreBusy(t *testing.T) {
	errGone := errors.New("the node is closed")
	for _, c := range []struct {
		name string
		pacing
		rests int
		err   error
	}{
		{"little is free", pacing{free: freePagesMax, each: paceCommits}, 0, nil},
		{"busy writers take it", pacing{free: freePagesMax + 90, each: paceCommits, takes: 30}, 3, nil},
		{"nobody writes", pacing{free: 10 * freePagesMax}, 1, nil},
		{"few write", pacing{free: 10 * freePagesMax, each: paceCommits - 1, takes: 1}, 1, nil},
		{"they take none, until the time is over", pacing{free: 10 * freePagesMax, each: paceCommits, last: 7}, 7, nil},
		{"the node is closed", pacing{free: 10 * freePagesMax, each: paceCommits, broken: errGone}, 1, errGone},
	} {
		if err := c.pace().keep(); !errors.Is(err, c.err) || c.pacing.rests != c.rests {
			t.Errorf("%s: %v after %d rests, want %v after %d", c.name, err, c.pacing.rests, c.err, c.rests)
		}
	}
}
