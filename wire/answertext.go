package wire

import "strconv"

// AnswerText is the OpsAnswer of a batch that was carried out, written part by
// part as it is known: byte for byte what Append of the whole writes. A node
// answers every write with one.
//
//	b = AppendAnswer(b, ref, id).Result(op, changed, priority).Token(token)
type AnswerText struct {
	text      []byte
	isFurther bool
}

// AppendAnswer begins an answer, behind what is in b.
func AppendAnswer(b []byte, ref int64, id string) AnswerText {
	b = strconv.AppendInt(append(b, `{"ref":`...), ref, 10)
	if id != "" {
		b = appendString(appendField(b, "id"), id)
	}
	return AnswerText{text: append(b, `,"results":[`...)}
}

// Result adds what the next operation did.
func (a AnswerText) Result(o *Operation, changed bool, priority int64) AnswerText {
	if a.isFurther {
		a.text = append(a.text, ',')
	}
	a.text = appendDid(o.appendRest(o.appendClaim(a.text)), changed, priority)
	a.isFurther = true
	return a
}

// Token ends the answer, with the text of a token, which is plain, and returns
// what was in the beginning, and the answer.
func (a AnswerText) Token(token []byte) []byte {
	b := append(a.text, `],"token":"`...)
	b = append(b, token...)
	return append(b, `"}`...)
}

// appendDid ends a result behind its operation.
func appendDid(b []byte, changed bool, priority int64) []byte {
	b = strconv.AppendBool(append(b, `,"changed":`...), changed)
	b = strconv.AppendInt(append(b, `,"priority":`...), priority, 10)
	return append(b, '}')
}
