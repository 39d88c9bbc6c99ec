package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// demoKeyspace is the keyspace of the story.
const demoKeyspace = "customers"

// demoStory tells the story, one chapter after the other. Every chapter fails
// if what it tells does not hold.
type demoStory struct {
	*narrator
	cluster *demoCluster
}

func (s *demoStory) tell(ctx context.Context) error {
	chapters := []struct {
		title string
		tell  func(context.Context) error
	}{
		{"Three nodes", s.start},
		{"Claims, made on different nodes", s.claim},
		{"A node gets full and tightens its range", s.tighten},
		{"A node is killed", s.kill},
		{"The network is cut: every node is alone", s.cut},
		{"The network heals", s.heal},
		{"The killed node comes back from its disk", s.restart},
		{"History is kept where it matters", s.compact},
		{"All nodes are equal", s.compare},
	}
	for i, c := range chapters {
		s.chapter(i+1, c.title)
		if err := c.tell(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(c.title), err)
		}
	}
	return nil
}

func (s *demoStory) at(name string) *client.Client { return s.cluster.nodes[name].client }

func (s *demoStory) start(ctx context.Context) error {
	if err := s.cluster.startInside(ctx, "n1"); err != nil {
		return err
	}
	if err := s.cluster.startInside(ctx, "n2"); err != nil {
		return err
	}
	if err := s.cluster.startProcess(ctx, "n3"); err != nil {
		return err
	}
	for _, name := range []string{"n1", "n2", "n3"} {
		s.line("%s serves its API at %s", name, s.at(name).Address())
	}
	s.line("n2 and n3 were told the address of n1; nobody is in charge.")
	return s.allAlive(ctx, "n1", "n2", "n3")
}

// allAlive waits until each of the nodes sees all of them alive.
func (s *demoStory) allAlive(ctx context.Context, names ...string) error {
	return eventually(ctx, "all nodes see each other", func() (bool, error) {
		for _, name := range names {
			members, err := s.at(name).Members(ctx)
			if err != nil {
				return false, err
			}
			alive := 0
			for _, m := range members.Members {
				if m.Liveness == wire.LivenessAlive {
					alive++
				}
			}
			if alive < len(names) {
				return false, nil
			}
		}
		return true, nil
	})
}

// claims are the customers of three machines, every range on two of them.
var demoClaims = []struct {
	at, node, from, to string
	priority           int64
}{
	{"n1", "n1", "A", "I", 20}, {"n2", "n3", "A", "I", 10},
	{"n2", "n2", "I", "R", 20}, {"n3", "n1", "I", "R", 10},
	{"n3", "n3", "R", "", 20}, {"n1", "n2", "R", "", 10},
}

func (s *demoStory) claim(ctx context.Context) error {
	s.line("Customers A-H, I-Q and R-Z, each served by two nodes; the higher priority is")
	s.line("asked first. Any node takes a claim, also one for another node (all of them with")
	s.line("--keyspace customers):")
	for _, c := range demoClaims {
		op := wire.Operation{Op: wire.OpRegister, Node: c.node, Bounds: demoBounds(c.from, c.to), Priority: &c.priority}
		s.command("register --node %s %s --priority %d   (sent to %s)", c.node, flagsOf(c.from, c.to), c.priority, c.at)
		if err := s.write(ctx, c.at, op); err != nil {
			return err
		}
	}
	s.line("What the subranges are is derived from the claims, never agreed on:")
	if err := s.picture(ctx, "n3"); err != nil {
		return err
	}
	s.line("Keys before A are a gap: served by nobody, and reported as such.")
	return s.everywhere(ctx, "Miller", "n2:20 n1:10", "n1", "n2", "n3")
}

