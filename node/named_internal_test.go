package node

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// numberedReplica returns one of many replicas whose ids look drawn.
func numberedReplica(i int) (r crdt.ReplicaID) {
	hash := delta.Sum{}.WithSeen(crdt.ReplicaID{1}, 0, uint64(i+1)).Bytes()
	copy(r[:], hash[:])
	return r
}

// retiredContext returns the context of some replicas that are gone.
func retiredContext(replicas int) crdt.Context {
	c := crdt.NewContext()
	for i := range replicas {
		c[numberedReplica(1_000_000+i)] = uint64(i + 1)
	}
	return c
}

// seenBy returns the routing of a node that has seen a context.
func seenBy(c crdt.Context) *routing {
	r := newRouting()
	r.reload()
	r.loaded("n1", c.Clone())
	return r
}

// TestToken_Bytes counts the characters of tokens; they are exact. Those of the
// replicas that have retired do not show.
func TestToken_Bytes(t *testing.T) {
	for _, test := range []struct {
		retired, active int
		sequence        uint64
		want            int
	}{
		{0, 1, 23, 27}, {0, 5, 1 << 31, 155}, {27, 5, 1 << 31, 846},
		{28, 5, 1 << 31, 178}, {10_000, 1, 23, 50}, {10_000, 5, 1 << 16, 178}, {10_000, 5, 1<<32 - 1, 178}, {10_000, 5, 1 << 40, 204},
		{10_000, 50, 1 << 31, 1559}, {100_000, 5, 1 << 31, 178},
	} {
		c := retiredContext(test.retired)
		var listed []crdt.ReplicaID
		for i := range test.active {
			listed = append(listed, numberedReplica(i))
			c[listed[i]] = test.sequence
		}
		text := tokenOf(c, delta.HashContext(c), listed, nil).String()
		if len(text) != test.want {
			t.Errorf("%d retired and %d active at %d: %d characters, want %d", test.retired, test.active, test.sequence, len(text), test.want)
		}
		if bound := 28 + 36*test.active; len(c) > tokenWholeMax && len(text) > bound {
			t.Errorf("%d retired and %d active at %d: %d characters, more than %d", test.retired, test.active, test.sequence, len(text), bound)
		}
		token, err := ParseToken(text)
		if err != nil {
			t.Fatal(err)
		}
		n := &Node{routing: seenBy(c)}
		if got, err := n.Resolve(t.Context(), token); err != nil || !got.Equal(c) {
			t.Errorf("%d retired and %d active: it stands for another context: %v", test.retired, test.active, err)
		}
	}
}

// TestToken_Bytes_WholeHasABound: what goes whole is short, whatever is in it.
func TestToken_Bytes_WholeHasABound(t *testing.T) {
	c := crdt.NewContext()
	for i := range tokenWholeMax {
		c[numberedReplica(i)] = 1 << 62
	}
	if got := len(tokenOf(c, delta.HashContext(c), nil, nil).String()); got != 1155 {
		t.Errorf("%d characters, not 1155", got)
	}
}

// TestToken_ListsWhoWroteLast: members first, then a few others of whom more may
// be on its way, the last ones.
func TestToken_ListsWhoWroteLast(t *testing.T) {
	c := retiredContext(100)
	members := []crdt.ReplicaID{numberedReplica(0), numberedReplica(1)}
	c[members[0]] = 7 // the other has written nothing
	r := newRouting()
	for i := range 40 {
		r.show(&delta.Effects{Context: crdt.Context{numberedReplica(1_000_000 + i): 1}}, prepared{})
	}
	for _, late := range []crdt.ReplicaID{numberedReplica(1_000_020), numberedReplica(5), members[0]} {
		r.show(&delta.Effects{Context: crdt.Context{late: 9}}, prepared{})
	}
	r.show(&delta.Effects{Context: retiredContext(recentMax + 1)}, prepared{}) // a whole state
	if len(r.mu.recent) != recentMax {
		t.Errorf("%d are remembered", len(r.mu.recent))
	}
	want := crdt.Context{members[0]: 7}
	for _, i := range []int{20, 39, 38, 37} { // that of number 5 is not in the context
		want[numberedReplica(1_000_000+i)] = uint64(i + 1)
	}
	if got := tokenOf(c, delta.HashContext(c), members, r.mu.recent); !got.entries.Equal(want) {
		t.Errorf("listed are %s, want %s", got.entries, want)
	}
}

