// Command restart measures a node with many claims, beside etcd with as many
// keys, and prints one table:
//
//	go run ./restart                       # 1,000,000 claims, five turns
//	go run ./restart -claims 100000 -turns 5
//
// Restart is from the call to the first lookup, or read, that is answered, with
// the file in the page cache. Heap is what is live after garbage collection
// that was not live before, per claim: routing table, indexes and everything
// else that is derived from the file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/scalesmall/ssnode/bench/etcd"
	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/bench/rival"
	"github.com/scalesmall/ssnode/node"
)

func main() {
	claims := flag.Int("claims", 1_000_000, "claims, and keys of etcd")
	turns := flag.Int("turns", 5, "turns")
	parent := flag.String("dir", "", "directory on the disk to measure (default: that for temporary files)")
	flag.Parse()
	if err := run(*parent, *claims, *turns); err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		os.Exit(1)
	}
}

func run(parent string, claims, turns int) (err error) {
	dir, err := os.MkdirTemp(parent, "ssnode-restart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data, err := rival.Fill(dir, claims)
	if err != nil {
		return err
	}
	kept := filepath.Join(dir, "etcd")
	if err := fillEtcd(kept, claims); err != nil {
		return err
	}
	var heap measure.Series
	seconds, err := measure.Turns(turns,
		func() (float64, error) {
			took, perClaim, err := restartNode(data, claims)
			heap = append(heap, perClaim)
			return took, err
		},
		func() (float64, error) { return restartEtcd(kept, claims) })
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(out, "%d claims, %d processors\tseconds to serving\theap, bytes per claim\ttarget\t\n", claims, runtime.GOMAXPROCS(0))
	fmt.Fprintf(out, "ssnode\t%s\t%s\t≤ 3 s, ≤ 300 B\t\n", seconds[0], heap)
	fmt.Fprintf(out, "etcd\t%s\t\t\t\n", seconds[1])
	return out.Flush()
}

// live returns how many bytes of the heap are live.
func live() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers have let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func restartNode(dir string, claims int) (seconds, heapPerClaim float64, err error) {
	before, used, begin := live(), measure.CPU(), time.Now()
	n, err := node.Open(context.Background(), node.Options{DataDir: dir, Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		return 0, 0, err
	}
	claim := rival.Claim(claims / 2)
	if servers := n.Lookup(claim.Keyspace, claim.Range.From).Servers; len(servers) != 1 {
		err = fmt.Errorf("a claim in the middle shows %v", servers)
	}
	seconds = time.Since(begin).Seconds()
	fmt.Fprintf(os.Stderr, "restart with %d claims: %.2f s, %.2f s of processors\n", claims, seconds, (measure.CPU() - used).Seconds())
	heapPerClaim = float64(live()-before) / float64(claims)
	return seconds, heapPerClaim, errors.Join(err, n.Close())
}

func fillEtcd(dir string, keys int) error {
	m, err := etcd.Start(dir)
	if err != nil {
		return err
	}
	defer m.Close()
	c, err := m.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	return etcd.Fill(context.Background(), c, keys, rival.Key, "10")
}

func restartEtcd(dir string, keys int) (seconds float64, err error) {
	begin := time.Now()
	m, err := etcd.Start(dir)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	c, err := m.Client()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	answer, err := c.Get(context.Background(), rival.Key(keys/2))
	if err == nil && len(answer.Kvs) != 1 {
		err = fmt.Errorf("a key in the middle shows %v", answer.Kvs)
	}
	return time.Since(begin).Seconds(), err
}
