package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// openAlone opens a node that is alone.
func openAlone(t testing.TB, o Options) *Node {
	t.Helper()
	o.DataDir, o.Node, o.Gossip = t.TempDir(), "n1", "127.0.0.1:0"
	n, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func claimAt(from string) ranges.Claim {
	return ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: from, To: ranges.Before(from + "~")}}
}

func increase(t *testing.T, n *Node, from string) {
	t.Helper()
	if _, err := n.Write(t.Context(), []delta.Operation{{Verb: delta.VerbIncrease, Claim: claimAt(from), Amount: 1}}); err != nil {
		t.Fatal(err)
	}
}

// TestWatch_Drain_LeadsNotBackInTime has changes wait in the queue that the
// snapshot, or what is resumed, has already.
func TestWatch_Drain_LeadsNotBackInTime(t *testing.T) {
	n := openAlone(t, Options{})
	start := n.Context()
	for name, token := range map[string]bool{"snapshot": false, "resumed": true} {
		var lines []string
		w := &watch{node: n, emit: func(e WatchEvent) error {
			lines = append(lines, fmt.Sprint(e.Type, e.Claim.Priority))
			return nil
		}}
		if token {
			w.token = start
		}
		queue := n.watchers.subscribe()
		increase(t, n, "a")
		increase(t, n, "a")
		if err := w.begin(context.Background(), queue); err != nil {
			t.Fatal(err)
		}
		end := len(lines)
		increase(t, n, "a")
		if err := w.drain(context.Background(), queue); err != nil {
			t.Fatal(err)
		}
		n.watchers.unsubscribe(queue)
		_, _, err := n.Claims(Filter{})
		if got := strings.Join(lines[end:], " "); err != nil || len(lines) != end+1 {
			t.Errorf("%s: after %v it shows %q: %v", name, lines[:end], got, err)
		}
	}
}

