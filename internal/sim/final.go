package sim

import (
	"bytes"

	"github.com/scalesmall/ssnode/delta"
)

// heal ends all faults.
func (k *cluster) heal() {
	k.faulting = false
	k.trace("all faults end")
	clear(k.net.cut)
	clear(k.net.slow)
	k.net.loss, k.net.repeat, k.net.delayMax = 0, 0, 20
	k.diskMax, k.readFails, k.commitFails = 5, 0, 0
	for _, m := range k.members {
		clear(m.suspects)
		if !m.up {
			m.start()
		}
	}
	k.tellAll()
}

// converge lets time pass until all members are equal, or too much has.
func (k *cluster) converge(millis uint64) {
	until := k.now + millis
	for !k.isConverged() {
		if len(k.report.Violations) > 0 {
			return
		}
		if k.now >= until {
			k.fail("L1: not converged %d ms after all faults have ended%s", millis, k.describe())
			return
		}
		k.run(100)
	}
}

// isConverged reports whether all members have seen the same and hold the
// same, and know it.
func (k *cluster) isConverged() bool {
	a := k.members[0].dir.replica
	for _, m := range k.members {
		r := m.dir.replica
		if !m.up || r.InSession() || r.IsAhead() && !k.lossy && !k.reused || m.busy || len(m.commits) > 0 ||
			r.ContextHash != a.ContextHash || r.Fingerprint != a.Fingerprint || !m.core.Context().Equal(r.Context) {
			return false
		}
	}
	return true
}

// checkFinal holds what must be true when all members agree.
func (k *cluster) checkFinal() {
	k.checkQuiet()
	first := canonical(k.members[0].dir)
	for _, m := range k.members {
		if !m.dir.replica.Context.Equal(k.members[0].dir.replica.Context) {
			k.fail("L1: %s and %s have other contexts under one hash", m.name, k.members[0].name)
		}
		if !bytes.Equal(canonical(m.dir), first) {
			k.fail("L2: the canonical states of %s and %s differ", m.name, k.members[0].name)
		}
		m.checkClosed("L4", k.oracle.keys())
	}
	k.checkNothingLost()
	k.checkViews()
}

// canonical is a state as bytes: all entries in the order of their keys.
func canonical(d *directory) []byte {
	var out []byte
	_ = d.memory.Scan(delta.Whole, func(e delta.Entry) error {
		out = append(append(out, e.Key...), delta.EncodeEntry(e)...)
		return nil
	})
	return out
}

// checkNothingLost holds that every acknowledged event is seen by all, but
// those that were lost with the only directories that had them (L1).
func (k *cluster) checkNothingLost() {
	seen := k.oracle.sequences(k.members[0].dir.replica.Context)
	for n, issued := range k.oracle.issued {
		least := issued
		if known, ok := k.oracle.lost[n]; ok {
			least = known
		}
		if seen[n] < least {
			k.fail("L1: all have seen %d events of %s, %d were acknowledged and not lost", seen[n], short(k.oracle.ids[n]), least)
		}
	}
}

// checkViews holds what all show against the oracle (L3). All are repaired, so
// only late contributions of forgotten replicas may have brought something back.
func (k *cluster) checkViews() {
	m := k.members[0]
	seen := k.oracle.sequences(m.dir.replica.Context)
	t := &k.report.Checked.Claims
	for _, key := range k.oracle.keys() {
		switch lost := k.oracle.isLost(key, seen); {
		case lost && m.dir.replica.IsAhead():
			t.Lost++ // what was lost may have survived as state
		case lost:
			m.hold("L3", k.oracle.promised(key, m.dir), key, seen, true, t)
		default:
			m.hold("L3", k.oracle.promisedByAll(key), key, seen, false, t)
		}
	}
}
