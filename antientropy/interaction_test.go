package antientropy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestCore_Interaction tells stories of a few cores, step by step:
//
//	add a b …                members that know each other and hold nothing
//	options k=v …            before add
//	write a register k 5     an operation on the claim of one key
//	fill a from=k count=n    n registers in a row, in one batch
//	settle [a …]             carry out commits and reads, of all or some
//	deliver [a->b …]         hand over what is in flight, all or some
//	lose [a->b …]            the same, but it is lost
//	run                      settle and deliver until nothing is left to do
//	tick 100                 let milliseconds pass
//	check a<-b               give a the check of b
//	trim a b                 a's log loses the deltas of b
//	stop a, start a          crash and restart
//	kill a                   a crash that nobody has noticed yet
//	doubt a b                a is told that b has not answered lately
//	back a                   remember a's directory; rollback a goes back to it
//	corrupt a k              a's entry of a key is lost without a trace
//	await a b …              a asks for its context on disk of others
//	show a …                 what members have seen and hold
//	repair a b               a asks for repair with b
//	participate a d g        a takes part in the keys from d to g
//	foreign a                a hears of another cluster and another version
//
// What happens is shown as it happens.
func TestCore_Interaction(t *testing.T) {
	datadriven.Walk(t, "testdata/story", func(t *testing.T, path string) {
		s := newStory(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.do(d)
			if s.out.Len() == 0 {
				return "nothing\n"
			}
			return s.out.String()
		})
	})
}

type story struct {
	t       *testing.T
	out     strings.Builder
	options antientropy.Options
	members []*actor
	flight  []flying
	now     uint64
	pulls   map[uint64]bool
	awaits  uint64
	renamed int
}

type flying struct {
	from, to string
	frame    []byte
}

// actor is a member of a story: a member without chance.
type actor struct {
	*story
	*member
	reads []antientropy.ReadRequest
	saved *member
	// spans are what it takes part in.
	spans []delta.Span
	// doubted is who it has been told not to answer.
	doubted string
}

func newStory(t *testing.T) *story {
	return &story{t: t, pulls: map[uint64]bool{}, options: antientropy.Options{Cluster: "story", SplitFanOut: 2, LeafRecords: 2, PullRepeat: 1 << 40}}
}

func (s *story) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *story) do(d *datadriven.TestData) {
	args := make([]string, len(d.CmdArgs))
	for i, a := range d.CmdArgs {
		args[i] = a.Key
	}
	switch d.Cmd {
	case "add":
		s.add(args)
	case "options":
		s.setOptions(d)
	case "write":
		s.actor(args[0]).operate(args[1:])
	case "fill":
		var from string
		var count int
		d.ScanArgs(s.t, "from", &from)
		d.ScanArgs(s.t, "count", &count)
		s.actor(args[0]).fill(from, count)
	case "settle":
		s.settle(args)
	case "deliver", "lose":
		s.deliver(args, d.Cmd == "lose")
	case "run":
		for s.settle(nil) || s.deliver(nil, false) {
		}
	case "tick":
		s.tick(args[0])
	case "check":
		to, from, _ := strings.Cut(args[0], "<-")
		s.actor(to).core.Heard(from, s.actor(from).core.CheckPayload())
		s.actor(to).drain()
	default:
		s.doTo(d.Cmd, args)
	}
}

func (s *story) doTo(cmd string, args []string) {
	a := s.actor(args[0])
	switch cmd {
	case "trim":
		for _, origin := range args[1:] {
			delete(a.disk.log, s.actor(origin).replica.ID)
		}
	case "stop", "kill":
		a.member.stop()
		a.reads = nil
		if cmd == "stop" {
			s.tellPeers()
		}
	case "doubt":
		a.doubted = args[1]
		s.tellPeers()
	case "start":
		a.begin()
	case "back":
		a.saved = a.backup()
	case "rollback":
		a.replica, a.disk = a.saved.replica, a.saved.disk
		a.begin()
	case "corrupt":
		a.corrupt(args[1])
	case "await":
		s.awaits++
		a.core.Await(s.awaits, a.replica.Context.Clone(), args[1:])
		a.drain()
	case "repair":
		a.core.Repair(args[1])
		a.drain()
	case "participate":
		a.spans = []delta.Span{{
			From: delta.ClaimKey(storyClaim(args[1])), To: delta.ClaimKey(storyClaim(args[2])),
		}}
	case "foreign":
		other, _ := antientropy.New(antientropy.Options{Cluster: "other"}, antientropy.Start{})
		a.core.Heard("x", other.CheckPayload())
		a.core.Heard("x", append([]byte{9}, a.core.CheckPayload()[1:]...))
		a.drain()
	case "show":
		for _, name := range args {
			s.actor(name).show()
		}
	default:
		s.t.Fatalf("unknown command %s", cmd)
	}
}

