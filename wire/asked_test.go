package wire

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// answerOf is what a node answers to a line that it has carried out.
func answerOf(line OpsLine, node string, token Token, did func() (bool, int64)) OpsAnswer {
	a := OpsAnswer{Ref: line.Ref, BatchResult: BatchResult{ID: line.ID, Token: token}}
	for _, o := range line.Ops {
		changed, priority := did()
		a.Results = append(a.Results, Result{Operation: o.WithDefaults(node), Changed: changed, Priority: priority})
	}
	return a
}

// isSameAnswer reports whether an answer is one that was expected, and requires
// that it then says what it says to the decoder that knows all of JSON.
func isSameAnswer(t interface{ Fatalf(string, ...any) }, a *Asked, line OpsLine, text []byte) bool {
	ref, rest, ok := CutRef(text)
	parts := AnswerToOne(rest)
	if !ok || ref != line.Ref || !parts.Read(a) {
		return false
	}
	token, ok := parts.Token()
	if !ok {
		return false
	}
	got := a.Results(line.Batch, "n1", token)
	var want OpsAnswer
	if err := unmarshalByReflection(text, &want); err != nil || want.Ref != ref || want.ID != line.ID || want.Err() != nil ||
		!reflect.DeepEqual(got, Results{Results: want.Results, Token: want.Token, OnDisk: List[string]{"n1"}, Missing: List[string]{}}) {
		t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
	}
	return true
}

// drawnAnswered draws a line, and an answer to it or to one that is much the same.
func drawnAnswered(t *rapid.T) (line OpsLine, answer OpsAnswer) {
	line = drawnLine.Draw(t, "line")
	answered := line
	answered.Ops = slices.Clone(line.Ops)
	if len(line.Ops) > 0 && rapid.Bool().Draw(t, "other") {
		answered.Ops[rapid.IntRange(0, len(line.Ops)-1).Draw(t, "which")] = drawnOperation.Draw(t, "operation")
	}
	return line, answerOf(answered, "n1", Token(rapid.StringMatching(`[A-Za-z0-9_-]{0,40}`).Draw(t, "token")), func() (bool, int64) {
		return rapid.Bool().Draw(t, "changed"), rapid.Int64().Draw(t, "shown")
	})
}

// TestAsked_Read_SaysWhatReflectionReads: what is read of an answer without
// decoding it is what it says, also where it is nearly right, or of another line.
func TestAsked_Read_SaysWhatReflectionReads(t *testing.T) {
	var a Asked
	rapid.Check(t, func(t *rapid.T) {
		line, answer := drawnAnswered(t)
		got, err := a.AppendRequest([]byte("before "), line.Batch, "n1")
		want, wantErr := MarshalRequest(line.Batch)
		if !bytes.Equal(bytes.TrimPrefix(got, []byte("before ")), want) || !reflect.DeepEqual(err, wantErr) {
			t.Fatalf("%+v becomes %s, %v; want %s, %v", line, got, err, want, wantErr)
		}
		if err == nil {
			isSameAnswer(t, &a, line, harm(t, answer.Append(nil)))
		}
	})
}

// TestAsked_Read_Expected: what a node mostly answers is read without decoding it,
// anything else is left.
func TestAsked_Read_Expected(t *testing.T) {
	op := Operation{Op: OpIncrease, Bounds: Bounds{From: "a", To: new("b")}, By: new(int64(2))}
	set := Operation{Op: OpSet, Keyspace: "k", Node: "é", Bounds: Bounds{From: "a\n"}, Priority: new(int64(4))}
	tighten := Operation{Op: OpTighten, Keyspace: "k", Node: "n2", NewFrom: new("c"), NewTo: new("f"), AllowGap: true}
	for _, line := range []OpsLine{
		{Ref: 1, Batch: Batch{Ops: List[Operation]{op}}},
		{Ref: -5, Batch: Batch{ID: "x", Ops: List[Operation]{set, op, tighten}}},
	} {
		var a Asked
		if _, err := a.AppendRequest(nil, line.Batch, "n1"); err != nil {
			t.Fatal(err)
		}
		answer := answerOf(line, "n1", "T", func() (bool, int64) { return true, 7 })
		good := answer.Append(nil)
		if !isSameAnswer(t, &a, line, good) {
			t.Errorf("%s is not what is expected", good)
		}
		failed := OpsAnswer{Ref: line.Ref, BatchResult: BatchResult{Error: "no", Code: CodeInvalid}}
		other := answerOf(line, "n2", "T", func() (bool, int64) { return true, 7 })
		for _, text := range [][]byte{failed.Append(nil), other.Append(nil), good[:len(good)-1], append(good, ' '), bytes.Replace(good, []byte("true"), []byte("1"), 1), nil} {
			if isSameAnswer(t, &a, line, text) {
				t.Errorf("%s is expected", text)
			}
		}
	}
	var a Asked
	parts := AnswerToOne([]byte(`,"results":[],"token":"T"}`))
	if _, err := a.AppendRequest(nil, Batch{}, "n1"); err != nil || parts.Read(&a) {
		t.Errorf("a batch without operations: %v, or it has an answer", err)
	}
}

