package gossip

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/antientropy"
)

// wire is what an outbox of a test sends to. Sends to a name in blocked wait
// until the channel is closed, or fail if it carries an error.
type wire struct {
	mu      sync.Mutex
	begun   int
	sent    []string
	blocked map[string]chan error
}

func (w *wire) send(to string, message []byte) error {
	w.mu.Lock()
	w.begun++
	w.mu.Unlock()
	if c := w.blocked[to]; c != nil {
		if err := <-c; err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, to+" "+string(message))
	return nil
}

func (w *wire) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func TestOutbox_Push_KeepsOrderAndDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	slow := make(chan error)
	release := sync.OnceFunc(func() { close(slow) })
	w := &wire{blocked: map[string]chan error{"slow": slow}}
	o := newOutbox(w.send, new(counters))
	defer o.close()
	defer release()
	for i := range 3 {
		if err := errors.Join(o.push("slow", fmt.Append(nil, i)), o.push("quick", fmt.Append(nil, i))); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "what is for quick is sent", func() bool { return len(w.all()) == 3 })
	if got := fmt.Sprint(w.all()); got != "[quick 0 quick 1 quick 2]" {
		t.Errorf("sent %s", got)
	}
	if frames, bytes := o.waiting(); frames != 3 || bytes != 3 {
		t.Errorf("%d frames, %d bytes wait; want 3, 3", frames, bytes)
	}
	release()
	until(t, "what is for slow is sent", func() bool { return len(w.all()) == 6 })
	if got := fmt.Sprint(w.all()[3:]); got != "[slow 0 slow 1 slow 2]" {
		t.Errorf("sent %s", got)
	}
}

func TestOutbox_Push_IsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		messageBytes int
		members      int
		most         int // messages that one member's queue takes
		all          int // messages that the outbox takes
	}{
		{"frames of one member", 1, 1, queueFramesMax, queueFramesMax},
		{"bytes of one member", 1 << 20, 1, queueBytesMax >> 20, queueBytesMax >> 20},
		{"bytes of all", 1 << 20, 4, queueBytesMax >> 20, outboxBytesMax >> 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			stats := new(counters)
			w := &wire{blocked: make(map[string]chan error)}
			release := make(chan error)
			for i := range c.members {
				w.blocked[fmt.Sprint(i)] = release
			}
			o := newOutbox(w.send, stats)
			message := make([]byte, c.messageBytes)
			taken := 0
			for i := range c.members {
				for range c.most + 1 {
					switch err := o.push(fmt.Sprint(i), message); {
					case err == nil:
						taken++
					case !isError(err, ErrQueueFull):
						t.Fatal(err)
					}
				}
			}
			if taken != c.all {
				t.Errorf("%d messages taken, want %d", taken, c.all)
			}
			refused := uint64(c.members*(c.most+1) - taken)
			if got := stats.dropsQueueFull.Load(); got != refused {
				t.Errorf("%d drops counted, want %d", got, refused)
			}
			close(release)
			until(t, "what was taken is sent", func() bool { return len(w.all()) == taken })
			o.close()
			if frames, bytes := o.waiting(); frames != 0 || bytes != 0 {
				t.Errorf("%d frames, %d bytes are accounted for in an empty outbox", frames, bytes)
			}
		})
	}
}

// TestOutbox_Push_TakesTheLargestAnswer: the parts of an answer are sent in a
// row, and each must arrive, while other frames wait too.
func TestOutbox_Push_TakesTheLargestAnswer(t *testing.T) {
	t.Parallel()
	w := &wire{blocked: map[string]chan error{"slow": make(chan error)}}
	o := newOutbox(w.send, new(counters))
	defer o.close()
	defer close(w.blocked["slow"])
	for i := range antientropy.AnswerFramesMax + 64 {
		if err := o.push("slow", make([]byte, FrameBytesMax)); err != nil {
			t.Fatalf("frame %d: %v", i+1, err)
		}
	}
}

func TestOutbox_Push_DropsWhatWaitsBehindAFailure(t *testing.T) {
	t.Parallel()
	stats := new(counters)
	gone := make(chan error)
	w := &wire{blocked: map[string]chan error{"gone": gone}}
	o := newOutbox(w.send, stats)
	defer o.close()
	defer close(gone)
	for i := range 5 {
		if err := o.push("gone", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	gone <- errors.New("no route")
	until(t, "all five are dropped", func() bool { return stats.dropsSend.Load() == 5 })
	if err := o.push("gone", []byte("later")); err != nil {
		t.Fatal(err)
	}
	gone <- nil
	until(t, "what comes later is tried anew", func() bool { return len(w.all()) == 1 })
}

func TestOutbox_Close_WaitsForTheLastSend(t *testing.T) {
	t.Parallel()
	busy := make(chan error)
	w := &wire{blocked: map[string]chan error{"busy": busy}}
	o := newOutbox(w.send, new(counters))
	for range 2 {
		if err := o.push("busy", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a send is going on", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.begun == 1
	})
	closed := make(chan struct{})
	go func() { o.close(); close(closed) }()
	until(t, "the outbox is closing", func() bool { return isError(o.push("other", nil), ErrClosed) })
	select {
	case <-closed:
		t.Fatal("close returned while a send was going on")
	case <-time.After(10 * time.Millisecond):
	}
	busy <- nil
	<-closed
	if n := len(w.all()); n != 1 {
		t.Errorf("%d messages sent, want the one that was going on", n)
	}
}

// A member that does not answer costs the caller nothing: Send neither waits
// for it nor fails before its queue is full, and Close does not wait either.
func TestTransport_Send_NeverWaitsForAMember(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, func(name string) Options {
		o := partitioned(cuts, fast)(name)
		o.StreamTimeout = time.Hour
		return o
	})
	cuts.Set("n1", "n2", Verdict{Delay: time.Hour})
	var err error
	for sent := 0; err == nil && sent <= queueFramesMax; sent++ {
		err = all[0].Send("n2", []byte("x"), true)
	}
	if !isError(err, ErrQueueFull) && !isError(err, ErrNotAlive) {
		t.Errorf("after %d frames: %v", queueFramesMax, err)
	}
	if err := all[0].Send("n3", []byte("y"), true); err != nil {
		t.Fatal(err)
	}
	until(t, "another member gets its frame", func() bool { return all[2].got(frame{"n1", "y"}) })
	closed := make(chan error, 1)
	go func() { closed <- all[0].Close() }()
	until(t, "it closes", func() bool { return len(closed) > 0 })
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}