func (s *story) setOptions(d *datadriven.TestData) {
	for _, a := range d.CmdArgs {
		n, err := strconv.Atoi(a.Vals[0])
		if err != nil {
			s.t.Fatal(err)
		}
		switch a.Key {
		case "ask-whole":
			s.options.AskWhole = n
		case "small":
			s.options.SmallCluster = n
		case "fan-out":
			s.options.FanOut = n
		case "packet":
			s.options.PacketBytesMax = n
		case "range-bytes":
			s.options.RangeBytesMax = n
		case "symbols":
			s.options.Symbols = n
		case "pull-bytes":
			s.options.PullBytesMax = n
		}
	}
}

func (s *story) add(names []string) {
	for _, name := range names {
		m := &member{
			cluster: newCluster(s.t, 1), name: name, replica: delta.NewReplica(crdt.ReplicaID{name[0]}),
			disk: newDisk(),
		}
		s.members = append(s.members, &actor{story: s, member: m})
	}
	for _, name := range names {
		s.actor(name).begin()
	}
}

func (s *story) actor(name string) *actor {
	for _, a := range s.members {
		if a.name == name {
			return a
		}
	}
	s.t.Fatalf("there is no member %q", name)
	return nil
}

func (a *actor) begin() {
	o := a.story.options
	o.Participated = func(int) []delta.Span { return a.spans }
	core, err := antientropy.New(o, antientropy.StartOf(a.replica))
	if err != nil {
		a.story.t.Fatal(err)
	}
	a.core, a.up, a.commits, a.reads = core, true, nil, nil
	a.core.Tick(a.story.now)
	a.tellPeers()
}

func (s *story) tellPeers() {
	for _, a := range s.members {
		if a.core == nil || !a.up {
			continue
		}
		var peers []antientropy.Peer
		for _, other := range s.members {
			if other != a {
				peers = append(peers, antientropy.Peer{
					Name: other.name, Replica: other.replica.ID,
					Alive: other.up || other.name == a.doubted, Suspect: other.name == a.doubted,
				})
			}
		}
		a.core.SetPeers(peers)
		a.drain()
	}
}

func (a *actor) tellPeers() { a.story.tellPeers() }

// drain takes what the core wants done.
func (a *actor) drain() {
	for r := a.core.Ready(); !r.IsEmpty(); r = a.core.Ready() {
		a.commits = append(a.commits, r.Commits...)
		a.reads = append(a.reads, r.Reads...)
		for _, m := range r.Messages {
			a.fly(m.To, m.Frame)
		}
		for _, b := range r.Broadcasts {
			for _, other := range a.story.members {
				if other != a {
					a.fly(other.name, b.Frame)
				}
			}
		}
		for _, c := range r.Confirmed {
			a.printf("%s learns that %s has what wait %d is for", a.name, c.Peer, c.Await)
		}
		for _, n := range r.Notices {
			a.printf("%s notes: %s", a.name, n)
		}
	}
}

func (a *actor) fly(to string, frame []byte) {
	if id, isPull := antientropy.IDOf(frame); isPull {
		a.pulls[id] = true
	}
	a.flight = append(a.flight, flying{from: a.name, to: to, frame: frame})
}

// settle carries out the commits and reads of some members.
func (s *story) settle(names []string) bool {
	did := false
	for _, a := range s.members {
		if len(names) > 0 && !slices.Contains(names, a.name) {
			continue
		}
		for len(a.commits)+len(a.reads) > 0 {
			did = true
			a.settleOnce()
		}
	}
	return did
}

func (a *actor) settleOnce() {
	requests, reads := a.commits, a.reads
	a.commits, a.reads = nil, nil
	if len(requests) > 0 {
		a.commit(requests, nil)
	}
	for _, q := range reads {
		a.printf("%s reads %s", a.name, q.Kind)
		a.core.Answered(q.Run(a.source()))
		a.drain()
	}
}

func (a *actor) commit(requests []antientropy.CommitRequest, write func(*delta.Commit) error) {
	c := a.replica.Begin(delta.Env{Read: a.disk.memory, Now: int64(a.story.now)})
	var results []antientropy.CommitResult
	for _, r := range requests {
		result, err := r.Run(c, func() crdt.ReplicaID {
			a.story.renamed++
			return crdt.ReplicaID{'A' + a.name[0] - 'a', byte(a.story.renamed)}
		})
		if err != nil {
			a.story.t.Fatal(err)
		}
		for i, step := range r.Steps {
			a.printf("%s commits %s", a.name, a.describe(step, result.Steps[i]))
		}
		results = append(results, result)
	}
	if write != nil {
		if err := write(c); err != nil {
			a.printf("%s: %v", a.name, err)
		}
	}
	effects, err := c.Finish()
	if err != nil {
		a.story.t.Fatal(err)
	}
	a.disk.write(effects.Entries)
	for _, p := range effects.Deltas {
		a.disk.log[p.Origin] = append(a.disk.log[p.Origin], p)
		if p.Origin == a.replica.ID {
			a.printf("%s writes %s:%s", a.name, nameOf(p.Origin), crdt.Run{First: p.First, Last: p.Last()})
		}
	}
	a.replica.Adopt(effects)
	a.core.Committed(effects, results...)
	a.drain()
}

