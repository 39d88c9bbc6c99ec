package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// texts are what keys and names may look like, and what JSON has to escape.
var texts = rapid.OneOf(
	rapid.StringMatching(`[a-z0-9:.]{0,12}`),
	rapid.SampledFrom([]string{"é", "\"", "\\", "<&>", "\u2028", "\x00", "\x7f", "a\tb", "\xff", "null", "hex:00ff"}),
)

func drawText(t *rapid.T, name string) string { return texts.Draw(t, name) }

func drawOptional[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	if rapid.Bool().Draw(t, "no "+name) {
		return nil
	}
	x := g.Draw(t, name)
	return &x
}

var drawnOperation = rapid.Custom(func(t *rapid.T) Operation {
	return Operation{
		Op: Op(drawText(t, "op")), Keyspace: drawText(t, "keyspace"), Node: drawText(t, "node"),
		Bounds:   Bounds{From: drawText(t, "from"), To: drawOptional(t, texts, "to")},
		Priority: drawOptional(t, rapid.Int64(), "priority"), By: drawOptional(t, rapid.Int64(), "by"),
		IfVisible: rapid.Bool().Draw(t, "if visible"), NewFrom: drawOptional(t, texts, "new from"),
		NewTo: drawOptional(t, texts, "new to"), AllowGap: rapid.Bool().Draw(t, "allow gap"),
	}
})

var drawnBatch = rapid.Custom(func(t *rapid.T) Batch {
	return Batch{Ops: rapid.SliceOfN(drawnOperation, 0, 3).Draw(t, "ops"), ID: drawText(t, "id")}
})

var drawnRequest = rapid.Custom(func(t *rapid.T) OpsRequest {
	q := OpsRequest{Timeout: drawText(t, "timeout"), Wait: rapid.SampledFrom([]MemberCount{{}, {N: 3}, {All: true}}).Draw(t, "wait")}
	if rapid.Bool().Draw(t, "several") {
		q.Batches = rapid.SliceOfN(drawnBatch, 1, 3).Draw(t, "batches")
	} else {
		q.Ops = rapid.SliceOfN(drawnOperation, 1, 3).Draw(t, "ops")
	}
	return q
})

var drawnResult = rapid.Custom(func(t *rapid.T) Result {
	return Result{Operation: drawnOperation.Draw(t, "operation"), Changed: rapid.Bool().Draw(t, "changed"), Priority: rapid.Int64().Draw(t, "shown")}
})

var drawnBatchResult = rapid.Custom(func(t *rapid.T) BatchResult {
	return BatchResult{
		ID: drawText(t, "id"), Results: rapid.SliceOfN(drawnResult, 0, 3).Draw(t, "results"),
		Token: Token(drawText(t, "token")), Error: drawText(t, "error"), Code: Code(drawText(t, "code")),
	}
})

// TestMarshal_AppendsWhatReflectionWrites holds what is encoded by hand.
func TestMarshal_AppendsWhatReflectionWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(texts, 0, 2)
		for _, v := range []any{
			drawnOperation.Draw(t, "operation"), drawnBatch.Draw(t, "batch"), drawnRequest.Draw(t, "request"),
			drawnResult.Draw(t, "result"), drawnBatchResult.Draw(t, "batch result"),
			OpsLine{Ref: rapid.Int64().Draw(t, "ref"), Batch: drawnBatch.Draw(t, "line")},
			OpsAnswer{Ref: rapid.Int64().Draw(t, "ref of answer"), BatchResult: drawnBatchResult.Draw(t, "answer")},
			Results{Results: rapid.SliceOfN(drawnResult, 0, 2).Draw(t, "results"), Token: "t", OnDisk: names.Draw(t, "on disk"), Missing: names.Draw(t, "missing"), Needed: rapid.IntRange(0, 3).Draw(t, "needed")},
			BatchResults{Batches: rapid.SliceOfN(drawnBatchResult, 0, 2).Draw(t, "batches"), OnDisk: names.Draw(t, "on disk"), Needed: rapid.IntRange(0, 3).Draw(t, "needed by all")},
		} {
			got, err := Marshal(v)
			want, wantErr := marshalByReflection(shapeOf(v))
			if err != nil || wantErr != nil || !bytes.Equal(got, want) {
				t.Fatalf("%T\n  is %s, %v\nwant %s, %v", v, got, err, want, wantErr)
			}
		}
	})
}

