package node

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// Compacted says what a compaction did, or would do.
type Compacted struct {
	// Plan has the totals of everything that goes and stays; the records in it
	// may be the first of them only.
	Plan compaction.Plan
	// Retention is what the log was held to.
	Retention compaction.Options
	// Before and After are what the directory holds.
	Before, After store.Stats
	// Waiting are the records that wait for a silent origin, by origin. The
	// names are known of a running node only.
	Waiting []Waiting
}

// Compact trims the log to its retention, and rewrites the file if enough of
// it is free; a dry run only says what would go. Neither touches the state.
// Writes pause only for the moment in which the new file takes the place of
// the old one.
func (n *Node) Compact(ctx context.Context, dryRun bool) (Compacted, error) {
	c, err := n.trim(ctx, dryRun)
	if err != nil || dryRun || !isWorthRewriting(c.After) {
		return c, err
	}
	err = n.store.Rewrite(ctx, nil)
	switch {
	case errors.Is(err, store.ErrBusy): // the trimmer is at it
	case err != nil:
		return c, explain(err)
	}
	c.After, err = n.store.Stats()
	return c, explain(err)
}

// rewriteMin is how much must be free before a rewrite is worth it: more than
// the store lets a file grow in advance, or every rewrite would call for one.
const rewriteMin = 4 << 20

// isWorthRewriting reports whether half of the file is free.
func isWorthRewriting(s store.Stats) bool {
	return s.FreeBytes >= rewriteMin && s.FreeBytes >= s.Bytes/2
}

func (n *Node) trim(ctx context.Context, dryRun bool) (Compacted, error) {
	t := trimming{store: n.store, env: n.retention(), plan: planWaiting, drop: n.dropBeside(ctx)}
	c, err := t.run(dryRun)
	for i := range c.Waiting {
		c.Waiting[i].Node = n.roster.nameOf(c.Waiting[i].Replica)
	}
	if !dryRun {
		n.noteClasses(c)
	}
	return c, explain(err)
}

// retention returns what the log is held to, and what is known of others.
func (n *Node) retention() compaction.Env {
	return compaction.Env{Now: n.now().UnixMilli(), Options: n.options.Retention, Members: n.seenBy()}
}

// seenBy returns what the other live members are known to have seen. Those in
// sync have seen what the core has; of others nothing is known.
func (n *Node) seenBy() []compaction.Member {
	var known crdt.Context
	inSync := map[string]bool{}
	err := n.protocol.look(func(c *antientropy.Core) {
		known = c.Context().Clone()
		for _, s := range c.Peers() {
			inSync[s.Name] = s.InSync
		}
	})
	if err != nil {
		return nil // all ends
	}
	var out []compaction.Member
	for _, m := range n.transport.Members() {
		switch {
		case !m.Reachable():
		case inSync[m.Name]:
			out = append(out, compaction.Member{Name: m.Name, Context: known})
		default:
			out = append(out, compaction.Member{Name: m.Name})
		}
	}
	return out
}

// CompactDirectory trims the log of a directory whose node does not run, and
// rewrites its file without the space that is free. A dry run only says what
// would go. Progress is called with the bytes copied so far; it may be nil.
func CompactDirectory(ctx context.Context, dir string, o compaction.Options, now int64, dryRun bool, progress func(done, total uint64)) (Compacted, error) {
	s, err := store.Open(dir, store.Options{MustExist: true, ReadOnly: dryRun})
	if err != nil {
		return Compacted{}, err
	}
	defer s.Close()
	t := trimming{store: s, env: compaction.Env{Now: now, Options: o}, plan: planWaiting, drop: func(left []compaction.Drop) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := min(turnMax, len(left))
		return n, s.Trim(compaction.Plan{Drop: left[:n]})
	}}
	c, err := t.run(dryRun)
	if err != nil || dryRun {
		return c, err
	}
	if err := s.Rewrite(ctx, progress); err != nil {
		return c, err
	}
	c.After, err = s.Stats()
	return c, errors.Join(err, s.Close())
}

// planWaiting plans, for a node whose claims are read from the state, and finds
// out for whom records wait. O(state + log).
func planWaiting(t *trimming, c *Compacted) error {
	return t.store.View(func(v *store.View) error {
		stats := v.LogStats()
		t.end, t.gone = stats.Next, goneOf(stats)
		return c.plan(v, t.store.Node(), &t.env)
	})
}

// plan decides what goes, for the node of that name, and completes env.
func (c *Compacted) plan(v *store.View, name string, env *compaction.Env) error {
	var (
		own     []ranges.Claim
		waiting compaction.Waiting
	)
	err := v.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		claim, err := e.Key.Claim()
		if err == nil && claim.Node == name && e.Counter.IsVisible() {
			own = append(own, claim)
		}
		return errors.Join(err, waiting.Visit(e))
	})
	if err != nil {
		return err
	}
	env.Node = name
	env.Participation = compaction.ParticipationOf(slices.Values(own))
	for _, w := range waiting.List() {
		c.Waiting = append(c.Waiting, Waiting{Wait: w})
	}
	env.Replica = v.Summary().ID
	var failed error
	all := *env
	all.Records = records(v, &failed)
	c.Plan = compaction.Pick(all)
	return failed
}

// records is the log, as compaction wants it. An error ends it and is left in failed.
func records(v *store.View, failed *error) iter.Seq[compaction.Record] {
	return func(yield func(compaction.Record) bool) {
		err := v.EachOutline(0, func(o *store.Outlined) error {
			if !yield(recordOf(o)) {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			*failed = err
		}
	}
}

func recordOf(o *store.Outlined) compaction.Record {
	return compaction.Record{
		Index: o.Index, Origin: o.Delta.Origin, First: o.Delta.First, Last: o.Delta.Last(),
		AppliedAt: o.AppliedAt, Bytes: o.Bytes, Touches: o.Delta.Touches,
	}
}
