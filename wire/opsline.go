package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// OpsLineBytesMax bounds one line of POST /v1/ops/stream, in bytes, its end
// included. What is longer goes as a request of its own.
const OpsLineBytesMax = 1 << 20

// OpsOpening is the first line that POST /v1/ops/stream answers, before it is
// asked anything: whoever has read it knows that nobody on the way holds lines
// back.
type OpsOpening struct {
	// Node is the node that answers: what it answers with is on its disk.
	Node string `json:"node"`
	// LineBytesMax is how long a line may be, in bytes, its end included, and
	// LinesMax how many are under way at a time, of which one of several batches
	// counts as so many: the node reads no more before some of these have their
	// answers.
	LineBytesMax int `json:"line_bytes_max"`
	LinesMax     int `json:"lines_max"`
	// BatchesMax is how many batches a line may have, 0 if the node knows no lines
	// of several.
	BatchesMax int `json:"batches_max,omitempty"`
}

// OpsLine is one line of the body of POST /v1/ops/stream: a batch, or several in
// Batches, each all or none by itself, and a number of the client's choice by
// which it knows the answer.
type OpsLine struct {
	Ref int64 `json:"ref"`
	Batch
	Batches List[Batch] `json:"batches,omitempty"`
}

// OpsAnswer is one line of its answer: the number of a line, and what became of
// it. Answers come in the order in which lines come to an end.
//
// A line of several batches is answered by Batches, in their order, and a Token
// that names the events of all that were applied; or, if it was refused as a
// whole, as one of a single batch is.
type OpsAnswer struct {
	Ref int64 `json:"ref"`
	BatchResult
	Batches List[BatchResult] `json:"batches,omitempty"`
}

// isSeveral reports whether the line is one of several batches alone.
func (l OpsLine) isSeveral() bool { return len(l.Batches) > 0 && l.Ops == nil && l.ID == "" }

// isSeveral reports whether the answer is one to several batches alone.
func (a OpsAnswer) isSeveral() bool {
	return len(a.Batches) > 0 && a.Results == nil && a.ID == "" && a.Error == "" && a.Code == ""
}

// RefOf returns the number of a line that is no OpsLine, but JSON that has one,
// so that its refusal finds who sent it.
func RefOf(line []byte) (ref int64, ok bool) {
	var numbered struct {
		Ref *int64 `json:"ref"`
	}
	if err := json.Unmarshal(line, &numbered); err != nil || numbered.Ref == nil {
		return 0, false
	}
	return *numbered.Ref, true
}

// IsOfSeveral reports whether a line begins as Append mostly writes one of several
// batches, so that memory for it can be chosen before it is read.
func IsOfSeveral(line []byte) bool {
	w := written{data: line}
	w.want(`{"ref":`)
	w.integer()
	return w.hasField(`,"batches":`)
}

// appendRef begins a line, or its answer, with its number.
func appendRef(b []byte, ref int64) []byte {
	return strconv.AppendInt(append(b, `{"ref":`...), ref, 10)
}

// AppendLineOf appends what a line of one batch begins with, which is followed by
// the text of the batch without its brace.
func AppendLineOf(b []byte, ref int64) []byte { return append(appendRef(b, ref), ',') }

// AppendLineOfSeveral appends what a line of several batches begins with. Their
// texts follow, with commas between them, and LineOfSeveralEnd.
func AppendLineOfSeveral(b []byte, ref int64) []byte { return append(appendBatchesOf(b, ref), '[') }

// LineOfSeveralEnd is what it ends with.
const LineOfSeveralEnd = "]}"

// LineFrameMax is how long is what a line has around its batches and the commas
// between them, at most, in bytes.
const LineFrameMax = len(`{"ref":-9223372036854775808,"batches":[` + LineOfSeveralEnd)

// appendBatchesOf begins a line of several batches, or its answer.
func appendBatchesOf(b []byte, ref int64) []byte {
	return append(appendRef(b, ref), `,"batches":`...)
}

