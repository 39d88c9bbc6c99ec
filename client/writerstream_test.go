package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// TestWriter_Write_OverTheStream: where the client has a stream a writer uses
// it, ids included, and each batch keeps its own result or error.
func TestWriter_Write_OverTheStream(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	before := x.singles.Load()
	w, ended := c.NewWriter(client.WriterOptions{}), make(chan outcome, 10)
	var batches []wire.Batch
	for i := range 4 {
		batches = append(batches, batchOf("default", fmt.Sprint(i)))
		batches[i].ID = fmt.Sprint("id of ", i)
	}
	begin(t.Context(), w, ended, batches...)
	for range batches {
		line := <-x.lines
		if want := "id of " + line.Ops[0].From; line.ID != want {
			t.Errorf("a line has the id %q, want %q", line.ID, want)
		}
		switch line.Ops[0].From {
		case "1":
			x.say <- fmt.Sprintf(`{"ref":%d,"results":[],"error":"no claim","code":"not_found"}`, line.Ref)
		case "2":
			x.say <- fmt.Sprintf(`{"ref":%d,"results":[],"error":"the disk failed","code":"unavailable"}`, line.Ref)
		default:
			x.say <- answerTo(line)
		}
	}
	for range batches {
		o := <-ended
		switch o.from {
		case "1":
			if wire.CodeOf(o.err) != wire.CodeNotFound || errors.Is(o.err, client.ErrOutcome) {
				t.Errorf("the refused: %v", o.err)
			}
		case "2":
			if wire.CodeOf(o.err) != wire.CodeUnavailable || !errors.Is(o.err, client.ErrOutcome) {
				t.Errorf("the one that met a fault: %v", o.err)
			}
		default:
			if o.err != nil || o.results.Token != wire.Token("of "+o.from) {
				t.Errorf("%s: %+v, %v", o.from, o.results, o.err)
			}
		}
	}
	w.Close()
	if _, err := w.Write(t.Context(), batches[0]); !errors.Is(err, client.ErrWriterClosed) || x.singles.Load() != before {
		t.Errorf("after Close: %v, and %d requests", err, x.singles.Load()-before)
	}
}

// TestWriter_Write_StreamSaysNothing: who is cut off, runs out of time or gives
// up does not know what became of the batch, and is told so; who never began is
// told that.
func TestWriter_Write_StreamSaysNothing(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	before := x.singles.Load()
	w, hasty, ended := c.NewWriter(client.WriterOptions{}), c.NewWriter(client.WriterOptions{Timeout: 10 * time.Millisecond}), make(chan outcome, 1)
	unknown := func(how string, o outcome) {
		t.Helper()
		if !errors.Is(o.err, client.ErrOutcome) {
			t.Errorf("%s: %v, want ErrOutcome", how, o.err)
		}
	}
	begin(t.Context(), hasty, ended, batchOf("default", "a"))
	<-x.lines
	unknown("out of time", <-ended)
	ctx, leave := context.WithCancel(t.Context())
	begin(ctx, w, ended, batchOf("default", "b"))
	<-x.lines
	leave()
	unknown("given up", <-ended)
	if _, err := w.Write(ctx, batchOf("default", "c")); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrOutcome) || len(x.lines) > 0 {
		t.Errorf("never begun: %v", err)
	}
	begin(t.Context(), w, ended, batchOf("default", "d"))
	<-x.lines
	x.say <- cutShort
	unknown("cut off", <-ended)
	if x.singles.Load() != before {
		t.Error("something was written twice")
	}
}

// TestWriter_Close_AwaitsTheStream: it returns when the last has its answer.
func TestWriter_Close_AwaitsTheStream(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	w, ended, closed := c.NewWriter(client.WriterOptions{}), make(chan outcome, 1), make(chan struct{})
	begin(t.Context(), w, ended, batchOf("default", "a"))
	line := <-x.lines
	go func() { w.Close(); close(closed) }()
	for isRefused := false; !isRefused; {
		again, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.Write(again, batchOf("default", "b"))
		isRefused = errors.Is(err, client.ErrWriterClosed)
	}
	select {
	case <-closed:
		t.Error("it does not wait")
	default:
	}
	x.say <- answerTo(line)
	<-closed
	if o := <-ended; o.err != nil {
		t.Error(o.err)
	}
}
