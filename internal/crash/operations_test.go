package crash_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

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
	// journal is how many commits the journal has beyond the tables when it begins.
	journal int
	// creates says that the directory is made by the operation, restores that it is
	// made of a backup, and of where it is copied from, if not from a template.
	creates, restores bool
	of                string
}

// What the journal may have when an operation begins: nothing; commits from near the end
// of the ring to its begin; or so many that there is no room for one more.
const (
	journalEmpty   = 0
	journalWrapped = 60
	journalFull    = 75
)

var journals = []int{journalEmpty, journalWrapped, journalFull}

const done = "done"

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
	"create":   {run: onStore(putFirst), after: withStep(record{}, 3), creates: true},
	"migrate":  {run: onStore(putFirst), after: withStep(record{}, 3), of: withoutJournal},
	"put":      {run: onStore(put), before: template(), after: withStep(template(), 3)},
	"put-full": {run: onStore(putFull), before: template(), after: withStep(template(), 3), journal: journalFull},
	"put-long": {run: onStore(putLong), before: template(), after: withStep(template(), wordy), journal: journalWrapped},
	"merge":    {run: onStore(merge), before: template(), after: withTold(template()), journal: journalWrapped},
	"fold":     {run: onStore(fold), before: template(), after: template(), journal: journalWrapped},
	"place":    {run: onStore(place), before: template(), after: withPlacing(template())},
	"trim":     {run: onStore(trim), before: template(), after: template(), journal: journalWrapped},
	"backfill": {run: onStore(backfill), before: template(), after: template(), journal: journalWrapped},
	"rewrite":  {run: onStore(rewrite), before: template(), after: template(), journal: journalWrapped},
	"restore": {run: func(dir string) error {
		err := restore(dir)
		if err == nil {
			say(done)
		}
		return err
	}, before: template(), after: template(), journal: journalWrapped, restores: true},
}

// withoutJournal is a directory of a format that has no journal, in which no story has
// begun.
const withoutJournal = "../../store/testdata/v5"

// killed are all operations, failing those that can be done again in the same store.
var (
	killed  = []string{"create", "migrate", "put", "put-full", "put-long", "merge", "fold", "place", "trim", "backfill", "rewrite", "restore"}
	failing = killed[:len(killed)-1]
)

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
	if err != nil || !f.is(template()) && !f.is(record{}) {
		return err
	}
	if err := fn(s); err != errDone { // the stories do not tell
		return err
	}
	return nil
}

// errDone says that there is nothing that an operation could do.
var errDone = errors.New("it was done before")

// putFirst is the first put of all, in a directory that was just made or brought to the
// format of today.
func putFirst(s *store.Store) error {
	return byJournal(s, func(uint64) uint64 { return 1 }, func(c *delta.Commit) error {
		_, _, err := c.Write(batchOf(3, 1))
		return err
	})
}

func put(s *store.Store) error {
	return putOf(s, 3, func(journal uint64) uint64 { return journal + 1 })
}

// putFull is a put for which there is no room in the journal before it is folded.
func putFull(s *store.Store) error { return putOf(s, 3, func(uint64) uint64 { return 1 }) }

// putLong is a put that takes several pages of the journal.
func putLong(s *store.Store) error {
	return putOf(s, wordy, func(journal uint64) uint64 { return journal + 1 })
}

func putOf(s *store.Store, writer int, want func(journal uint64) uint64) error {
	return byJournal(s, want, func(c *delta.Commit) error {
		_, _, err := c.Write(batchOf(writer, template().steps[writer]+1))
		return err
	})
}

// byJournal carries out an update, after which the journal has as many commits as is
// wanted.
func byJournal(s *store.Store, want func(before uint64) uint64, fn func(*delta.Commit) error) error {
	before, err := s.Stats()
	if err != nil {
		return err
	}
	if _, err := s.Update(delta.Env{Now: 1}, fn); err != nil {
		return err
	}
	after, err := s.Stats()
	if want := want(before.JournalFrames); err == nil && after.JournalFrames != want {
		err = fmt.Errorf("the journal has %d commits, before it had %d, and was to have %d", after.JournalFrames, before.JournalFrames, want)
	}
	return err
}

func merge(s *store.Store) error {
	p, err := deltaOf(template().told + 1)
	if err != nil {
		return err
	}
	return byJournal(s, func(journal uint64) uint64 { return journal + 1 }, func(c *delta.Commit) error {
		_, err := c.Receive(p)
		return err
	})
}

func fold(s *store.Store) error {
	before, err := s.Stats()
	if err == nil && before.JournalFrames == 0 {
		err = errDone
	}
	if err == nil {
		err = s.Fold()
	}
	if err != nil {
		return err
	}
	after, err := s.Stats()
	if err == nil && after.JournalFrames > 0 {
		err = fmt.Errorf("the journal has %d commits still", after.JournalFrames)
	}
	return err
}

// placingSteps are so many that after them the chunks have more images than they may, of a state
// of this size.
const placingSteps = trail

// place is one commit of many steps, which puts entries in their places and drops
// chunks when it is folded.
func place(s *store.Store) error {
	if err := s.Fold(); err != nil {
		return err
	}
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
	if err == nil {
		err = s.Fold()
	}
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

func trim(s *store.Store) error {
	plan, _, err := planTrim(s)
	if err == nil && len(plan.Drop) == 0 {
		err = errDone
	}
	if err != nil {
		return err
	}
	return s.Trim(plan)
}

// backfill brings back what the template lacks.
func backfill(s *store.Store) error {
	var lacking []delta.Packed
	for i := range templateTrimmed {
		p, err := deltaOf(i + 1)
		if err != nil {
			return err
		}
		lacking = append(lacking, p)
	}
	added, err := s.Backfill(1, lacking)
	switch {
	case err != nil:
		return err
	case added == 0:
		return errDone
	case added != templateTrimmed:
		return fmt.Errorf("%d events were brought back, not %d", added, templateTrimmed)
	}
	return nil
}

func rewrite(s *store.Store) error { return s.Rewrite(context.Background(), nil) }

// backupName is where the backup lies that is restored, beside the directory.
const backupName = "backup.db"

func restore(dir string) error {
	_, err := store.Restore(dir, filepath.Join(filepath.Dir(dir), backupName), store.Options{Node: "n1"})
	return err
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
