package gossip

import (
	"testing"
	"time"
)

// pair starts two members, the second of which tells of each frame.
func pair(b *testing.B) (from *Transport, arrived <-chan struct{}) {
	b.Helper()
	frames := make(chan struct{}, 1<<16)
	o := fast("n2")
	o.Handler.Frame = func(string, []byte) { frames <- struct{}{} }
	var both []*Transport
	for _, o := range []Options{fast("n1"), o} {
		o.Cluster = b.Name()
		t, err := Start(o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = t.Close() })
		both = append(both, t)
	}
	if _, err := both[0].Join(b.Context(), []string{both[1].Addr()}); err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(patience); len(both[1].Members()) < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("the members do not list each other")
		}
	}
	return both[0], frames
}

// One frame at a time, from Send until the handler has it.
func BenchmarkTransport_Send_UntilItArrives(b *testing.B) {
	for _, c := range []struct {
		name  string
		bytes int
	}{{"packet/100B", 100}, {"packet/1300B", 1300}, {"stream/8KiB", 8 << 10}, {"stream/64KiB", FrameBytesMax}} {
		b.Run(c.name, func(b *testing.B) {
			from, arrived := pair(b)
			frame := make([]byte, c.bytes)
			b.SetBytes(int64(c.bytes))
			b.ReportAllocs()
			for b.Loop() {
				if err := from.Send("n2", frame, false); err != nil {
					b.Fatal(err)
				}
				<-arrived
			}
		})
	}
}

// Packets as fast as they can be sent; what is lost is reported.
func BenchmarkTransport_Send_Burst(b *testing.B) {
	from, arrived := pair(b)
	frame := make([]byte, 200)
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		if err := from.Send("n2", frame, false); err != nil {
			b.Fatal(err)
		}
		sent++
	}
	time.Sleep(100 * time.Millisecond) // for what is in the sockets
	b.ReportMetric(float64(sent-len(arrived))/float64(sent)*100, "%lost")
}
