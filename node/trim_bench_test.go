package node_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// BenchmarkNode_Write_WhileTrimming writes to a node on a real disk, first with
// nothing to trim and then while it trims a log of 100,000 records, and reports
// the 99th percentiles of both. Their ratio is to be at most 2.
func BenchmarkNode_Write_WhileTrimming(b *testing.B) {
	o := node.Options{DataDir: b.TempDir(), Node: "n1", Gossip: "127.0.0.1:0"}
	o.Retention.Other = compaction.Retention{Age: 1, Bytes: 1}
	o.SetTrimEvery(time.Hour)
	n, err := node.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	write := func(claim, amount int) time.Duration {
		began := time.Now()
		key := fmt.Sprintf("k%04d", claim)
		_, err := n.Write(context.Background(), []delta.Operation{{Verb: delta.VerbIncrease, Claim: claimOf("n2", key, key+"~"), Amount: int64(amount)}})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	fill := func() {
		done := make(chan struct{}, 64)
		for w := range 64 {
			go func() {
				for i := range 100_000 / 64 {
					write(w*16+i%16, 1)
				}
				done <- struct{}{}
			}()
		}
		for range 64 {
			<-done
		}
	}
	var with, without []time.Duration
	for b.Loop() {
		fill()
		for range 2000 {
			without = append(without, write(1, 1))
		}
		trimmed := make(chan error, 1)
		go func() { _, err := n.Compact(context.Background(), false); trimmed <- err }()
		for going := true; going; {
			with = append(with, write(1, 1))
			select {
			case err := <-trimmed:
				if err != nil {
					b.Fatal(err)
				}
				going = false
			default:
			}
		}
	}
	b.ReportMetric(float64(p99(with).Microseconds()), "p99-trimming-µs")
	b.ReportMetric(float64(p99(without).Microseconds()), "p99-µs")
	b.ReportMetric(float64(p99(with))/float64(p99(without)), "ratio")
	b.ReportMetric(float64(len(with))/float64(b.N), "writes-trimming")
}

func p99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}
