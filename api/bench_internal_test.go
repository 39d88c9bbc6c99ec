package api

import (
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
	what := &ended{stream: x, asked: wire.OpsLine{Ref: 123456, Batch: wire.Batch{Ops: wire.List[wire.Operation]{increase()}}}, Outcome: node.Outcome{Written: node.Written{
		Results: []delta.Result{{Changed: true, Priority: 7}}, Last: crdt.Dot{Replica: crdt.ReplicaID{1, 2, 3}, Sequence: 4711},
	}}}
	b.ReportAllocs()
	for b.Loop() {
		x.text = x.appendAnswer(x.text[:0], what)
	}
}
