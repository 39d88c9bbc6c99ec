package compaction

import "github.com/scalesmall/ssnode/crdt"

// keep is a record that stays, unless those after it push it out.
type keep struct {
	Drop
	last crdt.Dot
}

// queue holds the records of a class that stay, oldest first. The zero queue
// is empty and ready to use.
type queue struct {
	records []keep
	head    int
	bytes   uint64
}

func (q *queue) push(k keep) {
	q.records = append(q.records, k)
	q.bytes += k.Bytes
}

func (q *queue) pop() keep {
	k := q.records[q.head]
	q.head++
	q.bytes -= k.Bytes
	return k
}

func (q *queue) all() []keep { return q.records[q.head:] }

func (q *queue) totals() Totals {
	return Totals{Records: uint64(len(q.all())), Bytes: q.bytes}
}
