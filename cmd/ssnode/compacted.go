package main

import (
	"strings"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// compacted tells people what a compaction did, or would do: by class what goes
// and stays, and who holds it up.
func (o *output) compacted(x wire.Compact, dryRun bool) error {
	goes := "Gone"
	if dryRun {
		goes = "Would go"
		if err := o.line("Nothing was changed. This is what would go, and what stays:"); err != nil {
			return err
		}
	}
	g := o.grid("History", "Kept for", "#"+goes, "Why", "#Stays", "#Size", "Since")
	for _, c := range x.Classes {
		since := "-"
		if !c.Oldest.IsZero() {
			since = clock(c.Oldest, time.TimeOnly)
		}
		g.row(aboutWhat(c.Class), strings.ReplaceAll(c.Retention, ",", ", "), c.Covered+c.TooOld+c.TooLarge, orDash(whyGone(c)), c.Records, formatBytes(c.Bytes), since)
	}
	if err := g.print(); err != nil {
		return err
	}
	for _, line := range compactedNotes(x, dryRun) {
		if err := o.line(line); err != nil {
			return err
		}
	}
	return nil
}

func aboutWhat(class string) string {
	if class == wire.ClassOther {
		return "about other ranges"
	}
	return "about own ranges"
}

func whyGone(c wire.CompactClass) string {
	var parts []string
	for _, part := range []struct {
		n   int64
		why string
	}{{c.Covered, "seen by all"}, {c.TooOld, "too old"}, {c.TooLarge, "too much"}} {
		if part.n > 0 {
			parts = append(parts, formatInt(part.n)+" "+part.why)
		}
	}
	return strings.Join(parts, ", ")
}

// compactedNotes are what is not by class.
func compactedNotes(x wire.Compact, dryRun bool) []string {
	lines := []string{"log: " + formatInt(x.LogRecordsBefore) + " records before, " + formatInt(x.LogRecordsAfter) + " after"}
	if !dryRun {
		lines = append(lines, "file: "+formatBytes(x.DBBytesBefore)+" before, "+formatBytes(x.DBBytesAfter)+" after")
	}
	for _, b := range x.Blocked {
		lines = append(lines, "blocked: "+plural(int(b.Records), "record")+" of "+formatBytes(b.Bytes)+" until "+b.Member+" has seen them, or they are too old or too much")
	}
	for _, w := range x.Waiting {
		lines = append(lines, "waiting: "+plural(int(w.Records), "released record")+" for "+orElse(w.Node, "replica "+w.Replica)+"; if it does not come back: ssnode forget --replica "+w.Replica)
	}
	return lines
}
