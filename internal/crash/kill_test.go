package crash_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// stretch is how many cycles follow each other with or without rewritings, which put
// all entries in their places: without, so many wait after some that commits do.
const stretch = 20

// roleOfStore returns what a store does in a cycle.
func roleOfStore(cycle int) string {
	return []string{roleStore, roleSteady, roleSeldom}[cycle/stretch%3]
}

// generation is how many cycles one directory goes through: every node that is killed
// leaves a replica that is forgotten, and of a large state more entries may wait than
// are written in a stretch.
const generation = 15 * stretch

// checkEvery is how often a directory is checked to the last page.
const checkEvery = 5

// TestWriters_KilledAtAnyMoment_LoseNothing kills writers again and again in
// one directory, and then in the next.
func TestWriters_KilledAtAnyMoment_LoseNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	root, dir := t.TempDir(), ""
	var r record
	var s seen
	steps := 0
	for cycle := range *cycles {
		if cycle%generation == 0 {
			dir, steps, r = filepath.Join(root, fmt.Sprint(cycle)), steps+r.all(), record{}
		}
		role := []string{roleOfStore(cycle), roleNode}[cycle%2]
		c, err := start(role, dir)
		if err != nil {
			t.Fatalf("cycle %d, seed %d, %s: %v", cycle, seed, role, err)
		}
		read := c.acknowledged(r)
		time.Sleep(moment(random.Float64))
		if r, err = c.kill(read); err != nil {
			t.Fatalf("cycle %d, seed %d, %s: %v", cycle, seed, role, err)
		}
		next, wrong := verify(t, dir, r, cycle%checkEvery == 0)
		if len(wrong) > 0 {
			t.Fatalf("cycle %d, seed %d, %s: %v", cycle, seed, role, wrong)
		}
		s.note(role, r, next)
		r = next
		r.folds = 0
	}
	if steps += r.all(); steps == 0 {
		t.Error("nobody wrote anything: the test saw nothing")
	}
	s.verify(t, *cycles)
	t.Logf("%d kills, %d steps acknowledged, 0 lost, 0 invented, 0 torn; %s", *cycles, steps, &s)
}

// TestRecord_Compare_SeesWhatIsWrong holds the harness to its purpose.
func TestRecord_Compare_SeesWhatIsWrong(t *testing.T) {
	good := func() found {
		f := found{"peer": toldAfter(40)}
		for w := range writers {
			f[keyspaceOf(w)] = after(w, 10)
		}
		return f
	}
	r := record{told: 40}
	for w := range writers {
		r.steps[w] = 10
	}
	for name, test := range map[string]struct {
		harm func(found)
		want int
	}{
		"nothing":                     {func(found) {}, 0},
		"one step more was under way": {func(f found) { f["w1"] = after(1, 11) }, 0},
		"a step is lost":              {func(f found) { f["w1"] = after(1, 9) }, 1},
		"two steps are invented":      {func(f found) { f["w1"] = after(1, 12) }, 1},
		"a mark is missing":           {func(f found) { delete(f["w2"], markOf(2, 9)) }, 1},
		"a mark came back":            {func(f found) { f["w2"][markOf(2, 3)] = 1 }, 1},
		"everything of one is gone":   {func(f found) { delete(f, "w3") }, 1},
		"the peer lost a step":        {func(f found) { f["peer"] = toldAfter(39) }, 1},
		"the peer's step is torn":     {func(f found) { delete(f["peer"], toldIn(38)) }, 1},
	} {
		f := good()
		test.harm(f)
		if _, wrong := r.compare(f); len(wrong) != test.want {
			t.Errorf("%s: %v, want %d findings", name, wrong, test.want)
		}
	}
}