// TestWatch_Begin_ResumesNotFromWhatIsAheadOfTheContext joins a range answer:
// the state then has effects of events that neither context nor log name.
func TestWatch_Begin_ResumesNotFromWhatIsAheadOfTheContext(t *testing.T) {
	n, other := openAlone(t, Options{}), openAlone(t, Options{})
	increase(t, n, "a")
	token := n.Context()
	increase(t, other, "b")
	answer := delta.Answer{Span: delta.ClaimSpan}
	err := other.View(func(v *store.View) error {
		answer.Context = v.Summary().Context.Clone()
		return v.Scan(answer.Span, func(e delta.Entry) error {
			answer.Entries = append(answer.Entries, e)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	live, lost := n.watchers.subscribe(), map[string]int64{}
	var line WatchEvent
	w := &watch{node: n, token: token.Clone(), emit: func(e WatchEvent) error { line = e; return nil }}
	if err := n.writeLocal(t.Context(), func(c *delta.Commit) error { return c.Take(answer) }); err != nil {
		t.Fatal(err)
	}
	if got, _ := live.inbox.take(1); len(got) != 1 || len(got[0].changes) != 1 || got[0].changes[0].claim.Claim != claimAt("b") || w.showCommit(got[0]) != nil || !line.Repaired {
		t.Errorf("those who watch were told %+v, and shown %+v", got, line)
	}
	increase(t, n, "b")
	if got, _ := live.inbox.take(1); len(got) != 1 || len(got[0].changes) != 1 || w.showCommit(got[0]) != nil || line.Repaired {
		t.Errorf("of an event they were told %+v, and shown %+v", got, line)
	}
	end := errors.New("end")
	err = n.Watch(t.Context(), WatchOptions{Token: WholeToken(token)}, func(e WatchEvent) error {
		switch e.Type {
		case WatchClaim:
			if lost[e.Claim.Range.From] = e.Claim.Priority; e.Repaired {
				t.Errorf("what a snapshot shows came by no repair: %+v", e)
			}
		case WatchBookmark, WatchSnapshotEnd:
			return end
		}
		return nil
	})
	if err != end || lost["b"] != 2 {
		t.Errorf("who resumes from %s is shown %v: %v", token, lost, err)
	}
}

// TestWatch_CatchUp_WaitsForWhatIsDurableAndNotPublished holds the committer
// between the two: the parts of a snapshot already show what the queue has yet
// to bring.
func TestWatch_CatchUp_WaitsForWhatIsDurableAndNotPublished(t *testing.T) {
	n := openAlone(t, Options{partEntries: 1})
	increase(t, n, "a")
	increase(t, n, "b")
	var lines []string
	w := &watch{node: n, emit: func(e WatchEvent) error {
		lines = append(lines, fmt.Sprint(e.Claim.Range.From, e.Claim.Priority))
		return nil
	}}
	queue := n.watchers.subscribe()
	defer n.watchers.unsubscribe(queue)
	if _, _, err := w.readPart(delta.ClaimSpan); err != nil {
		t.Fatal(err)
	}
	n.routing.mu.RLock() // which publishing waits for
	before, written := n.store.Revision(), make(chan struct{})
	go func() {
		defer close(written)
		op := delta.Operation{Verb: delta.VerbIncrease, Claim: claimAt("a"), Amount: 1}
		if _, err := n.Write(context.Background(), []delta.Operation{op}); err != nil {
			t.Error(err)
		}
	}()
	until(t, "the write is durable", func() bool { return n.store.Revision() > before })
	if _, _, err := w.readPart(delta.Span{From: delta.ClaimKey(claimAt("b")), To: delta.ClaimSpan.To}); err != nil {
		t.Fatal(err)
	}
	caughtUp := make(chan error, 1)
	go func() { caughtUp <- w.catchUp(t.Context(), queue) }()
	until(t, "it waits for the committer", func() bool {
		n.commits.mu.Lock()
		defer n.commits.mu.Unlock()
		return len(caughtUp) > 0 || len(n.commits.mu.letters) > 0
	})
	n.routing.mu.RUnlock()
	<-written
	if err := <-caughtUp; err != nil || len(lines) != 1 || lines[0] != "a2" {
		t.Errorf("it has shown %v: %v", lines, err)
	}
}

// TestWatch_Loss_OnlyTrimmedFollows loses changes while others wait in the
// queue, and makes more when there is room again: no bookmark may cover what
// was lost in between, for who resumes from it would never be shown it.
func TestWatch_Loss_OnlyTrimmedFollows(t *testing.T) {
	for name, lose := range map[string]func(*Node){
		"overflow": func(n *Node) { increase(t, n, "c") }, // b waits already: there is no room
		"reopened": func(n *Node) {
			n.watchers.loseAll()
			increase(t, n, "c")
		},
	} {
		n := openAlone(t, Options{watchQueue: 3})
		var after []string // the lines after the loss
		claims := 0
		w := &watch{node: n, token: n.Context(), emit: func(e WatchEvent) error {
			if claims > 0 {
				after = append(after, fmt.Sprint(e.Type, e.Claim.Range.From))
			}
			if e.Type != WatchClaim {
				return nil
			}
			if claims++; claims == 1 {
				increase(t, n, "b") // the queue is empty: there is room
				lose(n)
			}
			return nil
		}}
		queue := n.watchers.subscribe()
		if err := w.begin(t.Context(), queue); err != nil {
			t.Fatal(err)
		}
		increase(t, n, "a")
		err := w.drain(t.Context(), queue)
		if !errors.Is(err, errLost) || len(after) > 0 {
			t.Errorf("%s: it went on with %q: %v", name, after, err)
		}
		w.stale = true
		if err := w.mark(queue); !errors.Is(err, errLost) || len(after) > 0 {
			t.Errorf("%s: when a bookmark is due it shows %q: %v", name, after, err)
		}
		queue.inbox.take(10) // there is room again
		increase(t, n, "d")
		if later, _ := queue.inbox.take(10); len(later) > 0 {
			t.Errorf("%s: what came after the loss was put in: %+v", name, later)
		}
		n.watchers.unsubscribe(queue)
	}
}

// TestWatch_Queue_KeepsWhatWasPublished: changes that wait in a queue stay as they are
// while others are made.
func TestWatch_Queue_KeepsWhatWasPublished(t *testing.T) {
	n := openAlone(t, Options{})
	increase(t, n, "before")
	queue := n.watchers.subscribe()
	defer n.watchers.unsubscribe(queue)
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		increase(t, n, name)
	}
	var got []string
	for len(got) < len(names) {
		commits, _ := queue.inbox.take(1)
		if len(commits) == 0 {
			break
		}
		for _, c := range commits[0].changes {
			got = append(got, c.claim.Range.From)
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("of changes of %v those who watch find %v", names, got)
	}
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
