package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

var errNotDone = errors.New("not done")

// line carries out a line of a script.
func (s *script) line(words []string) error {
	if len(words) == 0 {
		return nil
	}
	if m := s.member(words[0]); m != nil {
		return s.operation(m, words[1:])
	}
	return s.event(words[0], words[1:])
}

func (s *script) operation(m *member, words []string) error {
	if !m.up || !m.mayWrite() {
		return fmt.Errorf("%s takes no writes now", m.name)
	}
	switch words[0] {
	case "asks":
		m.ask()
		return nil
	case "suspects", "doubts", "trusts":
		m.suspects[s.find(words[1]).name] = map[string]suspicion{"suspects": takenForDead, "doubts": doubted}[words[0]]
		s.tellAll()
		return nil
	case "forgets":
		return m.transaction(nil, func(c *delta.Commit) error {
			_, err := c.Forget(s.replicaOf(words[1]))
			return err
		})
	}
	o := delta.Operation{Claim: s.claim(words[1]), AllowGap: true}
	verbs := map[string]delta.Verb{
		"register": delta.VerbRegister, "increase": delta.VerbIncrease, "decrease": delta.VerbDecrease,
		"set": delta.VerbSet, "release": delta.VerbRelease, "tighten": delta.VerbTighten,
	}
	o.Verb = verbs[words[0]]
	switch {
	case o.Verb == delta.VerbTighten:
		o.To = s.claim(words[2]).Range
	case len(words) > 2:
		o.Amount = int64(s.number(words[2]))
	}
	return m.carryOut([]delta.Operation{o})
}

// replicaOf is the replica of a member, or that which a saved directory had.
func (s *script) replicaOf(name string) (r [16]byte) {
	if m := s.member(name); m != nil {
		return m.dir.replica.ID
	}
	if dir := s.saved[name]; dir != nil {
		return dir.replica.ID
	}
	s.t.Fatalf("there is no member %s", name)
	return r
}

func (s *script) event(verb string, words []string) error {
	switch verb {
	case "cut":
		a, b, both := s.link(words)
		s.cut(a, b, true)
		if both {
			s.cut(b, a, true)
		}
	case "slow":
		a, b, _ := s.link(words)
		s.net.slow[[2]int{a.number, b.number}] = s.number(words[1])
	case "mend":
		if len(words) == 2 {
			a, b, _ := s.link(words)
			s.cut(a, b, false)
			s.cut(b, a, false)
			return nil
		}
		clear(s.net.cut)
		clear(s.net.slow)
		s.recognise()
		s.endForks()
	case "wait":
		s.run(s.number(words[0]))
	case "until":
		return s.until(s.find(words[0]), words[1:])
	case "fail":
		m := s.find(words[0])
		m.failing = append(m.failing, s.stepKind(words[1:]))
	case "sync":
		s.find(words[0]).syncLater = s.number(words[1])
	case "read":
		s.find(words[0]).readLater = s.number(words[1])
	case "join":
		s.joinQuiet(words[0], s.freshDirectory())
	case "repair":
		m := s.find(words[0])
		var spans []delta.Span
		for _, claim := range words[2:] {
			spans = append(spans, spanOf(delta.ClaimKey(s.claim(claim))))
		}
		m.core.Repair(words[1], spans...)
		m.work()
	case "piece":
		return s.piece(s.find(words[0]), s.find(words[1]), delta.ClaimKey(s.claim(words[2])))
	case "fork":
		s.fork(s.find(words[0]), words[1:])
	case "roll":
		return s.disaster("roll back", s.find(words[1]))
	default:
		return s.disaster(verb, s.find(words[0]))
	}
	return nil
}

// fork starts a second process on a copy of a directory that reaches only some
// members, until the cuts end.
func (s *script) fork(m *member, reaches []string) {
	s.oracle.unsafe[m.dir.replica.ID] = true
	for _, other := range s.members {
		if !slices.Contains(reaches, other.name) {
			s.net.cut[[2]int{other.number, s.names}], s.net.cut[[2]int{s.names, other.number}] = true, true
		}
	}
	s.joinQuiet(fmt.Sprintf("n%d", s.names+1), m.dir.clone())
}

// endForks lets members of one replica id that reach each other decide who
// keeps it.
func (s *script) endForks() {
	for _, m := range s.members {
		for _, other := range s.members {
			if m != other && m.up && other.up && s.reach(m, other) {
				m.yieldTo(other)
			}
		}
	}
}

