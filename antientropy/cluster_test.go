package antientropy_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// cluster is a number of members on one thread: every message, read and commit
// is an event at a time that the seed decides.
type cluster struct {
	t       testing.TB
	random  *rand.Rand
	options antientropy.Options
	members []*member
	now     uint64
	order   uint64
	events  []event
	nextID  uint64
	added   int
	trace   func(string, ...any)

	faults faults
	// lossy: directories are rolled back and lost, and members write only when
	// their identity is confirmed. large: members do not push to all.
	// hostile: frames come from nobody's core.
	lossy, large, hostile bool
	// quietly: broadcasts are not heard.
	quietly bool
	// tap sees every frame that is sent.
	tap func(frame []byte)
	// tapTo is the same, and knows the way.
	tapTo func(from, to string, frame []byte)
	// issued are all events ever issued, by dot: what the oracle knows.
	issued map[crdt.Dot]delta.Event
	last   map[crdt.ReplicaID]uint64
	// awaited are the contexts that members wait for, by the id of the wait.
	awaited map[uint64]*awaited
	// diverged are the notices of equal contexts with different states.
	diverged []string
}

// faults are the chances, in percent, of what may go wrong, and the delays, in
// milliseconds.
type faults struct {
	loss, repeat int
	delayMax     uint64
	diskMax      uint64
	diskFails    int
	cut          map[[2]string]bool
}

type event struct {
	at, order uint64
	run       func()
}

// member is one node: a replica, its entries and log as on disk, and a core.
type member struct {
	*cluster
	name    string
	replica *delta.Replica
	disk    disk
	core    *antientropy.Core
	up      bool
	life    int
	// commits wait for the committer; they are carried out in order.
	commits []antientropy.CommitRequest
	busy    bool
	isReady bool // identity confirmed
	// hold, if set, is given what delivers each frame that is sent.
	hold    func(deliver func())
	notices []antientropy.Notice
}

// disk is what survives a restart.
type disk struct {
	memory *delta.Memory
	log    map[crdt.ReplicaID][]delta.Packed
	kept   *antientropy.Fingerprints
}

// shapeOfTests has blocks of few entries, and more symbols than these have
// entries.
var shapeOfTests = antientropy.Shape{BlockEntries: 3, Symbols: 256}

func newDisk() disk {
	return disk{
		memory: &delta.Memory{}, log: map[crdt.ReplicaID][]delta.Packed{},
		kept: antientropy.NewFingerprintsBuilder(shapeOfTests).Done(),
	}
}

// write makes changed entries durable, and what derives from them right.
func (d *disk) write(changes []delta.EntryChange) {
	d.memory.Write(&delta.Effects{Entries: changes})
	kept, err := d.kept.Next(changes, d.memory)
	if err != nil {
		panic(err)
	}
	d.kept = kept
}

func (d disk) clone() disk {
	out := disk{memory: d.memory.Clone(), log: map[crdt.ReplicaID][]delta.Packed{}, kept: d.kept}
	for r, l := range d.log {
		out.log[r] = slices.Clone(l)
	}
	return out
}

// instant is a member's Source.
type instant struct {
	*delta.Memory
	m *member
}

func (s instant) Instant() antientropy.Instant { return antientropy.InstantOf(s.m.replica) }

func (s instant) Log(origin crdt.ReplicaID, from uint64, bytesMax int) ([]delta.Packed, error) {
	var out []delta.Packed
	for _, p := range s.m.disk.log[origin] {
		if p.Last() < from {
			continue
		}
		bytesMax -= len(p.Bytes)
		if p.First > from || bytesMax < 0 && len(out) > 0 {
			break
		}
		out = append(out, p)
		from = p.Last() + 1
	}
	return out, nil
}

func newCluster(t testing.TB, seed uint64) *cluster {
	return &cluster{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), issued: map[crdt.Dot]delta.Event{}, last: map[crdt.ReplicaID]uint64{}, awaited: map[uint64]*awaited{},
		options: antientropy.Options{Cluster: "test", CheckInterval: 300},
		faults:  faults{delayMax: 20, diskMax: 5, cut: map[[2]string]bool{}},
		trace:   func(string, ...any) {},
	}
}

// newReplicaID draws an id. It is random, so ids do not sort by age.
func (k *cluster) newReplicaID() crdt.ReplicaID {
	k.nextID++
	id := crdt.ReplicaID{14: byte(k.nextID >> 8), 15: byte(k.nextID)}
	id[0] = byte(1 + k.random.IntN(255))
	return id
}

