package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// crowd are many who use a store at the same time, with frames, folds and direct changes
// next to each other. Which of them meets which is for the scheduler.
type crowd struct {
	t       *testing.T
	store   *Store
	running sync.WaitGroup
	written atomic.Int64
	turns   []turn
}

// turn is that of somebody, which comes with each so many writes: writers have to wait
// for most, and would write next to nothing if each went on and on.
type turn struct {
	every int64
	come  chan struct{}
}

// with has fn be called beside the writers.
func (c *crowd) with(every int64, fn func(n int) error) {
	x := turn{every, make(chan struct{}, 1)}
	c.turns = append(c.turns, x)
	c.running.Go(func() {
		n := 0
		for range x.come {
			if err := fn(n); err != nil {
				c.t.Error(err)
			}
			n++
		}
	})
}

// wrote gives a turn to those who have waited for it.
func (c *crowd) wrote() {
	n := c.written.Add(1)
	for _, x := range c.turns {
		if n%x.every != 0 {
			continue
		}
		select {
		case x.come <- struct{}{}:
		default: // it is at it
		}
	}
}

func (c *crowd) end() {
	for _, x := range c.turns {
		close(x.come)
	}
	c.running.Wait()
}

// write writes now a little, now much, now what changes nothing on disk.
func (c *crowd) write(random *rand.Rand, writer, n int) error {
	i := random.IntN(60)
	switch random.IntN(20) {
	case 0:
		_, err := tryWrite(c.store, registerMany(i, i+batchMin, int64(n+1))...) // goes directly
		return err
	case 1, 2:
		_, err := c.store.Update(delta.Env{}, func(c *delta.Commit) error { return c.OpenSession(crdt.Context{{9}: 3}) })
		return err
	case 3:
		o := registerMany(i, i+1, 1)
		o[0].Verb = delta.VerbRelease
		if _, err := tryWrite(c.store, o...); !errors.Is(err, delta.ErrNotFound) {
			return err
		}
		return nil
	case 4, 5, 6:
		return c.pair(putting(fmt.Sprint(i)))
	}
	_, err := tryWrite(c.store, register(fmt.Sprint("n", writer), fmt.Sprint(i), "", int64(n+1)))
	return err
}

// pair has the second of two updates be put together while the first is on its way.
func (c *crowd) pair(fn func(*delta.Commit, Pause) error) error {
	first, err := c.store.Prepare(delta.Env{Now: 1}, fn)
	if err != nil {
		return err
	}
	second, err := c.store.Prepare(delta.Env{Now: 2}, fn)
	if err != nil {
		return errors.Join(err, first.Commit())
	}
	var filling sync.WaitGroup
	filling.Go(func() { second.Fill() })
	err = first.Commit()
	filling.Wait()
	return errors.Join(err, second.Commit())
}

// trim drops a record, wherever it is.
func (c *crowd) trim(random *rand.Rand) error {
	var p compaction.Plan
	err := c.store.View(func(v *View) error {
		stats := v.LogStats()
		if n := stats.Next - stats.First; n > 0 {
			p.Drop = append(p.Drop, compaction.Drop{Index: stats.First + random.Uint64N(n), Class: compaction.Other})
		}
		return nil
	})
	return errors.Join(err, c.store.Trim(p))
}

// backup requires that a backup is whole, and shows what the view of it does.
func (c *crowd) backup() error {
	var b bytes.Buffer
	var shown string
	err := c.store.View(func(v *View) (err error) {
		if err := v.Backup(&b); err != nil {
			return err
		}
		shown, err = contentsOf(v)
		return err
	})
	if err != nil {
		return err
	}
	dir := directoryOf(c.t, b.Bytes())
	problems, err := Check(dir)
	if err != nil || len(problems) > 0 {
		return errors.Join(fmt.Errorf("the backup: %v", problems), err)
	}
	copied, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	err = copied.View(func(v *View) error {
		got, err := contentsOf(v)
		if got != shown {
			err = errors.Join(err, fmt.Errorf("the backup shows\n%s\nwant\n%s", got, shown))
		}
		return err
	})
	return errors.Join(err, copied.Close())
}

