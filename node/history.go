package node

import (
	"maps"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// HistoryEvent is one event of the log.
type HistoryEvent struct {
	// Time is the origin's wall clock, for people to read.
	Time  time.Time
	Dot   crdt.Dot
	Event delta.Event
}

// History is what the log still has.
type History struct {
	// Events are in the order in which this node applied them.
	Events []HistoryEvent
	// Complete is false if events that the filter may select are not shown:
	// they were trimmed, or came by range repair, which brings states and no
	// events, or were more than the limit.
	Complete bool
	// Missing says where events were trimmed or came as state: never less than
	// where some are missing.
	Missing []store.Hole
}

// History returns the newest events that the filter selects, at most limit (0
// for all that the log has), oldest first. O(log).
func (n *Node) History(f Filter, limit int) (History, error) {
	h := recent{limit: limit}
	var complete bool
	var missing []store.Hole
	err := n.store.View(func(v *store.View) error {
		holes, err := f.hasHoles(v)
		if err != nil {
			return err
		}
		if complete = !holes; holes {
			if missing, err = v.Holes(f.Keyspace, f.within()); err != nil {
				return err
			}
		}
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			for i, e := range p.Events {
				if f.selectsEvent(e) {
					h.add(HistoryEvent{Time: time.UnixMilli(p.Time).UTC(), Dot: p.Dot(i), Event: e})
				}
			}
			return nil
		})
	})
	if err != nil {
		return History{}, explain(err)
	}
	events, left := h.newest()
	return History{Events: events, Complete: complete && !left, Missing: missing}, nil
}

// recent keeps the newest events, at most twice the limit.
type recent struct {
	limit  int
	events []HistoryEvent
	left   bool
}

func (r *recent) add(e HistoryEvent) {
	r.events = append(r.events, e)
	if r.limit > 0 && len(r.events) >= 2*r.limit {
		r.cut()
	}
}

func (r *recent) cut() {
	if excess := len(r.events) - r.limit; r.limit > 0 && excess > 0 {
		r.events = slices.Delete(r.events, 0, excess)
		r.left = true
	}
}

// newest returns what is kept, and whether some were left out.
func (r *recent) newest() ([]HistoryEvent, bool) {
	r.cut()
	return r.events, r.left
}

// hasHoles reports whether the log lacks events that the filter may select.
func (f Filter) hasHoles(v *store.View) (bool, error) {
	return v.HasHoles(f.Keyspace, f.within())
}

// within returns the keys that the filter selects.
func (f Filter) within() ranges.Range {
	if f.Range == nil {
		return ranges.Everything()
	}
	return *f.Range
}

// touchedSince returns the keys of the entries that events beyond token have
// touched, ascending, and whether these are all that may differ from what was
// shown up to token. It gives up at more than most. O(what is returned).
func touchedSince(v *store.View, token crdt.Context, most int) (keys []delta.Key, complete bool, err error) {
	if len(v.Summary().Ahead) > 0 {
		return nil, false, nil // the state has effects of events that nothing here names
	}
	touched := map[delta.Key]struct{}{}
	for origin, last := range v.Summary().Context {
		next := token.Get(origin) + 1
		for next <= last {
			events, err := v.Log(origin, next, logChunkBytes)
			if err != nil || events.Stop == store.StopTrimmed {
				return nil, false, err
			}
			for _, p := range events.Deltas {
				touchedBy(p, next, touched)
			}
			if next = events.Next; len(touched) > most {
				return nil, false, nil
			}
		}
	}
	return slices.Sorted(maps.Keys(touched)), true, nil
}

// logChunkBytes is how much of the log is read at a time.
const logChunkBytes = 1 << 20

// touchedBy adds the keys of the events of a delta from a sequence on.
func touchedBy(p delta.Packed, from uint64, touched map[delta.Key]struct{}) {
	for i, e := range p.Events {
		if p.Dot(i).Sequence >= from {
			touched[e.Key()] = struct{}{}
		}
	}
}
