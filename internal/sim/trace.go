package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// nameOf is a key as a reader of a trace wants it.
func nameOf(k delta.Key) string {
	if claim, err := k.Claim(); err == nil {
		return claimText(claim.Node, claim.Range.From, claim.Range.To.Key, claim.Range.To.Unbounded)
	}
	if name, err := k.Node(); err == nil {
		return "node " + name
	}
	if r, err := k.Forgotten(); err == nil {
		return "forgotten " + short(r)
	}
	return fmt.Sprintf("%q", string(k))
}

func claimText(node, from, to string, unbounded bool) string {
	if unbounded {
		to = "∞"
	}
	return fmt.Sprintf("%s[%s,%s)", node, from, to)
}

// traceEvent tells of an event that was committed by its origin.
func (m *member) traceEvent(k *cluster, dot crdt.Dot, e delta.Event) {
	what := e.Operation()
	switch e.Kind {
	case delta.Add:
		what += fmt.Sprintf(" by %d %+v", e.By, contribution(e.Contribution()))
	case delta.Release:
		var parts []string
		for _, x := range e.Released() {
			parts = append(parts, fmt.Sprintf("%s:%d", short(x.Origin), x.Last))
		}
		what += " {" + strings.Join(parts, " ") + "}"
	case delta.Close:
		what += fmt.Sprintf(" era %d", e.Era)
	}
	k.trace("%s issues %s:%d %s %s", m.name, short(dot.Replica), dot.Sequence, nameOf(e.Key()), what)
}

func contribution(x crdt.Contribution) string {
	return fmt.Sprintf("(era %d last %d total %d amount %d watermark %d released %d)", x.Era, x.Last, x.Total, x.Amount, x.Watermark, x.Released)
}

// describe tells how all members stand, for a failure.
func (k *cluster) describe() string {
	var b strings.Builder
	for _, m := range k.members {
		r := m.dir.replica
		fmt.Fprintf(&b, "\n  %s up=%t %s context %s ahead %s in session %t fingerprint %s", m.name, m.up, short(r.ID), k.text(r.Context), k.text(r.Ahead), r.InSession(), r.Fingerprint)
		if m.core == nil {
			continue
		}
		if s, ok := m.core.Session(); ok {
			fmt.Fprintf(&b, "\n    session %+v", s)
		}
	}
	b.WriteString(k.differences())
	return b.String()
}

// differences lists the entries of members that the first does not hold like
// this, and the other way round.
func (k *cluster) differences() string {
	var b strings.Builder
	first := k.members[0]
	for _, m := range k.members[1:] {
		keys := map[delta.Key]bool{}
		for _, x := range []*member{first, m} {
			_ = x.dir.memory.Scan(delta.Whole, func(e delta.Entry) error {
				keys[e.Key] = true
				return nil
			})
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			mine, _ := first.dir.memory.Get(key)
			theirs, _ := m.dir.memory.Get(key)
			if !mine.Equal(theirs) {
				fmt.Fprintf(&b, "\n  %s\n    %s %s%s\n    %s %s%s", nameOf(key), first.name, recordsText(mine.Counter), mine.Node.Service, m.name, recordsText(theirs.Counter), theirs.Node.Service)
			}
		}
	}
	return b.String()
}

func recordsText(c crdt.PNCounter) string {
	var parts []string
	for _, x := range c {
		parts = append(parts, short(x.Origin)+contribution(x))
	}
	return strings.Join(parts, " ")
}
