package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// everybody is all members.
var everybody = wire.MemberCount{All: true}

// dataDir is the data directory of a daemon.
func (d *testDaemon) dataDir() string { return filepath.Join(d.dir, "data") }

// register makes a claim of w visible with a priority, acknowledged by d, and
// returns the token.
func (d *testDaemon) register(from string, priority int64, wait wire.MemberCount) {
	d.t.Helper()
	op := wire.Operation{Op: wire.OpRegister, Keyspace: "default", Node: "w", Bounds: wire.Bounds{From: from}, Priority: &priority}
	got, err := d.client.Write(d.t.Context(), []wire.Operation{op}, client.WriteOptions{Wait: wait, Timeout: 20 * time.Second})
	if err != nil || len(got.Missing) > 0 {
		d.t.Fatalf("register at %s: %+v, %v; its log:\n%s", d.name, got, err, d.log.String())
	}
}

// shows returns the priorities of the claims of w that begin at the keys.
func (d *testDaemon) shows(keys ...string) string {
	d.t.Helper()
	claims, err := d.client.Claims(d.t.Context(), client.Query{Node: "w"})
	if err != nil {
		d.t.Fatal(err)
	}
	var out []int64
	for _, key := range keys {
		var p int64
		for _, c := range claims.Claims {
			if c.From == key {
				p = c.Priority
			}
		}
		out = append(out, p)
	}
	return fmt.Sprint(out)
}

func (d *testDaemon) status() wire.Status {
	d.t.Helper()
	s, err := d.client.Status(d.t.Context())
	if err != nil {
		d.t.Fatalf("%s: %v", d.name, err)
	}
	return s
}

