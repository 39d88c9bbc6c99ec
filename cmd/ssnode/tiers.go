package main

import (
	"fmt"

	"github.com/scalesmall/ssnode/wire"
)

// tiersTable shows what each tier of replication has moved since the node began,
// the questions that were answered, and what came of it.
func (o *output) tiersTable(r wire.Replication) error {
	g := o.grid("Tier", "#Received", "#Sent", "#Trips", "#Stale", "What came of it")
	row := func(name string, t wire.TierTraffic, trips, stale, what string) {
		g.row(name, formatBytes(int64(t.BytesIn)), formatBytes(int64(t.BytesOut)), trips, stale, what)
	}
	push, pull, compare, history := r.Push, r.Pull, r.Range, r.History
	row("push", push.TierTraffic, "-", "-", copiesText(push.CopiesIn, push.New))
	row("pull", pull.TierTraffic, count(pull.RoundTrips), count(pull.Stale), copiesText(pull.CopiesIn, pull.New)+failedText(pull.Failed, "pull"))
	row("compare", compare.TierTraffic, count(compare.RoundTrips), count(compare.Stale),
		fmt.Sprintf("%s in %s%s", entriesText(compare.Entries), plural(int(compare.Begun), "session"), failedText(compare.Abandoned, "")))
	row("history", history.TierTraffic, count(history.RoundTrips), count(history.Stale),
		plural(int(history.Added), "event")+" added"+failedText(history.Failed, "range"))
	other := r.Other.TierTraffic
	other.BytesIn, other.BytesOut = other.BytesIn+r.Other.CheckBytesIn, other.BytesOut+r.Other.CheckBytesOut
	row("other", other, "-", "-", plural(int(r.Other.ChecksIn), "check")+" came with probes")
	return g.print()
}

func count(n uint64) string { return formatInt(int64(n)) }

func copiesText(copies, fresh uint64) string {
	if copies == 1 {
		return "1 delta came, " + count(fresh) + " new"
	}
	return count(copies) + " deltas came, " + count(fresh) + " new"
}

func entriesText(n uint64) string {
	if n == 1 {
		return "1 entry taken"
	}
	return count(n) + " entries taken"
}

// failedText says how many of something have failed, if any have.
func failedText(n uint64, one string) string {
	switch {
	case n == 0:
		return ""
	case one == "":
		return ", " + count(n) + " of them given up"
	}
	return ", " + plural(int(n), one) + " failed"
}
