package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

var opsSeed = flag.Uint64("ops.seed", 0, "seed of TestClient_Write_RandomNode; 0 draws one")

// moody is a node that carries out what it is asked, or refuses it, answers in any
// order and in any words, and ends streams as it likes.
type moody struct {
	mu     sync.Mutex
	random *rand.Rand
	// carried counts how often the batch of a key was carried out, tokens has the
	// token that was said of it.
	carried map[string]int
	tokens  map[string]wire.Token
	// shared counts batches that came in a line with others, tooMany lines of more
	// than the node had said that it takes.
	shared, tooMany int
	// endsStreams says that it ends them before the client does.
	endsStreams bool
}

func (x *moody) draw(n int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.random.IntN(n)
}

func (x *moody) timesCarried(key string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.carried[key]
}

// madeOf is what a node answers that has carried out operations.
func madeOf(ops []wire.Operation) wire.BatchResult {
	r := wire.BatchResult{Token: wire.Token("of-" + ops[0].From)}
	for i, o := range ops {
		o = o.WithDefaults("n1")
		o.Priority = nil
		r.Results = append(r.Results, wire.Result{Operation: o, Changed: i%2 == 0, Priority: int64(len(o.From) + i)})
	}
	return r
}

func (x *moody) carryOut(b wire.Batch) wire.BatchResult {
	r := madeOf(b.Ops)
	r.ID = b.ID
	x.mu.Lock()
	defer x.mu.Unlock()
	x.carried[b.Ops[0].From]++
	x.tokens[b.Ops[0].From] = r.Token
	return r
}

func (x *moody) tokenOf(key string) wire.Token {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tokens[key]
}

func (x *moody) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/ops/stream" {
		x.stream(w, r)
		return
	}
	var q wire.OpsRequest
	if err := wire.Decode(r.Body, 1<<20, &q); err != nil {
		return // who asked has gone
	}
	var answer any
	if all := (wire.BatchResults{Token: "all", OnDisk: wire.List[string]{"n1"}, Missing: wire.List[string]{}}); q.Ops == nil {
		for _, b := range q.Batches {
			all.Batches = append(all.Batches, x.carryOut(b))
		}
		answer = all
	} else {
		one := x.carryOut(wire.Batch{Ops: q.Ops})
		answer = wire.Results{Results: one.Results, Token: one.Token, OnDisk: all.OnDisk, Missing: all.Missing}
	}
	text, _ := wire.Marshal(answer)
	_, _ = w.Write(text)
}

// stream answers lines, those that have come together in one piece.
func (x *moody) stream(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	w.WriteHeader(http.StatusContinue)
	say := func(text string) {
		_, _ = io.WriteString(w, text)
		_ = control.Flush()
	}
	batchesMax := []int{0, 1, 5, 256, 256}[x.draw(5)]
	opening, _ := wire.Marshal(wire.OpsOpening{Node: "n1", LineBytesMax: 100_000, LinesMax: 1000, BatchesMax: batchesMax})
	say(string(opening) + "\n")
	lines, left := make(chan wire.OpsLine, 10_000), 1<<30
	go x.readLines(r.Body, batchesMax, lines)
	if x.endsStreams {
		left = 1 + x.draw(200)
	}
	for group := nextLines(lines); len(group) > 0; group = nextLines(lines) {
		if x.draw(4) == 0 {
			time.Sleep(time.Duration(x.draw(12)) * time.Millisecond)
		}
		var out strings.Builder
		for _, i := range rand.Perm(len(group))[:min(left, len(group))] {
			out.WriteString(x.answer(group[i]) + "\n")
		}
		if left -= len(group); left > 0 {
			say(out.String())
			continue
		}
		x.endStream(out.String(), say, func() {
			_ = control.SetReadDeadline(time.Unix(1, 0)) // nobody may read when it returns
			for range lines {
			}
		})
		return
	}
}

// endStream ends one as a node does that stops, as one that is cut off, or without
// a word.
func (x *moody) endStream(answers string, say func(string), stop func()) {
	switch x.draw(3) {
	case 0:
		say(answers + `{"error":"it stops","code":"unavailable"}` + "\n")
		stop()
	case 1:
		say(answers[:x.draw(len(answers))])
		stop()
		panic(http.ErrAbortHandler)
	default:
		say(answers)
		stop()
	}
}