// contentOf is what a stopped directory holds: its replica id, and what the
// log says that each dot was.
func contentOf(t *testing.T, dir string) (crdt.ReplicaID, map[crdt.Dot]string) {
	t.Helper()
	s, err := store.Open(dir, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	events := map[crdt.Dot]string{}
	err = s.View(func(v *store.View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			for i, e := range p.Events {
				events[p.Dot(i)] = fmt.Sprintf("%+v", e)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Replica().ID, events
}

// noDotTwice fails if two stopped directories know different events by a dot.
func noDotTwice(t *testing.T, a, b string) {
	t.Helper()
	_, left := contentOf(t, a)
	_, right := contentOf(t, b)
	for dot, event := range left {
		if other, ok := right[dot]; ok && other != event {
			t.Errorf("the dot %s is %s in %s and %s in %s", dot, event, a, other, b)
		}
	}
}

// TestRun_DirectoryDeleted_RejoinsUnderItsName: a new replica id, and
// everything that the others have.
func TestRun_DirectoryDeleted_RejoinsUnderItsName(t *testing.T) {
	t.Parallel()
	daemons := startDaemons(t, "n1", "n2")
	one, two := daemons[0], daemons[1]
	one.register("a", 1, everybody)
	two.register("b", 2, everybody)
	former := one.status().Replica
	one.kill()
	two.register("c", 3, wire.MemberCount{})
	if err := os.RemoveAll(one.dataDir()); err != nil {
		t.Fatal(err)
	}
	one.join = two.gossip
	one.start()
	one.register("d", 4, everybody)
	requireEqual(t, daemons)
	for _, d := range daemons {
		if got := d.shows("a", "b", "c", "d"); got != "[1 2 3 4]" {
			t.Errorf("%s shows %s", d.name, got)
		}
	}
	if now := one.status().Replica; now == former {
		t.Error("a new directory has the replica id of the lost one")
	}
}

// TestRun_CopyOfLivingDirectory_GivesWay: a second process on a copy of a
// living node's directory writes nothing under its replica id, and ends; both
// say what happened. Under another name it does not even start.
func TestRun_CopyOfLivingDirectory_GivesWay(t *testing.T) {
	t.Parallel()
	daemons := startDaemons(t, "n1", "n2")
	one, two := daemons[0], daemons[1]
	one.register("a", 1, everybody)
	id := one.status().Replica
	second := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(second, os.DirFS(one.dataDir())); err != nil {
		t.Fatal(err)
	}
	run := func(name, claim string) (string, int) {
		var log bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "ssnode", "run", "--data-dir", second, "--node", name,
			"--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0", "--join", two.gossip, "--claim", claim)
		cmd.Stderr, cmd.WaitDelay = &log, time.Second
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(startMax, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return log.String(), cmd.ProcessState.ExitCode()
	}
	if log, code := run("n9", "default:[x,y)=1"); code != wire.ExitFailure || !strings.Contains(log, "it belongs to node n1, not n9") {
		t.Errorf("under another name it ends with %d and says\n%s", code, log)
	}
	log, code := run("n1", "default:[x,y)=1") // which it would write
	if code != wire.ExitFailure {
		t.Errorf("it ends with %d", code)
	}
	for _, want := range []string{"copy of this data directory", "keeps the id", one.gossip, "the name of this node is taken", "another name"} {
		if !strings.Contains(log, want) {
			t.Errorf("the copy does not say %q:\n%s", want, log)
		}
	}
	one.waitFor("its status tells of the copy", func() bool { return strings.Contains(one.status().Rival, "copy of this data directory") })
	one.register("b", 2, everybody)
	if now := one.status().Replica; now != id {
		t.Errorf("the original goes on as %s", now)
	}
	requireEqual(t, daemons)
	one.kill()
	two.kill()
	if !strings.Contains(one.log.String(), "runs on a copy of this node's data directory") {
		t.Errorf("the log of the original does not tell:\n%s", one.log.String())
	}
	if got, _ := contentOf(t, second); got.String() == id {
		t.Error("the copy still has the replica id of the original")
	}
	noDotTwice(t, second, one.dataDir())
	noDotTwice(t, second, two.dataDir())

	// With the original gone, the copy may take its place.
	one.dir = filepath.Dir(second)
	two.start()
	one.start()
	one.register("c", 3, everybody)
	requireEqual(t, daemons)
	if got := two.shows("a", "b", "c"); got != "[1 2 3]" {
		t.Errorf("n2 shows %s", got)
	}
}

// TestRun_DirectoryCopiedBack_IsNoticed: a node whose directory is replaced by
// an older copy goes on under a new id, and loses nothing that another has.
func TestRun_DirectoryCopiedBack_IsNoticed(t *testing.T) {
	t.Parallel()
	daemons := startDaemons(t, "n1", "n2")
	one, two := daemons[0], daemons[1]
	one.join = two.gossip
	one.register("a", 1, everybody)
	id := one.status().Replica
	one.kill()
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(one.dataDir())); err != nil {
		t.Fatal(err)
	}
	one.start()
	one.register("b", 2, everybody)
	one.register("c", 3, everybody)
	one.kill()
	if err := errors.Join(os.RemoveAll(one.dataDir()), os.CopyFS(one.dataDir(), os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	one.start()
	one.register("d", 4, everybody)
	requireEqual(t, daemons)
	for _, d := range daemons {
		if got := d.shows("a", "b", "c", "d"); got != "[1 2 3 4]" {
			t.Errorf("%s shows %s", d.name, got)
		}
	}
	if one.status().Replica == id {
		t.Error("it goes on under the id whose numbers it has forgotten")
	}
	one.kill()
	two.kill()
	// Who tells it first, the lost events or the start that n2 remembers, is a
	// matter of milliseconds.
	if !strings.Contains(one.log.String(), "goes on under a new id") || !strings.Contains(one.log.String(), "older copy") && !strings.Contains(one.log.String(), "rolled back") {
		t.Errorf("its log does not tell:\n%s", one.log.String())
	}
	if strings.Contains(one.log.String()+two.log.String(), "diverged") {
		t.Error("it was taken for corruption")
	}
	noDotTwice(t, one.dataDir(), two.dataDir())
}
