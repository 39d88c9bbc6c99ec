package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/node"
)

// await waits for a while.
func await(t *testing.T, n *node.Node, w node.Written, m node.Members, atMost time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	got, err := n.Await(ctx, w.Token(), m)
	if err != nil {
		t.Errorf("await: %v", err)
	}
	return fmt.Sprint(got)
}

func TestNode_Await_CountsAndNamesWhoIsMissing(t *testing.T) {
	const long, short = 20 * time.Second, 200 * time.Millisecond
	c := newCluster(t, "n1", "n2", "n3")
	c.eventually("n1 knows all by their records", func() bool { return len(c.nodes["n1"].Nodes()) == 3 })
	c.stop("n3")
	n1, n2 := c.nodes["n1"], c.nodes["n2"]
	w := c.write("n1", register(claimOf("n1", "a", "m"), 7))
	if got := await(t, n1, w, node.Members{N: 2}, long); got != "{[n1 n2] [n3]}" {
		t.Errorf("two of three: %s", got)
	}
	if got := await(t, n1, w, node.Members{All: true}, short); got != "{[n1 n2] [n3]}" {
		t.Errorf("all, one of them dead: %s", got)
	}
	if got := await(t, n1, w, node.Members{N: 1}, long); got != "{[n1] [n2 n3]}" {
		t.Errorf("itself: %s", got)
	}
	c.network.Cut("n1", "n2")
	w = c.write("n1", register(claimOf("n1", "m", "z"), 7))
	if got := await(t, n2, w, node.Members{N: 1}, short); got != "{[] [n1 n2 n3]}" {
		t.Errorf("a token that n2 does not know: %s", got)
	}
	if got := await(t, n1, node.Written{}, node.Members{All: true}, short); got != "{[n1] [n2 n3]}" {
		t.Errorf("nothing, of those who cannot be asked: %s", got)
	}
	answer := make(chan string, 1)
	go func() { answer <- await(t, n1, w, node.Members{All: true}, long) }()
	c.network.HealAll()
	c.start("n3")
	if got := <-answer; got != "{[n1 n2 n3] []}" {
		t.Errorf("once all are back: %s", got)
	}
}

// TestNode_Await_AsksWhoWasNotKnownYet waits for a member that is known by its
// record alone: a restarted node has not met it again.
func TestNode_Await_AsksWhoWasNotKnownYet(t *testing.T) {
	c := newClusterWith(t, node.Options{IdentityWait: time.Millisecond}, "n1", "n2")
	c.eventually("both are equal", c.equal)
	c.stop("n2")
	c.stop("n1")
	n1 := c.start("n1")
	w := c.write("n1", register(claimOf("n1", "a", "m"), 7))
	answer := make(chan string, 1)
	go func() { answer <- await(t, n1, w, node.Members{All: true}, 20*time.Second) }()
	until(t, "n1 waits", func() bool { return n1.Questions() == 1 })
	c.start("n2")
	if got := <-answer; got != "{[n1 n2] []}" {
		t.Errorf("it returned %s", got)
	}
	until(t, "nothing is left of it", func() bool { return n1.Questions() == 0 })
}

// until waits for what goroutines bring about.
func until(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !isSo(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}
