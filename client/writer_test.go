package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// writes is a node that takes batches: it holds every request until it is let
// go, so that what comes meanwhile gathers.
type writes struct {
	arrived chan []wire.Batch
	let     chan func(http.ResponseWriter, []wire.Batch)
}

func newWrites() *writes {
	return &writes{arrived: make(chan []wire.Batch, 100), let: make(chan func(http.ResponseWriter, []wire.Batch), 100)}
}

func (x *writes) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var q wire.OpsRequest
	if err := wire.Unmarshal(body, &q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	x.arrived <- q.Batches
	select {
	case answer := <-x.let:
		answer(w, q.Batches)
	case <-r.Context().Done():
	}
}

// each answers every batch with a token after the first key it writes, but
// refuses those of the keyspace "bad".
func each(w http.ResponseWriter, batches []wire.Batch) {
	var all wire.BatchResults
	for _, b := range batches {
		result := wire.BatchResult{ID: b.ID}
		if b.Ops[0].Keyspace == "bad" {
			result.Error, result.Code = "it is bad", wire.CodeNotFound
		} else {
			result.Token = wire.Token("of " + b.Ops[0].From)
		}
		all.Batches = append(all.Batches, result)
	}
	text, _ := wire.Marshal(all)
	_, _ = w.Write(text)
}

func batchOf(keyspace, from string) wire.Batch {
	return wire.Batch{Ops: wire.List[wire.Operation]{{Op: wire.OpRegister, Keyspace: keyspace, Bounds: wire.Bounds{From: from}}}}
}

// outcome is what one write returned.
type outcome struct {
	from    string
	results wire.Results
	err     error
}

// gather waits until so many writes wait to be sent.
func gather(w *client.Writer, waiting int) {
	for w.Waiting() < waiting {
		runtime.Gosched()
	}
}

// begin writes in goroutines of their own.
func begin(ctx context.Context, w *client.Writer, ended chan<- outcome, batches ...wire.Batch) {
	for _, b := range batches {
		go func() {
			results, err := w.Write(ctx, b)
			ended <- outcome{b.Ops[0].From, results, err}
		}()
	}
}

func newWriter(t *testing.T, x *writes, o client.WriterOptions) *client.Writer {
	t.Helper()
	return against(t, client.Options{NoStream: true}, x.serve).NewWriter(o)
}

// TestWriter_Write_CoalescesWhatWaits: what is written while a request is under
// way goes together, and each keeps its own result or error.
func TestWriter_Write_CoalescesWhatWaits(t *testing.T) {
	x, ended := newWrites(), make(chan outcome, 100)
	w := newWriter(t, x, client.WriterOptions{Requests: 1})
	begin(t.Context(), w, ended, batchOf("good", "first"))
	if got := <-x.arrived; len(got) != 1 {
		t.Fatalf("who writes alone is sent at once, not with %d", len(got))
	}
	var batches []wire.Batch
	for i := range 40 {
		keyspace := "good"
		if i%4 == 0 {
			keyspace = "bad"
		}
		batches = append(batches, batchOf(keyspace, fmt.Sprint(i)))
	}
	begin(t.Context(), w, ended, batches...)
	gather(w, len(batches))
	x.let <- each
	if got := <-x.arrived; len(got) != len(batches) {
		t.Errorf("%d of %d batches went together", len(got), len(batches))
	}
	x.let <- each
	for range len(batches) + 1 {
		o := <-ended
		var n int
		_, _ = fmt.Sscan(o.from, &n)
		isBad := o.from != "first" && n%4 == 0
		switch {
		case isBad && wire.CodeOf(o.err) != wire.CodeNotFound, isBad && errors.Is(o.err, client.ErrOutcome):
			t.Errorf("%s: %v, want its own refusal", o.from, o.err)
		case !isBad && (o.err != nil || o.results.Token != wire.Token("of "+o.from)):
			t.Errorf("%s: %q, %v, want its own result", o.from, o.results.Token, o.err)
		}
	}
	w.Close()
	if _, err := w.Write(t.Context(), batchOf("good", "late")); !errors.Is(err, client.ErrWriterClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestWriter_Write_CancelHurtsNobodyElse: one who gives up before it is sent is
// not sent, one who gives up later does not know; the others get their results.
func TestWriter_Write_CancelHurtsNobodyElse(t *testing.T) {
	x, ended, gone := newWrites(), make(chan outcome, 10), make(chan outcome, 10)
	w := newWriter(t, x, client.WriterOptions{Requests: 1})
	early, leave := context.WithCancel(t.Context())
	begin(early, w, gone, batchOf("good", "under way"))
	<-x.arrived
	begin(early, w, gone, batchOf("good", "waiting"))
	gather(w, 1)
	begin(t.Context(), w, ended, batchOf("good", "stays"))
	gather(w, 2)
	leave()
	for range 2 {
		o := <-gone
		if want := o.from == "under way"; !errors.Is(o.err, context.Canceled) || errors.Is(o.err, client.ErrOutcome) != want {
			t.Errorf("%s: %v, is its outcome unknown: want %v", o.from, o.err, want)
		}
	}
	x.let <- each
	if got := <-x.arrived; len(got) != 1 || got[0].Ops[0].From != "stays" {
		t.Errorf("the next request has %v, want what stays alone", got)
	}
	x.let <- each
	if o := <-ended; o.err != nil {
		t.Errorf("who stayed: %v", o.err)
	}
	w.Close()
}

// TestWriter_Write_TellsWhenTheOutcomeIsUnknown: a request that is cut off, or
// that a fault has interrupted, leaves every one of its writers in doubt, and
// says so; one that was refused or never sent does not.
func TestWriter_Write_TellsWhenTheOutcomeIsUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		answer  func(http.ResponseWriter, []wire.Batch)
		unknown bool
	}{
		"cut off":   {func(http.ResponseWriter, []wire.Batch) { panic(http.ErrAbortHandler) }, true},
		"a fault":   {func(w http.ResponseWriter, _ []wire.Batch) { says(503, `{"error":"x","code":"unavailable"}`)(w, nil) }, true},
		"too short": {func(w http.ResponseWriter, _ []wire.Batch) { says(200, `{"batches":[]}`)(w, nil) }, true},
		"forbidden": {func(w http.ResponseWriter, _ []wire.Batch) { says(403, `{"error":"x","code":"forbidden"}`)(w, nil) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			x, ended := newWrites(), make(chan outcome, 10)
			w := newWriter(t, x, client.WriterOptions{Requests: 1})
			begin(t.Context(), w, ended, batchOf("good", "first"))
			<-x.arrived
			begin(t.Context(), w, ended, batchOf("good", "a"), batchOf("good", "b"), batchOf("good", "c"))
			gather(w, 3)
			x.let <- each
			<-ended
			<-x.arrived
			x.let <- test.answer
			for range 3 {
				if o := <-ended; o.err == nil || errors.Is(o.err, client.ErrOutcome) != test.unknown {
					t.Errorf("%s: %v, is its outcome unknown: want %v", o.from, o.err, test.unknown)
				}
			}
			w.Close()
		})
	}
	t.Run("never sent", func(t *testing.T) {
		c, err := client.New("http://127.0.0.1:1", client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := c.NewWriter(client.WriterOptions{})
		if _, err := w.Write(t.Context(), batchOf("good", "a")); !errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrOutcome) {
			t.Errorf("nobody listens: %v", err)
		}
		w.Close()
	})
}

