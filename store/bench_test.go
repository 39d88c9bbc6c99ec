package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
)

// loadClaims makes a directory with n claims of 16-byte bounds.
func loadClaims(b *testing.B, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "data")
	id := crdt.ReplicaID{1}
	err := Load(dir, Options{Node: "n1"}, func(l *Loader) error {
		if err := l.Seen(id, uint64(n)); err != nil {
			return err
		}
		for i := range uint64(n) {
			c := benchClaim(i)
			x := crdt.PNCounter(nil).Registering(id, i+1, 10)
			if err := l.Entry(delta.Entry{Key: delta.ClaimKey(c), Counter: crdt.PNCounter{x}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

func benchClaim(i uint64) ranges.Claim {
	return ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node%d", i%100), Range: ranges.Range{From: benchKey(i), To: ranges.Before(benchKey(i + 1))}}
}

func increase(i uint64) delta.Operation {
	return delta.Operation{Verb: delta.VerbIncrease, Claim: benchClaim(i), Amount: 1}
}

func benchKey(i uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte("prefix!!"), i<<20))
}

// BenchmarkOpen is a restart up to the point where the entries are verified.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := loadClaims(b, n)
			for b.Loop() {
				visited := 0
				s, err := Open(dir, Options{Parallel: atOnce, Visit: func(delta.Entry) error { visited++; return nil }})
				if err != nil {
					b.Fatal(err)
				}
				if s.Close(); visited != n {
					b.Fatal(visited)
				}
			}
		})
	}
}

// atOnce runs tasks on all processors.
func atOnce(tasks []func()) {
	var running sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(tasks); i = next.Add(1) - 1 {
				tasks[i]()
			}
		})
	}
	running.Wait()
}

// BenchmarkUpdate is one durable write of one operation, beside one bbolt
// commit that puts the same bytes into an equally large file.
func BenchmarkUpdate(b *testing.B) {
	const n = 100_000
	b.Run("store", func(b *testing.B) {
		s, err := Open(loadClaims(b, n), Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		i := uint64(0)
		for b.Loop() {
			i = (i + 7919) % n
			if _, err := tryWrite(s, increase(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bbolt", func(b *testing.B) {
		db, err := bbolt.Open(filepath.Join(loadClaims(b, n), FileName), fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		i := uint64(0)
		for b.Loop() {
			i = (i + 7919) % n
			c := benchClaim(i)
			err := db.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte(bucketEntries)).Put([]byte(delta.ClaimKey(c)), make([]byte, 200))
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPrepared is one write to a claim somewhere among many, of as many as
// share a commit, each with a delta of its own. The disk is not waited for, and what
// bbolt does when a transaction ends is told apart, as disk-ns. As many images wait
// as may, so that some are placed and chunks go with each commit.
func BenchmarkPrepared(b *testing.B) {
	const n = 100_000
	for _, together := range []int{1, 32, 128} {
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			var disk time.Duration
			s, err := Open(loadClaims(b, n), Options{NoSync: true, Disk: func(commit func() error) error {
				defer func(began time.Time) { disk += time.Since(began) }(time.Now())
				return commit()
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			random := rand.New(rand.NewPCG(1, 2))
			operations := make([]delta.Operation, 0, together)
			writeOne := func() {
				operations = append(operations, increase(random.Uint64N(n)))
				if len(operations) < cap(operations) {
					return
				}
				if err := writeEach(s, operations); err != nil {
					b.Fatal(err)
				}
				operations = operations[:0]
			}
			for range 3 * freshMax {
				writeOne()
			}
			disk = 0
			b.ReportAllocs()
			for b.Loop() {
				writeOne()
			}
			b.ReportMetric(float64(disk)/float64(b.N), "disk-ns/op")
		})
	}
}

// writeEach commits operations together, each as a delta of its own.
func writeEach(s *Store, operations []delta.Operation) error {
	_, err := s.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		for i := range operations {
			if _, _, err := c.Write(operations[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
