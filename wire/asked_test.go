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
	if !ok || ref != line.Ref || !a.Read(rest) {
		return false
	}
	got := a.Results(line.Batch, "n1")
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
		got, err := a.AppendRequest([]byte("before "), line, "n1")
		want, wantErr := line.AppendRequest([]byte("before "))
		if !bytes.Equal(got, want) || !reflect.DeepEqual(err, wantErr) {
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
		if _, err := a.AppendRequest(nil, line, "n1"); err != nil {
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
	if _, err := a.AppendRequest(nil, OpsLine{}, "n1"); err != nil || a.Read([]byte(`,"results":[],"token":"T"}`)) {
		t.Errorf("a line without operations: %v, or it has an answer", err)
	}
}

// TestAsked_Results_ShareNothing: who has the results may do with them what it
// likes, and who wrote the batch with that.
func TestAsked_Results_ShareNothing(t *testing.T) {
	op := Operation{Op: OpTighten, Keyspace: "k", Node: "n", Bounds: Bounds{From: "a", To: new("b")}, By: new(int64(2)), NewFrom: new("c"), NewTo: new("d")}
	line := OpsLine{Ref: 1, Batch: Batch{Ops: List[Operation]{op, op}}}
	var a Asked
	if _, err := a.AppendRequest(nil, line, "n1"); err != nil {
		t.Fatal(err)
	}
	text := answerOf(line, "n1", "T", func() (bool, int64) { return true, 7 }).Append(nil)
	if !isSameAnswer(t, &a, line, text) {
		t.Fatalf("%s is not what is expected", text)
	}
	got, want := a.Results(line.Batch, "n1"), a.Results(line.Batch, "n1")
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

// TestAsked_Clear_KeepsLittle: neither what a long line took, nor a long answer.
func TestAsked_Clear_KeepsLittle(t *testing.T) {
	op := Operation{Op: OpRelease, Keyspace: "k", Node: "n"}
	for _, x := range []struct{ id, token string }{{strings.Repeat("x", askedKept+1), "T"}, {"x", strings.Repeat("T", askedKept+1)}} {
		line := OpsLine{Ref: 1, Batch: Batch{ID: x.id, Ops: List[Operation]{op}}}
		var a Asked
		if _, err := a.AppendRequest(nil, line, "n1"); err != nil {
			t.Fatal(err)
		}
		if !isSameAnswer(t, &a, line, answerOf(line, "n1", Token(x.token), func() (bool, int64) { return true, 7 }).Append(nil)) {
			t.Fatal("it is not what is expected")
		}
		if a.Clear(); cap(a.expected) > askedKept || cap(a.token) > askedKept {
			t.Errorf("it keeps room for %d bytes, and %d of a token", cap(a.expected), cap(a.token))
		}
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
			if _, err := a.AppendRequest(nil, line, "n1"); err != nil {
				t.Fatal(err)
			}
			isSameAnswer(t, &a, line, data)
		}
	})
}

// TestAnswerText_IsWhatTheWholeAppends holds answers that are written part by part.
func TestAnswerText_IsWhatTheWholeAppends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, answer := drawnAnswered(t)
		if answer.Token == "" {
			answer.Token = "T" // one that was carried out has one
		}
		want := answer.Append([]byte("before "))
		text := AppendAnswer([]byte("before "), answer.Ref, answer.ID)
		for i := range answer.Results {
			r := &answer.Results[i]
			text = text.Result(&r.Operation, r.Changed, r.Priority)
		}
		if got := text.Token([]byte(answer.Token)); !bytes.Equal(got, want) {
			t.Fatalf("it is  %s\nwant   %s", got, want)
		}
	})
}
