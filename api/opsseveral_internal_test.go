package api

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// newLoose returns a stream of a node, without a connection.
func newLoose(t *testing.T, o Options) *opsStream {
	n, err := node.Open(t.Context(), node.Options{DataDir: filepath.Join(t.TempDir(), "data"), Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return &opsStream{server: New(n, o), isRead: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// severalOf is a line of so many batches, which register keys from 0 on.
func severalOf(batches int) []byte {
	line := wire.OpsLine{Ref: 7}
	for i := range batches {
		line.Batches = append(line.Batches, wire.Batch{Ops: wire.List[wire.Operation]{{Op: wire.OpRegister, Bounds: wire.Bounds{From: fmt.Sprint(i)}}}})
	}
	return line.Append(nil)
}

// counted counts what was taken, as a submission does that leaves the node out.
func (x *opsStream) counted() []*node.Submission {
	x.count(x.taken, x.takenBytes)
	x.taken, x.takenBytes = 0, 0
	group := slices.Clone(x.group)
	x.group = x.group[:0]
	return group
}

// TestOpsStream_HasRoom_CountsBatches: a line of several takes as much room as so
// many lines, and has its answer when the last of them has ended.
func TestOpsStream_HasRoom_CountsBatches(t *testing.T) {
	x := newLoose(t, Options{})
	for i := range opsLinesMax / opsBatchesMax {
		if !x.hasRoom() {
			t.Fatalf("no room after %d lines", i)
		}
		if err := x.take(severalOf(opsBatchesMax)); err != nil {
			t.Fatal(err)
		}
		group := x.counted()
		if len(group) != opsBatchesMax {
			t.Fatalf("%d batches are handed over", len(group))
		}
		for j, s := range group {
			if x.hasEnded() {
				t.Fatalf("it has ended with batch %d", j)
			}
			if i == 0 {
				s.Ended(node.Outcome{Err: node.ErrBusy})
			}
		}
		if i == 0 {
			all, _ := x.swapEnded()
			x.text = x.appendAnswer(nil, all[0])
			if n := strings.Count(string(x.text), `"code":"unavailable"`); len(all) != 1 || n != opsBatchesMax {
				t.Errorf("%d lines have ended, the answer has %d refusals", len(all), n)
			}
			x.sent(all)
			if x.mu.lines != 0 || x.mu.bytes != 0 || x.server.gate.mu.bodyBytes != 0 {
				t.Errorf("%d lines and %d bytes are under way, %d are held", x.mu.lines, x.mu.bytes, x.server.gate.mu.bodyBytes)
			}
			_ = x.take(severalOf(opsBatchesMax))
			x.counted()
		}
	}
	if x.hasRoom() {
		t.Errorf("there is room beside %d", x.mu.lines)
	}
}

// TestOpsStream_Begin_SeveralWithoutRoom: a line is let in as a whole, or refused.
func TestOpsStream_Begin_SeveralWithoutRoom(t *testing.T) {
	x := newLoose(t, Options{BodyBytesMax: 100})
	if err := x.server.gate.admit(90); err != nil {
		t.Fatal(err)
	}
	if err := x.take(severalOf(20)); err != nil || len(x.group) > 0 {
		t.Errorf("%d batches are handed over, %v", len(x.group), err)
	}
	all, _ := x.swapEnded()
	if text := string(x.appendAnswer(nil, all[0])); !strings.HasPrefix(text, `{"ref":7,"results":[],"error":"the bodies of requests under way`) {
		t.Errorf("it is answered %s", text)
	}
	if x.sent(all); x.mu.lines != 0 || x.server.gate.mu.bodyBytes != 90 {
		t.Errorf("%d lines are under way, %d bytes are held", x.mu.lines, x.server.gate.mu.bodyBytes)
	}
}

// TestEnded_Free_KeepsLittle: what lines of several batches take is kept for such
// lines alone, and nothing of what was written.
func TestEnded_Free_KeepsLittle(t *testing.T) {
	x := newLoose(t, Options{})
	spaced := strings.Replace(string(severalOf(50)), `"batches":`, `"batches": `, 1)
	for _, line := range []string{string(severalOf(50)), ` ` + spaced} {
		if err := x.take([]byte(line)); err != nil {
			t.Fatal(err)
		}
		for _, s := range x.counted() {
			s.Ended(increased)
		}
		all, _ := x.swapEnded()
		what := all[0]
		if x.sent(all); (len(what.more) >= 50) != what.isOfSeveral || what.isOfSeveral == strings.HasPrefix(line, " ") {
			t.Errorf("it keeps %d batches, for lines of several: %v", len(what.more), what.isOfSeveral)
		}
		for _, b := range what.more {
			if b.asked != nil || b.Written.Results != nil || b.batch.Ended != nil || b.batch.Operations[:1][0] != (delta.Operation{}) {
				t.Fatalf("it keeps %+v", b)
			}
		}
	}
}

// TestEnded_Free_KeepsNothingThatIsWrong: nor of a batch that was not handed over.
func TestEnded_Free_KeepsNothingThatIsWrong(t *testing.T) {
	x := newLoose(t, Options{})
	if err := x.take([]byte(`{"ref":1,"ops":[{"op":"increase","from":"a key","by":-1}]}`)); err != nil {
		t.Fatal(err)
	}
	all, _ := x.swapEnded()
	what := all[0]
	x.counted()
	if x.sent(all); what.one.one[0] != (delta.Operation{}) || len(what.one.batch.Operations) != 0 {
		t.Errorf("it keeps %+v", what.one.one)
	}
}

// TestAppendTokenOfAll_NamesAll: the last event of each replica, of batches that
// made some.
func TestAppendTokenOfAll_NamesAll(t *testing.T) {
	wrote := func(replica byte, sequence uint64) *batchEnded {
		b := &batchEnded{}
		if sequence > 0 {
			b.Written.Last = crdt.Dot{Replica: crdt.ReplicaID{replica}, Sequence: sequence}
		}
		return b
	}
	none := wrote(0, 0)
	for name, test := range map[string]struct {
		batches []*batchEnded
		want    token
	}{
		"none":         {[]*batchEnded{none, none}, token{}},
		"one":          {[]*batchEnded{none, wrote(1, 7)}, token{crdt.ReplicaID{1}: 7}},
		"the last":     {[]*batchEnded{wrote(1, 7), none, wrote(1, 9), wrote(1, 8)}, token{crdt.ReplicaID{1}: 9}},
		"two replicas": {[]*batchEnded{wrote(1, 9), wrote(2, 3), wrote(1, 8), wrote(2, 4)}, token{crdt.ReplicaID{1}: 9, crdt.ReplicaID{2}: 4}},
	} {
		got := string(appendTokenOfAll(nil, test.batches))
		parsed, err := node.ParseToken(got)
		want, _ := node.ParseToken(string(tokenOf(test.want)))
		if err != nil || parsed.String() != want.String() {
			t.Errorf("%s: %q is %v, %v; want %v", name, got, parsed, err, want)
		}
	}
}
