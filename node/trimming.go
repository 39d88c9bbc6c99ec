package node

import (
	"errors"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/store"
)

const (
	// trimEveryDefault is how often the log is held to its retention.
	trimEveryDefault = 30 * time.Second
	// rewriteEveryDefault is how long the file is left alone after it was rewritten.
	rewriteEveryDefault = 10 * time.Minute
)

// trimmer holds the log to its retention from time to time, and rewrites the
// file when enough of it is free. What takes long does so here, on a goroutine
// of its own.
type trimmer struct {
	node *Node
	// rewritten is when a rewriting began last.
	rewritten time.Time
	trimmed   trimmed
}

func (k *trimmer) run() {
	due := time.NewTimer(k.node.options.trimEvery)
	defer due.Stop()
	for {
		select {
		case <-k.node.ctx.Done():
			return
		case <-due.C:
			k.trim()
			k.rewrite()
			due.Reset(k.node.options.trimEvery)
		}
	}
}

// rewrite gives the space back that is free in the file, if it is enough.
func (k *trimmer) rewrite() {
	before, err := k.node.store.Stats()
	if err != nil || k.node.store.Failed() != nil || !isWorthRewriting(before) || time.Since(k.rewritten) < k.node.options.rewriteEvery {
		return
	}
	k.rewritten = time.Now()
	err = k.node.store.Rewrite(k.node.ctx, nil)
	switch {
	case k.node.ctx.Err() != nil, errors.Is(err, store.ErrBusy):
	case err != nil:
		k.node.log.Warn("the file cannot be rewritten without its free space", "cause", explain(err))
	default:
		if after, err := k.node.store.Stats(); err == nil {
			k.node.log.Info("the file was rewritten without its free space", "before", before.Bytes, "after", after.Bytes)
		}
	}
}

// trimmed is what the trimmer remembers of its last trimming. Trimming reads
// the log, so it is left out while nothing has changed that could lead to
// another result, but for the time.
type trimmed struct {
	at    time.Time
	found logged
}

// logged is what a trimming depends on beside the time: what is in the log,
// who is known to have seen it, and where the node participates.
type logged struct {
	next, records uint64
	inSync        string
	moves         uint64
}

// trim holds the log to its retention.
func (k *trimmer) trim() {
	now := time.Now()
	found, err := k.logged()
	if err == nil && found == k.trimmed.found && now.Sub(k.trimmed.at) < k.trimAgainAfter() {
		return
	}
	var c Compacted
	if err == nil {
		c, err = k.node.trimLog(found.next)
	}
	if err != nil {
		k.node.log.Warn("the log cannot be trimmed", "cause", explain(err))
		return
	}
	found.records -= c.dropped()
	k.trimmed = trimmed{at: now, found: found}
	if !c.Plan.IsEmpty() {
		k.node.log.Debug("the log was trimmed", "records", c.dropped(), "left", c.After.LogRecords)
	}
}

// trimAgainAfter is after which time alone a record may have become too old.
func (k *trimmer) trimAgainAfter() time.Duration {
	o := k.node.options.Retention
	return time.Duration(min(o.Own.Age, o.Other.Age)) * time.Millisecond / 4
}

func (k *trimmer) logged() (logged, error) {
	var x logged
	err := k.node.store.View(func(v *store.View) error {
		stats := v.LogStats()
		x.next, x.records = stats.Next, stats.Records
		return nil
	})
	var inSync []string
	for _, m := range k.node.seenBy() {
		if m.Context == nil {
			m.Name += "?"
		}
		inSync = append(inSync, m.Name)
	}
	x.inSync, x.moves = strings.Join(inSync, " "), k.node.routing.moves()
	return x, err
}
