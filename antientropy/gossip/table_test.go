package gossip

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/crdt"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func node(name string) memberlist.Node {
	return memberlist.Node{Name: name, Addr: net.IPv4(10, 0, 0, 1), Port: 7480}
}

func metaOf(counter uint64) Meta { return Meta{Start: StartID{Counter: counter, Nonce: counter}} }

func livenessOf(t *table, name string, now time.Time) Liveness {
	for _, m := range t.all(now) {
		if m.Name == name {
			return m.Liveness
		}
	}
	return Unknown
}

// Notice and end may come in any order, and the notice of a former life says
// nothing about the present one.
func TestTable_Announce_AnyOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps func(*table)
		want  Liveness
	}{
		{"no notice", func(m *table) { m.unlist("a", epoch) }, Dead},
		{"notice first", func(m *table) { m.announce("a", metaOf(1).Start); m.unlist("a", epoch) }, Left},
		{"notice last", func(m *table) { m.unlist("a", epoch); m.announce("a", metaOf(1).Start) }, Left},
		{"notice alone", func(m *table) { m.announce("a", metaOf(1).Start) }, Alive},
		{"notice of another life", func(m *table) { m.announce("a", metaOf(2).Start); m.unlist("a", epoch) }, Dead},
		{"back again", func(m *table) {
			m.announce("a", metaOf(1).Start)
			m.unlist("a", epoch)
			m.list(node("a"), metaOf(2), epoch)
		}, Alive},
		{"dead in the next life", func(m *table) {
			m.announce("a", metaOf(1).Start)
			m.unlist("a", epoch)
			m.list(node("a"), metaOf(2), epoch)
			m.unlist("a", epoch)
		}, Dead},
	} {
		m := newTable("self", time.Second, func() {})
		m.list(node("a"), metaOf(1), epoch)
		c.steps(m)
		if got := livenessOf(m, "a", epoch); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTable_Announce_IsNewsOnce(t *testing.T) {
	t.Parallel()
	m := newTable("self", time.Second, func() {})
	if m.announce("a", metaOf(1).Start) {
		t.Error("a notice about nobody is news")
	}
	m.list(node("a"), metaOf(1), epoch)
	if !m.announce("a", metaOf(1).Start) || m.announce("a", metaOf(1).Start) {
		t.Error("a notice is not news once and only once")
	}
}

func TestTable_Miss_MakesSuspectAfterGrace(t *testing.T) {
	t.Parallel()
	changes := 0
	m := newTable("self", time.Second, func() { changes++ })
	m.list(node("a"), metaOf(1), epoch)
	m.hear("a", epoch)
	m.miss("a", epoch.Add(time.Second))
	m.miss("a", epoch.Add(1500*time.Millisecond)) // the first one counts
	before := changes
	for _, c := range []struct {
		after time.Duration
		want  Liveness
	}{{1999 * time.Millisecond, Alive}, {2 * time.Second, Suspect}, {3 * time.Second, Suspect}} {
		m.look(epoch.Add(c.after))
		if got := livenessOf(m, "a", epoch.Add(c.after)); got != c.want {
			t.Errorf("after %s: %s, want %s", c.after, got, c.want)
		}
	}
	if changes != before+1 {
		t.Errorf("%d changes told, want 1", changes-before)
	}
	if _, err := m.target("a"); err != nil {
		t.Errorf("a suspect cannot be sent to: %v", err)
	}
	m.hear("a", epoch.Add(3*time.Second))
	if got := livenessOf(m, "a", epoch.Add(time.Hour)); got != Alive || changes != before+2 {
		t.Errorf("%s after it was heard, %d changes told", got, changes-before)
	}
}

// Each change of what is believed counts once, however often it is looked at, and
// also one that time brought about and nobody has looked at. Nothing counts of the
// node itself.
func TestTable_Became_CountsEachChangeOnce(t *testing.T) {
	t.Parallel()
	m := newTable("self", time.Second, func() {})
	at := func(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
	missed := func(seconds int) { m.miss("a", at(seconds)); m.look(at(seconds)) }
	for _, step := range []struct {
		name string
		do   func()
		want Became
	}{
		{"itself", func() { m.list(node("self"), metaOf(1), epoch) }, Became{}},
		{"listed", func() { m.list(node("a"), metaOf(1), epoch) }, Became{Alive: 1}},
		{"listed with news", func() { m.list(node("a"), metaOf(2), epoch); m.hear("a", epoch) }, Became{Alive: 1}},
		{"a probe missed, and heard in time", func() { missed(1); m.hear("a", at(1)); m.look(at(9)) }, Became{Alive: 1}},
		{"two missed", func() { missed(10); missed(11); m.look(at(12)); m.look(at(13)) }, Became{Alive: 1, Suspect: 1}},
		{"heard again", func() { m.hear("a", at(14)); m.hear("a", at(15)); m.look(at(15)) }, Became{Alive: 2, Suspect: 1}},
		{"suspect when nobody looked, and heard", func() { missed(20); m.hear("a", at(22)) }, Became{Alive: 3, Suspect: 2}},
		{"suspect when nobody looked, and dead", func() { missed(30); m.unlist("a", at(32)); m.look(at(33)) }, Became{Alive: 3, Suspect: 3, Dead: 1}},
		{"dead and missed", func() { missed(34); m.look(at(39)); m.unlist("a", at(39)) }, Became{Alive: 3, Suspect: 3, Dead: 1}},
		{"said that it left", func() { m.announce("a", metaOf(2).Start); m.announce("a", metaOf(2).Start) }, Became{Alive: 3, Suspect: 3, Dead: 1, Left: 1}},
		{"back again", func() { m.list(node("a"), metaOf(3), at(40)); m.look(at(49)) }, Became{Alive: 4, Suspect: 3, Dead: 1, Left: 1}},
		{"left", func() { m.announce("a", metaOf(3).Start); m.unlist("a", at(50)) }, Became{Alive: 4, Suspect: 3, Dead: 1, Left: 2}},
		{"forgotten and listed", func() { _ = m.forget("a"); m.list(node("a"), metaOf(4), at(60)) }, Became{Alive: 5, Suspect: 3, Dead: 1, Left: 2}},
	} {
		step.do()
		if got := m.became(); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
}

// A member that runs on an older copy of its directory is not sent to, nor heard,
// before it goes by another replica id.
func TestTable_List_RefutesAnOlderCopy(t *testing.T) {
	t.Parallel()
	m := newTable("self", time.Second, func() {})
	m.list(node("a"), metaOf(2), epoch)
	renamed := metaOf(1)
	renamed.Replica = crdt.ReplicaID{9}
	for _, step := range []struct {
		name string
		meta Meta
		want bool
	}{{"an older copy", metaOf(1), true}, {"still that", metaOf(1), true}, {"under a new id", renamed, false}, {"a later start", metaOf(3), false}} {
		m.list(node("a"), step.meta, epoch)
		if _, err := m.target("a"); m.isRefuted("a") != step.want || isError(err, ErrNotAlive) != step.want {
			t.Errorf("%s: refuted %t, want %t; target: %v", step.name, m.isRefuted("a"), step.want, err)
		}
	}
}

func TestTable_Unlist_ForgetsTheOldestBeyondItsBound(t *testing.T) {
	t.Parallel()
	m := newTable("self", time.Second, func() {})
	m.list(node("self"), metaOf(1), epoch)
	for i := range goneMax + 1 {
		name := fmt.Sprint("n", i)
		m.list(node(name), metaOf(1), epoch)
		m.unlist(name, epoch.Add(time.Duration(i)))
	}
	if n := len(m.all(epoch)); n != goneMax+1 {
		t.Errorf("%d members, want %d and this node", n, goneMax)
	}
	if livenessOf(m, "n0", epoch) != Unknown || livenessOf(m, "n1", epoch) != Dead {
		t.Error("not the one that was gone longest was forgotten")
	}
}

// Whatever memberlist, peers and time do, the invariants of entry hold, a
// member stays listed until it is forgotten, and who is alive for memberlist
// can be sent to, unless a later start of it is remembered. What is counted is what
// who looks before and after each step sees change.
func TestTable_AnySteps_KeepInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "self"}
		m := newTable("self", time.Second, func() {})
		now := epoch
		alive := map[string]bool{}
		known := map[string]bool{}
		latest, older := map[string]uint64{}, map[string]bool{}
		var saw onlooker
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
			saw.look(m, now)
			name := rapid.SampledFrom(names).Draw(t, "name")
			start := metaOf(uint64(rapid.IntRange(1, 3).Draw(t, "start")))
			switch rapid.SampledFrom([]string{"list", "unlist", "announce", "hear", "miss", "look", "forget"}).Draw(t, "step") {
			case "list":
				older[name] = start.Start.Counter < latest[name]
				latest[name] = max(latest[name], start.Start.Counter)
				if later, refuted := m.list(node(name), start, now); refuted != older[name] || refuted && later.Counter != latest[name] {
					t.Fatalf("list %s at start %d: refuted %t by %s, want %t by %d", name, start.Start.Counter, refuted, later, older[name], latest[name])
				}
				alive[name], known[name] = true, true
			case "unlist":
				m.unlist(name, now)
				alive[name] = false
			case "announce":
				m.announce(name, start.Start)
			case "hear":
				if m.hear(name, now) != known[name] {
					t.Fatalf("hear %s: known is %t", name, known[name])
				}
			case "miss":
				m.miss(name, now)
			case "look":
				m.look(now)
			case "forget":
				if err := m.forget(name); err == nil {
					known[name] = false
					delete(latest, name)
				} else if known[name] && !alive[name] && name != "self" {
					t.Fatalf("forget %s: %v", name, err)
				}
			}
			checkTable(t, m, now, alive, known, older)
			saw.look(m, now)
		}
		m.look(now) // so that it has seen as much
		if got := m.became(); got != saw.became {
			t.Fatalf("%+v is counted, %+v was seen", got, saw.became)
		}
	})
}

// onlooker counts the changes that who looks at a table sees.
type onlooker struct {
	before map[string]Liveness
	became Became
}

func (o *onlooker) look(m *table, now time.Time) {
	seen := map[string]Liveness{}
	for _, x := range m.all(now) {
		if seen[x.Name] = x.Liveness; x.Liveness != o.before[x.Name] && !x.Self {
			o.became.count(x.Liveness)
		}
	}
	o.before = seen
}

func checkTable(t *rapid.T, m *table, now time.Time, alive, known, older map[string]bool) {
	for _, e := range m.mu.entries {
		if err := e.valid(); err != nil {
			t.Fatal(err)
		}
	}
	for name := range known {
		l := livenessOf(m, name, now)
		if known[name] != (l != Unknown) || alive[name] != (l == Alive || l == Suspect) {
			t.Fatalf("%s is %s, known %t, alive %t", name, l, known[name], alive[name])
		}
		if _, err := m.target(name); (err == nil) != (alive[name] && !older[name] && name != "self") {
			t.Fatalf("target %s: %v, alive %t", name, err, alive[name])
		}
	}
}