func (s *demoStory) tighten(ctx context.Context) error {
	s.line("n3 has too many customers from R on. n1 takes V to Z; then n3 gives them up.")
	s.line("That is one batch: its smaller range is covered at every moment.")
	priority := int64(15)
	to := "V"
	s.command("register --node n1 --from V --priority 15")
	s.command("tighten --node n3 --from R --new-to V")
	err := s.write(ctx, "n3",
		wire.Operation{Op: wire.OpRegister, Node: "n1", Bounds: demoBounds("V", ""), Priority: &priority},
		wire.Operation{Op: wire.OpTighten, Node: "n3", Bounds: demoBounds("R", ""), NewTo: &to})
	if err != nil {
		return err
	}
	if err := s.picture(ctx, "n2"); err != nil {
		return err
	}
	return s.everywhere(ctx, "Walker", "n1:15 n2:10", "n1", "n2", "n3")
}

func (s *demoStory) kill(ctx context.Context) error {
	if err := s.cluster.kill("n3"); err != nil {
		return err
	}
	s.line("kill -9 of n3. The others go on: nothing waits for a majority.")
	return nil
}

func (s *demoStory) cut(ctx context.Context) error {
	s.cluster.network.Cut("n1", "n2")
	s.line("Nothing passes between n1 and n2 any more. Both still answer and take writes:")
	by := int64(3)
	s.command("release  --node n1 --from I --to R           (on n1: it wants to stop serving I-Q)")
	if err := s.write(ctx, "n1", wire.Operation{Op: wire.OpRelease, Node: "n1", Bounds: demoBounds("I", "R")}); err != nil {
		return err
	}
	s.command("increase --node n1 --from I --to R --by 3    (on n2, which knows nothing of that)")
	if err := s.write(ctx, "n2", wire.Operation{Op: wire.OpIncrease, Node: "n1", Bounds: demoBounds("I", "R"), By: &by}); err != nil {
		return err
	}
	s.line("So they disagree, each true to what it knows:")
	if err := s.holds(ctx, "n1", "Miller", "n2:20"); err != nil {
		return err
	}
	return s.holds(ctx, "n2", "Miller", "n2:20 n1:13")
}

func (s *demoStory) heal(ctx context.Context) error {
	s.cluster.network.HealAll()
	s.line("The Release takes the 10 that it had observed, and nothing else. The Increase by 3")
	s.line("survives with its own amount, and no more:")
	return s.everywhere(ctx, "Miller", "n2:20 n1:3", "n1", "n2")
}

func (s *demoStory) restart(ctx context.Context) error {
	if err := s.cluster.startProcess(ctx, "n3"); err != nil {
		return err
	}
	s.line("n3 has its claims from its own disk, and what it missed from the others:")
	return s.everywhere(ctx, "Miller", "n2:20 n1:3", "n1", "n2", "n3")
}

const demoUpdates = 200

func (s *demoStory) compact(ctx context.Context) error {
	s.line("n1 reports its load on A-H %d times. n1 and n3 serve that range and keep its", demoUpdates)
	s.line("history; n2 does not, and drops it once all members have seen it.")
	for i := range demoUpdates {
		by := int64(1)
		op := wire.Operation{Op: wire.OpIncrease, Node: "n1", Bounds: demoBounds("A", "I"), By: &by}
		if i%2 == 1 {
			op.Op = wire.OpDecrease
		}
		if err := s.write(ctx, "n1", op); err != nil {
			return err
		}
	}
	if _, err := s.equal(ctx); err != nil {
		return err
	}
	if err := s.compactOne(ctx, "n1", func(after int64) bool { return after >= demoUpdates }); err != nil {
		return err
	}
	return s.compactOne(ctx, "n2", func(after int64) bool { return after < demoUpdates })
}

// compactOne compacts the log of a node until it is as it should be: a node
// drops what others have seen as soon as it has heard from them.
func (s *demoStory) compactOne(ctx context.Context, name string, asItShould func(after int64) bool) error {
	var before, after int64
	err := eventually(ctx, name+" keeps the history that it should, and no more", func() (bool, error) {
		c, err := s.at(name).Compact(ctx, false)
		before, after = max(before, c.LogRecordsBefore), c.LogRecordsAfter
		return asItShould(after), err
	})
	if err == nil {
		s.line("  %s  compact: %3d records of history, then %3d", name, before, after)
	}
	return err
}

