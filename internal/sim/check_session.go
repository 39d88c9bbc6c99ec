package sim

import (
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// checkSession holds that a session that stays open keeps others out (V5).
func (m *member) checkSession(old *delta.Replica, requests []antientropy.CommitRequest, e *delta.Effects) {
	start := old.Session()
	if start == nil || !m.dir.replica.InSession() || has(requests, antientropy.StepOpen, antientropy.StepComplete, antientropy.StepAbandon) {
		return
	}
	for r, sequence := range e.Context {
		if before := old.Context.Get(r); r != e.ID && sequence > before && before < start.Get(r) {
			m.fail("V5: the context of %s grows from %d to %d of %s inside its session, which began at %d", m.name, before, sequence, short(r), start.Get(r))
		}
	}
	if takesInSession(requests) {
		return
	}
	for _, x := range e.Entries {
		for _, after := range x.After().Counter {
			before, _ := x.Before().Counter.Find(after.Origin)
			if after.IsLive() && before.Last < after.Last && after.Last <= start.Get(after.Origin) {
				m.fail("V5: %s takes %s:%d from outside its session, which covers %d", m.name, short(after.Origin), after.Last, start.Get(after.Origin))
			}
		}
	}
}

func has(requests []antientropy.CommitRequest, kinds ...antientropy.StepKind) bool {
	return slices.ContainsFunc(requests, func(r antientropy.CommitRequest) bool {
		return slices.ContainsFunc(r.Steps, func(s antientropy.Step) bool { return slices.Contains(kinds, s.Kind) })
	})
}

func takesInSession(requests []antientropy.CommitRequest) bool {
	return slices.ContainsFunc(requests, func(r antientropy.CommitRequest) bool {
		return slices.ContainsFunc(r.Steps, func(s antientropy.Step) bool { return s.Kind == antientropy.StepTake && s.Answer.InSession })
	})
}
