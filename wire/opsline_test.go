package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var drawnLine = rapid.Custom(func(t *rapid.T) OpsLine {
	return OpsLine{Ref: rapid.Int64().Draw(t, "ref"), Batch: drawnBatch.Draw(t, "batch")}
})

var drawnSeveral = rapid.Custom(func(t *rapid.T) OpsLine {
	return OpsLine{Ref: rapid.Int64().Draw(t, "ref"), Batches: rapid.SliceOfN(drawnBatch, 1, 4).Draw(t, "batches")}
})

var drawnAnswerToSeveral = rapid.Custom(func(t *rapid.T) OpsAnswer {
	a := OpsAnswer{Ref: rapid.Int64().Draw(t, "ref"), Batches: rapid.SliceOfN(drawnBatchResult, 1, 4).Draw(t, "batches")}
	a.Token = Token(drawText(t, "token"))
	return a
})

// TestOpsLine_Append_SeveralAsReflectionWrites: lines of several batches, and their
// answers, have nothing of those of one.
func TestOpsLine_Append_SeveralAsReflectionWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line, answer := drawnSeveral.Draw(t, "line"), drawnAnswerToSeveral.Draw(t, "answer")
		for _, x := range []struct{ v, shape any }{
			{line, struct {
				Ref     int64       `json:"ref"`
				Batches List[Batch] `json:"batches"`
			}{line.Ref, line.Batches}},
			{answer, struct {
				Ref     int64             `json:"ref"`
				Batches List[BatchResult] `json:"batches"`
				Token   Token             `json:"token"`
			}{answer.Ref, answer.Batches, answer.Token}},
		} {
			got, err := Marshal(x.v)
			want, wantErr := marshalByReflection(x.shape)
			if err != nil || wantErr != nil || !bytes.Equal(got, want) {
				t.Fatalf("%T\n  is %s, %v\nwant %s, %v", x.v, got, err, want, wantErr)
			}
		}
	})
	both := OpsLine{Batch: Batch{ID: "x"}, Batches: List[Batch]{{}}}
	if got := string(both.Append(nil)); got != `{"ref":0,"ops":[],"id":"x","batches":[{"ops":[]}]}` {
		t.Errorf("one beside several is %s", got)
	}
	failed := OpsAnswer{BatchResult: BatchResult{Error: "no"}, Batches: List[BatchResult]{{}}}
	if got := string(failed.Append(nil)); got != `{"ref":0,"results":[],"error":"no","batches":[{"results":[]}]}` {
		t.Errorf("a refusal beside several is %s", got)
	}
}

// TestOpsLine_DecodePlain_ReadsWhatReflectionReads: what the plain decoder
// takes, of lines that are nearly right, the other takes too, and reads the
// same.
func TestOpsLine_DecodePlain_ReadsWhatReflectionReads(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		for _, lines := range []*rapid.Generator[OpsLine]{drawnLine, drawnSeveral} {
			if isSameLine(t, harm(t, lines.Draw(t, "line").Append(nil))) {
				taken++
			}
		}
	})
	if taken == 0 && !isSameLine(t, []byte(`{"ref":1,"ops":[{"op":"register","keyspace":"k","node":"n1","from":"a","to":null,"priority":3}]}`)) {
		t.Error("no line is plain")
	}
}

// isSameLine reports whether a line is plain, and requires that it then means
// what it means to the decoder that knows all of JSON.
func isSameLine(t interface{ Fatalf(string, ...any) }, text []byte) bool {
	var got, want OpsLine
	if !got.decodePlain(text) {
		if !reflect.DeepEqual(got, OpsLine{}) {
			t.Fatalf("%s was given up, and left %+v", text, got)
		}
		return false
	}
	if err := unmarshalByReflection(text, &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
	}
	return true
}

// TestOpsLine_DecodePlain_SharesUpToABound: texts of a long line are not parts of
// it, and are read as well.
func TestOpsLine_DecodePlain_SharesUpToABound(t *testing.T) {
	for _, size := range []int{sharedBytesMax / 2, 2 * sharedBytesMax} {
		long := strings.Repeat("k", size)
		line := OpsLine{Ref: 1, Batch: Batch{ID: "x", Ops: List[Operation]{{Op: OpRegister, Bounds: Bounds{From: long, To: &long}}}}}
		text := line.Append(nil)
		if !isSameLine(t, text) {
			t.Errorf("a line of %d bytes is not plain", len(text))
		}
		if p := newPlain(text); (p.shared != "") != (len(text) <= sharedBytesMax) {
			t.Errorf("%d bytes: %d are shared", len(text), len(p.shared))
		}
	}
}

