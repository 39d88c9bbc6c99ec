package antientropy_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

var (
	seeds = flag.Uint64("seeds", 300, "how many random histories to run")
	seed  = flag.Uint64("seed", 0, "run only the history of this seed, with a trace")
)

// TestCore_Converges_AfterFaults runs random histories of small clusters:
// messages lost, repeated, delayed, reordered and cut off, logs trimmed at
// random, disks that fail, crashes, fresh members, restored backups. Then all
// that ends, and within bounded time every member must hold the same and show
// what the oracle shows.
func TestCore_Converges_AfterFaults(t *testing.T) {
	runSeeds(t, 1, func(k *cluster) {
		k.history(2+k.random.IntN(3), 20+k.random.IntN(100), k.act)
		k.mustAgreeWithOracle()
	})
}

// TestCore_Converges_AfterForget is the same with nodes that advertise
// themselves and replicas that are retired, dead or alive: these go on under a
// new id. What is shown must be the same everywhere; records of the forgotten
// may differ for a while without a shout.
func TestCore_Converges_AfterForget(t *testing.T) {
	runSeeds(t, 4, func(k *cluster) {
		k.history(2+k.random.IntN(3), 20+k.random.IntN(60), func() {
			switch m := k.members[k.random.IntN(len(k.members))]; k.random.IntN(12) {
			case 0:
				k.forget(m, k.members[k.random.IntN(len(k.members))])
			case 1:
				k.advertise(m)
			default:
				k.act()
			}
		})
	})
}

// TestCore_Converges_AfterRollback is the same with directories that are
// rolled back behind the back of their members, which go on as if nothing had
// happened as soon as a peer shows to know no more of them. Where that peer
// was behind itself, dots are used twice; then states differ though contexts
// agree, and are repaired all the same. Other directories are lost for good,
// perhaps with the only deltas of what others hold as state.
func TestCore_Converges_AfterRollback(t *testing.T) {
	runSeeds(t, 4, func(k *cluster) {
		k.lossy = true
		var backup *member
		k.history(3+k.random.IntN(2), 20+k.random.IntN(60), func() {
			switch m := k.members[k.random.IntN(len(k.members))]; {
			case k.chance(4):
				backup = m.backup()
			case k.chance(6) && backup != nil:
				k.rollback(backup)
				backup = nil
			case k.chance(1) && len(k.members) > 2:
				k.bury(m)
				backup = nil
			default:
				k.act()
			}
		})
	})
}

// TestCore_Converges_InLargeCluster pushes from peer to peer.
func TestCore_Converges_InLargeCluster(t *testing.T) {
	runSeeds(t, 20, func(k *cluster) {
		k.large = true
		k.history(12, 20+k.random.IntN(40), k.act)
		k.mustAgreeWithOracle()
	})
}

// runSeeds runs a history for every seed, or only for some of them.
func runSeeds(t *testing.T, share uint64, history func(*cluster)) {
	if testing.Short() {
		share *= 4
	}
	first, last := uint64(1), max(1, *seeds/share)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		k := newCluster(t, s)
		if *seed != 0 {
			k.trace = t.Logf
		}
		history(k)
		if t.Failed() {
			t.Fatalf("replay with: go test ./antientropy -run '^%s$' -seed %d", t.Name(), s)
		}
	}
}

// history is one random run of a number of members and steps.
func (k *cluster) history(members, steps int, act func()) {
	k.shape()
	for i := range members {
		k.add(fmt.Sprintf("n%d", i+1))
	}
	for range steps {
		act()
		k.run(k.upTo(60))
	}
	k.heal()
	k.mustConverge(120_000)
}

// shape draws the options and faults: small limits, so that a handful of
// claims reaches them.
func (k *cluster) shape() {
	o := &k.options
	o.SplitFanOut = 2 + k.random.IntN(3)
	o.LeafRecords = 1 + k.random.IntN(4)
	o.RangeBytesMax = 1 + k.random.IntN(600)
	o.Symbols = k.random.IntN(2) * shapeOfTests.Symbols
	o.PullBytesMax = 1 + k.random.IntN(600)
	o.RequestTimeout = 100 + k.upTo(300)
	o.Retry = 20 + k.upTo(200)
	o.SmallCluster = 1 + k.random.IntN(8)
	o.FanOut = 1 + k.random.IntN(2)
	o.AskWhole = 1
	if k.large {
		o.SmallCluster, o.FanOut = 3, 2+k.random.IntN(2)
		o.Participants = k.participants
	}
	k.faults.loss = k.random.IntN(40)
	k.faults.repeat = k.random.IntN(30)
	k.faults.delayMax = 1 + k.upTo(150)
	k.faults.diskMax = 1 + k.upTo(30)
	k.faults.diskFails = k.random.IntN(2) * k.random.IntN(8)
}

// act does one thing at random.
func (k *cluster) act() {
	m := k.members[k.random.IntN(len(k.members))]
	other := k.members[k.random.IntN(len(k.members))]
	switch x := k.random.IntN(100); {
	case x < 64:
		k.writeAt(m)
	case x < 72:
		m.trim(50)
	case x < 78:
		k.faults.cut[[2]string{m.name, other.name}] = true
	case x < 84:
		clear(k.faults.cut)
	case x < 88 && m.up:
		m.stop()
	case x < 93 && !m.up:
		m.start()
	case x < 95 && len(k.members) < 6:
		k.added++
		k.add(fmt.Sprintf("m%d", k.added))
	case x < 96 && !m.up:
		m.restore()
	case x < 97 && m.up:
		m.await()
	case m.up && other != m:
		m.core.Repair(other.name, k.spans()...)
		m.work()
	}
}

