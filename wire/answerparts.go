package wire

// CutRef returns the number of an answer, and what follows it, if the answer
// begins as Append writes it.
func CutRef(answer []byte) (ref int64, rest []byte, ok bool) {
	w := written{data: answer}
	w.want(`{"ref":`)
	if ref = w.integer(); w.gaveUp {
		return 0, nil, false
	}
	return ref, answer[w.at:], true
}

// AnswerParts reads an answer part by part, from behind its number on, as Append
// writes it:
//
//	all := AnswerToOne(rest)      all := AnswerToSeveral(rest)
//	all.Read(asked)               all.Read(asked), or all.ReadAny(&result), for each
//	token, ok := all.Token()      token, ok := all.Token()
//
// Any other answer, good or bad, is left to UnmarshalAnswer.
type AnswerParts struct {
	w written
	// isSeveral says that batches are parts, isNext that one was read.
	isSeveral, isNext bool
}

// AnswerToOne begins to read the answer to a line of one batch.
func AnswerToOne(rest []byte) AnswerParts {
	return AnswerParts{w: written{data: rest}}
}

// AnswerToSeveral begins to read the answer to a line of several.
func AnswerToSeveral(rest []byte) AnswerParts {
	return AnswerParts{w: written{data: rest}, isSeveral: true}
}

// Read reads what became of the next batch, and reports whether it was carried out
// and the answer says so in the words that are expected. If not, it has read
// nothing.
func (p *AnswerParts) Read(a *Asked) bool {
	at := p.w.at
	p.begin()
	a.read(&p.w)
	if p.isSeveral {
		p.w.want(`}`)
	}
	if p.w.gaveUp {
		p.w.at, p.w.gaveUp = at, false
		return false
	}
	p.isNext = true
	return true
}

// begin reads what comes before the first field of a part.
func (p *AnswerParts) begin() {
	switch {
	case !p.isSeveral:
		p.w.want(`,`)
	case p.isNext:
		p.w.want(`,{`)
	default:
		p.w.want(`,"batches":[{`)
	}
}

// ReadAny reads what became of the next of several batches, whatever it is, and
// reports whether it could.
func (p *AnswerParts) ReadAny(r *BatchResult) bool {
	if p.begin(); !p.isSeveral || p.w.gaveUp {
		return false
	}
	rest, got := newPlain(p.w.data[p.w.at-len(`{`):]), BatchResult{}
	rest.batchResult(&got)
	if rest.gaveUp {
		return false
	}
	p.w.at += rest.at - len(`{`)
	*r, p.isNext = got, true
	return true
}

// Token reads the end of the answer, and reports whether there is one in order.
func (p *AnswerParts) Token() (Token, bool) {
	if p.isSeveral {
		p.w.want(`]`)
	}
	p.w.want(`,"token":"`)
	token := p.w.quoted()
	p.w.want(`}`)
	if p.w.gaveUp || p.w.at < len(p.w.data) {
		return "", false
	}
	return Token(p.w.part(token)), true
}

// read reads a part, from the first field of the batch on.
func (a *Asked) read(w *written) {
	begin := 0
	a.did = a.did[:0]
	for _, end := range a.ends {
		w.wantBytes(a.expected[begin:end])
		w.want(`,"changed":`)
		changed := w.bool()
		w.want(`,"priority":`)
		a.did = append(a.did, did{changed, w.integer()})
		w.want(`}`)
		begin = end
	}
	w.want(`]`)
	if len(a.ends) == 0 {
		w.giveUp()
	}
}