// severalAsked are a line of several batches, and what is expected of each.
type severalAsked struct {
	line  OpsLine
	asked []Asked
}

func askSeveral(t interface{ Fatalf(string, ...any) }, line OpsLine) *severalAsked {
	x := &severalAsked{line, make([]Asked, len(line.Batches))}
	text := AppendLineOfSeveral(nil, line.Ref)
	for i, batch := range line.Batches {
		if i > 0 {
			text = append(text, ',')
		}
		var err error
		if text, err = x.asked[i].AppendRequest(text, batch, "n1"); err != nil {
			t.Fatalf("%+v: %v", batch, err)
		}
	}
	if text = append(text, LineOfSeveralEnd...); !bytes.Equal(text, line.Append(nil)) {
		t.Fatalf("the line is %s\nwant %s", text, line.Append(nil))
	}
	return x
}

// isSame reports whether an answer could be read part by part, and requires that
// each then says what it says to the decoder that knows all of JSON, whoever is
// not awaited any more. It returns how many were as expected.
func (x *severalAsked) isSame(t interface{ Fatalf(string, ...any) }, text []byte, isAwaited func(int) bool) (expected int, ok bool) {
	ref, rest, ok := CutRef(text)
	parts, others := AnswerToSeveral(rest), make([]*BatchResult, len(x.asked))
	for i := range x.asked {
		if isAwaited(i) && parts.Read(&x.asked[i]) {
			expected++
			continue
		}
		others[i] = &BatchResult{}
		if !parts.ReadAny(others[i]) {
			return 0, false
		}
	}
	token, isEnd := parts.Token()
	if !ok || ref != x.line.Ref || !isEnd {
		return 0, false
	}
	var want OpsAnswer
	if err := unmarshalByReflection(text, &want); err != nil || want.Ref != ref || want.Token != token || len(want.Batches) != len(x.asked) || want.Results != nil {
		t.Fatalf("%s\nis read, elsewhere it is %+v, %v", text, want, err)
	}
	for i, part := range want.Batches {
		if others[i] != nil {
			if !reflect.DeepEqual(*others[i], part) {
				t.Fatalf("%s\nbatch %d is read as %+v\nelsewhere %+v", text, i, *others[i], part)
			}
			continue
		}
		got := x.asked[i].Results(x.line.Batches[i], "n1", token)
		if part.ID != x.line.Batches[i].ID || part.Err() != nil || part.Token != "" ||
			!reflect.DeepEqual(got, Results{Results: part.Results, Token: token, OnDisk: List[string]{"n1"}, Missing: List[string]{}}) {
			t.Fatalf("%s\nbatch %d is read as %+v\nelsewhere %+v", text, i, got, part)
		}
	}
	return expected, true
}

// TestAnswerParts_Read_SaysWhatReflectionReads: each batch of a line has its own
// part, whether it is as expected or not, also of answers that are nearly right.
func TestAnswerParts_Read_SaysWhatReflectionReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := drawnSeveral.Draw(t, "line")
		if !areBatchesUTF8(line.Batches) {
			return
		}
		answer := OpsAnswer{Ref: line.Ref, BatchResult: BatchResult{Token: "T"}}
		for _, batch := range line.Batches {
			part := drawnBatchResult.Draw(t, "other")
			if rapid.IntRange(0, 3).Draw(t, "kind") > 0 {
				part = answerOf(OpsLine{Batch: batch}, "n1", "", func() (bool, int64) { return true, 7 }).BatchResult
			}
			answer.Batches = append(answer.Batches, part)
		}
		gone := rapid.IntRange(-3, len(line.Batches)).Draw(t, "gone")
		askSeveral(t, line).isSame(t, harm(t, answer.Append(nil)), func(i int) bool { return i != gone })
	})
}

