package sim

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

type contextHash = delta.Sum

// state is what a replica with a certain context was seen to hold.
type state struct {
	fingerprint delta.Fingerprint
	by          string
	at          uint64
}

// deepEvery is after how many commits one is checked by the slow truth, and
// quietEvery after how many steps all members are.
const (
	deepEvery  = 24
	quietEvery = 1024
)

// checkCommit holds one commit against the rules.
func (m *member) checkCommit(old *delta.Replica, requests []antientropy.CommitRequest, e *delta.Effects) {
	m.report.Commits++
	if m.report.Commits%deepEvery == 0 {
		m.checkDeep(e)
	}
	m.checkSession(old, requests, e)
	m.checkClosed("V8", m.touchedBy(e))
	m.checkReleases(old, requests, e)
	m.checkState()
	m.checkView(m.touchedBy(e))
}

// touchedBy returns what a commit may have changed: all claims, where the context
// grew without events. Now and then all are looked at in any case.
func (m *member) touchedBy(e *delta.Effects) []delta.Key {
	if len(e.Deltas) == 0 && len(e.Context) > 0 || m.report.Commits%deepEvery == 0 {
		return m.oracle.keys()
	}
	return touched(e)
}

func touched(e *delta.Effects) []delta.Key {
	var keys []delta.Key
	for _, x := range e.Entries {
		keys = append(keys, x.Key)
	}
	for _, p := range e.Deltas {
		for _, x := range p.Events {
			keys = append(keys, x.Key())
		}
	}
	return keys
}

// checkView holds what a replica shows against the oracle, of the events that
// its context covers (V1).
func (m *member) checkView(keys []delta.Key) {
	seen := m.oracle.sequences(m.dir.replica.Context)
	for _, k := range keys {
		switch {
		case !k.IsClaim():
		case m.dir.replica.IsAhead():
			m.report.Checked.Views.Ahead++
		default:
			m.hold("V1", m.oracle.promised(k, m.dir), k, seen, true, &m.report.Checked.Views)
		}
	}
}

// checkState holds that equal contexts come with equal states (V3).
func (m *member) checkState() {
	r := m.dir.replica
	if r.IsAhead() || r.InSession() {
		return
	}
	f := m.undisputed()
	known, ok := m.states[r.ContextHash]
	if !ok {
		m.states[r.ContextHash] = state{f, m.name, m.now}
		return
	}
	if known.fingerprint != f {
		m.fail("V3: %s has the context %s and the fingerprint %s, %s had it at %d ms with %s",
			m.name, m.text(r.Context), f, known.by, known.at, known.fingerprint)
	}
}

// undisputed is the fingerprint without records of forgotten replicas, and
// without what dots that were used twice concern.
func (m *member) undisputed() delta.Fingerprint {
	f := m.dir.replica.Fingerprint
	if len(m.oracle.forgotten)+len(m.oracle.disputed) == 0 {
		return f
	}
	_ = m.dir.memory.Scan(delta.Whole, func(e delta.Entry) error {
		if m.oracle.disputed[e.Key] {
			f = f.Minus(delta.FingerprintOf(e))
			return nil
		}
		for _, x := range e.Counter {
			if m.oracle.isForgotten(x.Origin) {
				f = f.Minus(delta.FingerprintOf(delta.Entry{Key: e.Key, Counter: crdt.PNCounter{x}}))
			}
		}
		return nil
	})
	return f
}

// checkDeep holds the incremental fields against the slow truth (V4).
func (m *member) checkDeep(e *delta.Effects) {
	if err := m.dir.replica.Verify(m.dir.memory); err != nil {
		m.fail("V4: %s: %v", m.name, err)
	}
	if err := m.dir.kept.Valid(m.dir.memory); err != nil {
		m.fail("V4: %s: the fingerprints: %v", m.name, err)
	}
	for _, x := range e.Entries {
		if x.After().IsZero() {
			continue
		}
		decoded, err := delta.DecodeEntry(x.Key, delta.EncodeEntry(x.After()))
		if err != nil || !decoded.Equal(x.After()) {
			m.fail("V4: %s: the entry %s decodes to another: %v", m.name, nameOf(x.Key), err)
		}
	}
}

// checkQuiet holds all members against everything that holds at any time.
func (k *cluster) checkQuiet() {
	for _, m := range k.members {
		m.checkDeep(&delta.Effects{})
		m.checkView(k.oracle.keys())
		m.checkState()
	}
}
