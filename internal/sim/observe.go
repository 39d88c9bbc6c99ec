package sim

import (
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// observe marks what a commit has reached.
func (m *member) observe(old *delta.Replica, requests []antientropy.CommitRequest, results []antientropy.CommitResult, e *delta.Effects) {
	now := m.dir.replica
	m.markIf(MarkAhead, !old.IsAhead() && now.IsAhead())
	m.markIf(MarkCaughtUp, old.IsAhead() && !now.IsAhead())
	if e.Renamed {
		m.trace("%s renames itself from %s to %s", m.name, short(old.ID), short(e.ID))
		m.mark(MarkRenamed)
		m.markIf(MarkForgottenRenamed, m.oracle.isForgotten(old.ID))
		m.identified = true
		m.after(0, kindOther, m.number, m.tellAll)
	}
	for i, r := range requests {
		for j, s := range r.Steps {
			m.observeStep(old, s, results[i].Steps[j])
		}
	}
	m.observeEntries(requests, e)
	m.markIf(MarkReissued, m.reissues(requests, e))
	own := len(requests) == 0 && len(e.Deltas) > 0
	m.markIf(MarkWrittenInSession, own && old.InSession())
}

func (m *member) observeStep(old *delta.Replica, s antientropy.Step, result antientropy.StepResult) {
	switch s.Kind {
	case antientropy.StepReceive:
		m.trace("%s receives %s:%d-%d: %s", m.name, short(s.Delta.Origin), s.Delta.First, s.Delta.Last(), result.Outcome)
		m.observeReceive(s, result)
	case antientropy.StepOpen:
		m.trace("%s opens a session with %s", m.name, m.text(s.Context))
		m.markIf(MarkSessionNarrowed, old.InSession())
		m.mark(MarkSessionOpened)
	case antientropy.StepTake:
		m.trace("%s takes %d entries of %q to %q, context %s, in session %t", m.name, len(s.Answer.Entries), s.Answer.Span.From, s.Answer.Span.To, m.text(s.Answer.Context), s.Answer.InSession)
		m.markIf(MarkSubrangeTaken, !s.Answer.InSession)
		m.markIf(MarkSubrangeTakenInSession, !s.Answer.InSession && old.InSession())
	case antientropy.StepComplete:
		m.trace("%s completes its session and has now seen %s", m.name, m.text(m.dir.replica.Context))
		m.mark(MarkSessionCompleted)
		m.markIf(MarkSessionWidened, !m.dir.replica.Context.Leq(old.Context))
	case antientropy.StepAbandon:
		m.trace("%s abandons its session", m.name)
		m.mark(MarkSessionAbandoned)
	}
}

// reissues reports whether a commit issues again what a sender lacks for ever.
func (m *member) reissues(requests []antientropy.CommitRequest, e *delta.Effects) bool {
	stuck := slices.ContainsFunc(requests, func(r antientropy.CommitRequest) bool {
		return slices.ContainsFunc(r.Steps, func(s antientropy.Step) bool { return s.Answer.Stuck })
	})
	return stuck && slices.ContainsFunc(e.Deltas, func(p delta.Packed) bool {
		return p.Origin == e.ID && p.Events[0].Kind == delta.Add && p.Events[0].By == 0
	})
}

func (m *member) observeReceive(s antientropy.Step, result antientropy.StepResult) {
	r := m.dir.replica
	next := r.Context.Get(s.Delta.Origin) + 1
	inside := next <= r.Session().Get(s.Delta.Origin)
	m.markIf(MarkEventHeld, result.Outcome == delta.Held && inside)
	m.markIf(MarkReleaseDeferred, result.Outcome == delta.Held && !inside && r.InSession())
	m.markIf(MarkEarlyBuffered, result.Outcome == delta.Early)
}

// observeEntries marks what became of records.
func (m *member) observeEntries(requests []antientropy.CommitRequest, e *delta.Effects) {
	takes := has(requests, antientropy.StepTake)
	for _, x := range e.Entries {
		for _, before := range x.Before().Counter {
			if _, kept := x.After().Counter.Find(before.Origin); kept {
				continue
			}
			switch {
			case m.oracle.isForgotten(before.Origin):
				m.mark(MarkForgottenDropped)
			case takes:
				m.mark(MarkRecordDropped)
			default:
				m.mark(MarkRecordClosed)
			}
		}
	}
}

// note takes a notice of the core.
func (m *member) note(n antientropy.Notice) {
	m.trace("%s: %s", m.name, n)
	switch n.Kind {
	case antientropy.NoticeIdentified, antientropy.NoticeRenamed:
		m.identified = true
	case antientropy.NoticeLost:
		m.mark(MarkAmnesia)
	case antientropy.NoticeTrimmed:
		m.mark(MarkPullTrimmed)
	case antientropy.NoticeDiverged:
		m.mark(MarkDiverged)
		if !m.reused {
			m.fail("V3: %s takes a difference for corruption: %s", m.name, n)
		}
	case antientropy.NoticeBadFrame, antientropy.NoticeForeign:
		m.fail("%s cannot read what another member wrote: %s", m.name, n)
	}
}

// countMarks marks what the counters of a core say at the end of its life.
func (m *member) countMarks() {
	c := m.core.Counters()
	m.markMany(MarkEventHeld, c.DeltasHeld)
	m.markMany(MarkEarlyBuffered, c.DeltasEarly)
	m.markMany(MarkDropped, c.DeltasDropped)
	m.markMany(MarkAnnounced, c.DeltasAnnounced)
	m.markMany(MarkPulled, c.Pulls)
	m.markMany(MarkSketchPeeled, c.SketchesPeeled)
	m.markMany(MarkSketchGivenUp, c.SketchesGivenUp)
	m.report.Repairs += c.SessionsCompleted
}
