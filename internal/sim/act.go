package sim

import (
	"math"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// action is what may be done to a cluster.
type action uint8

const (
	doWrite action = iota
	doAdvertise
	doTrim
	doCut
	doSplit
	doSwizzle
	doReconnect
	doSuspect
	doCrash
	doStart
	doRepair
	doPiece
	doAwait
	doJoin
	doLeave
	doBackup
	doRestore
	doRollBack
	doLose
	doClone
	doForget
	actions
)

// act does one thing at random.
func (k *cluster) act() {
	total := 0
	for _, w := range k.weights {
		total += w
	}
	x := k.random.IntN(total)
	for a, w := range k.weights {
		if x -= w; x < 0 {
			k.do(action(a))
			return
		}
	}
}

func (k *cluster) do(a action) {
	m := k.members[k.random.IntN(len(k.members))]
	other := k.members[k.random.IntN(len(k.members))]
	switch a {
	case doReconnect:
		k.trace("all cuts end")
		clear(k.net.cut)
		clear(m.suspects)
		k.tellAll()
	case doSplit:
		k.trace("the network splits")
		k.split(k.chance(40))
	case doSwizzle:
		k.trace("swizzle")
		k.swizzle()
	case doCut:
		k.trace("nothing gets from %s to %s", m.name, other.name)
		k.cut(m, other, true)
	case doJoin:
		k.joinFresh()
	case doLeave:
		k.leave(m)
	case doBackup:
		k.backUp(m)
	case doRestore:
		k.restore()
	case doRollBack:
		k.rollBack()
	case doLose:
		k.loseDirectory(m)
	case doStart:
		if !m.up {
			m.start()
			k.tellAll()
		}
	default:
		if m.up {
			m.do(a, other)
		}
	}
}

// do is what is done at one member that is up.
func (m *member) do(a action, other *member) {
	switch a {
	case doWrite:
		m.writeAtRandom()
	case doAdvertise:
		m.advertise()
	case doTrim:
		m.trimAtRandom()
	case doSuspect:
		m.suspects[other.name] = (m.suspects[other.name] + 1) % suspicions
		m.tellPeers()
		m.work()
	case doCrash:
		m.mark(MarkCrashed)
		m.stop()
		m.tellAll()
	case doRepair:
		if other != m {
			m.core.Repair(other.name, m.drawSpans()...)
			m.work()
		}
	case doPiece:
		m.takePiece(other)
	case doAwait:
		m.ask()
	case doForget:
		m.forget(other)
	case doClone:
		m.cloneMember()
	}
}

// trimAtRandom loses about half of the log, as if every delta had an age of
// its own.
func (m *member) trimAtRandom() {
	m.mark(MarkTrimmed)
	m.trace("%s loses half of its log", m.name)
	for _, r := range m.dir.replica.Context.Replicas() {
		m.dir.log[r] = slices.DeleteFunc(slices.Clone(m.dir.log[r]), func(logged) bool { return m.chance(50) })
	}
}

// takePiece joins a part of another's state beside whatever the core does: what
// the rules allow at any time, and the core does only between sessions.
func (m *member) takePiece(other *member) {
	if other == m || m.net.cut[[2]int{other.number, m.number}] {
		return
	}
	span := delta.Whole
	if spans := m.drawSpans(); spans != nil {
		span = spans[0]
	}
	a := delta.Answer{Span: span, Context: other.dir.replica.Context.Clone(), Ahead: other.dir.replica.Ahead.Clone()}
	_ = other.dir.memory.Scan(span, func(e delta.Entry) error {
		a.Entries = append(a.Entries, e)
		return nil
	})
	step := antientropy.Step{Kind: antientropy.StepTake, Answer: a}
	_ = m.transaction([]antientropy.CommitRequest{{ID: foreignRequest, Steps: []antientropy.Step{step}}}, nil)
}

// foreignRequest is the id of a request that no core has made.
const foreignRequest = math.MaxUint64

// drawSpans returns no spans, or some random one.
func (m *member) drawSpans() []delta.Span {
	a, b := delta.ClaimKey(m.claims[m.random.IntN(len(m.claims))].claim), delta.ClaimKey(m.claims[m.random.IntN(len(m.claims))].claim)
	if a >= b {
		return nil
	}
	return []delta.Span{{From: a, To: b}}
}
