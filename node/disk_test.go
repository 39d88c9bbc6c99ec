package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// withDisk returns options for a node on a disk that can be broken.
func withDisk(d *disk) node.Options {
	var o node.Options
	o.SetDisk(d.commit)
	o.SetDiskRetry(10 * time.Millisecond)
	return o
}

// startWrites begins writes while a commit waits at the gate, and returns where
// their errors come.
func startWrites(n *node.Node, d *disk, batches ...[]delta.Operation) []chan error {
	<-d.waiting
	answers := make([]chan error, len(batches))
	for i, batch := range batches {
		answers[i] = make(chan error, 1)
		go func() {
			_, err := n.Write(context.Background(), batch)
			answers[i] <- err
		}()
	}
	return answers
}

func TestNode_Write_DiskFaultFailsAllThatWait(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, withDisk(d), "n1")
	n1, before := c.nodes["n1"], claimOf("n1", "a", "m")
	c.write("n1", register(before, 5))
	goOn := d.stop()
	first := make(chan error, 1)
	go func() {
		_, err := n1.Write(context.Background(), []delta.Operation{register(claimOf("n1", "m", "n"), 1)})
		first <- err
	}()
	var batches [][]delta.Operation
	for i := range 20 {
		key := fmt.Sprintf("n%02d", i)
		batches = append(batches, []delta.Operation{register(claimOf("n1", key, key+"~"), 1), {Verb: delta.VerbRelease, Claim: before}})
	}
	answers := append(startWrites(n1, d, batches...), first)
	d.fail(errDisk, nil)
	goOn()
	for i, answer := range answers {
		if err := <-answer; !errors.Is(err, node.ErrUnavailable) || !errors.Is(err, errDisk) {
			t.Errorf("writer %d was answered %v", i, err)
		}
	}
	if got := n1.Lookup("default", "m").Servers; len(got) != 0 {
		t.Errorf("lookups show what failed: %v", got)
	}
	c.eventually("the node is not ready and says why", func() bool {
		s, err := n1.Status()
		return err == nil && !s.Ready && len(s.NotReady) == 1 && s.Claims == 1
	})
	if _, _, err := n1.Claims(node.Filter{}); !errors.Is(err, node.ErrUnavailable) {
		t.Errorf("a listing is answered %v", err)
	}
	d.fail(nil, nil)
	c.eventually("it is ready again without a write", func() bool { s, err := n1.Status(); return err == nil && s.Ready })
	if got := c.priority("n1", before); got != 5 {
		t.Errorf("after the fault it shows %d", got)
	}
	c.write("n1", register(claimOf("n1", "m", "z"), 6))
	if !c.logs["n1"].has("ERROR", "disk", errDisk.Error()) || !c.logs["n1"].has("INFO", "works again") {
		t.Errorf("the log says %q", c.logs["n1"].all)
	}
}

func TestNode_Lookup_AnswersAsBeforeWhileTheDiskIsAtFault(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, withDisk(d), "n1")
	n1, claim := c.nodes["n1"], claimOf("n1", "a", "m")
	c.write("n1", register(claim, 5), delta.Operation{Verb: delta.VerbRegister, Claim: keyspaceOf("other", claim), Amount: 1})
	tries := make(chan struct{}, 1)
	d.random(func() (before, after error) {
		select {
		case tries <- struct{}{}:
		default:
		}
		return errDisk, nil
	})
	if _, err := n1.Write(t.Context(), []delta.Operation{register(claim, 5)}); err == nil {
		t.Fatal("the disk did not fail")
	}
	for range 3 { // it loads everything anew each time
		select {
		case <-tries:
		case <-time.After(20 * time.Second):
			t.Fatal("it does not try again")
		}
		if got := n1.Lookup("default", "b").Servers; fmt.Sprint(got) != "[{n1 5}]" {
			t.Errorf("a lookup shows %v", got)
		}
		if got := fmt.Sprint(n1.Keyspaces()); got != "[{default 1 3} {other 1 3}]" {
			t.Errorf("the keyspaces are %s", got)
		}
		if nodes := n1.Nodes(); len(nodes) != 1 {
			t.Errorf("the nodes are %v", nodes)
		}
		if s, err := n1.Status(); err != nil || s.Claims != 2 {
			t.Errorf("the status is %+v, %v", s, err)
		}
	}
}

