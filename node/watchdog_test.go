package node_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// TestNode_Stall_EndsTheNode: a committer that stands still ends the node,
// which says where it stood, and answers everybody who waits.
func TestNode_Stall_EndsTheNode(t *testing.T) {
	stalls := make(chan *node.Stall, 1)
	c := newClusterWith(t, node.Options{StallAfter: 200 * time.Millisecond, OnStall: func(s *node.Stall) { stalls <- s }}, "n1")
	n1, entered, release := c.nodes["n1"], make(chan struct{}), make(chan struct{})
	answered := make(chan error, 2)
	go func() {
		answered <- n1.CommitStep(t.Context(), func() {
			close(entered)
			standStill(release)
		})
	}()
	<-entered
	go func() {
		_, err := n1.Write(context.Background(), []delta.Operation{register(claimOf("n1", "a", "b"), 1)})
		answered <- err
	}()
	select {
	case <-n1.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the node goes on")
	}
	if err := n1.Err(); !errors.Is(err, node.ErrStalled) || !strings.Contains(err.Error(), "committer") {
		t.Errorf("it ended with %v", err)
	}
	if s := <-stalls; s.Loop != "committer" || !strings.Contains(string(s.Stacks), "standStill") {
		t.Errorf("stalled is the %s; the stacks do not show where:\n%s", s.Loop, s.Stacks)
	}
	if !c.logs["n1"].has("ERROR", "stalled", "committer") {
		t.Errorf("the log says %q", c.logs["n1"].above())
	}
	for range 2 {
		if err := <-answered; !errors.Is(err, node.ErrStalled) {
			t.Errorf("who waited is told %v", err)
		}
	}
	if err := n1.Close(); !errors.Is(err, node.ErrStalled) {
		t.Errorf("close after the end: %v", err)
	}
	delete(c.nodes, "n1")
	close(release)
}

func standStill(until <-chan struct{}) { <-until }

// TestNode_Stall_ProtocolToo: the other loop is watched as well.
func TestNode_Stall_ProtocolToo(t *testing.T) {
	c := newClusterWith(t, node.Options{StallAfter: 200 * time.Millisecond}, "n1")
	n1, release := c.nodes["n1"], make(chan struct{})
	looked := make(chan error)
	go func() { looked <- n1.LookAtCore(func() { standStill(release) }) }()
	if err := <-looked; !errors.Is(err, node.ErrStalled) || !strings.Contains(err.Error(), "protocol") {
		t.Errorf("who waited is told %v", err)
	}
	if !c.logs["n1"].has("ERROR", "stalled", "protocol", "standStill") {
		t.Error("the log does not show where")
	}
	<-n1.Done()
	delete(c.nodes, "n1")
	close(release)
}

// TestNode_SlowDisk_IsToldAndEndsNothing: as long as the disk holds up a
// transaction the node says so, serves lookups, and goes on when it is over.
func TestNode_SlowDisk_IsToldAndEndsNothing(t *testing.T) {
	o := node.Options{StallAfter: 100 * time.Millisecond}
	slow, release := make(chan struct{}), make(chan struct{})
	o.SetDisk(func(commit func() error) error {
		select {
		case <-slow:
			<-release
		default:
		}
		return commit()
	})
	c := newClusterWith(t, o, "n1")
	n1, claim := c.nodes["n1"], claimOf("n1", "a", "b")
	close(slow)
	written := make(chan error)
	go func() {
		_, err := n1.Write(context.Background(), []delta.Operation{register(claim, 7)})
		written <- err
	}()
	told := func(times int) bool {
		n := 0
		for _, line := range c.logs["n1"].above() {
			if strings.Contains(line, "the disk does not answer") {
				n++
			}
		}
		return n >= times
	}
	c.eventually("it is told again and again", func() bool { return told(3) })
	if got := n1.Lookup("default", "a").Servers; len(got) != 0 {
		t.Errorf("what is not durable is shown: %v", got)
	}
	if s, err := n1.Status(); err != nil || s.Ready || !strings.Contains(strings.Join(s.NotReady, ";"), "the disk does not answer") {
		t.Errorf("its status is %+v, %v", s, err)
	}
	close(release)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	c.eventually("it is ready again, and says so", func() bool {
		s, err := n1.Status()
		return err == nil && s.Ready && c.logs["n1"].has("the disk answers again")
	})
	if n1.Err() != nil || c.priority("n1", claim) != 7 {
		t.Errorf("it says %q, ended with %v", c.logs["n1"].above(), n1.Err())
	}
}

// stuckLog is a log that stops at its first error, with all its writers, until
// it is released.
type stuckLog struct {
	slog.Handler
	stuck, release chan struct{}
	once           *sync.Once
}

func (l stuckLog) Enabled(context.Context, slog.Level) bool { return true }
func (l stuckLog) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l stuckLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		l.once.Do(func() { close(l.stuck) })
	}
	select {
	case <-l.stuck:
		<-l.release
	default:
	}
	return nil
}

// TestNode_Stall_EndsThoughTheLogIsStuck: neither the line about a slow disk
// nor that about the stall holds up the watchdog.
func TestNode_Stall_EndsThoughTheLogIsStuck(t *testing.T) {
	log := stuckLog{stuck: make(chan struct{}), release: make(chan struct{}), once: &sync.Once{}}
	slow, answers := make(chan struct{}), make(chan struct{})
	o := node.Options{StallAfter: 100 * time.Millisecond, DataDir: t.TempDir(), Node: "n1", Gossip: "127.0.0.1:0", Logger: slog.New(log)}
	o.SetDisk(func(commit func() error) error {
		select {
		case <-slow:
			<-answers
		default:
		}
		return commit()
	})
	n1, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	close(slow)
	written := make(chan error)
	go func() {
		_, err := n1.Write(context.Background(), []delta.Operation{register(claimOf("n1", "a", "b"), 7)})
		written <- err
	}()
	<-log.stuck
	close(answers)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	release, answered := make(chan struct{}), make(chan error, 1)
	go func() {
		answered <- n1.CommitStep(context.Background(), func() { standStill(release) })
	}()
	select {
	case <-n1.Done():
	case <-time.After(20 * time.Second):
		t.Error("the node goes on")
	}
	if err := n1.Err(); !errors.Is(err, node.ErrStalled) {
		t.Errorf("it ended with %v", err)
	}
	close(log.release)
	close(release)
	<-answered
	_ = n1.Close()
}
