package api

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// increase is what is mostly written over a stream.
func increase() wire.Operation {
	by, to := int64(1), "u64:4712"
	return wire.Operation{Op: wire.OpIncrease, Node: "node-17", Bounds: wire.Bounds{From: "u64:4711", To: &to}, By: &by}
}

// increased is what becomes of it.
var increased = node.Outcome{Written: node.Written{
	Results: []delta.Result{{Changed: true, Priority: 7}}, Last: crdt.Dot{Replica: crdt.ReplicaID{1, 2, 3}, Sequence: 4711},
}}

func BenchmarkCompile(b *testing.B) {
	asked := []wire.Operation{increase()}
	var out []delta.Operation
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if out, err = compile(out[:0], asked, "n1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpsStream_Answer(b *testing.B) {
	x := &opsStream{}
	what := newEnded()
	what.stream, what.asked = x, wire.OpsLine{Ref: 123456, Batch: wire.Batch{Ops: wire.List[wire.Operation]{increase()}}}
	what.divide()
	what.one.Outcome = increased
	b.ReportAllocs()
	for b.Loop() {
		x.text = x.appendAnswer(x.text[:0], what)
	}
}

// BenchmarkOpsStream_Line is what a stream does about a batch beside the node and
// HTTP, in a line of its own or with others.
func BenchmarkOpsStream_Line(b *testing.B) {
	one := wire.Batch{Ops: wire.List[wire.Operation]{increase()}}
	b.Run("alone", func(b *testing.B) { benchmarkLine(b, wire.OpsLine{Ref: 123456, Batch: one}, 1) })
	b.Run("of32", func(b *testing.B) {
		benchmarkLine(b, wire.OpsLine{Ref: 123456, Batches: slices.Repeat(wire.List[wire.Batch]{one}, 32)}, 32)
	})
}

func benchmarkLine(b *testing.B, asked wire.OpsLine, batches int) {
	n, err := node.Open(b.Context(), node.Options{DataDir: filepath.Join(b.TempDir(), "data"), Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	x := &opsStream{server: New(n, Options{}), isRead: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	line := asked.Append(nil)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%batches != 0 {
			continue
		}
		if err := x.take(line); err != nil {
			b.Fatal(err)
		}
		x.count(x.taken, x.takenBytes)
		x.taken, x.takenBytes = 0, 0
		for _, s := range x.group {
			s.Ended(increased)
		}
		x.group = x.group[:0]
		all, _ := x.swapEnded()
		x.text = x.appendAnswer(x.text[:0], all[0])
		x.sent(all)
	}
}
