package api_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// BenchmarkWriter_Write_ToANode is what one write of many at a time costs a client
// and a node with a disk, in one process. What it takes of the processors is what
// the process takes: time(1) says it.
func BenchmarkWriter_Write_ToANode(b *testing.B) {
	const writers = 64
	s := serve(b, api.Options{})
	w := s.NewWriter(client.WriterOptions{})
	var writer atomic.Int64
	increase := func(key string) error {
		_, err := w.Write(context.Background(), wire.Batch{Ops: wire.List[wire.Operation]{{
			Op: wire.OpIncrease, Keyspace: "default", Node: "node-17", Bounds: wire.Bounds{From: key, To: new(key + "~")}, By: new(int64(1)),
		}}})
		return err
	}
	for range 100 { // until there is a stream
		if err := increase("first"); err != nil {
			b.Fatal(err)
		}
	}
	b.SetParallelism(writers / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		key := fmt.Sprintf("%018d", writer.Add(1))
		for p.Next() {
			if err := increase(key); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