func nameOf(r crdt.ReplicaID) string {
	if r[1] != 0 {
		return fmt.Sprintf("%c%d", r[0], r[1])
	}
	return string(r[0])
}

func (a *actor) describe(s antientropy.Step, r antientropy.StepResult) string {
	text := s.Kind.String()
	switch s.Kind {
	case antientropy.StepReceive:
		text += fmt.Sprintf(" %s:%s: %s", nameOf(s.Delta.Origin), crdt.Run{First: s.Delta.First, Last: s.Delta.Last()}, r.Outcome)
	case antientropy.StepOpen, antientropy.StepMatched:
		text += " " + contextText(s.Context)
	case antientropy.StepTake:
		text += fmt.Sprintf(" %d entries of a state at %s", len(s.Answer.Entries), contextText(s.Answer.Context))
	}
	if r.Lost != nil {
		text += ", under a new id"
	}
	return text
}

func contextText(c crdt.Context) string {
	var parts []string
	for r, sequence := range c.All() {
		parts = append(parts, fmt.Sprintf("%s:%d", nameOf(r), sequence))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// deliver hands over, or loses, what was in flight when it began.
func (s *story) deliver(routes []string, lose bool) bool {
	flight := s.flight
	s.flight = nil
	did := false
	for _, f := range flight {
		if len(routes) > 0 && !slices.Contains(routes, f.from+"->"+f.to) {
			s.flight = append(s.flight, f)
			continue
		}
		did = true
		text := antientropy.Describe(f.frame, nameOf, func(id uint64) bool { return s.pulls[id] })
		a := s.actor(f.to)
		if lose || !a.up {
			s.printf("%s -> %s lost: %s", f.from, f.to, text)
			continue
		}
		s.printf("%s -> %s %s", f.from, f.to, text)
		a.core.Receive(f.from, f.frame)
		a.drain()
	}
	return did
}

func (s *story) tick(millis string) {
	n, err := strconv.ParseUint(millis, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	for until := s.now + n; s.now < until; {
		s.now = min(until, s.now+20)
		for _, a := range s.members {
			if a.up {
				a.core.Tick(s.now)
				a.drain()
			}
		}
	}
}

func (a *actor) operate(args []string) {
	verbs := map[string]delta.Verb{"register": delta.VerbRegister, "increase": delta.VerbIncrease, "release": delta.VerbRelease}
	o := delta.Operation{Verb: verbs[args[0]], Claim: storyClaim(args[1]), Amount: 1}
	if len(args) > 2 {
		o.Amount, _ = strconv.ParseInt(args[2], 10, 64)
	}
	a.commit(nil, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{o})
		return err
	})
}

func (a *actor) fill(from string, count int) {
	var batch []delta.Operation
	for i := range count {
		key := string([]byte{from[0] + byte(i%26)}) + strings.Repeat("x", i/26)
		batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Claim: storyClaim(key), Amount: 1})
	}
	a.commit(nil, func(c *delta.Commit) error {
		_, _, err := c.Write(batch)
		return err
	})
}

func storyClaim(key string) ranges.Claim {
	return ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "n", Range: ranges.Single(key)}
}

// corrupt loses an entry, with a fingerprint that knows nothing of it.
func (a *actor) corrupt(key string) {
	k := delta.ClaimKey(storyClaim(key))
	e, _ := a.disk.memory.Get(k)
	a.disk.write([]delta.EntryChange{delta.NewEntryChange(k, e, delta.Entry{})})
	a.replica.Fingerprint = a.replica.Fingerprint.Minus(delta.FingerprintOf(e))
	a.begin()
}

func (a *actor) show() {
	text := fmt.Sprintf("%s is %s, has seen %s", a.name, nameOf(a.replica.ID), contextText(a.replica.Context))
	if a.replica.IsAhead() {
		text += ", is ahead by " + contextText(a.replica.Ahead)
	}
	if a.replica.InSession() {
		text += ", in session"
	}
	a.printf("%s, holds %d entries, fingerprint %.8s", text, a.replica.Fingerprint.Count, a.replica.Fingerprint.Sum)
}
