package antientropy_test

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// BenchmarkCore_Receive_Push is what a member spends on a delta that is new to
// it, its own commit in memory included, and on one that it has seen.
func BenchmarkCore_Receive_Push(b *testing.B) {
	k := newCluster(b, 1)
	k.options.CheckInterval = 0
	from, to := k.add("a"), k.add("b")
	k.run(1000)
	k.faults.loss = 100
	var frames [][]byte
	k.tap = func(frame []byte) {
		if frame[9] == 2 {
			frames = append(frames, frame)
		}
	}
	for i := range 1000 {
		if err := from.write(delta.Operation{Verb: delta.VerbRegister, Claim: claimOf(i), Amount: 1}); err != nil {
			b.Fatal(err)
		}
	}
	k.tap = nil
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			to.stop()
			to.replica, to.disk = delta.NewReplica(to.replica.ID), newDisk()
			to.start()
			to.core.Heard("a", to.core.CheckPayload())
			b.StartTimer()
			for _, frame := range frames {
				to.core.Receive("a", frame)
			}
			r := to.core.Ready()
			if len(r.Commits) == 0 {
				b.Fatal("nothing to commit")
			}
			to.commit(r.Commits, nil)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(frames)), "ns/delta")
	})
	to.core.Ready()
	to.replica.Context.Join(from.replica.Context)
	to.start()
	b.Run("seen", func(b *testing.B) {
		for b.Loop() {
			for _, frame := range frames {
				to.core.Receive("a", frame)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(frames)), "ns/delta")
	})
}

// BenchmarkCore_Await is what a wait for four members costs who asks and the
// four, where 10,000 replicas have retired, and what it does where contexts are
// asked for whole.
func BenchmarkCore_Await(b *testing.B) {
	for _, way := range []struct {
		name  string
		whole int
	}{{"by name", 0}, {"whole", 1 << 30}} {
		b.Run(way.name, func(b *testing.B) {
			k := veterans(b, 5, 10_000)
			k.options.AskWhole = way.whole
			k.faults = faults{}
			a := k.members[0]
			a.stop()
			a.start()
			k.run(1000)
			a.agree()
			context, bytes := a.replica.Context.Clone(), 0
			k.tap = func(frame []byte) { bytes += len(frame) }
			for b.Loop() {
				w := a.awaitOf(context)
				for k.step(k.now) {
				}
				if len(w.confirmed) != 4 {
					b.Fatalf("%d of 4 confirm it", len(w.confirmed))
				}
				a.core.AwaitEnd(a.order)
			}
			b.ReportMetric(float64(bytes)/float64(b.N)/4, "B/peer")
		})
	}
}
