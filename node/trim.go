package node

import (
	"context"
	"errors"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/store"
)

const (
	// turnMax is how many records one transaction of a trimming drops at most, so many
	// while nobody writes, and turnMin is that while many do, whose flush may have to wait
	// for its own: more, if a fold brings more.
	turnMax, turnMin = store.TrimChunk, 128
	// rideMax is how long a trimming waits for a fold to ride with.
	rideMax = 20 * time.Millisecond
)

// trimming holds a log to its retention, in transactions of a bounded size,
// and with plans of a bounded size.
type trimming struct {
	store *store.Store
	env   compaction.Env
	// plan decides what goes, of the records below end; gone is how many had gone before.
	// It completes env.
	plan      func(*trimming, *Compacted) error
	end, gone uint64
	// drop drops the first of some records, in one transaction, and returns how many. An
	// error ends the trimming.
	drop func([]compaction.Drop) (int, error)
}

// run trims, or says what a trimming would do. What it did before an error
// stays done.
func (t *trimming) run(dryRun bool) (Compacted, error) {
	c := Compacted{Retention: t.env.Options.WithDefaults()}
	if err := t.plan(t, &c); err != nil {
		return Compacted{}, err
	}
	var err error
	if c.Before, err = t.store.Stats(); err != nil {
		return Compacted{}, err
	}
	if !dryRun {
		if err := t.carryOut(c.Plan); err != nil {
			return Compacted{}, err
		}
	}
	c.After, err = t.store.Stats()
	return c, err
}

func (t *trimming) carryOut(p compaction.Plan) error {
	for {
		for left := p.Drop; len(left) > 0; {
			n, err := t.drop(left)
			if err != nil {
				return err
			}
			left = left[n:]
		}
		if !p.More {
			return nil
		}
		var err error
		if p, err = t.resume(p); err != nil {
			return err
		}
	}
}

// resume plans the next part, when the one before has gone. Where others trim at the same
// time it plans anew: what was counted is no longer there, and more would go than may.
func (t *trimming) resume(before compaction.Plan) (compaction.Plan, error) {
	t.gone += uint64(len(before.Drop))
	l := logReader{store: t.store, from: before.Next, end: t.end, gone: t.gone, hasRun: true}
	env := t.env
	env.Records = l.records
	p := compaction.Resume(env, before)
	if l.failed == errTrimmed {
		var c Compacted
		err := t.plan(t, &c)
		return c.Plan, err
	}
	return p, l.failed
}

// dropped returns how many records went, or would.
func (c Compacted) dropped() (records uint64) {
	for _, t := range c.Plan.Dropped {
		records += t.Records
	}
	return records
}

// dropBeside returns how a trimming drops records while others write: with the next fold,
// since a transaction of its own folds what little the journal has by then, and its flush
// is one more that writers wait for. Where no fold comes, few write, or nobody does.
func (n *Node) dropBeside(ctx context.Context) func([]compaction.Drop) (int, error) {
	commits := n.counters.commits.Load()
	return func(left []compaction.Drop) (dropped int, err error) {
		err = n.withFold(ctx, rideMax, func() error {
			before := commits
			commits = n.counters.commits.Load()
			dropped = min(turnRecords(n.store.Unfolded(), commits-before), len(left))
			return n.store.Trim(compaction.Plan{Drop: left[:dropped]})
		})
		return dropped, err
	}
}

// turnRecords returns how many records are dropped after so many commits of writers, with
// a fold of so many records: more than come, so that a trimming keeps up with them, and
// the more, the fewer of them can meet it.
func turnRecords(come, commits uint64) int {
	return min(turnMax, max(turnMin, turnMax/int(1+commits), int(come+come/4)))
}

// trimLog is trim for the trimmer, who does it often: it does not read the state. It
// leaves alone what the log has from an index on that was its end a moment ago: where
// this node participates may have changed with that.
func (n *Node) trimLog(end uint64) (Compacted, error) {
	if err := n.passCommitter(n.ctx); err != nil {
		return Compacted{}, err
	}
	env := n.retention()
	env.Node, env.Participation = n.name, n.routing.participation() // as of end at least
	t := trimming{store: n.store, env: env, plan: planLog(end), drop: n.dropPaced(n.ctx)}
	c, err := t.run(false)
	n.noteClasses(c)
	return c, explain(err)
}

// planLog plans from the log alone, up to an index.
func planLog(end uint64) func(*trimming, *Compacted) error {
	return func(t *trimming, c *Compacted) error {
		t.end, t.env.Replica = end, t.store.Summary().ID
		for range planTries {
			l := logReader{store: t.store, end: end}
			env := t.env
			env.Records = l.records
			c.Plan = compaction.Pick(env)
			t.gone = l.gone // known once it was read
			if l.failed != errTrimmed {
				return l.failed
			}
		}
		return errTrimmed
	}
}

const (
	// sliceRecords is how many records the trimmer reads in one view.
	sliceRecords = 2048
	// planTries is how often a plan is begun anew.
	planTries = 3
)

// errTrimmed says that others trim at the same time: what a plan has counted is no
// longer there.
var errTrimmed = errors.New("somebody else trims it; it is looked at again the next time")

// logReader reads the log from one index up to another, for somebody who may take a
// while, in views of a few milliseconds. While a view is open no page that a commit sets
// free is used again: with busy writers there were 8,000 of them after a view of the whole
// log, whose list each commit then wrote for minutes.
type logReader struct {
	store     *store.Store
	from, end uint64
	// gone is how many records were trimmed before, if it has run or was told.
	gone   uint64
	hasRun bool
	failed error
}

// records are those of the log. An error ends them and is left in failed.
func (l *logReader) records(yield func(compaction.Record) bool) {
	for next, more := l.from, true; more && l.failed == nil; {
		next, more, l.failed = l.slice(next, yield)
	}
}

// slice reads some records from an index on, and returns where the next are, if there
// may be more.
func (l *logReader) slice(from uint64, yield func(compaction.Record) bool) (next uint64, more bool, err error) {
	left := sliceRecords
	err = l.store.View(func(v *store.View) error {
		if err := l.look(v.LogStats()); err != nil {
			return err
		}
		return v.EachOutline(from, func(o *store.Outlined) error {
			switch {
			case o.Index >= l.end:
				return errEnough
			case left == 0:
				next, more = o.Index, true
				return errEnough
			case !yield(recordOf(o)):
				return errEnough
			}
			left--
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return next, more, err
}

// look returns errTrimmed if records have gone since it was called first.
func (l *logReader) look(stats store.LogStats) error {
	gone := goneOf(stats)
	if l.hasRun && gone != l.gone {
		return errTrimmed
	}
	l.gone, l.hasRun = gone, true
	return nil
}

// goneOf returns how many records a log has no more.
func goneOf(stats store.LogStats) uint64 { return stats.Next - stats.Records }
