package sim

import (
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// commitSoon lets the committer take what waits, all in one transaction. What
// is asked for while that is on its way to the disk waits for the next one, as
// in a node: so of two requests one may fail and the other not.
func (m *member) commitSoon() {
	if m.busy || len(m.commits) == 0 {
		return
	}
	requests := m.commits
	m.commits, m.busy = nil, true
	m.living(m.syncLater+m.upTo(m.diskMax), kindCommit, func() {
		m.busy = false
		_ = m.transaction(requests, nil)
	})
}

// transaction commits requests of the core, then a local write, or fails and
// changes nothing.
func (m *member) transaction(requests []antientropy.CommitRequest, write func(*delta.Commit) error) error {
	c := m.dir.replica.Begin(delta.Env{Read: m.dir.memory, Now: int64(m.now)})
	var results []antientropy.CommitResult
	var ids []uint64
	for _, r := range requests {
		ids = append(ids, r.ID)
		result, err := r.Run(c, m.newReplicaID)
		if err != nil {
			m.fail("%s: a commit that the core asked for fails: %v", m.name, err)
			return err
		}
		results = append(results, result)
	}
	var failed error
	if write != nil {
		failed = write(c)
	}
	effects, err := c.Finish()
	if err != nil {
		m.fail("%s: a commit does not finish: %v", m.name, err)
		return err
	}
	if m.chance(m.commitFails) || m.isToFail(requests) {
		m.mark(MarkCommitFailed)
		m.trace("%s fails to commit", m.name)
		m.core.Failed(errDisk, ids...)
		m.work()
		return errDisk
	}
	m.persist(requests, results, effects)
	m.core.Committed(effects, results...)
	m.work()
	return failed
}

// persist makes effects durable and holds them against the rules.
func (m *member) persist(requests []antientropy.CommitRequest, results []antientropy.CommitResult, e *delta.Effects) {
	old := m.dir.replica.Clone()
	m.fold(e.Fingerprint.Sum.Lo ^ e.ContextHash.Lo)
	if err := m.dir.write(e, m.now); err != nil {
		m.fail("V4: %s: the fingerprints do not follow a commit: %v", m.name, err)
	}
	m.record(e)
	m.observe(old, requests, results, e)
	m.checkCommit(old, requests, e)
}

// isToFail reports, once, whether requests are those that a script lets fail.
func (m *member) isToFail(requests []antientropy.CommitRequest) bool {
	i := slices.IndexFunc(m.failing, func(k antientropy.StepKind) bool { return has(requests, k) })
	if i < 0 {
		return false
	}
	m.failing = slices.Delete(m.failing, i, i+1)
	return true
}