// yieldTo goes on under a new id if another that the members list as well has
// the same, and keeps it: they began on two sides of a partition.
func (m *member) yieldTo(other *member) {
	id := m.dir.replica.ID
	if id != other.dir.replica.ID || !(antientropy.Claimant{Start: other.dir.start, Listed: true}).Keeps(antientropy.Claimant{Start: m.dir.start, Listed: true}) {
		return
	}
	m.mark(MarkForkNoticed)
	for m.dir.replica.ID == id { // again until the disk lets it
		m.rename()
	}
}

// disaster is what happens to one member.
func (s *script) disaster(verb string, m *member) error {
	switch verb {
	case "trim":
		clear(m.dir.log)
	case "crash":
		m.stop()
	case "start":
		m.start()
	case "backup":
		s.saved[m.name] = m.dir.clone()
		return nil
	case "restore":
		s.replace(m, s.saved[m.name].clone())
		m.dir.replica.ID = s.newReplicaID()
		m.start()
	case "roll back":
		s.oracle.unsafe[m.dir.replica.ID] = true
		s.replace(m, s.saved[m.name].clone())
		m.start()
	case "lose":
		s.replace(m, s.freshDirectory())
		m.start()
	case "clone":
		s.joinQuiet(fmt.Sprintf("n%d", s.names+1), m.dir.clone())
	case "remove":
		s.saved[m.name] = m.dir.clone()
		s.remove(m)
	default:
		s.t.Fatalf("there is no verb %q", verb)
	}
	s.tellAll()
	return nil
}

// piece joins one entry of a peer, with the context that the peer has.
func (s *script) piece(m, from *member, k delta.Key) error {
	a := delta.Answer{Span: spanOf(k), Context: from.dir.replica.Context.Clone(), Ahead: from.dir.replica.Ahead.Clone()}
	if e, _ := from.dir.memory.Get(k); !e.IsZero() {
		a.Entries = []delta.Entry{e}
	}
	step := antientropy.Step{Kind: antientropy.StepTake, Answer: a}
	return m.transaction([]antientropy.CommitRequest{{ID: foreignRequest, Steps: []antientropy.Step{step}}}, nil)
}

// spanOf is the span of a single key.
func spanOf(k delta.Key) delta.Span { return delta.Span{From: k, To: k + "\x00"} }

// until lets time pass until something holds of a member, at most a minute, or
// as many milliseconds as the last word says after "within".
func (s *script) until(m *member, words []string) error {
	most := uint64(60_000)
	if n := len(words); n > 2 && words[n-2] == "within" {
		most, words = s.number(words[n-1]), words[:n-2]
	}
	holds := map[string]func() bool{
		"in session":     func() bool { return m.dir.replica.InSession() },
		"not in session": func() bool { return !m.dir.replica.InSession() },
		"is ahead":       func() bool { return m.dir.replica.IsAhead() },
	}[strings.Join(words, " ")]
	switch words[0] {
	case "sees":
		holds = func() bool { return s.find(words[1]).dir.replica.Context.Leq(m.dir.replica.Context) }
	case "asks":
		holds = func() bool {
			now, ok := m.core.Session()
			return ok && now.Peer == words[1]
		}
	}
	for until := s.now + most; !holds(); {
		if !s.step(until) {
			return errNotDone
		}
	}
	return nil
}

func (s *script) link(words []string) (a, b *member, both bool) {
	from, to, oneWay := strings.Cut(words[0], ">")
	if !oneWay {
		to = words[1]
	}
	return s.find(from), s.find(to), !oneWay
}

func (s *script) find(name string) *member {
	m := s.member(name)
	if m == nil {
		s.t.Fatalf("there is no member %s", name)
	}
	return m
}

// stepKind reads the name of a step, take if there is none.
func (s *script) stepKind(words []string) antientropy.StepKind {
	if len(words) == 0 {
		return antientropy.StepTake
	}
	for k := antientropy.StepReceive; k <= antientropy.StepIdentify; k++ {
		if k.String() == words[0] {
			return k
		}
	}
	s.t.Fatalf("there is no step %s", words[0])
	return 0
}

func (s *script) number(word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// claim reads node[from,to), node[from,∞) or node.
func (s *script) claim(word string) ranges.Claim {
	c := ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: word, Range: ranges.Everything()}
	node, bounds, ok := strings.Cut(strings.TrimSuffix(word, ")"), "[")
	if !ok {
		return c
	}
	from, to, _ := strings.Cut(bounds, ",")
	c.Node, c.Range = node, ranges.Range{From: from, To: ranges.Before(to)}
	if to == "∞" {
		c.Range.To = ranges.Unbounded()
	}
	return c
}
