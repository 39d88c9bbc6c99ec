package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

var killedSeed = flag.Uint64("killed.seed", 0, "seed of TestRun_KilledAndRestarted_LosesNothing; 0 draws one")

// testDaemon is one `ssnode run` process.
type testDaemon struct {
	t         *testing.T
	name, dir string
	api       string
	gossip    string
	join      string
	process   *exec.Cmd
	client    *client.Client
	log       bytes.Buffer
}

// clusterOf names the cluster of a test. Tests share the ports of loopback: where a
// node of one was, those that it knew would meet a node of another, if it were of
// their cluster, and find that its name is taken.
func clusterOf(t *testing.T) string {
	return strings.NewReplacer("/", ".", ",", ".").Replace(t.Name())
}

// stillFree returns the address that a process had which is gone, or one of any port if
// somebody else, say of another test, has taken that meanwhile.
func stillFree(address string) string {
	const anyPort = "127.0.0.1:0"
	stream, err := net.Listen("tcp", address)
	if err != nil {
		return anyPort
	}
	defer stream.Close()
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return anyPort
	}
	_ = packets.Close()
	return address
}

// start starts the process and waits until it says where its API is.
func (d *testDaemon) start() {
	d.t.Helper()
	addrFile := filepath.Join(d.dir, "addr")
	if err := os.RemoveAll(addrFile); err != nil {
		d.t.Fatal(err)
	}
	d.api, d.gossip = stillFree(d.api), stillFree(d.gossip)
	args := []string{"run", "--data-dir", filepath.Join(d.dir, "data"), "--node", d.name, "--cluster", clusterOf(d.t), "--api", d.api, "--gossip", d.gossip, "--addr-file", addrFile}
	if d.join != "" {
		args = append(args, "--join", d.join)
	}
	d.process = exec.Command("ssnode", args...)
	d.process.Stderr = &d.log
	if err := d.process.Start(); err != nil {
		d.t.Fatalf("start %s: %v", d.name, err)
	}
	d.waitFor("it says where its API is", func() bool {
		b, err := os.ReadFile(addrFile)
		if err != nil {
			return false
		}
		d.api = strings.TrimPrefix(strings.TrimSpace(string(b)), "http://")
		return true
	})
	var err error
	if d.client, err = client.New("http://"+d.api, client.Options{}); err != nil {
		d.t.Fatal(err)
	}
	status, err := d.client.Status(d.t.Context())
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", d.name, err, d.log.String())
	}
	d.gossip = status.Gossip
}

func (d *testDaemon) waitFor(what string, isSo func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !isSo(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: it took too long until %s; its log:\n%s", d.name, what, d.log.String())
		}
	}
}

// kill is kill -9.
func (d *testDaemon) kill() {
	if d.process == nil {
		return
	}
	_ = d.process.Process.Kill()
	_ = d.process.Wait()
	if d.client != nil { // it came to say where it is
		d.client.Close()
	}
	d.process = nil
}

func (d *testDaemon) canonical() []byte {
	d.t.Helper()
	var out bytes.Buffer
	err := d.client.Dump(d.t.Context(), true, func(line []byte) error {
		out.Write(append(line, '\n'))
		return nil
	})
	if err != nil {
		d.t.Fatalf("dump of %s: %v", d.name, err)
	}
	return out.Bytes()
}

// ledger is what writers were told: for every claim of their own, what must be
// shown in the end.
type ledger struct {
	sync.Mutex
	shown map[wire.Claim]int64
	// unsure are claims of which an answer was lost: they may show either.
	unsure map[wire.Claim]bool
	// acknowledged and lost count answers.
	acknowledged, lost int
}

