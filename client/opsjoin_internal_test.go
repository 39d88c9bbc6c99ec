package client

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scalesmall/ssnode/wire"
)

var errCut = errors.New("it was cut off")

// taken is a stream whose transport is the test.
type taken struct {
	*opsStream
	// body is what was taken; all are the batches that were added, by their keys.
	body []byte
	all  map[string]*pending
}

func newTaken(o wire.OpsOpening) *taken {
	c, err := New("http://127.0.0.1:1", Options{})
	if err != nil {
		panic(err)
	}
	x := &taken{opsStream: newOpsStream(c), all: map[string]*pending{}}
	x.cancel = func(error) {}
	x.open(o)
	return x
}

func increase(key string) wire.Batch {
	return wire.Batch{Ops: wire.List[wire.Operation]{{Op: wire.OpIncrease, Keyspace: "k", Node: "n", Bounds: wire.Bounds{From: key}, By: new(int64(1))}}}
}

// write adds a batch, and reports whether the stream has taken it.
func (x *taken) write(key string, isShared bool, due time.Time) bool {
	p, err := newPending(increase(key), x.node)
	if err != nil {
		panic(err)
	}
	p.due = due
	if !x.add(p, isShared) {
		return false
	}
	x.all[key] = p
	return true
}

// take has the transport take so many bytes at most, of what is there.
func (x *taken) take(bytes int) {
	if x.mu.sent < len(x.mu.unsent) {
		p := make([]byte, bytes)
		n, _ := x.Read(p)
		x.body = append(x.body, p[:n]...)
	}
}

func (x *taken) takeAll() {
	for x.mu.sent < len(x.mu.unsent) {
		x.take(100)
	}
}

