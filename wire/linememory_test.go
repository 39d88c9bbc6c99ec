package wire

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// isSameIn reports whether a line is as it is written, and requires that it then
// means what it means to the decoder that knows all of JSON.
func isSameIn(t interface{ Fatalf(string, ...any) }, m *LineMemory, text []byte) bool {
	var got, want OpsLine
	m.Clear()
	if !got.decodeWritten(m, text) {
		if !reflect.DeepEqual(got, OpsLine{}) || len(m.ops)+len(m.texts)+len(m.numbers)+len(m.batches)+len(m.ends) > 0 {
			t.Fatalf("%s was given up, and left %+v", text, got)
		}
		return false
	}
	if err := unmarshalByReflection(text, &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nis read as %+v\nelsewhere %+v, %v", text, got, want, err)
	}
	return true
}

// TestOpsLine_UnmarshalIn_ReadsWhatReflectionReads: what is read into memory that
// is used again, of lines that are nearly right, is what the other decoder reads.
func TestOpsLine_UnmarshalIn_ReadsWhatReflectionReads(t *testing.T) {
	var m LineMemory
	rapid.Check(t, func(t *rapid.T) {
		line, several := drawnLine.Draw(t, "line"), drawnSeveral.Draw(t, "several")
		for _, batch := range append(several.Batches, line.Batch) {
			for i := range batch.Ops {
				batch.Ops[i].Op = rapid.SampledFrom([]Op{OpRegister, OpRelease, OpIncrease, OpDecrease, OpSet, OpTighten, "other"}).Draw(t, "op")
			}
		}
		isSameIn(t, &m, harm(t, line.Append(nil)))
		isSameIn(t, &m, harm(t, several.Append(nil)))
	})
	for _, text := range writtenLines {
		if !isSameIn(t, &m, []byte(text)) {
			t.Errorf("%s is not as it is written", text)
		}
	}
}