// writer sends operations on claims that only it writes to, so that what was
// acknowledged says exactly what must be shown.
func (l *ledger) writer(ctx context.Context, id int, seed uint64, operations int, daemons []*testDaemon, clients func(int) *client.Client) error {
	random := rand.New(rand.NewPCG(seed, uint64(id)))
	for range operations {
		claim := wire.Claim{Keyspace: "default", Node: fmt.Sprintf("w%d", id), Bounds: wire.Bounds{From: fmt.Sprintf("k%02d", random.IntN(12))}}
		op := wire.Operation{Keyspace: claim.Keyspace, Node: claim.Node, Bounds: claim.Bounds}
		amount := int64(1 + random.IntN(9))
		switch random.IntN(4) {
		case 0:
			op.Op, op.Priority = wire.OpRegister, &amount
		case 1:
			op.Op = wire.OpRelease
		case 2:
			op.Op, op.By = wire.OpIncrease, &amount
		case 3:
			op.Op, op.By = wire.OpDecrease, &amount
		}
		// One writer's operations on one claim go to one node, or what the
		// next one observes would depend on how fast events travel.
		at := int(claim.From[2]-'0') % len(daemons)
		if err := l.write(ctx, claim, op, clients(at)); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) write(ctx context.Context, claim wire.Claim, op wire.Operation, c *client.Client) error {
	results, err := c.Write(ctx, []wire.Operation{op}, client.WriteOptions{})
	l.Lock()
	defer l.Unlock()
	key := wire.Claim{Keyspace: claim.Keyspace, Node: claim.Node, Bounds: wire.Bounds{From: claim.From}}
	switch {
	case err == nil:
		l.acknowledged++
		l.shown[key] = results.Results[0].Priority
		delete(l.unsure, key)
	case wire.CodeOf(err) == wire.CodeNotFound:
		l.acknowledged++ // a Decrease of nothing: an answer like any other
	default:
		l.unsure[key] = true // killed under way: written or not
		l.lost++
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// TestRun_KilledAndRestarted_LosesNothing is the promise of the whole product
// on real processes: mixed operations go to three nodes while one of them is
// killed with kill -9 and restarted, again and again.
func TestRun_KilledAndRestarted_LosesNothing(t *testing.T) {
	seed := *killedSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with -killed.seed=%d", seed)
	daemons := startDaemons(t, "n1", "n2", "n3")
	var mu sync.RWMutex // held for writing while n3 is replaced
	clients := func(i int) *client.Client {
		mu.RLock()
		defer mu.RUnlock()
		return daemons[i].client
	}
	l := &ledger{shown: map[wire.Claim]int64{}, unsure: map[wire.Claim]bool{}}
	const writers, operations, kills = 5, 250, 10
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() { errs[i] = l.writer(t.Context(), i, seed, operations, daemons, clients) })
	}
	random := rand.New(rand.NewPCG(seed, 1<<32))
	for range kills {
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		mu.Lock()
		daemons[2].kill()
		daemons[2].start()
		mu.Unlock()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations acknowledged, %d answers lost, %d claims unsure, n3 killed %d times", l.acknowledged, l.lost, len(l.unsure), kills)
	if l.acknowledged < 1000 {
		t.Fatalf("only %d operations were acknowledged", l.acknowledged)
	}
	requireEqual(t, daemons)
	l.requireShown(t, daemons)
}

func startDaemons(t *testing.T, names ...string) []*testDaemon {
	var daemons []*testDaemon
	t.Cleanup(func() {
		for _, d := range daemons {
			d.kill()
		}
	})
	for _, name := range names {
		d := &testDaemon{t: t, name: name, dir: t.TempDir(), api: "127.0.0.1:0", gossip: "127.0.0.1:0"}
		if len(daemons) > 0 {
			d.join = daemons[0].gossip
		}
		daemons = append(daemons, d)
		d.start()
	}
	return daemons
}

// requireEqual waits until status shows one state everywhere, and then requires
// equal canonical dumps. A node may have its record still to write: dumps count
// if the state has not changed meanwhile.
func requireEqual(t *testing.T, daemons []*testDaemon) {
	t.Helper()
	for {
		var state string
		daemons[0].waitFor("all nodes are equal", func() bool {
			states := statesOf(t, daemons)
			state = states[0]
			return len(slices.Compact(states)) == 1
		})
		var dumps [][]byte
		for _, d := range daemons {
			dumps = append(dumps, d.canonical())
		}
		if after := slices.Compact(statesOf(t, daemons)); len(after) > 1 || after[0] != state {
			continue
		}
		for i, d := range daemons[1:] {
			if !bytes.Equal(dumps[i+1], dumps[0]) {
				t.Errorf("the canonical dumps of %s and %s differ:\n%s\n%s", daemons[0].name, d.name, dumps[0], dumps[i+1])
			}
		}
		return
	}
}

func statesOf(t *testing.T, daemons []*testDaemon) (states []string) {
	t.Helper()
	for _, d := range daemons {
		s, err := d.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, s.Fingerprint+" "+string(s.Context))
	}
	return states
}

func (l *ledger) requireShown(t *testing.T, daemons []*testDaemon) {
	t.Helper()
	for _, d := range daemons {
		claims, err := d.client.Claims(t.Context(), client.Query{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[wire.Claim]int64{}
		for _, c := range claims.Claims {
			got[wire.Claim{Keyspace: c.Keyspace, Node: c.Node, Bounds: wire.Bounds{From: c.From}}] = c.Priority
		}
		for claim, want := range l.shown {
			if !l.unsure[claim] && got[claim] != want {
				t.Errorf("%s shows %d for %s %s, acknowledged was %d", d.name, got[claim], claim.Node, claim.From, want)
			}
		}
	}
}