// lines returns the lines that were taken whole.
func (x *taken) lines(t interface{ Fatalf(string, ...any) }) (lines []wire.OpsLine) {
	whole, _, _ := cutLast(x.body)
	for text := range bytes.Lines(whole) {
		var line wire.OpsLine
		if err := wire.Unmarshal(text, &line); err != nil || len(text) > x.lineMax || len(line.Batches) > x.batchesMax {
			t.Fatalf("%d bytes, %d batches: %s, %v", len(text), len(line.Batches), text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// cutLast cuts behind the last end of a line.
func cutLast(body []byte) (whole, part []byte, ok bool) {
	at := bytes.LastIndexByte(body, '\n')
	return body[:at+1], body[at+1:], at >= 0
}

func keysOf(line wire.OpsLine) (keys []string) {
	for _, b := range append(line.Batches, line.Batch) {
		for _, o := range b.Ops {
			keys = append(keys, o.From)
		}
	}
	return keys
}

// outcome returns what became of a batch, and whether it is known.
func (x *taken) outcome(key string) (wire.Results, error, bool) {
	select {
	case <-x.all[key].ended:
		r, err := x.all[key].results(increase(key), x.node)
		return r, err, true
	default:
		return wire.Results{}, nil, false
	}
}

// answer has the node answer.
func (x *taken) answer(answers ...wire.OpsAnswer) {
	var text []byte
	for _, a := range answers {
		text = append(a.Append(text), '\n')
	}
	_, _ = x.follow(newLines(bytes.NewReader(text)))
}

// made is what a node answers that has carried out a line.
func made(line wire.OpsLine) wire.OpsAnswer {
	a := wire.OpsAnswer{Ref: line.Ref, BatchResult: wire.BatchResult{Token: wire.Token(fmt.Sprint("T", line.Ref))}}
	for _, b := range line.Batches {
		a.Batches = append(a.Batches, wire.BatchResult{Results: wire.List[wire.Result]{{Operation: b.Ops[0], Changed: true, Priority: 7}}})
	}
	if line.Batches == nil {
		a.Results = wire.List[wire.Result]{{Operation: line.Ops[0], Changed: true, Priority: 7}}
	}
	return a
}

// TestOpsStream_Read_BreaksAtAnyByte (N1): whatever comes while the transport takes
// as much as it likes, lines are within their bounds and have each batch once, in
// the order of writing; and when it takes no more, exactly those go elsewhere of
// whose lines it has taken nothing.
func TestOpsStream_Read_BreaksAtAnyByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTaken(wire.OpsOpening{
			Node: "n1", LineBytesMax: rapid.IntRange(150, 800).Draw(t, "line bytes"), BatchesMax: rapid.SampledFrom([]int{0, 1, 2, 5, 1000}).Draw(t, "batches"),
		})
		var order []string
		for i := range rapid.IntRange(0, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "takes") == 0 {
				x.take(rapid.IntRange(1, 500).Draw(t, "bytes"))
				continue
			}
			key := fmt.Sprint("key-", i, strings.Repeat("x", rapid.IntRange(0, 100).Draw(t, "long")))
			if x.write(key, rapid.IntRange(0, 3).Draw(t, "shared") > 0, time.Time{}) {
				order = append(order, key)
			}
		}
		if isAll := rapid.Bool().Draw(t, "all"); isAll {
			x.shut()
			x.takeAll()
		}
		var came []string
		for _, line := range x.lines(t) {
			came = append(came, keysOf(line)...)
		}
		_, part, _ := cutLast(x.body)
		if !slices.Equal(came, order[:len(came)]) {
			t.Fatalf("%v came, written were %v", came, order)
		}
		isRefusal := rapid.Bool().Draw(t, "refusal")
		_ = x.Close()
		x.end(isRefusal, errCut)
		for i, key := range order {
			_, err, isKnown := x.outcome(key)
			isTaken := i < len(came) || bytes.Contains(part, []byte(key))
			switch isElsewhere := err == errElsewhere; {
			case !isKnown || !isElsewhere && err != errCut:
				t.Fatalf("%s has become %v, %v", key, err, isKnown)
			case isElsewhere && isTaken && !isRefusal:
				t.Fatalf("%s was taken, and goes elsewhere", key)
			case !isElsewhere && (isRefusal || len(part) == 0 && !isTaken):
				t.Fatalf("%s was not taken, or refused, and goes nowhere", key)
			}
		}
	})
}

// TestOpsStream_End_OneByteIsEnough: a line of which the transport has taken any
// may have arrived, for all that is known; one behind it has not.
func TestOpsStream_End_OneByteIsEnough(t *testing.T) {
	for taken, want := range map[int]error{0: errElsewhere, 1: errCut} {
		x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
		x.write("a", true, time.Time{})
		x.takeAll()
		x.write("b", true, time.Time{})
		x.write("c", true, time.Time{})
		x.take(taken)
		x.write("d", true, time.Time{})
		x.end(false, errCut)
		for key, want := range map[string]error{"a": errCut, "b": want, "c": want, "d": errElsewhere} {
			if _, err, isKnown := x.outcome(key); !isKnown || err != want {
				t.Errorf("%d bytes taken: %s has become %v, want %v", taken, key, err, want)
			}
		}
	}
}