// TestNode_ListReplicas: all members that live, and of the others those that
// went last.
func TestNode_ListReplicas(t *testing.T) {
	n := &Node{routing: newRouting()}
	var members []gossip.Member
	for i := range 30 {
		m := gossip.Member{Name: fmt.Sprint(i), Meta: gossip.Meta{Replica: numberedReplica(i)}, Liveness: gossip.Alive, Since: time.Unix(int64(i), 0)}
		if i >= 12 {
			m.Liveness = gossip.Dead
		}
		members = append(members, m)
	}
	n.routing.mu.nodes = map[string]delta.NodeRecord{ // known by their records alone, or no members at all
		"a": {Name: "a", Gossip: "a:1", Dot: crdt.Dot{Replica: numberedReplica(100)}}, "b": {Name: "b", Dot: crdt.Dot{Replica: numberedReplica(101)}},
		"c": {Name: "c", Gossip: "c:1", Retired: true, Dot: crdt.Dot{Replica: numberedReplica(102)}},
	}
	for _, test := range []struct {
		known int
		gone  []int
	}{{30, []int{29, 28, 27, 26, 25, 24, 23, 22}}, {14, []int{13, 12, 100}}} {
		n.listReplicas(members[:test.known])
		var want []crdt.ReplicaID
		for i := range 12 {
			want = append(want, numberedReplica(i))
		}
		for _, i := range test.gone {
			want = append(want, numberedReplica(i))
		}
		if got := *n.memberReplicas.Load(); !slices.Equal(got, want) {
			t.Errorf("of %d members %d are listed: %v", test.known, len(got), got)
		}
	}
}

// TestRouting_Meet_KnowsWhomOnlyARecordTells: a member draws another id, which
// its record tells before gossip does. A token from before is understood all the
// same, and one from now lists it. Of one that is gone the record is old news:
// what it has seen last may be part of a token.
func TestRouting_Meet_KnowsWhomOnlyARecordTells(t *testing.T) {
	then := retiredContext(40)
	former, now, gone := numberedReplica(1), numberedReplica(2), numberedReplica(1_000_000)
	then[former] = 5
	token := tokenOf(then, delta.HashContext(then), []crdt.ReplicaID{former}, nil)

	later := then.Clone()
	later[now] = 1
	n := &Node{routing: seenBy(later)}
	n.routing.mu.nodes = map[string]delta.NodeRecord{
		"n2":  {Name: "n2", Gossip: "a:1", Dot: crdt.Dot{Replica: now, Sequence: 1}},
		"old": {Name: "old", Gossip: "a:2", Dot: crdt.Dot{Replica: gone, Sequence: 1}},
	}
	members := []gossip.Member{
		{Name: "n2", Meta: gossip.Meta{Replica: former}, Liveness: gossip.Alive},
		{Name: "old", Meta: gossip.Meta{Replica: gone}, Liveness: gossip.Dead},
	}
	if got, ok := n.routing.find(token, n.routing.meet([]crdt.ReplicaID{former}, members)); !ok || !got.Equal(then) {
		t.Errorf("it is understood as %s: %t", got, ok)
	}
	n.listReplicas(members)
	if got, want := *n.memberReplicas.Load(), []crdt.ReplicaID{former, now, gone}; !slices.Equal(got, want) {
		t.Errorf("listed are %v, want %v", got, want)
	}
}

