package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// answerToSeveral is the answer to a line of several batches, those of the key
// "bad" refused.
func answerToSeveral(line wire.OpsLine) string {
	a := wire.OpsAnswer{Ref: line.Ref, BatchResult: wire.BatchResult{Token: wire.Token(fmt.Sprint("of ", line.Ref))}}
	for _, b := range line.Batches {
		part := wire.BatchResult{ID: b.ID, Results: wire.List[wire.Result]{{Operation: b.Ops[0].WithDefaults("n1"), Changed: true}}}
		if b.Ops[0].From == "bad" {
			part.Results, part.Error, part.Code = nil, "no claim", wire.CodeNotFound
		}
		a.Batches = append(a.Batches, part)
	}
	return string(a.Append(nil))
}

// TestWriter_Write_SharesALine: where the node takes lines of several batches, a
// writer's go in such lines, and each has its own result or error, the token of its
// line, and its own id; what the client writes itself does not.
func TestWriter_Write_SharesALine(t *testing.T) {
	const writers = 200
	x := newStreams()
	x.opening = `{"node":"n1","line_bytes_max":4000,"lines_max":10,"batches_max":20}`
	c := x.client(t, client.Options{})
	x.open(t, c)
	before := x.singles.Load()
	w, ended := c.NewWriter(client.WriterOptions{}), make(chan outcome, writers)
	for i := range writers {
		b := batchOf("default", fmt.Sprint(i))
		if i%10 == 7 {
			b.Ops[0].From = "bad"
		}
		if i%3 == 0 {
			b.ID = fmt.Sprint("id of ", i)
		}
		begin(t.Context(), w, ended, b)
	}
	tokens, lines := map[string]wire.Token{}, 0
	for came := 0; came < writers; lines++ {
		line := <-x.lines
		if n := len(line.Batches); n == 0 || n > 20 {
			t.Fatalf("a line has %d batches", n)
		}
		for _, b := range line.Batches {
			tokens[b.Ops[0].From] = wire.Token(fmt.Sprint("of ", line.Ref))
			if want := "id of " + b.Ops[0].From; b.ID != "" && b.ID != want && b.Ops[0].From != "bad" {
				t.Errorf("a batch has the id %q, want %q", b.ID, want)
			}
		}
		came += len(line.Batches)
		x.say <- answerToSeveral(line)
	}
	for range writers {
		switch o := <-ended; {
		case o.from == "bad":
			if wire.CodeOf(o.err) != wire.CodeNotFound || errors.Is(o.err, client.ErrOutcome) {
				t.Errorf("one that failed: %v", o.err)
			}
		case o.err != nil || o.results.Token != tokens[o.from] || len(o.results.Results) != 1 || o.results.Results[0].From != o.from || fmt.Sprint(o.results.OnDisk) != "[n1]":
			t.Errorf("%s: %+v, %v, want the token %s", o.from, o.results, o.err, tokens[o.from])
		}
	}
	if lines == writers || x.singles.Load() != before {
		t.Errorf("%d lines, and %d requests", lines, x.singles.Load()-before)
	}
	own := make(chan error, 1)
	go func() { _, err := writeOne(t.Context(), c, "own"); own <- err }()
	line := <-x.lines
	if x.say <- answerTo(line); len(line.Batches) != 0 {
		t.Error("the client's own write went as one of several")
	}
	if err := <-own; err != nil {
		t.Error(err)
	}
}

// TestWriter_Write_RefusedTogether_GoesElsewhere: a line that a node refuses for
// what is in it is written anew, as requests that tell whose fault it is.
func TestWriter_Write_RefusedTogether_GoesElsewhere(t *testing.T) {
	x, poisoned := newStreams(), "poison"
	x.opening = `{"node":"n1","line_bytes_max":4000,"lines_max":10,"batches_max":20}`
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/ops/stream" {
			x.serve(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		var q wire.OpsRequest
		switch err := wire.Unmarshal(body, &q); {
		case err != nil || strings.Contains(string(body), poisoned):
			says(400, `{"error":"no","code":"invalid"}`)(w, r)
		case q.Ops != nil:
			x.serve(w, r)
		default:
			each(w, q.Batches)
		}
	})
	x.open(t, c)
	w, ended := c.NewWriter(client.WriterOptions{}), make(chan outcome, 50)
	for i := range 50 {
		b := batchOf("default", fmt.Sprint(i))
		if i == 20 {
			b.Ops[0].From = poisoned
		}
		begin(t.Context(), w, ended, b)
	}
	go func() {
		for {
			select {
			case line := <-x.lines:
				for _, b := range line.Batches {
					if b.Ops[0].From == poisoned {
						line.Batches = nil
					}
				}
				if line.Batches == nil {
					x.say <- fmt.Sprintf(`{"ref":%d,"results":[],"error":"no","code":"invalid"}`, line.Ref)
				} else {
					x.say <- answerToSeveral(line)
				}
			case <-t.Context().Done():
				return
			}
		}
	}()
	for range 50 {
		if o := <-ended; (o.from == poisoned) != (wire.CodeOf(o.err) == wire.CodeInvalid) || errors.Is(o.err, client.ErrOutcome) || o.from != poisoned && o.err != nil {
			t.Errorf("%s: %+v, %v", o.from, o.results, o.err)
		}
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

// TestWriter_Close_AwaitsWhatGoesElsewhere: a write that was under way is carried out
// though the stream ends meanwhile and it goes as a request.
func TestWriter_Close_AwaitsWhatGoesElsewhere(t *testing.T) {
	x := newStreams()
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		var q wire.OpsRequest
		if r.URL.Path == "/v1/ops/stream" || wire.Decode(r.Body, 1<<20, &q) != nil || q.Batches == nil {
			x.serve(w, r)
			return
		}
		each(w, q.Batches)
	})
	x.open(t, c)
	w, ended, closed := c.NewWriter(client.WriterOptions{}), make(chan outcome, 1), make(chan struct{})
	begin(t.Context(), w, ended, batchOf("default", "a"))
	<-x.lines
	go func() { w.Close(); close(closed) }()
	again, cancel := context.WithCancel(t.Context())
	cancel()
	for isRefused := false; !isRefused; {
		_, err := w.Write(again, batchOf("default", "b"))
		isRefused = errors.Is(err, client.ErrWriterClosed)
	}
	x.say <- `{"error":"this node stops","code":"unavailable"}`
	if o := <-ended; o.err != nil || o.results.Token != "of a" {
		t.Errorf("%+v, %v", o.results, o.err)
	}
	x.say <- theEnd
	<-closed
}