func TestUnmarshal_OpsLine_Refuses(t *testing.T) {
	for text, says := range map[string]string{
		``:                             "empty",
		`[]`:                           "begin with {",
		`{"ref":1,"ops":[]} {}`:        "more after",
		`{"ref":1,"ref":2,"ops":[]}`:   `"ref" comes twice`,
		`{"ref":1.5,"ops":[]}`:         `"ref" is 1.5: give a whole number`,
		`{"ref":"1","ops":[]}`:         "give a whole number",
		`{"ref":1,"op":"register"}`:    `"op" is not known here: use "batches", "id", "ops", "ref"`,
		`{"ref":1,"ops":[{"prio":1}]}`: `"prio" is not known here`,
		"{\"ref\":1,\"id\":\"\xff\"}":  "not UTF-8",

		`{"ref":1,"batches":[{"ops":[]},{"op":1}]}`:    `"op" is not known here: use "id", "ops"`,
		`{"ref":1,"batches":[{"ops":[],"ref":2}]}`:     `"ref" is not known here`,
		`{"ref":1,"batches":{"ops":[]}}`:               `"batches" cannot be an object: give a list`,
		`{"ref":1,"batches":[{"ops":[]}],"batches":1}`: `"batches" comes twice`,
	} {
		var line OpsLine
		if err := Unmarshal([]byte(text), &line); CodeOf(err) != CodeInvalid || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want …%s…", text, err, says)
		}
	}
}

// TestRefOf_FindsTheNumber: a refusal finds who sent the line, if the line says who.
func TestRefOf_FindsTheNumber(t *testing.T) {
	for text, want := range map[string]struct {
		ref int64
		ok  bool
	}{
		`{"ref":7,"opps":[]}`:         {7, true},
		`{"ref":-7}`:                  {-7, true},
		`{"ref":7,"ops":[{"op":1}]}`:  {7, true},
		`{"ref":9223372036854775807}`: {1<<63 - 1, true},
		`{"ref":9223372036854775808}`: {},
		`{"ref":"7"}`:                 {},
		`{"ref":7`:                    {},
		`{"ops":[]}`:                  {},
		`7`:                           {},
		``:                            {},
	} {
		if ref, ok := RefOf([]byte(text)); ref != want.ref || ok != want.ok {
			t.Errorf("%s is of %d, %v; want %d, %v", text, ref, ok, want.ref, want.ok)
		}
	}
}

// TestMarshalRequest_TextThatIsNotUTF8 holds the way without reflection to what
// the other refuses.
func TestMarshalRequest_TextThatIsNotUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, v := range []any{drawnRequest.Draw(t, "request"), drawnBatch.Draw(t, "batch"), drawnSeveral.Draw(t, "line")} {
			_, err := MarshalRequest(v)
			if want := checkStrings(reflect.ValueOf(v), ""); (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
				t.Fatalf("%+v: %v, want %v", v, err, want)
			}
		}
	})
	for path, spoilt := range map[string]OpsRequest{
		"timeout":                  {Timeout: "\xff"},
		"ops[0].op":                {Ops: List[Operation]{{Op: "\xff"}}},
		"ops[0].to":                {Ops: List[Operation]{{Bounds: Bounds{To: new("\xff")}}}},
		"batches[0].id":            {Batches: List[Batch]{{ID: "\xff"}}},
		"batches[0].ops[0].new_to": {Batches: List[Batch]{{Ops: List[Operation]{{NewTo: new("\xff")}}}}},
	} {
		if _, err := MarshalRequest(spoilt); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a request with a spoilt %s: %v", path, err)
		}
	}
}

// FuzzOpsLine: whatever a line is, it is answered, and what is taken means the
// same to both decoders and when it is written and read again.
func FuzzOpsLine(f *testing.F) {
	f.Add([]byte(`{"ref":1,"ops":[{"op":"register","from":"a","to":null,"priority":1}]}`))
	f.Add([]byte(`{"ops":[{"op":"tighten","new_to":"hex:00"}],"id":"x","ref":-3}`))
	f.Add([]byte(`{"ref":1e3,"ops":[{"from":"\ud83d\ude00"}]}`))
	f.Add([]byte(`{"ref":7,"batches":[{"ops":[{"op":"register"}]},{"id":"x","ops":[]}]}`))
	f.Add([]byte(`{"ref":7,"ops":[],"batches":[{"ops":[{"op":"register"}],"id":"x"},{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		RefOf(data)
		isSameLine(t, data)
		var line, again OpsLine
		if err := Unmarshal(data, &line); err != nil {
			if code := CodeOf(err); code != CodeInvalid && code != CodeTooLarge {
				t.Fatalf("Unmarshal(%q): %s, %v", data, code, err)
			}
			return
		}
		text := line.Append(nil)
		if err := Unmarshal(text, &again); err != nil {
			t.Fatalf("Unmarshal(%s): %v", text, err)
		}
		if second := again.Append(nil); string(second) != string(text) {
			t.Fatalf("%s becomes %s", text, second)
		}
	})
}

// FuzzOpsAnswer: what the plain decoder takes of an answer the other reads the
// same.
func FuzzOpsAnswer(f *testing.F) {
	f.Add([]byte(`{"ref":1,"results":[{"op":"register","keyspace":"k","node":"n","from":"a","to":null,"changed":true,"priority":1}],"token":"T"}`))
	f.Add([]byte(`{"ref":1,"results":[],"error":"no","code":"invalid"}`))
	f.Add([]byte(`{"ref":1,"batches":[{"results":[]},{"id":"x","results":[],"error":"no","code":"invalid"}],"token":"T"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want OpsAnswer
		if !got.decodePlain(data) {
			return
		}
		if err := unmarshalByReflection(data, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", data, got, want, err)
		}
	})
}
