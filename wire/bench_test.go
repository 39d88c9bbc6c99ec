package wire

import "testing"

// oneOperation is what is mostly written over a stream, and its answer.
func oneOperation() (OpsLine, OpsAnswer) {
	by, to := int64(1), "u64:4712"
	op := Operation{Op: OpIncrease, Keyspace: "default", Node: "node-17", Bounds: Bounds{From: "u64:4711", To: &to}, By: &by}
	line := OpsLine{Ref: 123456, Batch: Batch{Ops: List[Operation]{op}}}
	return line, OpsAnswer{Ref: line.Ref, BatchResult: BatchResult{
		Results: List[Result]{{Operation: op, Changed: true, Priority: 7}}, Token: "AAHfA0sVt2xBGoVwGdOyU8A1mVUH",
	}}
}

func BenchmarkUnmarshal_OpsLine(b *testing.B) {
	line, _ := oneOperation()
	text := line.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		var q OpsLine
		if err := Unmarshal(text, &q); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpsAnswer_Append(b *testing.B) {
	_, answer := oneOperation()
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = answer.Append(text[:0])
	}
}

func BenchmarkUnmarshalAnswer_OpsAnswer(b *testing.B) {
	_, answer := oneOperation()
	text := answer.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		var a OpsAnswer
		if err := UnmarshalAnswer(text, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpsLine_UnmarshalIn(b *testing.B) {
	line, _ := oneOperation()
	text := line.Append(nil)
	var m LineMemory
	b.ReportAllocs()
	for b.Loop() {
		var q OpsLine
		if err := q.UnmarshalIn(&m, text); err != nil {
			b.Fatal(err)
		}
		m.Clear()
	}
}

// BenchmarkAsked is what the client does about a batch beside sending it.
func BenchmarkAsked(b *testing.B) {
	line, answer := oneOperation()
	reply := answer.Append(nil)
	var a Asked
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text, _ = a.AppendRequest(text[:0], line.Batch, "n1")
		_, rest, _ := CutRef(reply)
		parts := AnswerToOne(rest)
		isRead := parts.Read(&a)
		if token, ok := parts.Token(); !isRead || !ok || len(a.Results(line.Batch, "n1", token).Results) != 1 {
			b.Fatal("it is not what is expected")
		}
	}
}

func BenchmarkAnswerText(b *testing.B) {
	_, answer := oneOperation()
	token := []byte(answer.Token)
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		a := AppendAnswer(text[:0], answer.Ref)
		a.Batch("")
		a.Result(&answer.Results[0].Operation, true, 7)
		text = a.Token(token)
	}
}
