package crash_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// operation is one thing that a store does and that is killed before each of
// its calls.
type operation struct {
	// run carries it out in a directory and says done when it is acknowledged.
	run func(dir string) error
	// before and after are how far the stories may be found: at before unless
	// it was acknowledged, and at after.
	before, after record
	// restores says that the directory is made by the operation.
	restores bool
}

const done = "done"

// template is how far the stories are in the directory that is worked on.
func template() record {
	r := record{told: 40}
	for w := range writers {
		r.steps[w] = 20
	}
	return r
}

func withStep(r record, writer int) record {
	r.steps[writer]++
	return r
}

func withPlacing(r record) record {
	for w := range writers {
		r.steps[w] += placingSteps
	}
	return r
}

func withTold(r record) record {
	r.told++
	return r
}

var operations = map[string]operation{
	"put":     {run: onStore(put), before: template(), after: withStep(template(), 3)},
	"merge":   {run: onStore(merge), before: template(), after: withTold(template())},
	"place":   {run: onStore(place), before: template(), after: withPlacing(template())},
	"trim":    {run: onStore(trim), before: template(), after: template()},
	"rewrite": {run: onStore(rewrite), before: template(), after: template()},
	"restore": {run: func(dir string) error {
		err := restore(dir)
		if err == nil {
			say(done)
		}
		return err
	}, before: template(), after: template(), restores: true},
}

func onStore(fn func(*store.Store) error) func(string) error {
	return func(dir string) error {
		s, err := store.Open(dir, store.Options{Node: "n1"})
		if err != nil && os.Getenv(envAgain) != "" {
			s, err = store.Open(dir, store.Options{Node: "n1"})
		}
		if err != nil {
			return err
		}
		if err = fn(s); err != nil && os.Getenv(envAgain) != "" {
			err = again(s, fn)
		}
		if err != nil {
			return err
		}
		say(done)
		return s.Close()
	}
}

// again carries out an operation that failed, in the store as it is: one whose disk
// failed is opened anew, and may have it done.
func again(s *store.Store, fn func(*store.Store) error) error {
	if s.Failed() == nil {
		return fn(s)
	}
	before, err := look(s)
	if !errors.Is(err, store.ErrFailed) {
		return fmt.Errorf("a store that failed shows %v, %v", before, err)
	}
	if err := s.Reopen(); err != nil {
		return err
	}
	f, err := look(s)
	if err != nil || !f.is(template()) {
		return err
	}
	if err := fn(s); err != errTrimmed { // which is done, and the stories are the same
		return err
	}
	return nil
}

func put(s *store.Store) error {
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		_, _, err := c.Write(batchOf(3, template().steps[3]+1))
		return err
	})
	return err
}

func merge(s *store.Store) error {
	p, err := deltaOf(template().told + 1)
	if err != nil {
		return err
	}
	_, err = s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		_, err := c.Receive(p)
		return err
	})
	return err
}

// placingSteps are so many that after them the chunks have more images than they may, of a state
// of this size.
const placingSteps = trail

// place is one commit of many steps, which puts entries in their places and drops
// chunks.
func place(s *store.Store) error {
	before, err := s.Stats()
	if err != nil {
		return err
	}
	e, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for w := range writers {
			for i := 1; i <= placingSteps; i++ {
				if _, _, err := c.Write(batchOf(w, template().steps[w]+i)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := s.Stats()
	added := uint64(len(e.Entries))
	if err == nil && (after.Unplaced >= before.Unplaced+added || after.NewestEntries >= before.NewestEntries+added) {
		err = fmt.Errorf("nothing was put in place or no chunk dropped: %+v, before %+v", after, before)
	}
	return err
}

var errTrimmed = errors.New("there is nothing to trim")

func trim(s *store.Store) error {
	plan, _, err := planTrim(s)
	if err == nil && len(plan.Drop) == 0 {
		err = errTrimmed
	}
	if err != nil {
		return err
	}
	return s.Trim(plan)
}

func rewrite(s *store.Store) error { return s.Rewrite(context.Background(), nil) }

// backupName is where the backup lies that is restored, beside the directory.
const backupName = "backup.db"

func restore(dir string) error {
	_, err := store.Restore(dir, filepath.Join(filepath.Dir(dir), backupName), store.Options{Node: "n1"})
	return err
}

// makeTemplate makes a directory that has come so far, and its backup.
func makeTemplate(dir, backup string) error {
	s, err := store.Open(dir, store.Options{Node: "n1"})
	if err != nil {
		return err
	}
	r := template()
	_, err = s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for i := 1; i <= r.told; i++ {
			p, err := deltaOf(i)
			if err != nil {
				return err
			}
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
	for w := range writers {
		for i := 1; err == nil && i <= r.steps[w]; i++ {
			_, err = s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
				_, _, err := c.Write(batchOf(w, i))
				return err
			})
		}
	}
	// Pages that are free, as in any file that has lived.
	if err == nil {
		err = s.Trim(compaction.Plan{Drop: []compaction.Drop{{Index: 1}, {Index: 2}}})
	}
	f, createErr := os.Create(backup)
	if err := errors.Join(err, createErr); err != nil {
		return err
	}
	return errors.Join(s.Backup(f), f.Close(), s.Close())
}

// judge looks at what a killed operation has left, and says what is wrong.
func (o operation) judge(dir string, acknowledged bool) error {
	if o.restores {
		// Killed before it had its name, the directory is still fresh: then
		// restoring it again must do.
		if err := restore(dir); err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("restore once more: %w", err)
		} else if err == nil && acknowledged {
			return errors.New("the restore was acknowledged, and there is nothing")
		}
	}
	s, err := store.Open(dir, store.Options{Node: "n1"})
	if err != nil {
		return err
	}
	defer s.Close()
	f, err := look(s)
	if err != nil {
		return err
	}
	if problems := s.Check(); len(problems) > 0 {
		return fmt.Errorf("check: %v", problems)
	}
	switch {
	case f.is(o.after):
	case acknowledged:
		return fmt.Errorf("it was acknowledged and is not there: %v", f)
	case !f.is(o.before):
		return fmt.Errorf("it is neither as before nor as after: %v", f)
	}
	return nil
}

// is reports whether all stories are exactly so far.
func (f found) is(r record) bool {
	for w, step := range r.steps {
		if !maps.Equal(f[keyspaceOf(w)], after(w, step)) {
			return false
		}
	}
	return maps.Equal(f["peer"], toldAfter(r.told))
}