// TestRouting_Find_UnderstandsNothingElse (T1) lets a node go on, or be another
// one, since a token was given: what it makes of the token is what the token
// stands for, or nothing; and not nothing, as long as only members have written
// and others have come.
func TestRouting_Find_UnderstandsNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		then := retiredContext(40)
		var met, listed []crdt.ReplicaID
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			listed = append(listed, numberedReplica(i))
			then.Advance(listed[i], rapid.Uint64Range(0, 3).Draw(t, "written"))
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "met of the retired") {
			met = append(met, numberedReplica(1_000_000+i))
		}
		met = append(met, listed...)
		token := tokenOf(then, delta.HashContext(then), listed, nil)

		now, understood := then.Clone(), true
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			switch r := numberedReplica(rapid.IntRange(0, 9).Draw(t, "replica")); rapid.SampledFrom([]string{"write", "write", "write", "lose", "late"}).Draw(t, "step") {
			case "write": // a member, or one that has come since
				if now.Get(r) == 0 {
					met = append(met, r)
				}
				now[r] += rapid.Uint64Range(1, 3).Draw(t, "events")
			case "lose": // it is another node, that has not seen all
				delete(now, numberedReplica(1_000_000+rapid.IntRange(0, 39).Draw(t, "retired")))
				understood = false
			case "late": // something of one that is gone
				now[numberedReplica(1_000_000+rapid.IntRange(0, 39).Draw(t, "retired"))]++
				understood = false
			}
		}
		got, ok := seenBy(now).find(token, met)
		if ok && !got.Equal(then) {
			t.Fatalf("the token of %s is understood as %s", then, got)
		}
		if !ok && understood {
			t.Fatalf("a node that has seen %s and met %v does not understand the token of %s", now, met, then)
		}
	})
}

// TestRouting_Find_TamperedIsUnknown changes every bit of a token.
func TestRouting_Find_TamperedIsUnknown(t *testing.T) {
	c := retiredContext(40)
	listed := []crdt.ReplicaID{numberedReplica(0), numberedReplica(1), numberedReplica(1_000_000)}
	for i, r := range listed {
		c[r] = uint64(1000 * (i + 1))
	}
	r, read := seenBy(c), 0
	good, err := base64.RawURLEncoding.DecodeString(tokenOf(c, delta.HashContext(c), listed, nil).String())
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(good) {
		b := append([]byte(nil), good...)
		b[bit/8] ^= 1 << (bit % 8)
		token, err := ParseToken(base64.RawURLEncoding.EncodeToString(b))
		if err != nil {
			continue
		}
		read++
		if got, ok := r.find(token, c.Replicas()); ok {
			t.Errorf("with bit %d changed it is understood as %s", bit, got)
		}
	}
	if read < 128 {
		t.Errorf("only %d of them could be read", read)
	}
}

// TestRouting_Show_KeepsTheHash: the hash is that of the context, at the start
// and after commits.
func TestRouting_Show_KeepsTheHash(t *testing.T) {
	n := openAlone(t, Options{})
	for i := range 3 {
		if n.routing.mu.contextHash != delta.HashContext(n.Context()) || n.Context().Get(n.Replica()) == 0 {
			t.Errorf("after %d writes the hash is another", i)
		}
		increase(t, n, fmt.Sprint(i))
	}
}

// TestNode_Token_AllocatesNothingThatGrows: a lookup's token costs the same
// however many replicas there were.
func TestNode_Token_AllocatesNothingThatGrows(t *testing.T) {
	n := openAlone(t, Options{})
	for _, retired := range []int{100, 10_000} {
		n.routing.mu.Lock()
		n.routing.mu.context = retiredContext(retired)
		n.routing.mu.context[n.Replica()] = 7
		n.routing.mu.Unlock()
		if got := testing.AllocsPerRun(100, func() { _ = n.Token() }); got > 4 {
			t.Errorf("with %d replicas a token takes %v allocations", retired, got)
		}
	}
}

// BenchmarkToken is what a lookup's token costs a node that knows ten thousand
// replicas, and what it would cost to send the whole context.
func BenchmarkToken(b *testing.B) {
	n := openAlone(b, Options{})
	c := retiredContext(10_000)
	c[n.Replica()] = 7
	n.routing.mu.Lock()
	n.routing.mu.context, n.routing.mu.contextHash = c, delta.HashContext(c)
	n.routing.mu.Unlock()
	for name, token := range map[string]func() Token{
		"named": n.Token,
		"whole": func() Token { return WholeToken(n.Context()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = len(token().String())
			}
			b.ReportMetric(float64(size), "characters")
		})
	}
}