// TestAnswerParts_Read_Expected: what a node mostly answers is read without
// decoding it, a batch that failed beside it is read as well, and nothing of an
// answer that has fewer or more, or no end.
func TestAnswerParts_Read_Expected(t *testing.T) {
	all := func(int) bool { return true }
	batch := func(from string) Batch {
		return Batch{Ops: List[Operation]{{Op: OpIncrease, Keyspace: "k", Node: "n", Bounds: Bounds{From: from}, By: new(int64(1))}}}
	}
	line := OpsLine{Ref: 5, Batches: List[Batch]{batch("a"), batch("b"), batch("c")}}
	line.Batches[1].ID = "x"
	answer := OpsAnswer{Ref: 5, BatchResult: BatchResult{Token: "T"}}
	for _, b := range line.Batches {
		answer.Batches = append(answer.Batches, answerOf(OpsLine{Batch: b}, "n1", "", func() (bool, int64) { return true, 7 }).BatchResult)
	}
	x, good := askSeveral(t, line), answer.Append(nil)
	if n, ok := x.isSame(t, good, all); n != 3 || !ok {
		t.Errorf("of %s %d are expected, %v", good, n, ok)
	}
	if n, ok := x.isSame(t, good, func(i int) bool { return i != 1 }); n != 2 || !ok {
		t.Errorf("without one %d are expected, %v", n, ok)
	}
	failed := answer
	failed.Batches = slices.Clone(answer.Batches)
	failed.Batches[0] = BatchResult{Error: "no", Code: CodeNotFound}
	if n, ok := x.isSame(t, failed.Append(nil), all); n != 2 || !ok {
		t.Errorf("beside one that failed %d are expected, %v", n, ok)
	}
	for _, text := range [][]byte{
		OpsAnswer{Ref: 5, BatchResult: failed.Batches[0]}.Append(nil), good[:len(good)-1], append(bytes.Clone(good), ' '),
		OpsAnswer{Ref: 5, BatchResult: answer.BatchResult, Batches: answer.Batches[:2]}.Append(nil),
		OpsAnswer{Ref: 5, BatchResult: answer.BatchResult, Batches: append(failed.Batches, failed.Batches...)}.Append(nil),
		bytes.Replace(good, []byte(`],"token"`), []byte(`,],"token"`), 1), answerOf(OpsLine{Ref: 5, Batch: line.Batches[0]}, "n1", "T", func() (bool, int64) { return true, 7 }).Append(nil),
	} {
		if n, ok := x.isSame(t, text, all); ok {
			t.Errorf("of %s %d are expected", text, n)
		}
	}
}

// FuzzAnswerParts_Read: whatever a node answers to several batches, what is read
// without decoding it is what it says.
func FuzzAnswerParts_Read(f *testing.F) {
	op := Operation{Op: OpIncrease, Keyspace: "k", Node: "n", Bounds: Bounds{To: new("b")}, By: new(int64(1))}
	line := OpsLine{Ref: 1, Batches: List[Batch]{{Ops: List[Operation]{op}}, {Ops: List[Operation]{op, op}, ID: "x"}}}
	answer := OpsAnswer{Ref: 1, BatchResult: BatchResult{Token: "T"}}
	for _, b := range line.Batches {
		answer.Batches = append(answer.Batches, answerOf(OpsLine{Batch: b}, "n1", "", func() (bool, int64) { return true, 7 }).BatchResult)
	}
	f.Add(answer.Append(nil), -1)
	answer.Batches[1] = BatchResult{Error: "no", Code: CodeInvalid}
	f.Add(answer.Append(nil), 0)
	f.Fuzz(func(t *testing.T, data []byte, gone int) {
		askSeveral(t, line).isSame(t, data, func(i int) bool { return i != gone })
	})
}

