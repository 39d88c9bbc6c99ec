package node

import (
	"context"
	"errors"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/store"
)

const (
	// onlineTurn is how many records one transaction of a trimming drops at
	// least while there are writers: it takes little longer than a
	// transaction of one write. offlineTurn is that while there are none.
	onlineTurn  = 16
	offlineTurn = 4096
	// restMax bounds how long a trimming leaves the disk to others at a time.
	restMax = 50 * time.Millisecond
)

// trimming holds a log to its retention, in transactions of a bounded size,
// and with plans of a bounded size.
type trimming struct {
	store *store.Store
	env   compaction.Env
	// turn is called between two transactions; an error ends the trimming.
	turn func() error
	// turnRecords returns how many records the next one drops.
	turnRecords func() int
	// plan decides what goes.
	plan func(*Compacted, *store.Store, compaction.Env) error
}

// run trims, or says what a trimming would do. What it did before an error
// stays done.
func (t *trimming) run(dryRun bool) (Compacted, error) {
	c := Compacted{Retention: t.env.Options.WithDefaults()}
	if err := t.plan(&c, t.store, t.env); err != nil {
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
		for drop := p.Drop; len(drop) > 0; {
			n := min(t.turnRecords(), len(drop))
			if err := t.store.Trim(compaction.Plan{Drop: drop[:n]}); err != nil {
				return err
			}
			drop = drop[n:]
			if err := t.turn(); err != nil {
				return err
			}
		}
		if !p.More {
			return nil
		}
		var next Compacted
		if err := t.plan(&next, t.store, t.env); err != nil {
			return err
		}
		p = next.Plan
	}
}

// dropped returns how many records went, or would.
func (c Compacted) dropped() (records uint64) {
	for _, t := range c.Plan.Dropped {
		records += t.Records
	}
	return records
}

// turn has the writers that wait carried out, between two transactions of a
// trimming, and leaves the disk to them for as long as the last one took. The
// lock of the store is not fair enough for that.
func (n *Node) turn(ctx context.Context) func() error {
	began := time.Now()
	return func() error {
		rest := time.NewTimer(min(time.Since(began), restMax))
		defer rest.Stop()
		if err := n.passCommitter(ctx); err != nil {
			return err
		}
		if err := awaitTimer(ctx, rest); err != nil {
			return err
		}
		began = time.Now()
		return nil
	}
}

// awaitTimer waits for a timer, or returns why not.
func awaitTimer(ctx context.Context, timer *time.Timer) error {
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turnRecords is how many records a transaction of a trimming drops: so many
// that it takes little longer than one of the writers, who have to wait for it,
// and that it keeps up with them.
func (n *Node) turnRecords() int { return max(onlineTurn, int(n.counters.group.Load())) }

// trimLog is trim for the trimmer, who does it often: it does not read the state. It
// leaves alone what the log has from an index on that was its end a moment ago: where
// this node participates may have changed with that.
func (n *Node) trimLog(end uint64) (Compacted, error) {
	if err := n.passCommitter(n.ctx); err != nil {
		return Compacted{}, err
	}
	env := n.retention()
	env.Node, env.Participation = n.name, n.routing.participation() // as of end at least
	t := trimming{store: n.store, env: env, turn: n.paced(n.ctx), turnRecords: n.turnRecords, plan: planLog(end)}
	c, err := t.run(false)
	n.noteClasses(c)
	return c, explain(err)
}

// planLog plans from the log alone, up to an index.
func planLog(end uint64) func(*Compacted, *store.Store, compaction.Env) error {
	return func(c *Compacted, s *store.Store, env compaction.Env) error {
		env.Replica = s.Summary().ID
		for range planTries {
			l := &logReader{store: s, end: end}
			env.Records = l.records
			c.Plan = compaction.Pick(env)
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

// logReader reads the log up to an index, for somebody who may take a while, in views
// of a few milliseconds. While a view is open no page that a commit sets free is used
// again: with busy writers there were 8,000 of them after a view of the whole log,
// whose list each commit then wrote for minutes.
type logReader struct {
	store *store.Store
	end   uint64
	// gone is how many records were trimmed before, once it was looked at.
	gone   uint64
	hasRun bool
	failed error
}

// records are those of the log. An error ends them and is left in failed.
func (l *logReader) records(yield func(compaction.Record) bool) {
	for next, more := uint64(0), true; more && l.failed == nil; {
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
		return v.EachRecord(from, func(r store.Record) error {
			switch {
			case r.Index >= l.end:
				return errEnough
			case left == 0:
				next, more = r.Index, true
				return errEnough
			case !yield(recordOf(r)):
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
	gone := stats.Next - stats.Records
	if l.hasRun && gone != l.gone {
		return errTrimmed
	}
	l.gone, l.hasRun = gone, true
	return nil
}
