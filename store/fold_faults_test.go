package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// flaky is a disk on which some commits of folds and of frames fail, before they have
// reached it or after.
type flaky struct {
	mu struct {
		sync.Mutex
		random *rand.Rand
	}
	isOn atomic.Bool
	// inFrames and inTables count the faults.
	inFrames, inTables atomic.Int64
}

func (f *flaky) draw(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.random.IntN(n)
}

func (f *flaky) commit(tx *bbolt.Tx, commit func() error) error {
	faults, rate := &f.inTables, 4
	if tx == nil {
		faults, rate = &f.inFrames, 25
	}
	if !f.isOn.Load() || f.draw(rate) > 0 {
		return commit()
	}
	faults.Add(1)
	if f.draw(2) == 0 {
		return errors.Join(errDisk, commit())
	}
	return errors.Join(errDisk, giveUp(tx))
}

// TestStore_Reopen_AfterFaultsInFoldsAndFrames lets many add to claims of their own while
// frames and folds fail next to each other: what was acknowledged is counted, and what was
// not at most once.
func TestStore_Reopen_AfterFaultsInFoldsAndFrames(t *testing.T) {
	const writers, each = 3, 150
	disk := &flaky{}
	disk.mu.random = rand.New(rand.NewPCG(ringSeedOf(t), 6)) // who meets which fault is not decided by it
	s := openTest(t, t.TempDir(), Options{tailMax: 9, freshMax: 20, commit: disk.commit})
	disk.isOn.Store(true)
	// try settles the fault that a step has met.
	try := func(err error) error {
		for errors.Is(err, ErrFailed) {
			err = s.Reopen()
		}
		return err
	}
	var writing, folding sync.WaitGroup
	var acknowledged, unknown [writers]int64
	for w := range writers {
		writing.Go(func() {
			claim := claim("n1", fmt.Sprint(w), fmt.Sprint(w, "~"))
			for range each {
				_, err := tryWrite(s, delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1})
				if err == nil {
					acknowledged[w]++
				} else {
					unknown[w]++
				}
				if err := try(err); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	stop := make(chan struct{})
	for _, fn := range []func() error{s.Fold, func() error { return s.View(mustAgree) }} {
		folding.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := try(fn()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	folding.Wait()
	disk.isOn.Store(false)
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(v *View) error {
		for w := range writers {
			e, err := v.Get(delta.ClaimKey(claim("n1", fmt.Sprint(w), fmt.Sprint(w, "~"))))
			if n := e.Counter.Value(); err != nil || n < acknowledged[w] || n > acknowledged[w]+unknown[w] {
				t.Errorf("%d increases of writer %d were acknowledged, %d may be there or not, %d are, %v", acknowledged[w], w, unknown[w], n, err)
			}
		}
		return mustAgree(v)
	})
	survives(t, s)
	t.Logf("%d faults in frames, %d in the tables", disk.inFrames.Load(), disk.inTables.Load())
	if disk.inFrames.Load() == 0 || disk.inTables.Load() == 0 {
		t.Error("nothing has failed")
	}
}