// TestWriter_Write_RefusedTogether_GoesInHalves: a request that a node refuses
// for what is in it harms only whose fault it is.
func TestWriter_Write_RefusedTogether_GoesInHalves(t *testing.T) {
	var requests []int
	var mu sync.Mutex
	arrived, first := make(chan struct{}), make(chan struct{})
	c := against(t, client.Options{NoStream: true}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var q struct{ Batches []wire.Batch }
		_ = json.Unmarshal(body, &q)
		mu.Lock()
		requests = append(requests, len(q.Batches))
		mu.Unlock()
		if q.Batches[0].Ops[0].From == "first" {
			close(arrived)
			<-first
		}
		if strings.Contains(string(body), `"poison"`) {
			says(400, `{"error":"no","code":"invalid"}`)(w, r)
			return
		}
		each(w, q.Batches)
	})
	w, ended := c.NewWriter(client.WriterOptions{Requests: 1}), make(chan outcome, 20)
	begin(t.Context(), w, ended, batchOf("good", "first"))
	<-arrived
	batches := []wire.Batch{batchOf("good", "poison")}
	for i := range 7 {
		batches = append(batches, batchOf("good", fmt.Sprint(i)))
	}
	begin(t.Context(), w, ended, batches...)
	gather(w, len(batches))
	close(first)
	for range len(batches) + 1 {
		if o := <-ended; (o.err != nil) != (o.from == "poison") || errors.Is(o.err, client.ErrOutcome) {
			t.Errorf("%s: %v", o.from, o.err)
		}
	}
	w.Close()
	if most := 2 + 2*4; len(requests) > most {
		t.Errorf("%d requests, want at most %d: %v", len(requests), most, requests)
	}
}

// TestWriter_Write_IsBounded: a queue that is full refuses.
func TestWriter_Write_IsBounded(t *testing.T) {
	x, ended := newWrites(), make(chan outcome, 10)
	w := newWriter(t, x, client.WriterOptions{Requests: 1, Waiting: 2})
	begin(t.Context(), w, ended, batchOf("good", "under way"))
	<-x.arrived
	begin(t.Context(), w, ended, batchOf("good", "a"), batchOf("good", "b"))
	gather(w, 2)
	if _, err := w.Write(t.Context(), batchOf("good", "c")); !errors.Is(err, client.ErrWriterFull) {
		t.Errorf("a third that waits: %v", err)
	}
	x.let <- each
	x.let <- each
	for range 3 {
		if o := <-ended; o.err != nil {
			t.Errorf("%s: %v", o.from, o.err)
		}
	}
	w.Close()
}

// TestWriter_Write_SameIDGoesApart: a node takes two batches of one id in one
// request for a mistake.
func TestWriter_Write_SameIDGoesApart(t *testing.T) {
	x, ended := newWrites(), make(chan outcome, 10)
	w := newWriter(t, x, client.WriterOptions{Requests: 1})
	begin(t.Context(), w, ended, batchOf("good", "first"))
	<-x.arrived
	twice := batchOf("good", "x")
	twice.ID = "same"
	begin(t.Context(), w, ended, twice, twice)
	gather(w, 2)
	for range 3 {
		x.let <- each
	}
	for range 2 {
		if got := <-x.arrived; len(got) != 1 {
			t.Errorf("%d batches of one id went together", len(got))
		}
	}
	for range 3 {
		if o := <-ended; o.err != nil {
			t.Errorf("%s: %v", o.from, o.err)
		}
	}
	w.Close()
}
