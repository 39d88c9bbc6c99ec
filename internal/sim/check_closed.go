package sim

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// checkClosed holds that no released record is left that could have gone (V8): a
// replica closes its own in the commit that finds it released, and drops one of a
// replica that it knows to be forgotten once everything up to the last
// contribution is seen. At the end all members hold the same, so that what each
// has closed nobody holds (L4): a released record that stays is of a replica that is
// of no member any more, and was not forgotten.
func (m *member) checkClosed(rule string, keys []delta.Key) {
	for _, k := range keys {
		e, _ := m.dir.memory.Get(k)
		for _, x := range e.Counter {
			if why := m.mustBeGone(k, x); why != "" {
				m.fail("%s: %s holds a released record of %s, %s, under %s: %+v", rule, m.name, short(x.Origin), why, nameOf(k), contribution(x))
				return
			}
		}
	}
}

// mustBeGone says why a record of a claim may not be there, or nothing.
func (m *member) mustBeGone(k delta.Key, x crdt.Contribution) string {
	r := m.dir.replica
	_, forgotten := r.Forgotten[x.Origin]
	switch {
	case x.IsLive():
		return ""
	case x.Origin == r.ID:
		return "its own, which it could have closed"
	case forgotten && r.Context.Get(x.Origin) >= x.Last:
		return "which is forgotten, and of which it has seen everything up to there"
	}
	return ""
}