func (k *cluster) add(name string) *member {
	m := &member{
		cluster: k, name: name, replica: delta.NewReplica(k.newReplicaID()),
		disk: newDisk(),
	}
	k.members = append(k.members, m)
	m.start()
	for _, other := range k.members {
		other.tellPeers()
	}
	return m
}

// start begins a life of a member from its disk.
func (m *member) start() {
	m.life++
	m.up, m.busy, m.commits, m.isReady = true, false, nil, false
	o := m.options
	o.Seed = m.random.Uint64()
	core, err := antientropy.New(o, antientropy.StartOf(m.replica))
	if err != nil {
		m.t.Fatal(err)
	}
	m.core = core
	m.core.Tick(m.now)
	m.tellPeers()
	m.tick()
}

// stop kills a member. What it had committed stays; a session does not.
func (m *member) stop() {
	m.up = false
	m.life++
	m.commits, m.busy = nil, false
	for id, a := range m.awaited {
		if a.by == m {
			delete(m.awaited, id)
		}
	}
	r := delta.NewReplica(m.replica.ID)
	r.Context, r.Ahead, r.Forgotten = m.replica.Context, m.replica.Ahead, m.replica.Forgotten
	r.Fingerprint, r.ContextHash = m.replica.Fingerprint, m.replica.ContextHash
	m.replica = r
}

func (m *member) tellPeers() {
	if !m.up {
		return
	}
	var peers []antientropy.Peer
	for _, other := range m.members {
		if other != m {
			peers = append(peers, antientropy.Peer{Name: other.name, Replica: other.replica.ID, Alive: other.up})
		}
	}
	m.core.SetPeers(peers)
}

// after does something later.
func (k *cluster) after(delay uint64, run func()) {
	k.order++
	k.events = append(k.events, event{at: k.now + delay, order: k.order, run: run})
}

// living is after, unless the member has ended its life by then.
func (m *member) living(delay uint64, run func()) {
	life := m.life
	m.after(delay, func() {
		if m.life == life {
			run()
			m.work()
		}
	})
}

// step lets the next event happen. It reports whether there was one before
// until.
func (k *cluster) step(until uint64) bool {
	if len(k.events) == 0 {
		return false
	}
	i := 0
	for j, e := range k.events {
		if cmp.Or(cmp.Compare(e.at, k.events[i].at), cmp.Compare(e.order, k.events[i].order)) < 0 {
			i = j
		}
	}
	e := k.events[i]
	if e.at > until {
		return false
	}
	k.events = slices.Delete(k.events, i, i+1)
	k.now = max(k.now, e.at)
	e.run()
	return true
}

// run lets time pass.
func (k *cluster) run(millis uint64) {
	until := k.now + millis
	for k.step(until) {
	}
	k.now = until
}

func (m *member) tick() {
	m.living(20, func() {
		m.core.Tick(m.now)
		m.tick()
	})
}

func (k *cluster) upTo(n uint64) uint64 { return k.random.Uint64N(n + 1) }

func (k *cluster) chance(percent int) bool { return k.random.IntN(100) < percent }

