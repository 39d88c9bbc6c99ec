package node

import (
	"time"

	"github.com/scalesmall/ssnode/compaction"
)

// HistoryClass is what the log has of one class of records, as of the last time it
// was held to its retention.
type HistoryClass struct {
	Class compaction.Class
	compaction.Totals
	// Oldest is when the oldest of them was applied here, zero if there is
	// none.
	Oldest time.Time
}

// HistoryClassOf returns what a plan lets stay of a class.
func HistoryClassOf(p compaction.Plan, class compaction.Class) HistoryClass {
	h := HistoryClass{Class: class, Totals: p.Kept[class]}
	if h.Records > 0 {
		h.Oldest = time.UnixMilli(p.Oldest[class]).UTC()
	}
	return h
}

// noteClasses remembers what stays after a trimming, for Status.
func (n *Node) noteClasses(c Compacted) {
	if c.Retention == (compaction.Options{}) {
		return // it failed
	}
	out := make([]HistoryClass, 0, len(compaction.Classes))
	for _, class := range compaction.Classes {
		out = append(out, HistoryClassOf(c.Plan, class))
	}
	n.classes.Store(&out)
}

// historyClasses returns what is known of the classes; nothing before the first
// trimming.
func (n *Node) historyClasses() []HistoryClass {
	if x := n.classes.Load(); x != nil {
		return *x
	}
	return nil
}