func TestNode_Write_ReachedTheDiskAndNobodyKnew(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, node.Options{}, "n1", "n2")
	c.stop("n1")
	c.options = withDisk(d)
	n1 := c.start("n1")
	c.meet()
	// Not its own: of these n1 would want history, and might meet the fault when
	// it takes a note of that, instead of the write.
	claim := claimOf("n9", "a", "m")
	w := watchNode(t, n1, node.WatchOptions{})
	w.eventually("it is whole", func(s shown) bool { return s.whole })
	c.spread("n1", c.write("n1", register(claim, 1)))

	// Where the node notes something at that moment, the note meets the fault, and
	// the write is refused without being on disk.
	for attempts := 1; c.priority("n1", claim) == 1; attempts++ {
		if attempts > 5 {
			t.Fatal("what reached the disk is not found there")
		}
		d.fail(nil, errDisk)
		_, err := n1.Write(t.Context(), []delta.Operation{{Verb: delta.VerbIncrease, Claim: claim, Amount: 4}})
		if !errors.Is(err, node.ErrUnavailable) {
			t.Fatalf("it was answered %v", err)
		}
		if got := n1.Lookup("default", "b").Servers; fmt.Sprint(got) != "[{n9 1}]" {
			t.Errorf("lookups show what was not acknowledged: %v", got)
		}
		if got := c.priority("n2", claim); got != 1 {
			t.Errorf("n2 was told what was not acknowledged: %d", got)
		}
		d.fail(nil, nil)
		c.eventually("n1 is ready again", func() bool { return c.status("n1").Ready })
	}
	c.eventually("n1 and n2 show what was found on disk", func() bool {
		s, err := n1.Status()
		return err == nil && s.Ready && c.priority("n1", claim) == 5 && c.priority("n2", claim) == 5
	})
	if got := n1.Lookup("default", "b").Servers; fmt.Sprint(got) != "[{n9 5}]" {
		t.Errorf("lookups show %v after the fault", got)
	}
	c.write("n1", delta.Operation{Verb: delta.VerbIncrease, Claim: claim, Amount: 1})
	c.eventually("both are equal", c.equal)
	c.sameEvents("n1", "n2")
	w.eventually("the watch shows it all", func(s shown) bool { return s.claims[claim] == 6 && s.trimmed >= 1 })
}

func TestNode_Ready_AfterFaultMetByTheKeeper(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, withDisk(d), "n1")
	d.fail(errDisk, nil)
	c.options = node.Options{}
	c.start("n2") // whom n1 wants to remember, and n2's events
	c.eventually("n1 has met the fault", func() bool { s, err := c.nodes["n1"].Status(); return err == nil && !s.Ready })
	d.fail(nil, nil)
	c.eventually("n1 is ready again, and has remembered n2", func() bool {
		s, err := c.nodes["n1"].Status()
		known, err2 := c.nodes["n1"].Remembered()
		return err == nil && err2 == nil && s.Ready && len(known) == 1
	})
	c.eventually("both are equal", c.equal)
}

func TestNode_Await_OutlivesTheCoreItWasAskedOf(t *testing.T) {
	d := newDisk()
	c := newClusterWith(t, node.Options{}, "n1", "n2")
	c.stop("n1")
	c.options = withDisk(d)
	n1 := c.start("n1")
	c.meet()
	c.write("n1", register(claimOf("n1", "a", "b"), 1)) // its identity is known from here on
	c.network.Cut("n1", "n2")
	w := c.write("n1", register(claimOf("n1", "a", "m"), 1))
	answer := make(chan node.Awaited, 1)
	go func() {
		got, err := n1.Await(t.Context(), w.Token(), node.Members{All: true})
		if err != nil {
			t.Error(err)
		}
		answer <- got
	}()
	d.fail(errDisk, nil)
	n1.Write(t.Context(), []delta.Operation{register(claimOf("n1", "m", "n"), 1)})
	d.fail(nil, nil)
	c.eventually("n1 has recovered", func() bool {
		s, err := n1.Status()
		return err == nil && !strings.Contains(strings.Join(s.NotReady, " "), "writes are refused")
	})
	c.network.HealAll()
	select {
	case got := <-answer:
		if fmt.Sprint(got) != "{[n1 n2] []}" {
			t.Errorf("it returned %v", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("the question was forgotten")
	}
}