func (x *moody) readLines(body io.Reader, batchesMax int, lines chan<- wire.OpsLine) {
	defer close(lines)
	for in := bufio.NewScanner(body); in.Scan(); {
		var line wire.OpsLine
		if wire.Unmarshal(in.Bytes(), &line) != nil {
			return
		}
		x.note(len(line.Batches), batchesMax)
		lines <- line
	}
}

func (x *moody) note(batches, batchesMax int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if batches > 1 {
		x.shared += batches
	}
	if batches > batchesMax {
		x.tooMany++
	}
}

// nextLines returns those that are there, none at the end.
func nextLines(lines <-chan wire.OpsLine) (group []wire.OpsLine) {
	for line := range lines {
		if group = append(group, line); len(lines) == 0 || len(group) == 300 {
			break
		}
	}
	return group
}

// answerSeveral answers a line of several batches, each in its own way, and now and
// then all in one way.
func (x *moody) answerSeveral(line wire.OpsLine) string {
	a := wire.OpsAnswer{Ref: line.Ref}
	if x.draw(30) == 0 {
		a.Error, a.Code = "no", []wire.Code{wire.CodeInvalid, wire.CodeTooLarge, wire.CodeUnavailable, wire.CodeForbidden}[x.draw(4)]
		return string(a.Append(nil))
	}
	a.Token = wire.Token(fmt.Sprint("of-line-", line.Ref, line.Batches[0].Ops[0].From))
	for _, b := range line.Batches {
		if x.draw(40) == 0 {
			a.Batches = append(a.Batches, wire.BatchResult{ID: b.ID, Error: "no claim", Code: wire.CodeNotFound})
			continue
		}
		part := x.carryOut(b)
		part.Token = ""
		a.Batches = append(a.Batches, part)
		x.mu.Lock()
		x.tokens[b.Ops[0].From] = a.Token
		x.mu.Unlock()
	}
	switch x.draw(15) {
	case 0:
		return strings.Replace(string(a.Append(nil)), `,`, ` , "news":[1],`, 1)
	case 1:
		text, _ := json.Marshal(a)
		return string(text)
	case 2:
		a.Batches = a.Batches[1:] // which tells nobody anything
	}
	return string(a.Append(nil))
}

func (x *moody) answer(line wire.OpsLine) string {
	if line.Batches != nil {
		return x.answerSeveral(line)
	}
	switch x.draw(15) {
	case 0:
		return fmt.Sprintf(`{"ref":%d,"results":[],"error":"no claim","code":"not_found"}`, line.Ref)
	case 1:
		return strings.Replace(string(wire.OpsAnswer{Ref: line.Ref, BatchResult: x.carryOut(line.Batch)}.Append(nil)), `,`, ` , "news":[1],`, 1)
	case 2:
		text, _ := json.Marshal(wire.OpsAnswer{Ref: line.Ref, BatchResult: x.carryOut(line.Batch)})
		return string(text) // with other escapes, in another order
	}
	return string(wire.OpsAnswer{Ref: line.Ref, BatchResult: x.carryOut(line.Batch)}.Append(nil))
}

// attempt is one write, by a writer with a time for each batch, 0 for none.
type attempt struct {
	key     string
	batch   wire.Batch
	timeout time.Duration
	isCut   bool // its context ends
}

func drawAttempt(draw *rand.Rand, key string) attempt {
	ops := wire.List[wire.Operation]{{Op: wire.OpIncrease, Bounds: wire.Bounds{From: key, To: new("z")}, By: new(int64(draw.IntN(9)))}}
	switch draw.IntN(5) {
	case 0:
		ops = append(ops, wire.Operation{Op: wire.OpSet, Keyspace: "k", Node: "n2", Bounds: wire.Bounds{From: key}, Priority: new(int64(4))})
	case 1:
		ops[0].Keyspace, ops[0].Node = "é", "<\u2028"
	}
	a := attempt{key: key, batch: wire.Batch{Ops: ops}, isCut: draw.IntN(8) == 0}
	a.timeout = []time.Duration{0, 2 * time.Millisecond, 10 * time.Millisecond, 30 * time.Second}[draw.IntN(4)]
	if a.timeout > 0 && draw.IntN(2) == 0 {
		a.batch.ID = "id-" + key
	}
	return a
}