// TestAsked_Results_ShareNothing: who has the results may do with them what it
// likes, and who wrote the batch with that.
func TestAsked_Results_ShareNothing(t *testing.T) {
	op := Operation{Op: OpTighten, Keyspace: "k", Node: "n", Bounds: Bounds{From: "a", To: new("b")}, By: new(int64(2)), NewFrom: new("c"), NewTo: new("d")}
	line := OpsLine{Ref: 1, Batch: Batch{Ops: List[Operation]{op, op}}}
	var a Asked
	if _, err := a.AppendRequest(nil, line.Batch, "n1"); err != nil {
		t.Fatal(err)
	}
	text := answerOf(line, "n1", "T", func() (bool, int64) { return true, 7 }).Append(nil)
	if !isSameAnswer(t, &a, line, text) {
		t.Fatalf("%s is not what is expected", text)
	}
	got, want := a.Results(line.Batch, "n1", "T"), a.Results(line.Batch, "n1", "T")
	clear(text)
	*op.To, *op.By, *op.NewFrom, *op.NewTo = "x", 9, "x", "x"
	for i, r := range got.Results {
		if *r.To != "b" || *r.By != 2 || *r.NewFrom != "c" || *r.NewTo != "d" {
			t.Errorf("the batch has changed result %d: %+v", i, r)
		}
	}
	*got.Results[0].To = "y"
	got.OnDisk = append(got.OnDisk, "n2")
	if *got.Results[1].To != "b" || len(want.OnDisk) != 1 {
		t.Errorf("one has changed another: %+v", got)
	}
}

// TestAsked_Clear_KeepsLittle: not what a long batch took.
func TestAsked_Clear_KeepsLittle(t *testing.T) {
	op := Operation{Op: OpRelease, Keyspace: "k", Node: "n"}
	line := OpsLine{Ref: 1, Batch: Batch{ID: strings.Repeat("x", askedKept+1), Ops: List[Operation]{op}}}
	var a Asked
	if _, err := a.AppendRequest(nil, line.Batch, "n1"); err != nil {
		t.Fatal(err)
	}
	if !isSameAnswer(t, &a, line, answerOf(line, "n1", "T", func() (bool, int64) { return true, 7 }).Append(nil)) {
		t.Fatal("it is not what is expected")
	}
	if a.Clear(); cap(a.expected) > askedKept {
		t.Errorf("it keeps room for %d bytes", cap(a.expected))
	}
}

// FuzzAsked_Read: whatever a node answers, what is read without decoding it is
// what it says.
func FuzzAsked_Read(f *testing.F) {
	one := OpsLine{Ref: 1, Batch: Batch{Ops: List[Operation]{{Op: OpIncrease, Keyspace: "k", Node: "n", Bounds: Bounds{To: new("b")}, By: new(int64(1))}}}}
	two := OpsLine{Ref: 1, Batch: Batch{ID: "x", Ops: List[Operation]{{Op: OpSet, Priority: new(int64(3))}, one.Ops[0]}}}
	lines := []OpsLine{one, two}
	for _, line := range lines {
		f.Add(answerOf(line, "n1", "T", func() (bool, int64) { return true, 7 }).Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, line := range lines {
			var a Asked
			if _, err := a.AppendRequest(nil, line.Batch, "n1"); err != nil {
				t.Fatal(err)
			}
			isSameAnswer(t, &a, line, data)
		}
	})
}

// TestAnswerText_IsWhatTheWholeAppends holds answers that are written part by part,
// to one batch and to several.
func TestAnswerText_IsWhatTheWholeAppends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, answer := drawnAnswered(t)
		if answer.Token == "" {
			answer.Token = "T" // one that was carried out has one
		}
		want := answer.Append([]byte("before "))
		text := AppendAnswer([]byte("before "), answer.Ref)
		text.Batch(answer.ID)
		for i := range answer.Results {
			r := &answer.Results[i]
			text.Result(&r.Operation, r.Changed, r.Priority)
		}
		if got := text.Token([]byte(answer.Token)); !bytes.Equal(got, want) {
			t.Fatalf("it is  %s\nwant   %s", got, want)
		}
		several := drawnAnswerToSeveral.Draw(t, "several")
		several.Token = "T"
		text = AppendAnswerToSeveral([]byte("before "), several.Ref)
		for _, part := range several.Batches {
			if part.Token = ""; part.Error != "" || part.Code != "" {
				text.Failed(part)
				continue
			}
			text.Batch(part.ID)
			for i := range part.Results {
				r := &part.Results[i]
				text.Result(&r.Operation, r.Changed, r.Priority)
			}
		}
		for i := range several.Batches {
			several.Batches[i].Token = ""
		}
		want = several.Append([]byte("before "))
		if got := text.Token([]byte("T")); !bytes.Equal(got, want) {
			t.Fatalf("it is  %s\nwant   %s", got, want)
		}
	})
}