// TestOpsStream_Add_WhatWaitsGoesTogether: one line for all that wait, each with its
// own part of the answer and the token of all; what Client.Write writes goes alone
// between them, in its place.
func TestOpsStream_Add_WhatWaitsGoesTogether(t *testing.T) {
	x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
	for _, key := range []string{"a", "b", "alone", "c", "d", "e", "f"} {
		x.write(key, key != "alone", time.Time{})
	}
	x.takeAll()
	x.write("g", true, time.Time{})
	x.takeAll()
	var got []string
	var answers []wire.OpsAnswer
	for _, line := range x.lines(t) {
		got = append(got, strings.Join(keysOf(line), "+"))
		answers = append(answers, made(line))
	}
	if want := "a+b alone c+d+e f g"; strings.Join(got, " ") != want {
		t.Errorf("the lines are %v, want %s", got, want)
	}
	answers[0].Batches[1] = wire.BatchResult{Error: "no claim", Code: wire.CodeNotFound}
	slices.Reverse(answers)
	x.answer(answers...)
	for key, ref := range map[string]int{"a": 1, "alone": 2, "c": 3, "d": 3, "e": 3, "f": 4, "g": 5} {
		r, err, _ := x.outcome(key)
		if err != nil || r.Token != wire.Token(fmt.Sprint("T", ref)) || len(r.Results) != 1 || r.Results[0].From != key || r.Results[0].Priority != 7 || r.OnDisk[0] != "n1" {
			t.Errorf("%s has become %+v, %v", key, r, err)
		}
	}
	if _, err, _ := x.outcome("b"); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("the one that failed has become %v", err)
	}
	if len(x.mu.waiting) != 0 {
		t.Errorf("%d lines wait", len(x.mu.waiting))
	}
}

// TestOpsStream_EndLate_OfALineOnlyWhoIsLate: others of the line hear what became
// of theirs, in whatever words.
func TestOpsStream_EndLate_OfALineOnlyWhoIsLate(t *testing.T) {
	for name, words := range map[string]func(*wire.OpsAnswer){
		"as expected": func(*wire.OpsAnswer) {},
		"otherwise":   func(a *wire.OpsAnswer) { a.Batches[0].Results[0].Node = "é" },
	} {
		x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
		x.write("a", true, time.Now().Add(time.Hour))
		x.write("late", true, time.Now().Add(-time.Second))
		x.write("c", true, time.Time{})
		x.takeAll()
		x.endLate()
		if _, err, isKnown := x.outcome("late"); !isKnown || !strings.Contains(fmt.Sprint(err), "deadline exceeded") {
			t.Errorf("%s: who is late has become %v", name, err)
		}
		x.mu.Lock() // its own alarm ends who is late as well
		isWatched := !x.mu.lateness.at.IsZero()
		x.mu.Unlock()
		if _, _, isKnown := x.outcome("a"); isKnown || !isWatched {
			t.Errorf("%s: who is not late has ended, or is not watched", name)
		}
		x.all["late"].free()
		a := made(x.lines(t)[0])
		words(&a)
		x.answer(a)
		for _, key := range []string{"a", "c"} {
			if r, err, _ := x.outcome(key); err != nil || r.Token != "T1" || r.Results[0].From != key {
				t.Errorf("%s: %s has become %+v, %v", name, key, r, err)
			}
		}
	}
}

// TestOpsStream_TakeLine_NotWhatWasNotTaken: a node cannot answer what it was not
// sent; who still joins the line must not be lost with it, nor go by what is said of
// one that waits behind it.
func TestOpsStream_TakeLine_NotWhatWasNotTaken(t *testing.T) {
	x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
	x.write("a", true, time.Time{})
	x.answer(wire.OpsAnswer{Ref: 1, BatchResult: wire.BatchResult{Error: "no", Code: wire.CodeInvalid}})
	x.write("b", true, time.Time{})
	x.write("alone", false, time.Time{})
	x.answer(made(wire.OpsLine{Ref: 2, Batch: increase("alone")}))
	for _, key := range []string{"a", "b", "alone"} {
		if _, _, isKnown := x.outcome(key); isKnown {
			t.Errorf("%s has ended", key)
		}
	}
	x.takeAll()
	for _, line := range x.lines(t) {
		x.answer(made(line))
	}
	for _, key := range []string{"a", "b", "alone"} {
		if r, err, isKnown := x.outcome(key); err != nil || !isKnown || r.Results[0].From != key {
			t.Errorf("%s has become %+v, %v", key, r, err)
		}
	}
}