func (s *demoStory) compare(ctx context.Context) error {
	statuses, err := s.equal(ctx)
	if err != nil {
		return err
	}
	s.statusTable(statuses)
	var first []byte
	for _, name := range []string{"n1", "n2", "n3"} {
		dump, err := s.canonical(ctx, name)
		if err != nil {
			return err
		}
		if first == nil {
			first = dump
		}
		if !bytes.Equal(first, dump) {
			return fmt.Errorf("the canonical dumps of n1 and %s differ", name)
		}
	}
	s.line("dump --canonical of the three is the same, byte for byte: %d bytes.", len(first))
	return nil
}

// equal waits until all nodes have one fingerprint.
func (s *demoStory) equal(ctx context.Context) ([]wire.Status, error) {
	var statuses []wire.Status
	err := eventually(ctx, "all nodes are equal", func() (bool, error) {
		statuses = nil
		for _, name := range []string{"n1", "n2", "n3"} {
			status, err := s.at(name).Status(ctx)
			if err != nil {
				return false, err
			}
			statuses = append(statuses, status)
		}
		differ := slices.ContainsFunc(statuses, func(x wire.Status) bool {
			return x.Fingerprint != statuses[0].Fingerprint || x.Context != statuses[0].Context
		})
		return !differ, nil
	})
	return statuses, err
}

func (s *demoStory) canonical(ctx context.Context, name string) ([]byte, error) {
	var out bytes.Buffer
	err := s.at(name).Dump(ctx, true, func(line []byte) error {
		out.Write(line)
		out.WriteByte('\n')
		return nil
	})
	return out.Bytes(), err
}

// write has a node carry out operations of the story's keyspace.
func (s *demoStory) write(ctx context.Context, at string, ops ...wire.Operation) error {
	for i := range ops {
		ops[i].Keyspace = demoKeyspace
	}
	_, err := s.at(at).Write(ctx, ops, client.WriteOptions{})
	return err
}

// picture shows the key space as a node sees it, once it has seen everything.
func (s *demoStory) picture(ctx context.Context, at string) error {
	if _, err := s.equal(ctx); err != nil {
		return err
	}
	liveness, err := livenesses(ctx, s.at(at))
	if err != nil {
		return err
	}
	ranges, err := s.at(at).Ranges(ctx, client.Query{Keyspace: demoKeyspace})
	if err == nil {
		s.keyMap(ranges, liveness)
	}
	return err
}

// everywhere waits until every node answers for key with the same servers.
func (s *demoStory) everywhere(ctx context.Context, key, want string, names ...string) error {
	for _, name := range names {
		if err := s.holds(ctx, name, key, want); err != nil {
			return err
		}
	}
	return nil
}

// holds waits until a node answers for key with the servers want.
func (s *demoStory) holds(ctx context.Context, name, key, want string) error {
	got := ""
	err := eventually(ctx, fmt.Sprintf("%s answers %q with %s", name, key, want), func() (bool, error) {
		found, err := s.at(name).Lookup(ctx, demoKeyspace, key, "")
		got = serversText(found.Servers)
		return got == want, err
	})
	if err != nil {
		return fmt.Errorf("%w; it last answered %q", err, got)
	}
	s.line("  %s  lookup %s: %s", name, key, got)
	return nil
}

func serversText(servers []wire.Server) string {
	texts := make([]string, len(servers))
	for i, x := range servers {
		texts[i] = fmt.Sprintf("%s:%d", x.Node, x.Priority)
	}
	return strings.Join(texts, " ")
}

// demoBounds returns a range of the story; an empty to is unbounded.
func demoBounds(from, to string) wire.Bounds {
	if to == "" {
		return wire.Bounds{From: from}
	}
	return wire.Bounds{From: from, To: &to}
}

func flagsOf(from, to string) string {
	if to == "" {
		return fmt.Sprintf("%-15s", "--from "+from)
	}
	return fmt.Sprintf("%-15s", "--from "+from+" --to "+to)
}