// TestIsOfSeveral_AsAppendWrites: it tells lines apart by how they begin.
func TestIsOfSeveral_AsAppendWrites(t *testing.T) {
	for text, want := range map[string]bool{
		`{"ref":-7,"batches":[{"ops":[]}]}`: true,
		`{"ref":1,"batches":`:               true,
		`{"ref":1,"ops":[]}`:                false,
		`{"batches":[{"ops":[]}],"ref":1}`:  false,
		`{"ref":1`:                          false,
		``:                                  false,
	} {
		if got := IsOfSeveral([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// writtenLines are read into memory that is used again.
var writtenLines = []string{
	`{"ref":1,"ops":[{"op":"register","keyspace":"k","node":"n1","from":"a","to":null,"priority":3}]}`,
	`{"ref":-7,"ops":[{"op":"increase","from":"a","to":"b","by":1,"if_visible":true},{"op":"release","keyspace":"default"}],"id":"x"}`,
	`{"ref":0,"ops":[{"op":"tighten","node":"","from":"","to":"b","new_from":"a","new_to":"","allow_gap":false}]}`,
	`{"ref":123456789012345678,"ops":[{"op":"set"},{"op":"decrease","by":-1}],"id":""}`,
	`{"ref":7,"batches":[{"ops":[{"op":"increase","from":"a","to":"b","by":1}]},{"ops":[{"op":"release","from":"c"},{"op":"set","priority":2}],"id":"x"}]}`,
	`{"ref":7,"batches":[{"ops":[{"op":"tighten","keyspace":"k","to":"b","new_from":"a"}]}]}`,
}

// TestOpsLine_UnmarshalIn_LeavesTheRest: what is read elsewhere is read as well,
// and has the same errors.
func TestOpsLine_UnmarshalIn_LeavesTheRest(t *testing.T) {
	long := strings.Repeat("k", 2*sharedBytesMax)
	for _, text := range []string{
		`{"ops":[{"op":"register"}],"ref":1}`,
		`{"ref":1,"ops":[]}`,
		` {"ref":1,"ops":[{"op":"register"}]}`,
		`{"ref":1,"ops":[{"op":"register"}]} {}`,
		`{"ref":01,"ops":[{"op":"register"}]}`,
		`{"ref":-0,"ops":[{"op":"register"}]}`,
		`{"ref":1234567890123456789,"ops":[{"op":"register"}]}`,
		`{"ref":1,"ops":[{"op":"register","from":"\u00e9"}]}`,
		`{"ref":1,"ops":[{"op":"register","from":"é"}]}`,
		`{"ref":1,"ops":[{"op":"register","node":"n","node":"n"}]}`,
		`{"ref":1,"ops":[{"op":"other"}]}`,
		`{"ref":1,"ops":[{"op":"register"},]}`,
		`{"ref":1,"ops":[{"op":"register","to":7}]}`,
		`{"ref":1,"ops":[{"op":"register","from":"` + long + `","to":"` + long + `"}]}`,
		`{"ref":1,"ops":[` + strings.Repeat(`{"op":"register"},`, lineOpsMax) + `{"op":"register"}]}`,
		`{"ref":1,"ops":[{"op":"register"`,
		`{"ref":1,"batches":[]}`,
		`{"ref":1,"batches":[{"ops":[]}]}`,
		`{"ref":1,"batches":[{"id":"x","ops":[{"op":"register"}]}]}`,
		`{"ref":1,"batches":[{"ops":[{"op":"register"}]},]}`,
		`{"ref":1,"batches":[{"ops":[{"op":"register"}]}],"id":"x"}`,
		`{"ref":1,"batches":[{"ops":[{"op":"register"}]}`,
		`{"ref":1,"batches":[` + strings.Repeat(`{"ops":[{"op":"register"}]},`, lineOpsMax) + `{"ops":[{"op":"register"}]}]}`,
		``,
	} {
		var m LineMemory
		var got, want OpsLine
		if isSameIn(t, &m, []byte(text)) {
			t.Errorf("%.80s is as it is written", text)
		}
		err, wantErr := got.UnmarshalIn(&m, []byte(text)), Unmarshal([]byte(text), &want)
		if !reflect.DeepEqual(got, want) && wantErr == nil || !reflect.DeepEqual(err, wantErr) {
			t.Errorf("%.80s is read as %+v, %v\nelsewhere %+v, %v", text, got, err, want, wantErr)
		}
	}
}

// TestLineMemory_Clear_KeepsLittle: neither what many operations took, nor texts
// of others.
func TestLineMemory_Clear_KeepsLittle(t *testing.T) {
	var m LineMemory
	var line OpsLine
	read := func(ops int) {
		one := `{"op":"tighten","from":"a","to":"b","by":1}`
		if !line.decodeWritten(&m, []byte(`{"ref":1,"ops":[`+strings.Repeat(one+`,`, ops-1)+one+`]}`)) {
			t.Fatal("it is not as it is written")
		}
	}
	read(lineOpsKept)
	m.Clear()
	if cap(m.ops) == 0 || m.ops[:1][0] != (Operation{}) || m.texts[:1][0] != "" {
		t.Errorf("it keeps %+v", m.ops[:1])
	}
	several := LineMemory{OpsKept: 2 * lineOpsMax}
	batch := `{"ops":[{"op":"release","from":"a","to":"b"}],"id":"x"}`
	if !line.decodeWritten(&several, []byte(`{"ref":1,"batches":[`+strings.Repeat(batch+`,`, lineOpsMax-1)+batch+`]}`)) {
		t.Fatal("it is not as it is written")
	}
	if several.Clear(); cap(several.ops) < lineOpsMax || cap(several.batches) < lineOpsMax || several.batches[:1][0].ID != "" || several.batches[:1][0].Ops != nil || several.ops[:1][0] != (Operation{}) {
		t.Errorf("for lines of several it keeps room for %d operations and %d batches, and %+v", cap(several.ops), cap(several.batches), several.batches[:1])
	}
	read(lineOpsMax)
	m.Clear()
	if cap(m.ops) > 1 || cap(m.texts) > 1 || cap(m.numbers) > 1 || m.one.op[0] != (Operation{}) || m.one.text[0] != "" {
		t.Errorf("it keeps room for %d operations", cap(m.ops))
	}
}

// TestOpsLine_UnmarshalIn_TextsOutliveTheMemory: keys and names are kept by who
// carries a batch out, when the memory has another line already.
func TestOpsLine_UnmarshalIn_TextsOutliveTheMemory(t *testing.T) {
	var m LineMemory
	var line OpsLine
	text := []byte(`{"ref":1,"ops":[{"op":"register","keyspace":"k","node":"n1","from":"a","to":"b"}]}`)
	if err := line.UnmarshalIn(&m, text); err != nil {
		t.Fatal(err)
	}
	o, to := line.Ops[0], *line.Ops[0].To
	clear(text)
	m.Clear()
	if o.Keyspace != "k" || o.Node != "n1" || o.From != "a" || to != "b" {
		t.Errorf("it has become %+v, %q", o, to)
	}
}

// TestOpsLine_UnmarshalIn_BatchesAreApart: who appends to the operations of one does
// not write into the next.
func TestOpsLine_UnmarshalIn_BatchesAreApart(t *testing.T) {
	var m LineMemory
	var line OpsLine
	if err := line.UnmarshalIn(&m, []byte(`{"ref":1,"batches":[{"ops":[{"op":"register","from":"a"}]},{"ops":[{"op":"release","from":"b"}]}]}`)); err != nil {
		t.Fatal(err)
	}
	_ = append(line.Batches[0].Ops, Operation{})
	if line.Batches[1].Ops[0].From != "b" {
		t.Errorf("the second has become %+v", line.Batches[1])
	}
}

// FuzzOpsLine_UnmarshalIn: whatever is read into memory that is used again, is
// what the decoder reads that knows all of JSON.
func FuzzOpsLine_UnmarshalIn(f *testing.F) {
	for _, text := range writtenLines {
		f.Add([]byte(text))
	}
	var m LineMemory
	f.Fuzz(func(t *testing.T, data []byte) { isSameIn(t, &m, data) })
}
