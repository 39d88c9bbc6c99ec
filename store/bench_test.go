package store

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

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
			c := ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node%d", i%100), Range: ranges.Range{From: benchKey(i), To: ranges.Before(benchKey(i + 1))}}
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
			c := ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node%d", i%100), Range: ranges.Range{From: benchKey(i), To: ranges.Before(benchKey(i + 1))}}
			if _, err := tryWrite(s, delta.Operation{Verb: delta.VerbIncrease, Claim: c, Amount: 1}); err != nil {
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
			c := ranges.Claim{Keyspace: "default", Node: fmt.Sprintf("node%d", i%100), Range: ranges.Range{From: benchKey(i), To: ranges.Before(benchKey(i + 1))}}
			err := db.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte(bucketEntries)).Put([]byte(delta.ClaimKey(c)), make([]byte, 200))
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
