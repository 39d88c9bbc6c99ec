package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
)

// cluster is a number of members on one thread: every message, read and commit
// is an event at a time that the seed decides.
type cluster struct {
	clock
	random  *rand.Rand
	options antientropy.Options
	members []*member
	net     network

	tickEvery              uint64
	diskMax, pause         uint64
	readFails, commitFails int // percent
	claims                 []claimSlot
	weights                [actions]int
	faulting               bool
	// tinyLogs: retentions are of almost nothing. cautious: members write only
	// once they are identified.
	tinyLogs, cautious bool
	// remembersStarts: members compare starts when they meet. In the other runs
	// only events tell who was rolled back.
	remembersStarts bool
	// asksAll: whoever starts again asks all that it knows, as a node does; in
	// the other runs one that knows no more of it is enough.
	asksAll bool
	starts  uint64
	// calm: nothing but spreading is simulated, see MeasureSpread. silent:
	// pushes and announcements are lost.
	calm, silent bool
	// byName has all members, where they are calm.
	byName        map[string]*member
	names, nextID int
	backups       []backup

	oracle  *oracle
	states  map[contextHash]state
	awaits  map[uint64]*await
	awaited uint64
	// lossy: some directory was lost or rolled back with events that nobody
	// else had. reused: a replica that was rolled back used a dot again.
	lossy, reused bool

	report                      *Report
	write                       func(string)
	slice                       Slice
	writesBefore, repairsBefore uint64
}

func newCluster(seed uint64, report *Report) *cluster {
	return &cluster{
		random:    rand.New(rand.NewPCG(seed, 0x51e)),
		options:   antientropy.Options{Cluster: "sim", AskWhole: 1},
		net:       newNetwork(),
		tickEvery: 20,
		oracle:    newOracle(),
		byName:    map[string]*member{},
		states:    map[contextHash]state{},
		awaits:    map[uint64]*await{},
		report:    report,
	}
}

// newReplicaID draws an id. It is random, so ids do not sort by age.
func (k *cluster) newReplicaID() crdt.ReplicaID {
	k.nextID++
	id := crdt.ReplicaID{14: byte(k.nextID >> 8), 15: byte(k.nextID)}
	id[0] = byte(1 + k.random.IntN(255))
	return id
}

// join adds a member with a directory, starts it, and tells all others.
func (k *cluster) join(name string, dir *directory) *member {
	m := k.add(name, dir)
	k.tellAll()
	return m
}

// add adds a member and starts it. Nobody knows yet.
func (k *cluster) add(name string, dir *directory) *member {
	m := &member{
		cluster: k, name: name, number: k.names, dir: dir, suspects: map[string]suspicion{},
		retention: k.drawRetention(),
	}
	k.names++
	k.members = append(k.members, m)
	m.start()
	return m
}

func (k *cluster) tellAll() {
	k.recognise()
	for _, m := range k.members {
		m.tellPeers()
		if m.up {
			m.work()
		}
	}
}

func (k *cluster) member(name string) *member {
	if k.calm {
		return k.byName[name]
	}
	for _, m := range k.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// step lets the next event happen. It reports whether there was one before
// until, and nothing has gone wrong.
func (k *cluster) step(until uint64) bool {
	if len(k.report.Violations) > 0 {
		return false
	}
	e, ok := k.next(until)
	if !ok {
		return false
	}
	k.report.ByKind[kindNames[e.kind]]++
	k.fold(e.at<<16 ^ uint64(e.kind)<<8 ^ uint64(e.member))
	k.closeSlices()
	e.run()
	return true
}

// run lets time pass.
func (k *cluster) run(millis uint64) {
	until := k.now + millis
	for k.step(until) {
	}
	k.now = max(k.now, until)
}

// fold makes a number part of the trace hash.
func (k *cluster) fold(x uint64) {
	h := (k.report.Hash ^ x) * 0x9e3779b97f4a7c15
	k.report.Hash = h ^ h>>29
}

func (k *cluster) upTo(n uint64) uint64 { return k.random.Uint64N(n + 1) }

func (k *cluster) chance(percent int) bool { return percent > 0 && k.random.IntN(100) < percent }

// fail notes what must not have happened. The run ends there.
func (k *cluster) fail(format string, args ...any) {
	v := fmt.Sprintf("at %d ms: ", k.now) + fmt.Sprintf(format, args...)
	k.report.Violations = append(k.report.Violations, v)
	k.trace("VIOLATION %s", v)
}

// trace tells a reader what happens.
func (k *cluster) trace(format string, args ...any) {
	if k.write != nil {
		k.write(fmt.Sprintf("%7d  ", k.now) + fmt.Sprintf(format, args...))
	}
}

// text is a context in short, as used in traces.
func (k *cluster) text(c crdt.Context) string {
	var parts []string
	for r, sequence := range c.All() {
		parts = append(parts, fmt.Sprintf("%s:%d", short(r), sequence))
	}
	return "{" + strings.Join(parts, " ") + "}"
}
