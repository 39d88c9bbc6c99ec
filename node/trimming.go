package node

import (
	"strings"
	"time"

	"github.com/scalesmall/ssnode/store"
)

// trimmed is what the keeper remembers of its last trimming. Trimming reads
// the state and the log, so it is left out while nothing has changed that
// could lead to another result, but for the time.
type trimmed struct {
	at    time.Time
	found logged
}

// logged is what a trimming depends on beside the time: what is in the log,
// and who is known to have seen it.
type logged struct {
	next, records uint64
	inSync        string
}

// trim holds the log to its retention.
func (k *keeper) trim() {
	now := time.Now()
	found, err := k.logged()
	if err == nil && found == k.trimmed.found && now.Sub(k.trimmed.at) < k.trimAgainAfter() {
		return
	}
	var c Compacted
	if err == nil {
		c, err = k.node.trim(false)
	}
	if err != nil {
		k.node.log.Warn("the log cannot be trimmed", "cause", explain(err))
		return
	}
	found.records -= uint64(len(c.Plan.Drop))
	k.trimmed = trimmed{at: now, found: found}
	if !c.Plan.IsEmpty() {
		k.node.log.Debug("the log was trimmed", "records", len(c.Plan.Drop), "left", c.After.LogRecords)
	}
}

// trimAgainAfter is after which time alone a record may have become too old.
func (k *keeper) trimAgainAfter() time.Duration {
	o := k.node.options.Retention
	return time.Duration(min(o.Own.Age, o.Other.Age)) * time.Millisecond / 4
}

func (k *keeper) logged() (logged, error) {
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
	x.inSync = strings.Join(inSync, " ")
	return x, err
}