// work does what the core wants done.
func (m *member) work() {
	for r := m.core.Ready(); !r.IsEmpty(); r = m.core.Ready() {
		m.commits = append(m.commits, r.Commits...)
		for _, q := range r.Reads {
			m.living(m.upTo(m.faults.diskMax), func() { m.core.Answered(m.read(q)) })
		}
		for _, x := range r.Messages {
			m.send(x.To, x.Frame)
		}
		for _, b := range r.Broadcasts {
			for _, other := range m.members {
				if other != m && !m.quietly && m.chance(50) {
					m.send(other.name, b.Frame)
				}
			}
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

func (m *member) note(n antientropy.Notice) {
	m.trace("%d %s: %s", m.now, m.name, n)
	m.notices = append(m.notices, n)
	switch n.Kind {
	case antientropy.NoticeIdentified, antientropy.NoticeRenamed:
		m.isReady = true
	case antientropy.NoticeDiverged:
		m.diverged = append(m.diverged, fmt.Sprintf("%d %s: %s", m.now, m.name, n))
	case antientropy.NoticeBadFrame, antientropy.NoticeForeign:
		m.faultIf(!m.hostile, "%s: %s", m.name, n)
	}
}

func (m *member) read(q antientropy.ReadRequest) antientropy.ReadResult {
	if m.chance(m.faults.diskFails) {
		return antientropy.ReadResult{ID: q.ID, Err: errDisk}
	}
	return q.Run(m.source())
}

// source shows a member as it is on disk.
func (m *member) source() antientropy.Source {
	return antientropy.WithFingerprints(instant{m.disk.memory, m}, func() *antientropy.Fingerprints { return m.disk.kept })
}

var errDisk = fmt.Errorf("the disk failed")

// send carries a frame, or loses it, or carries it twice.
func (m *member) send(to string, frame []byte) {
	for _, d := range antientropy.Pushed(frame) {
		m.faultIf(!m.replica.Context.Covers(d) && !m.hostile, "%s sends %s, which it has not got on disk (A1)", m.name, d)
	}
	if m.tap != nil {
		m.tap(frame)
	}
	if m.tapTo != nil {
		m.tapTo(m.name, to, frame)
	}
	m.faultIf(len(frame) > antientropy.FrameBytesMax, "%s sends a frame of %d bytes", m.name, len(frame))
	if m.hold != nil {
		m.hold(func() { m.deliver(to, frame) })
		return
	}
	copies := 1
	switch {
	case m.chance(m.faults.loss):
		copies = 0
	case m.chance(m.faults.repeat):
		copies = 2
	}
	for range copies {
		m.after(m.upTo(m.faults.delayMax), func() { m.deliver(to, frame) })
	}
}

func (m *member) deliver(to string, frame []byte) {
	other := m.member(to)
	if other == nil || !other.up || m.faults.cut[[2]string{m.name, to}] {
		return
	}
	other.core.Receive(m.name, frame)
	other.work()
}

func (k *cluster) member(name string) *member {
	for _, m := range k.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// commitSoon lets the committer take what waits, all in one transaction.
func (m *member) commitSoon() {
	if m.busy || len(m.commits) == 0 {
		return
	}
	m.busy = true
	m.living(m.upTo(m.faults.diskMax), func() {
		requests := m.commits
		m.commits, m.busy = nil, false
		m.commit(requests, nil)
	})
}

// commit is one transaction: requests of the core, then a local write.
func (m *member) commit(requests []antientropy.CommitRequest, write func(*delta.Commit) error) error {
	c := m.replica.Begin(delta.Env{Read: m.disk.memory, Now: int64(m.now)})
	var results []antientropy.CommitResult
	var ids []uint64
	err := error(nil)
	for _, r := range requests {
		ids = append(ids, r.ID)
		result, failed := r.Run(c, m.newReplicaID)
		if failed != nil {
			m.t.Fatalf("%s: %v", m.name, failed)
		}
		results = append(results, result)
	}
	if write != nil {
		err = write(c)
	}
	effects, finished := c.Finish()
	if finished != nil {
		m.t.Fatalf("%s: %v", m.name, finished)
	}
	if m.chance(m.faults.diskFails) {
		m.core.Failed(errDisk, ids...)
		m.work()
		return errDisk
	}
	m.persist(effects)
	m.core.Committed(effects, results...)
	m.work()
	return err
}

func (m *member) persist(e *delta.Effects) {
	m.disk.write(e.Entries)
	for _, p := range e.Deltas {
		m.disk.log[p.Origin] = append(m.disk.log[p.Origin], p)
		for i, x := range p.Events {
			if p.Dot(i).Sequence > m.last[p.Origin] {
				m.issued[p.Dot(i)], m.last[p.Origin] = x, p.Dot(i).Sequence
			}
		}
	}
	m.replica.Adopt(e)
	for r, sequence := range m.replica.Context {
		m.faultIf(sequence > m.last[r] && !m.hostile, "%s: the context covers %s:%d, which was never issued", m.name, r, sequence)
	}
}

func (k *cluster) faultIf(bad bool, format string, args ...any) {
	if bad {
		k.t.Errorf(format, args...)
	}
}

// write carries out operations on a member in a transaction of their own.
func (m *member) write(operations ...delta.Operation) error {
	return m.commit(nil, func(c *delta.Commit) error {
		_, _, err := c.Write(operations)
		return err
	})
}

// trim loses some of the log.
func (m *member) trim(percent int) {
	for _, r := range m.replica.Context.Replicas() {
		m.disk.log[r] = slices.DeleteFunc(slices.Clone(m.disk.log[r]), func(delta.Packed) bool { return m.chance(percent) })
	}
}

func claimOf(i int) ranges.Claim {
	from := string([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676%26)})
	return ranges.Claim{Keyspace: "default", Node: "n", Range: ranges.Range{From: from, To: ranges.Before(from + "~")}}
}