func (a attempt) write(ctx context.Context, c *client.Client, writers map[time.Duration]*client.Writer) (wire.Results, error) {
	if a.timeout == 0 {
		return c.Write(ctx, a.batch.Ops, client.WriteOptions{})
	}
	return writers[a.timeout].Write(ctx, a.batch)
}

// judge says what is wrong with the outcome of an attempt, "" if nothing is.
func (a attempt) judge(x *moody, r wire.Results, err error, took time.Duration) string {
	carried, isKnown := x.timesCarried(a.key), a.timeout > 0 && !errors.Is(err, client.ErrOutcome)
	switch {
	case err == nil && carried != 1:
		return "it is said to be carried out"
	case err == nil && (!reflect.DeepEqual(r.Results, madeOf(a.batch.Ops).Results) || r.Token != x.tokenOf(a.key)):
		return fmt.Sprintf("it has the results %+v", r)
	case err == nil:
		return ""
	case carried > 0 && (isKnown || wire.CodeOf(err) == wire.CodeNotFound):
		return "it is said not to be carried out"
	case errors.Is(err, context.DeadlineExceeded) && (a.timeout == 0 || took < a.timeout):
		return fmt.Sprintf("it had but %s", took)
	case errors.Is(err, context.Canceled) && !a.isCut:
		return "nobody cancelled it"
	case errors.Is(err, client.ErrUnreachable) && !x.endsStreams:
		return "the node was there"
	}
	return ""
}

// TestClient_Write_RandomNode: whatever a node does and however streams end, a
// write is carried out once at most, each hears what became of its own, and who is
// told that it was not carried out can rely on it.
func TestClient_Write_RandomNode(t *testing.T) {
	seed := *opsSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with -ops.seed %d; goroutines make it differ", seed)
	shared := 0
	for round := range 4 {
		x := &moody{random: rand.New(rand.NewPCG(seed, uint64(round))), carried: map[string]int{}, tokens: map[string]wire.Token{}, endsStreams: round > 0}
		c, writers := against(t, client.Options{}, x.serve), map[time.Duration]*client.Writer{}
		for _, timeout := range []time.Duration{2 * time.Millisecond, 10 * time.Millisecond, 30 * time.Second} {
			writers[timeout] = c.NewWriter(client.WriterOptions{Timeout: timeout})
		}
		var running sync.WaitGroup
		for w := range 32 {
			draw := rand.New(rand.NewPCG(seed, uint64(round*100+w+10)))
			running.Go(func() {
				for i := range 60 {
					if round == 3 && w == 0 && i == 30 {
						c.Close() // others go on without a stream
					}
					tryOne(t, x, c, writers, drawAttempt(draw, fmt.Sprintf("%d-%d", w, i)), time.Duration(draw.IntN(8000))*time.Microsecond)
				}
			})
		}
		running.Wait()
		for _, w := range writers {
			w.Close()
		}
		x.carriedOnce(t)
		shared += x.shared
	}
	if shared < 100 {
		t.Errorf("%d batches shared a line with others", shared)
	}
}

// carriedOnce looks at all batches, when lines may still come that nobody awaits.
func (x *moody) carriedOnce(t *testing.T) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, times := range x.carried {
		if times != 1 {
			t.Errorf("%s was carried out %d times", key, times)
		}
	}
	if x.tooMany > 0 {
		t.Errorf("%d lines have more batches than the node takes", x.tooMany)
	}
}

func tryOne(t *testing.T, x *moody, c *client.Client, writers map[time.Duration]*client.Writer, a attempt, cut time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if a.isCut {
		time.AfterFunc(cut, cancel)
	}
	begin := time.Now()
	r, err := a.write(ctx, c, writers)
	if wrong := a.judge(x, r, err, time.Since(begin)); wrong != "" {
		t.Errorf("%s was carried out %d times, and ended with %v: %s", a.key, x.timesCarried(a.key), err, wrong)
	}
}