// spans returns no spans, or some random one.
func (k *cluster) spans() []delta.Span {
	from := k.random.IntN(8)
	to := k.random.IntN(9)
	if to <= from {
		return nil
	}
	return []delta.Span{{From: delta.ClaimKey(claimOf(from)), To: delta.ClaimKey(claimOf(to))}}
}

// restore starts a member as from a backup: under a new id.
func (m *member) restore() {
	m.replica.ID = m.newReplicaID()
	m.start()
}

// backup returns a copy of a member as it is on disk.
func (m *member) backup() *member {
	r := delta.NewReplica(m.replica.ID)
	r.Context, r.Ahead, r.Forgotten = m.replica.Context.Clone(), m.replica.Ahead.Clone(), maps.Clone(m.replica.Forgotten)
	r.Fingerprint, r.ContextHash = m.replica.Fingerprint, m.replica.ContextHash
	return &member{name: m.name, replica: r, disk: m.disk.clone()}
}

// rollback starts a member again from what it was once.
func (k *cluster) rollback(from *member) {
	m := k.member(from.name)
	if m.replica.ID != from.replica.ID || !m.up {
		return
	}
	m.stop()
	m.replica, m.disk = from.replica, from.disk
	m.start()
}

// bury loses a member and its directory.
func (k *cluster) bury(m *member) {
	m.stop()
	k.members = slices.DeleteFunc(k.members, func(x *member) bool { return x == m })
	for _, other := range k.members {
		other.tellPeers()
	}
	clear(k.awaited) // nobody knows who of those asked is left
}

func (k *cluster) forget(m, who *member) {
	if !m.up || m == who {
		return
	}
	_ = m.commit(nil, func(c *delta.Commit) error {
		_, err := c.Forget(who.replica.ID)
		return err
	})
}

func (k *cluster) advertise(m *member) {
	if !m.up {
		return
	}
	_ = m.commit(nil, func(c *delta.Commit) error {
		_, err := c.Advertise(delta.NodeRecord{Name: m.name, Service: fmt.Sprint(k.now)})
		return err
	})
}

// participants stands for a routing table: whoever's number fits the claim.
func (k *cluster) participants(d delta.Delta) []string {
	var names []string
	for _, e := range d.Events {
		names = append(names, fmt.Sprintf("n%d", 1+len(e.Claim.Range.From)%12), "unknown")
	}
	return names
}

func (k *cluster) writeAt(m *member) {
	if !m.up || k.lossy && !m.isReady {
		return
	}
	verbs := []delta.Verb{
		delta.VerbRegister, delta.VerbRelease, delta.VerbIncrease, delta.VerbIncrease,
		delta.VerbDecrease, delta.VerbDecrease, delta.VerbSet,
	}
	var batch []delta.Operation
	for range 1 + k.random.IntN(3) {
		batch = append(batch, delta.Operation{
			Verb: verbs[k.random.IntN(len(verbs))], Claim: claimOf(k.random.IntN(8)), Amount: 1 + k.random.Int64N(4),
		})
	}
	err := m.write(batch...)
	k.faultIf(err != nil && !errors.Is(err, delta.ErrNotFound) && !errors.Is(err, errDisk), "%s: write: %v", m.name, err)
}

// heal ends all faults.
func (k *cluster) heal() {
	k.faults = faults{delayMax: 20, diskMax: 5, cut: map[[2]string]bool{}}
	for _, m := range k.members {
		if !m.up {
			m.start()
		}
	}
	for _, m := range k.members {
		m.tellPeers()
	}
}

// mustConverge lets time pass until all members are equal.
func (k *cluster) mustConverge(millis uint64) {
	k.t.Helper()
	until := k.now + millis
	for !k.isConverged() || !k.isAwaited() {
		if k.now >= until {
			k.report()
			k.t.Errorf("not converged after %d ms", millis)
			return
		}
		k.run(100)
	}
	for _, m := range k.members {
		if err := m.replica.Verify(m.disk.memory); err != nil {
			k.t.Errorf("%s: %v", m.name, err)
		}
	}
}

// mustAgreeWithOracle holds the final views against all events, and wants that
// nothing was ever taken for corruption.
func (k *cluster) mustAgreeWithOracle() {
	k.t.Helper()
	o := k.oracle()
	for _, m := range k.members {
		if err := o.check(m); err != nil {
			k.t.Error(err)
		}
	}
	for _, d := range k.diverged {
		k.t.Errorf("without corruption: %s", d)
	}
}

// isConverged reports whether all members have seen the same and hold the
// same, and know it.
func (k *cluster) isConverged() bool {
	a := k.members[0]
	for _, m := range k.members {
		if m.replica.IsAhead() && !k.lossy || m.replica.InSession() ||
			!m.replica.Context.Equal(a.replica.Context) || m.replica.Fingerprint != a.replica.Fingerprint {
			return false
		}
	}
	return len(a.replica.Context) == 0 || a.sees()
}

// isAwaited reports whether every member that was asked about has confirmed.
func (k *cluster) isAwaited() bool {
	for _, a := range k.awaited {
		if len(a.confirmed) < a.asked {
			return false
		}
	}
	return true
}

// sees reports whether the core of a member follows its replica.
func (m *member) sees() bool { return m.core.Context().Equal(m.replica.Context) }

func (k *cluster) report() {
	for _, m := range k.members {
		s, in := m.core.Session()
		k.t.Logf("%s up=%v session=%v %+v ahead=%v fingerprint=%s\n  context %s\n  counters %+v", m.name, m.up, in, s,
			m.replica.Ahead, m.replica.Fingerprint, m.replica.Context, m.core.Counters())
		for _, n := range m.notices[max(0, len(m.notices)-12):] {
			k.t.Logf("  %s", n)
		}
	}
}