// mustAgree holds what a view shows against what it says of that.
func mustAgree(v *View) error {
	x, stats := v.Summary(), v.LogStats()
	var sum delta.Fingerprint
	err := v.Scan(delta.Whole, func(e delta.Entry) error {
		got, err := v.Get(e.Key)
		if delta.FingerprintOf(got) != delta.FingerprintOf(e) {
			return errors.Join(fmt.Errorf("a scan shows %+v, by its key comes %+v", e, got), err)
		}
		sum = sum.Plus(delta.FingerprintOf(e))
		return err
	})
	var last, records, size uint64
	logged := crdt.NewContext()
	err = errors.Join(err, v.EachRecord(0, func(r Record) error {
		if r.Index <= last || r.Index < stats.First || r.Index >= stats.Next {
			return fmt.Errorf("record %d comes after %d, of the log from %d to before %d", r.Index, last, stats.First, stats.Next)
		}
		last, records, size = r.Index, records+1, size+r.Bytes
		logged[r.Delta.Origin] = max(logged[r.Delta.Origin], r.Delta.Last())
		return nil
	}))
	switch {
	case err != nil:
		return err
	case records != stats.Records || size != stats.Bytes:
		return fmt.Errorf("the log has %d records of %d bytes, and says %d of %d", records, size, stats.Records, stats.Bytes)
	case !logged.Leq(x.Context) || delta.HashContext(x.Context) != x.ContextHash:
		return fmt.Errorf("the log has %s, the context is %s", logged, x.Context)
	case sum != x.Fingerprint:
		return fmt.Errorf("the entries have the fingerprint %s, the summary says %s", sum, x.Fingerprint)
	}
	return mustFind(v, last)
}

// mustFind asks for the event of the last record by its dot, and by its index.
func mustFind(v *View, last uint64) error {
	return v.EachRecord(last, func(r Record) error {
		events, err := v.Log(r.Delta.Origin, r.Delta.Last(), 1)
		if err == nil && (len(events.Deltas) != 1 || !bytes.Equal(events.Deltas[0].Bytes, r.Delta.Bytes)) {
			err = fmt.Errorf("for record %d comes %+v", r.Index, events)
		}
		return err
	})
}

// TestStore_Fold_WhileOthersGoOn: whatever happens beside a fold, each view shows one
// instant, each backup is whole, and nothing is lost.
func TestStore_Fold_WhileOthersGoOn(t *testing.T) {
	const writers, each = 3, 300
	seed, folds := ringSeedOf(t), 0 // which of them meets which is not decided by it
	s := openTest(t, t.TempDir(), Options{tailMax: 9, freshMax: 20, commit: func(tx *bbolt.Tx, commit func() error) error {
		if tx != nil {
			folds++ // under Store.file
			return commit()
		}
		err := commit()
		runtime.Gosched() // the next is put together while this one is on its way
		return err
	}})
	c := &crowd{t: t, store: s}
	randomOf := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	trimming := randomOf(writers)
	c.with(3, func(int) error { return s.Fold() })
	for range 2 {
		c.with(1, func(int) error { return s.View(mustAgree) })
	}
	c.with(40, func(int) error { return s.Rewrite(t.Context(), nil) })
	c.with(25, func(int) error { return c.backup() })
	c.with(10, func(n int) error {
		return []func() error{s.Confirm, func() error { return c.trim(trimming) }, func() error { return s.SetNote("x", []byte{byte(n)}) }}[n%3]()
	})
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			random := randomOf(uint64(w))
			for n := range each {
				if err := c.write(random, w, n); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				c.wrote()
			}
		})
	}
	writing.Wait()
	c.end()
	view(t, s, mustAgree)
	shown := everything(t, s)
	t.Logf("%d transactions of the tables", folds)
	for range 2 { // with frames, and without
		image := contentOf(t, s.Path())
		if got := everything(t, openTest(t, directoryOf(t, image), Options{})); got != shown {
			t.Errorf("what was left shows\n%s\nwant\n%s", got, shown)
		}
		if err := s.Confirm(); err != nil {
			t.Fatal(err)
		}
	}
}
