package sim

import (
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// member is one node: a process, up or not, and its directory.
type member struct {
	*cluster
	name   string
	number int
	dir    *directory
	core   *antientropy.Core
	up     bool
	// life counts processes and directories: what an earlier one began is void.
	life int
	// commits wait for the committer; they are carried out in order.
	commits []antientropy.CommitRequest
	busy    bool
	// identified: some peer has shown to know no more of this replica than it
	// does itself.
	identified bool
	suspects   map[string]suspicion
	retention  compaction.Options
	quiet      bool                   // trims nothing by itself
	failing    []antientropy.StepKind // steps the next commit of which is to fail
	// syncLater and readLater are by how many milliseconds every commit, and
	// the result of every read, comes later.
	syncLater, readLater uint64
}

// suspicion is what a member believes of another that is up.
type suspicion int

const (
	trusted suspicion = iota
	doubted           // it is alive, and has not answered lately
	takenForDead
	suspicions
)

// start begins a life of a member on its directory.
func (m *member) start() {
	m.life++
	m.up, m.busy, m.commits, m.identified = true, false, nil, false
	m.dir.replica = reopened(m.dir.replica)
	m.countStart()
	o := m.options
	o.Seed = m.random.Uint64()
	o.CheckInterval = 150 + m.random.Uint64N(300)
	if m.calm {
		o.CheckInterval = spreadProbe
	}
	o.Participated, o.Partners = m.participated, m.partners
	core, err := antientropy.New(o, m.startOfCore())
	if err != nil {
		m.fail("%s does not start: %v", m.name, err)
		m.up = false
		return
	}
	m.core = core
	m.core.Tick(m.now)
	m.trace("%s starts as %s, having seen %s", m.name, short(m.dir.replica.ID), m.text(m.dir.replica.Context))
	for m.mustYield() {
		m.rename() // again until the disk lets it
	}
	m.recognise()
	m.doubtLater()
	m.tellPeers()
	m.tick()
	if !m.calm {
		m.trimSometimes()
	}
}

// stop kills a member. What it had committed stays; a session does not.
func (m *member) stop() {
	if !m.up {
		return
	}
	m.trace("%s stops", m.name)
	m.countMarks()
	m.up = false
	m.life++
	m.commits, m.busy = nil, false
	m.dir.replica = reopened(m.dir.replica)
	m.endAwaits(m)
}

// rename goes on under a new id before anything else is committed.
func (m *member) rename() {
	_ = m.transaction(nil, func(c *delta.Commit) error {
		return c.Disown(m.newReplicaID())
	})
}

func (m *member) tellPeers() {
	if !m.up {
		return
	}
	var peers []antientropy.Peer
	for _, other := range m.members {
		if other != m {
			peers = append(peers, antientropy.Peer{
				Name: other.name, Replica: other.dir.replica.ID,
				Alive: other.up && m.suspects[other.name] < takenForDead, Suspect: m.suspects[other.name] == doubted,
			})
		}
	}
	m.core.SetPeers(peers)
}

// living is after, unless the member has ended its life by then.
func (m *member) living(delay uint64, k kind, run func()) {
	life := m.life
	m.after(delay, k, m.number, func() {
		if m.life == life {
			run()
			m.work()
		}
	})
}

func (m *member) tick() {
	m.living(m.tickEvery, kindTick, func() {
		m.core.Tick(m.now)
		m.tick()
	})
}

// work does what the core wants done.
func (m *member) work() {
	for r := m.core.Ready(); !r.IsEmpty(); r = m.core.Ready() {
		m.commits = append(m.commits, r.Commits...)
		for _, q := range r.Reads {
			m.readSoon(q)
		}
		for _, x := range r.Messages {
			m.send(x.To, x.Frame)
		}
		for _, b := range r.Broadcasts {
			m.broadcast(b.Frame)
		}
		for _, n := range r.Notices {
			m.note(n)
		}
		for _, x := range r.Confirmed {
			m.confirmed(x)
		}
	}
	m.commitSoon()
}

// broadcast reaches some of the others, as a queue of small messages does.
func (m *member) broadcast(frame []byte) {
	if m.calm {
		m.gossip(frame)
		return
	}
	for _, other := range m.members {
		if other != m && m.chance(50) {
			m.send(other.name, frame)
		}
	}
}

// readSoon carries out a read. Its result is of one instant, which is over when
// the core is told: as in a node, commits may come in between.
func (m *member) readSoon(q antientropy.ReadRequest) {
	at := m.upTo(m.diskMax)
	told := m.readLater + m.upTo(m.diskMax-at)
	m.living(at, kindRead, func() {
		r := m.read(q)
		m.living(told, kindRead, func() { m.core.Answered(r) })
	})
}

func (m *member) read(q antientropy.ReadRequest) antientropy.ReadResult {
	if m.chance(m.readFails) {
		m.mark(MarkReadFailed)
		return antientropy.ReadResult{ID: q.ID, Err: errDisk}
	}
	return q.Run(antientropy.WithFingerprints(instant{m.dir.memory, m.dir}, func() *antientropy.Fingerprints { return m.dir.kept }))
}

// short is the part of an id that tells it apart in a trace.
func short(r crdt.ReplicaID) string { return r.String()[28:] }