// TestOpsStream_Hand_OnlyTheLastAnswerCounts: what was read of an answer that turns out
// to be about another line is nothing that became of this one.
func TestOpsStream_Hand_OnlyTheLastAnswerCounts(t *testing.T) {
	x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
	x.write("a", true, time.Time{})
	x.write("b", true, time.Time{})
	x.takeAll()
	good := made(x.lines(t)[0])
	bad := good
	bad.Batches = slices.Clone(good.Batches)
	bad.Batches[0] = wire.BatchResult{Error: "no claim", Code: wire.CodeNotFound}
	elsewhere := strings.TrimSuffix(string(good.Append(nil)), "}") + `,"ref":7}` + "\n"
	_, _ = x.follow(newLines(strings.NewReader(elsewhere)))
	x.answer(bad)
	if r, err, isKnown := x.outcome("a"); !isKnown || wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("the one that failed has become %+v, %v", r, err)
	}
	if r, err, isKnown := x.outcome("b"); !isKnown || err != nil {
		t.Errorf("the other has become %+v, %v", r, err)
	}
}

// TestLine_PartOf_AnyAnswer: what an answer to several does not say of a batch it
// has not said, and nobody suffers for what another wrote.
func TestLine_PartOf_AnyAnswer(t *testing.T) {
	refused := func(code wire.Code) wire.OpsAnswer {
		return wire.OpsAnswer{BatchResult: wire.BatchResult{Error: "no", Code: code}}
	}
	parts := func(n int) wire.OpsAnswer {
		return wire.OpsAnswer{Batches: slices.Repeat(wire.List[wire.BatchResult]{{Token: "own"}}, n), BatchResult: wire.BatchResult{Token: "T"}}
	}
	for name, test := range map[string]struct {
		answer  wire.OpsAnswer
		batches int
		says    string
	}{
		"its part":                    {parts(2), 2, ""},
		"refused for what is in it":   {refused(wire.CodeInvalid), 2, errElsewhere.Error()},
		"too large":                   {refused(wire.CodeTooLarge), 2, errElsewhere.Error()},
		"refused, with nobody else":   {refused(wire.CodeInvalid), 1, "no"},
		"no room":                     {refused(wire.CodeUnavailable), 2, "no"},
		"fewer parts":                 {parts(1), 2, "the answer has 1 batches, sent were 2"},
		"more parts":                  {parts(3), 2, "the answer has 3 batches, sent were 2"},
		"the answer to a line of one": {wire.OpsAnswer{BatchResult: wire.BatchResult{Token: "T"}}, 2, "the answer has 0 batches"},
	} {
		x := newLine(1, 0, true)
		for range test.batches {
			x.batches = append(x.batches, &pending{ended: make(chan struct{}, 1)})
		}
		x.take(test.answer)
		for _, b := range x.batches {
			<-b.ended
			r, err := b.results(wire.Batch{}, "n1")
			if test.says == "" && (err != nil || r.Token != "own") || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%s: %+v, %v, want %q", name, r, err, test.says)
			}
		}
	}
}

// TestOpsStream_Read_KeepsNothingThatWasTaken: while something always waits, because
// more is written than the transport takes at a time, what it has taken makes room.
func TestOpsStream_Read_KeepsNothingThatWasTaken(t *testing.T) {
	x := newTaken(wire.OpsOpening{Node: "n1", LineBytesMax: 10_000, BatchesMax: 3})
	const waits = 100
	var order, came []string
	for i := range 100 * waits {
		key := fmt.Sprint("key-", i)
		x.write(key, i%5 > 0, time.Time{})
		order = append(order, key)
		for x.ahead() > waits*50 {
			x.take(500)
		}
	}
	if kept := cap(x.mu.unsent); kept > 10*waits*50 {
		t.Errorf("%d bytes wait, and %d are kept of %d", x.ahead(), kept, len(x.body))
	}
	x.takeAll()
	for _, line := range x.lines(t) {
		came = append(came, keysOf(line)...)
	}
	if !slices.Equal(came, order) {
		t.Errorf("%d batches came in order, want %d", len(came), len(order))
	}
}
