package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
)

const (
	roleStore  = "store"  // the store itself, with everything that runs beside, all the time
	roleSteady = "steady" // the same without rewriting, which puts all in place: so entries wait
	roleSeldom = "seldom" // with all of it, but seldom, so that the journal fills and is folded
	roleNode   = "node"   // a whole node, whose committer groups the writers
	ready      = "ready"
	folded     = "folded"
)

// cluster keeps the node from being met by those of tests of other packages, at a port
// that was theirs, and from ending since its name is taken.
const cluster = "crash"

// upkeep is what runs beside the writers of a store: the pauses after each trimming
// and filling, and after each rewriting. A zero one has no rewriting.
type upkeep struct{ trim, rewrite time.Duration }

// upkeeps are those of the roles. Where the tables change all the time they take over
// what is in the journal each time, and it has few commits when it is killed.
var upkeeps = map[string]upkeep{
	roleStore:  {0, time.Millisecond},
	roleSteady: {0, 0},
	roleSeldom: {15 * time.Millisecond, 40 * time.Millisecond},
}

// say writes one line in one call: what was said before a kill is in the pipe.
func say(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

// tell has every writer go on with its story until one fails; only what write
// acknowledged is said.
func tell(f found, running *sync.WaitGroup, failed chan<- error, write func([]delta.Operation) error) {
	for w := range writers {
		running.Go(func() {
			for step := f.step(w) + 1; ; step++ {
				if err := write(batchOf(w, step)); err != nil {
					failed <- err
					return
				}
				say("wrote %d %d", w, step)
			}
		})
	}
}

// writeStore writes to a store until it is killed, while deltas arrive, the journal is
// folded, and the log trimmed and filled again and the file rewritten now and then.
func writeStore(dir string, noSync bool, u upkeep) error {
	s, err := store.Open(dir, store.Options{Cluster: cluster, Node: "n1", NoSync: noSync})
	if err != nil {
		return err
	}
	f, err := look(s)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	failed := make(chan error, writers+4)
	say(ready)
	tell(f, &running, failed, func(batch []delta.Operation) error {
		_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
			_, _, err := c.Write(batch)
			return err
		})
		return err
	})
	running.Go(func() { failed <- receive(s, f.toldStep()) })
	running.Go(func() { failed <- foldAgain(s) })
	running.Go(func() { failed <- trimAndFill(s, u.trim) })
	if u.rewrite != 0 {
		running.Go(func() { failed <- rewriteAgain(s, u.rewrite) })
	}
	return <-failed
}

// receive merges what the peer tells, step by step.
func receive(s *store.Store, step int) error {
	for step++; ; step++ {
		p, err := deltaOf(step)
		if err != nil {
			return err
		}
		_, err = s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
			outcome, err := c.Receive(p)
			if err == nil && outcome != delta.Applied {
				err = fmt.Errorf("step %d of the peer: %v", step, outcome)
			}
			return err
		})
		if err != nil {
			return err
		}
		say("told %d", step)
	}
}

// keep is how many records of the log stay.
const keep = 20

// foldAgain folds the journal when it is time, as a node does.
func foldAgain(s *store.Store) error {
	for {
		if !s.IsFoldWorth() {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		if err := s.Fold(); err != nil {
			return err
		}
		say(folded)
	}
}

// trimAndFill drops the old part of the log and now and then fills it again.
func trimAndFill(s *store.Store, pause time.Duration) error {
	for {
		time.Sleep(pause)
		plan, dropped, err := planTrim(s)
		if err != nil {
			return err
		}
		if err := s.Trim(plan); err != nil {
			return err
		}
		if _, err := s.Backfill(1, dropped); err != nil {
			return err
		}
		if err := s.Trim(plan); err != nil {
			return err
		}
	}
}

// planTrim plans to drop all but the last records, and returns some of what
// goes.
func planTrim(s *store.Store) (compaction.Plan, []delta.Packed, error) {
	var plan compaction.Plan
	var dropped []delta.Packed
	err := s.View(func(v *store.View) error {
		stats := v.LogStats()
		return v.EachRecord(0, func(r store.Record) error {
			if r.Index+keep < stats.Next {
				plan.Drop = append(plan.Drop, compaction.Drop{Index: r.Index, AppliedAt: r.AppliedAt, Bytes: r.Bytes, Class: compaction.Class(len(plan.Drop) % len(compaction.Classes))})
				if len(dropped) < keep {
					dropped = append(dropped, r.Delta)
				}
			}
			return nil
		})
	})
	return plan, dropped, err
}

func rewriteAgain(s *store.Store, pause time.Duration) error {
	for {
		if err := s.Rewrite(context.Background(), nil); err != nil {
			return err
		}
		time.Sleep(pause)
	}
}

// compactEvery is the pause between two compactions of a node, in which it folds its
// journal by itself.
const compactEvery = 10 * time.Millisecond

// writeNode writes to a node until it is killed, while it trims its log.
func writeNode(dir string) error {
	s, err := store.Open(dir, store.Options{Cluster: cluster, Node: "n1"})
	if err != nil {
		return err
	}
	f, err := look(s)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	tight := compaction.Retention{Age: time.Minute.Milliseconds(), Bytes: 16 << 10}
	n, err := node.Open(context.Background(), node.Options{
		DataDir: dir, Node: "n1", Gossip: "127.0.0.1:0",
		Retention: compaction.Options{Own: tight, Other: tight},
	})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	failed := make(chan error, writers+1)
	say(ready)
	tell(f, &running, failed, func(batch []delta.Operation) error {
		_, err := n.Write(context.Background(), batch)
		return err
	})
	running.Go(func() {
		for err := error(nil); err == nil; {
			if _, err = n.Compact(context.Background(), false); err != nil {
				failed <- err
			}
			time.Sleep(compactEvery)
		}
	})
	return <-failed
}