// appendNumbered appends an object that has the number before what else it has.
func appendNumbered(b []byte, ref int64, rest func([]byte) []byte) []byte {
	b = appendRef(b, ref)
	at := len(b)
	b = rest(b)
	b[at] = ',' // in place of its brace
	return b
}

// Append appends the line, without its end.
func (l OpsLine) Append(b []byte) []byte {
	if l.isSeveral() {
		b = appendList(appendBatchesOf(b, l.Ref), l.Batches)
		return append(b, '}')
	}
	b = appendNumbered(b, l.Ref, l.Batch.appendJSON)
	if len(l.Batches) > 0 { // both, which a node refuses
		b = append(appendList(appendField(b[:len(b)-1], "batches"), l.Batches), '}')
	}
	return b
}

// Append appends the answer, without the end of its line.
func (a OpsAnswer) Append(b []byte) []byte {
	if a.isSeveral() {
		b = appendList(appendBatchesOf(b, a.Ref), a.Batches)
		return append(appendString(appendField(b, "token"), string(a.Token)), '}')
	}
	b = appendNumbered(b, a.Ref, a.BatchResult.appendJSON)
	if len(a.Batches) > 0 {
		b = append(appendList(appendField(b[:len(b)-1], "batches"), a.Batches), '}')
	}
	return b
}

// MarshalJSON returns what Append appends: a line of several batches has no "ops".
func (l OpsLine) MarshalJSON() ([]byte, error) { return l.Append(nil), nil }

// MarshalJSON returns what Append appends: an answer to several batches has no
// "results" of its own.
func (a OpsAnswer) MarshalJSON() ([]byte, error) { return a.Append(nil), nil }

func (l OpsLine) appendJSON(b []byte) []byte   { return l.Append(b) }
func (a OpsAnswer) appendJSON(b []byte) []byte { return a.Append(b) }

// decodePlain reads a line if it is plain, and else leaves l as it was.
func (l *OpsLine) decodePlain(data []byte) bool {
	p, got := newPlain(data), *l
	p.object(func(name []byte) int {
		if string(name) == "ref" {
			got.Ref = p.number()
			return 2
		}
		if string(name) == "batches" {
			got.Batches = plainList(&p, func(x *Batch) { p.batch(x) })
			return 3
		}
		return got.Batch.field(&p, name)
	})
	return p.endWith(func() { *l = got })
}

func (a *OpsAnswer) decodePlain(data []byte) bool {
	p, got := newPlain(data), OpsAnswer{}
	p.object(func(name []byte) int {
		if string(name) == "ref" {
			got.Ref = p.number()
			return 5
		}
		if string(name) == "batches" {
			got.Batches = plainList(&p, func(r *BatchResult) { p.batchResult(r) })
			return 6
		}
		return got.BatchResult.field(&p, name)
	})
	return p.endWith(func() { *a = got })
}

// isUTF8 reports whether every text of an operation is; see MarshalRequest.
func (o *Operation) isUTF8() bool {
	return utf8.ValidString(string(o.Op)) && utf8.ValidString(o.Keyspace) && utf8.ValidString(o.Node) &&
		utf8.ValidString(o.From) && isOptionalUTF8(o.To) && isOptionalUTF8(o.NewFrom) && isOptionalUTF8(o.NewTo)
}

func isOptionalUTF8(text *string) bool { return text == nil || utf8.ValidString(*text) }

func (x Batch) isUTF8() bool { return utf8.ValidString(x.ID) && areUTF8(x.Ops) }

func (q OpsRequest) isUTF8() bool {
	return utf8.ValidString(q.Timeout) && areUTF8(q.Ops) && areBatchesUTF8(q.Batches)
}

func areBatchesUTF8(batches []Batch) bool {
	for i := range batches {
		if !batches[i].isUTF8() {
			return false
		}
	}
	return true
}

func areUTF8(ops []Operation) bool {
	for i := range ops {
		if !ops[i].isUTF8() {
			return false
		}
	}
	return true
}