// shapeOf returns v without what it says of itself how it is written.
func shapeOf(v any) any {
	type line OpsLine
	type answer OpsAnswer
	switch v := v.(type) {
	case OpsLine:
		return line(v)
	case OpsAnswer:
		return answer(v)
	}
	return v
}

// TestUnmarshal_PlainReadsWhatReflectionReads: what the plain decoder takes, of
// text that is nearly right, the other takes too, and reads the same.
func TestUnmarshal_PlainReadsWhatReflectionReads(t *testing.T) {
	taken, left := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text, err := Marshal(drawnRequest.Draw(t, "request"))
		if err != nil {
			t.Fatal(err)
		}
		text = harm(t, text)
		var got, want OpsRequest
		if !got.decodePlain(text) {
			left++
			if !reflect.DeepEqual(got, OpsRequest{}) {
				t.Fatalf("%s was given up, and left %+v", text, got)
			}
			return
		}
		taken++
		if err := unmarshalByReflection(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
		}
	})
	// Few cases are drawn in short tests; of these two the outcome is certain.
	var plain, other OpsRequest
	if taken == 0 && !plain.decodePlain([]byte(`{"ops":[{"op":"register","keyspace":"k","node":"n1","from":"a","to":null,"priority":3}]}`)) {
		t.Error("no request is plain")
	}
	if left == 0 && other.decodePlain([]byte(`{"ops":[`)) {
		t.Error("a request that was cut off is plain")
	}
}

// TestOperation_DecodePlain_ReadsWhatReflectionReads is the same of a line of a
// batch.
func TestOperation_DecodePlain_ReadsWhatReflectionReads(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		text, err := Marshal(drawnOperation.Draw(t, "operation"))
		if err != nil {
			t.Fatal(err)
		}
		text = harm(t, text)
		var got, want Operation
		if !got.decodePlain(text) {
			return
		}
		taken++
		if err := unmarshalByReflection(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
		}
	})
	var plain Operation
	if taken == 0 && !plain.decodePlain([]byte(`{"op":"register","keyspace":"k","node":"n1","from":"a","to":null,"priority":3}`)) {
		t.Error("no operation is plain")
	}
}

// harm changes some of the texts in one place.
func harm(t *rapid.T, text []byte) []byte {
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	switch rapid.SampledFrom([]string{"keep", "keep", "replace", "cut", "insert"}).Draw(t, "harm") {
	case "replace":
		text[at] = rapid.SampledFrom([]byte(`"{}[],:0-1.e\ nt`+"\x00\xff")).Draw(t, "by")
	case "cut":
		text = text[:at]
	case "insert":
		text = append(append(bytes.Clone(text[:at]), rapid.SampledFrom([]byte(` ,0"{[`)).Draw(t, "byte")), text[at:]...)
	}
	return text
}

// TestUnmarshalAnswer_PlainReadsWhatReflectionReads is the same of answers.
func TestUnmarshalAnswer_PlainReadsWhatReflectionReads(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		all := BatchResults{Batches: rapid.SliceOfN(drawnBatchResult, 0, 3).Draw(t, "batches"), Token: "t", OnDisk: List[string]{"n1"}}
		one := Results{Results: rapid.SliceOfN(drawnResult, 0, 2).Draw(t, "results"), Missing: List[string]{"n2"}, Needed: 3}
		sameAnswer[BatchResults](t, all, &taken)
		sameAnswer[Results](t, one, &taken)
		sameAnswer[OpsAnswer](t, OpsAnswer{Ref: rapid.Int64().Draw(t, "ref"), BatchResult: drawnBatchResult.Draw(t, "answer")}, &taken)
		sameAnswer[OpsAnswer](t, drawnAnswerToSeveral.Draw(t, "answer to several"), &taken)
	})
	var plain Results
	if text, err := Marshal(Results{Token: "t"}); taken == 0 && (err != nil || !plain.decodePlain(text)) {
		t.Error("no answer is plain")
	}
}

func sameAnswer[T any](t *rapid.T, answer T, taken *int) {
	text, err := Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	text = harm(t, text)
	var got, want T
	if !any(&got).(interface{ decodePlain([]byte) bool }).decodePlain(text) {
		return
	}
	*taken++
	if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
	}
}
