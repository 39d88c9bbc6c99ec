package wire

import "strconv"

// AnswerText is the OpsAnswer of batches that were carried out, written part by
// part as it is known: byte for byte what Append of the whole writes. A node
// answers every write with one, or with its part of one.
//
//	a := AppendAnswer(b, ref)     a := AppendAnswerToSeveral(b, ref)
//	a.Batch(id)                   a.Batch(id), or a.Failed(result), for each
//	a.Result(op, changed, 7)      a.Result(op, changed, 7)
//	b = a.Token(token)            b = a.Token(token)
type AnswerText struct {
	text []byte
	// isSeveral says that batches are parts, isNext that one was written, isOpen that
	// the last may have more results, isFurther that it has some.
	isSeveral, isNext, isOpen, isFurther bool
}

// AppendAnswer begins an answer to a line of one batch, behind what is in b.
func AppendAnswer(b []byte, ref int64) AnswerText {
	return AnswerText{text: AppendLineOf(b, ref)}
}

// AppendAnswerToSeveral begins an answer to a line of several.
func AppendAnswerToSeveral(b []byte, ref int64) AnswerText {
	return AnswerText{text: AppendLineOfSeveral(b, ref), isSeveral: true}
}

// Batch begins the part of the next batch, which was carried out.
func (a *AnswerText) Batch(id string) {
	b := a.text
	if a.isSeveral {
		b = append(a.endBatch(), '{')
	}
	if id != "" {
		b = append(appendString(append(b, `"id":`...), id), ',')
	}
	a.text = append(b, `"results":[`...)
	a.isOpen, a.isFurther = true, false
}

// endBatch ends the part of the batch before, if there is one, for another.
func (a *AnswerText) endBatch() []byte {
	b := a.close()
	if a.isNext {
		b = append(b, ',')
	}
	a.isNext = true
	return b
}

// close ends the part that is open.
func (a *AnswerText) close() []byte {
	switch {
	case !a.isOpen:
		return a.text
	case !a.isSeveral:
		return append(a.text, ']')
	}
	a.isOpen = false
	return append(a.text, "]}"...)
}

// Result adds what the next operation of the batch did.
func (a *AnswerText) Result(o *Operation, changed bool, priority int64) {
	b := a.text
	if a.isFurther {
		b = append(b, ',')
	}
	a.text, a.isFurther = appendDid(o.appendRest(o.appendClaim(b)), changed, priority), true
}

// Failed adds the part of the next of several batches, which was not carried out.
func (a *AnswerText) Failed(r BatchResult) { a.text = r.appendJSON(a.endBatch()) }

// Token ends the answer, with the text of a token, which is plain, and returns
// what was in the beginning, and the answer.
func (a *AnswerText) Token(token []byte) []byte {
	b := a.close()
	if a.isSeveral {
		b = append(b, ']')
	}
	b = append(b, `,"token":"`...)
	b = append(b, token...)
	return append(b, `"}`...)
}

// appendDid ends a result behind its operation.
func appendDid(b []byte, changed bool, priority int64) []byte {
	b = strconv.AppendBool(append(b, `,"changed":`...), changed)
	b = strconv.AppendInt(append(b, `,"priority":`...), priority, 10)
	return append(b, '}')
}
