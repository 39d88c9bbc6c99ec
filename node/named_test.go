package node_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
)

// tokenCharactersMax bounds a token where a few members live and many replicas
// have retired: it lists them, and perhaps some that have just gone. What
// tokens have exactly, TestToken_Bytes counts.
const tokenCharactersMax = 300

// age makes the directory of a node that has yet to start one that has seen
// many replicas retire.
func (c *cluster) age(name string, retired int) {
	c.t.Helper()
	o := store.Options{Cluster: c.t.Name(), Node: name}
	err := store.Load(filepath.Join(c.dir, name), o, func(l *store.Loader) error {
		for i := range retired {
			r := crdt.ReplicaID{0xee}
			binary.BigEndian.PutUint64(r[8:], uint64(i))
			if err := l.Seen(r, uint64(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// handedOut is a token that went through somebody's hands, and what it stands
// for.
type handedOut struct {
	token   node.Token
	context crdt.Context
}

// token has a node hand out a token, and requires that it is short.
func (c *cluster) token(at string) (out handedOut) {
	c.t.Helper()
	n := c.nodes[at]
	c.eventually("nothing is written while a token is taken", func() bool {
		before := n.Context()
		out = handedOut{n.Token(), n.Context()}
		return before.Equal(out.context)
	})
	text := out.token.String()
	if len(text) > tokenCharactersMax {
		c.t.Errorf("a token of %d characters, at most %d are wanted", len(text), tokenCharactersMax)
	}
	var err error
	if out.token, err = node.ParseToken(text); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// understands requires that a node understands a token as what it stands for.
func (c *cluster) understands(at string, h handedOut) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	if got, err := c.nodes[at].Resolve(ctx, h.token); err != nil || !got.Equal(h.context) {
		c.t.Errorf("%s understands a token of %d replicas as of %d: %v", at, len(h.context), len(got), err)
	}
}

// TestNode_Token_IsUnderstoodOnEveryNode has tokens outlive what happens in a
// cluster: writes, a restart of who handed them out, members that come and go.
func TestNode_Token_IsUnderstoodOnEveryNode(t *testing.T) {
	const retired = 10_000
	c := newCluster(t)
	c.age("n1", retired)
	c.age("n2", retired)
	c.start("n1")
	c.start("n2")
	c.meet()
	c.eventually("n1 and n2 are equal", c.equal)
	tokens := []handedOut{c.token("n1"), c.token("n2")}
	whole, err := node.ParseToken(node.WholeToken(tokens[0].context).String()) // as versions before did
	if err != nil {
		t.Fatal(err)
	}
	tokens = append(tokens, handedOut{whole, tokens[0].context})
	everywhere := func() {
		t.Helper()
		for _, h := range tokens {
			for name := range c.nodes {
				c.understands(name, h)
			}
		}
	}
	everywhere()
	c.spread("n1", c.write("n1", register(numbered(1), 1)))
	c.spread("n2", c.write("n2", register(numbered(2), 1)))
	everywhere()
	tokens = append(tokens, c.token("n1"))
	beforeN3 := len(tokens)

	c.start("n3") // which has seen none of those who retired
	c.meet()
	c.spread("n3", c.write("n3", register(numbered(3), 1)))
	everywhere()
	tokens = append(tokens, c.token("n3"))

	c.stop("n1")
	c.spreadTo("n2", c.write("n2", register(numbered(4), 1)), 2)
	tokens = append(tokens, c.token("n2"))
	c.start("n1")
	c.meet()
	c.spread("n1", c.write("n1", register(numbered(5), 1)))
	everywhere()

	c.stop("n3")
	c.eventually("n3 is forgotten", func() bool {
		_, err := c.nodes["n1"].Forget(t.Context(), "n3", false)
		return err == nil
	})
	c.start("n4")
	c.eventually("all are equal", c.equal)
	c.stop("n2")
	c.start("n2")
	c.meet()
	// n4 has never met n3, which came and went: of the tokens from before that
	// it cannot know what was in them.
	for i, h := range tokens {
		c.understands("n1", h)
		c.understands("n2", h)
		if i >= beforeN3 || h.token.String() == whole.String() {
			c.understands("n4", h)
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if got, err := c.nodes["n4"].Resolve(ctx, h.token); err != node.ErrUnknownToken {
			t.Errorf("n4 understands a token of %d replicas as of %d: %v", len(h.context), len(got), err)
		}
	}
}

// TestNode_AwaitToken_AsksByName: who asks all members for a token says what
// differs, and not all that was ever seen.
func TestNode_AwaitToken_AsksByName(t *testing.T) {
	const retired = 10_000
	c := newCluster(t)
	for _, name := range []string{"n1", "n2", "n3"} {
		c.age(name, retired)
		c.start(name)
	}
	c.meet()
	c.spread("n1", c.write("n1", register(numbered(1), 1)))
	c.eventually("all are equal", c.equal)
	n1 := c.nodes["n1"]
	asked := func() uint64 { return n1.Counters().Protocol.Traffic[antientropy.TierOther].BytesOut }
	before := asked()
	c.write("n1", register(numbered(2), 1))
	got, err := n1.AwaitToken(t.Context(), n1.Token(), node.Members{All: true})
	if err != nil || fmt.Sprint(got) != "{[n1 n2 n3] []}" {
		t.Errorf("it returned %v: %v", got, err)
	}
	c.eventually("it is counted what was asked", func() bool { return asked() > before })
	// How often it is repeated on a slow machine is no matter: each time, pages
	// would be 27 bytes for each replica and member.
	if n := asked() - before; n >= 27*retired {
		t.Errorf("%d bytes were sent", n)
	} else {
		t.Logf("%d bytes were sent", n)
	}
}

// TestNode_Token_ListsWhoMayComeBack: of a member that is down when a token is
// handed out, what it writes when it is back is not missing from the token.
func TestNode_Token_ListsWhoMayComeBack(t *testing.T) {
	c := newCluster(t)
	c.age("n1", 100)
	c.start("n1")
	c.start("n2")
	c.meet()
	c.eventually("both are equal", c.equal)
	c.stop("n2")
	c.eventually("n1 lists n2 as gone", func() bool { return allAlive(c.nodes["n1"], 1) })
	tokens := []handedOut{c.token("n1")}
	c.stop("n1")
	c.start("n1") // knows n2 by its record
	tokens = append(tokens, c.token("n1"))
	c.start("n2")
	c.meet()
	c.spread("n2", c.write("n2", register(numbered(1), 1)))
	for _, h := range tokens {
		c.understands("n1", h)
		c.understands("n2", h)
	}
}

// TestNode_Watch_NamedTokens_ResumeOnAnotherNode resumes from every token that a
// watch shows, here and there.
func TestNode_Watch_NamedTokens_ResumeOnAnotherNode(t *testing.T) {
	c := newCluster(t)
	c.age("n1", 100)
	c.age("n2", 100)
	c.start("n1")
	c.start("n2")
	c.meet()
	c.eventually("both are equal", c.equal)
	have := watchNode(t, c.nodes["n1"], node.WatchOptions{}).endsAt(func(s shown) bool { return s.whole })
	for i := range 4 {
		at, other := "n1", "n2"
		if i%2 > 0 {
			at, other = other, at
		}
		c.spread(other, c.write(other, register(numbered(i), 1)))
		if len(have.token.String()) > tokenCharactersMax {
			t.Errorf("a token of %d characters", len(have.token.String()))
		}
		token, err := node.ParseToken(have.token.String())
		if err != nil {
			t.Fatal(err)
		}
		w := watchFrom(t, c.nodes[at], node.WatchOptions{Token: token}, have, nil)
		w.eventually("it shows what it missed", func(s shown) bool { return maps.Equal(s.claims, c.claimsOf(at, node.Filter{})) })
		written := c.write(other, register(numbered(100+i), 1)) // and a bookmark of what is shown live
		have = w.endsAt(func(s shown) bool { return covers(t, c.nodes[at], s.token, written.Token()) })
		if have.trimmed > 0 {
			t.Fatal("it has begun anew")
		}
	}
}

// endsAt stops a watch when something is shown, and returns what is.
func (w *watching) endsAt(isSo func(shown) bool) shown {
	w.t.Helper()
	w.eventually("it is shown", isSo)
	return w.stop()
}

// strange returns a token of a context that nobody holds, but for its list.
func strange(t *testing.T, entries crdt.Context) node.Token {
	t.Helper()
	token, err := node.ParseToken(namedText(0x5a, entries))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestNode_Token_Unknown: who cannot understand a token says so, and why; who
// watches is shown everything.
func TestNode_Token_Unknown(t *testing.T) {
	var o node.Options
	o.SetCatchUp(20 * time.Millisecond)
	c := newClusterWith(t, o, "n1")
	n1 := c.nodes["n1"]
	written := c.write("n1", register(numbered(1), 1))
	unknown, late := strange(t, written.Token()), strange(t, crdt.Context{{7}: 1})
	for name, test := range map[string]struct {
		token node.Token
		want  error
	}{"unknown": {unknown, node.ErrUnknownToken}, "late": {late, node.ErrBehind}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if got, err := n1.Resolve(ctx, test.token); err != test.want {
			t.Errorf("%s: it is understood as %v: %v", name, got, err)
		}
		if err := n1.Reach(ctx, test.token); err != test.want {
			t.Errorf("%s: it is reached: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := n1.AwaitToken(ended, late, node.Members{N: 1}); err != nil || fmt.Sprint(got) != "{[] [n1]}" {
		t.Errorf("a wait ends with %v: %v", got, err)
	}
	if got, err := n1.AwaitToken(ended, unknown, node.Members{N: 1}); err != node.ErrUnknownToken {
		t.Errorf("a wait ends with %v: %v", got, err)
	}
	if got, err := n1.AwaitToken(t.Context(), node.WholeToken(written.Token()), node.Members{All: true}); err != nil || fmt.Sprint(got) != "{[n1] []}" {
		t.Errorf("a wait for a write ends with %v: %v", got, err)
	}
	if err := n1.Watch(ended, node.WatchOptions{Token: unknown}, func(node.WatchEvent) error { return errors.New("a line") }); err != nil {
		t.Errorf("a watch that was ended shows something: %v", err)
	}
	if err := n1.Watch(t.Context(), node.WatchOptions{Token: late}, nil); err != node.ErrBehind {
		t.Errorf("a watch of a node that is late: %v", err)
	}
	s := watchNode(t, n1, node.WatchOptions{Token: unknown}).endsAt(func(s shown) bool { return s.whole })
	if s.trimmed != 1 || !maps.Equal(s.claims, c.claimsOf("n1", node.Filter{})) {
		t.Errorf("a watch shows %v, beginning anew %d times", s.claims, s.trimmed)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := n1.Resolve(context.Background(), unknown)
		waits <- err
	}()
	c.stop("n1")
	if err := <-waits; err != node.ErrClosed {
		t.Errorf("who waits is told %v when the node stops", err)
	}
}

// TestNode_Token_WaitsUntilTheNodeHasSeenAsMuch resolves a token on a node that
// lacks some of those who retired, while it cannot get them and when it can.
func TestNode_Token_WaitsUntilTheNodeHasSeenAsMuch(t *testing.T) {
	c := newCluster(t)
	c.age("n1", 100)
	c.age("n2", 90)
	c.start("n1")
	h := c.token("n1")
	c.seed = "" // they are to meet when it is time
	c.start("n2")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if got, err := c.nodes["n2"].Resolve(ctx, h.token); err != node.ErrBehind {
		t.Errorf("n2 understands what it has not seen as %v: %v", got, err)
	}
	if got, err := c.nodes["n2"].AwaitToken(ctx, h.token, node.Members{N: 1}); err != nil || fmt.Sprint(got) != "{[] [n2]}" {
		t.Errorf("a wait ends with %v: %v", got, err)
	}
	understood := make(chan struct{})
	go func() {
		defer close(understood)
		c.understands("n2", h)
	}()
	if _, err := c.nodes["n2"].Join(t.Context(), []string{c.addresses["n1"]}); err != nil {
		t.Error(err)
	}
	<-understood
	if got, err := c.nodes["n2"].AwaitToken(t.Context(), h.token, node.Members{All: true}); err != nil || fmt.Sprint(got) != "{[n1 n2] []}" {
		t.Errorf("a wait ends with %v: %v", got, err)
	}
	if err := c.nodes["n2"].Reach(t.Context(), h.token); err != nil {
		t.Error(err)
	}
}

// TestNode_Claims_TokenIsOfTheInstant: listings and status hand out short tokens
// too.
func TestNode_Claims_TokenIsOfTheInstant(t *testing.T) {
	c := newCluster(t)
	c.age("n1", 100)
	n1 := c.start("n1")
	w := c.write("n1", register(numbered(1), 1))
	_, listed, err := n1.Claims(node.Filter{})
	s, err2 := n1.Status()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, token := range []node.Token{listed, s.Token} {
		if !covers(t, n1, token, w.Token()) || len(token.String()) > tokenCharactersMax {
			t.Errorf("the token %s does not cover the write", token)
		}
	}
	if got, err := n1.Resolve(t.Context(), s.Token); err != nil || !got.Equal(s.Context) {
		t.Errorf("the token of a status stands for another context: %v", err)
	}
	if fmt.Sprint(node.WholeToken(w.Token())) != fmt.Sprint(node.WholeToken(delta.Delta{Origin: n1.Replica(), First: w.Token()[n1.Replica()], Events: make([]delta.Event, 1)}.Context())) {
		t.Error("a write's token names more than its own dots")
	}
}
