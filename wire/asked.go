package wire

import "strconv"

// Asked is a line that waits for its answer, in memory that the next one uses
// again. It knows how the answer goes if the batch is carried out, all but what
// each operation did and the token: there is nothing to decode then, and what the
// operations are whoever wrote them knows. The zero value works. It must not be
// copied.
type Asked struct {
	// expected are the parts of the answer between the number of the line and
	// what the operations did, one after the other; ends says where each ends.
	expected []byte
	ends     []int
	did      []did
	token    []byte
	// one is room for what most lines have, beside the rest: by the time the answer
	// comes none of it is in the processor's cache.
	one struct {
		end      [1]int
		did      [1]did
		token    [tokenRoom]byte
		expected [lineBytes]byte
	}
}

// tokenRoom is room for the token of one batch, in bytes.
const tokenRoom = 40

// did is what an operation did.
type did struct {
	changed  bool
	priority int64
}

// askedKept bounds the memory that an Asked keeps, in bytes of text.
const askedKept = 16 << 10

// Clear forgets the line, and memory that is more than most lines need.
func (a *Asked) Clear() {
	if a.ends == nil || cap(a.expected) > askedKept || cap(a.token) > askedKept {
		a.expected, a.ends, a.did, a.token = a.one.expected[:0], a.one.end[:0], a.one.did[:0], a.one.token[:0]
	}
	a.expected, a.ends, a.did = a.expected[:0], a.ends[:0], a.did[:0]
}

// AppendRequest is OpsLine.AppendRequest of the line that is asked for next. Node
// is the one that it is sent to.
func (a *Asked) AppendRequest(b []byte, l OpsLine, node string) ([]byte, error) {
	a.Clear()
	if !l.Batch.isUTF8() {
		return l.AppendRequest(b)
	}
	b = strconv.AppendInt(append(b, `{"ref":`...), l.Ref, 10)
	if l.ID != "" {
		a.expected = appendString(append(a.expected, `,"id":`...), l.ID)
	}
	a.expected = append(a.expected, `,"results":[`...)
	b = append(b, `,"ops":[`...)
	for i := range l.Ops {
		if i > 0 {
			a.expected, b = append(a.expected, ','), append(b, ',')
		}
		b = a.appendOperation(b, &l.Ops[i], node)
	}
	b = append(b, ']')
	if l.ID != "" {
		b = appendString(appendField(b, "id"), l.ID)
	}
	return append(b, '}'), nil
}

// appendOperation appends an operation to b, and to what is expected the same as it
// is answered: without a priority, and with what the node fills in.
func (a *Asked) appendOperation(b []byte, o *Operation, node string) []byte {
	begin := len(b)
	b = o.appendClaim(b)
	claim := len(b)
	b = appendOptionalNumber(b, "priority", o.Priority)
	rest := len(b)
	b = o.appendRest(b)
	if o.Keyspace == "" || o.Node == "" {
		filled := o.WithDefaults(node)
		a.expected = filled.appendClaim(a.expected)
	} else {
		a.expected = append(a.expected, b[begin:claim]...)
	}
	a.expected = append(a.expected, b[rest:]...)
	a.ends = append(a.ends, len(a.expected))
	return append(b, '}')
}

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

// Read reads the rest of an answer behind its number, and reports whether the
// batch was carried out and the answer says so in the words that are expected.
// Any other answer, good or bad, is left to UnmarshalAnswer.
func (a *Asked) Read(rest []byte) bool {
	w, begin := written{data: rest}, 0
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
	w.want(`],"token":"`)
	token := w.quoted()
	w.want(`}`)
	if w.gaveUp || w.at < len(rest) || len(a.ends) == 0 {
		return false
	}
	a.token = append(a.token[:0], rest[token.from:token.to]...)
	return true
}

func (w *written) wantBytes(begin []byte) {
	if end := w.at + len(begin); end <= len(w.data) && string(w.data[w.at:end]) == string(begin) {
		w.at = end
		return
	}
	w.giveUp()
}

// Results returns what the batch has led to at a node, as Read has read it and as
// UnmarshalAnswer would: it shares no memory with the batch that anybody may change.
func (a *Asked) Results(batch Batch, node string) Results {
	var own copies
	own.reserve(batch.Ops)
	own.texts = append(own.texts, node)
	r := Results{
		Results: own.results, Token: Token(a.token),
		OnDisk: own.texts[:1:1], Missing: List[string]{},
	}
	for i := range batch.Ops {
		own.result(&r.Results[i], &batch.Ops[i], node)
		r.Results[i].Changed, r.Results[i].Priority = a.did[i].changed, a.did[i].priority
	}
	return r
}

// copies are results and what their fields point to.
type copies struct {
	results List[Result]
	texts   []string
	numbers []int64
}

// oneCopy is room for most results of one operation, in one piece.
type oneCopy struct {
	result [1]Result
	texts  [oneCopyTexts]string
	number [1]int64
}

// oneCopyTexts are the end of a range, and the node.
const oneCopyTexts = 2

// reserve makes room, for one text more than those of the operations.
func (c *copies) reserve(ops []Operation) {
	texts, numbers := 1, 0
	for i := range ops {
		for _, text := range [...]*string{ops[i].To, ops[i].NewFrom, ops[i].NewTo} {
			if text != nil {
				texts++
			}
		}
		if ops[i].By != nil {
			numbers++
		}
	}
	if len(ops) == 1 && texts <= oneCopyTexts {
		one := new(oneCopy)
		c.results, c.texts, c.numbers = one.result[:], one.texts[:0], one.number[:0]
		return
	}
	c.results, c.texts, c.numbers = make(List[Result], len(ops)), make([]string, 0, texts), make([]int64, 0, numbers)
}

// result makes the operation of a result what was asked, as a node answers it: its
// priority is one of the result.
func (c *copies) result(r *Result, o *Operation, node string) {
	r.Operation = *o
	if o.Keyspace == "" || o.Node == "" {
		r.Operation = o.WithDefaults(node)
	}
	r.To, r.NewFrom, r.NewTo = c.text(o.To), c.text(o.NewFrom), c.text(o.NewTo)
	r.By, r.Operation.Priority = c.number(o.By), nil
}

func (c *copies) text(text *string) *string {
	if text == nil {
		return nil
	}
	c.texts = append(c.texts, *text)
	return &c.texts[len(c.texts)-1]
}

func (c *copies) number(n *int64) *int64 {
	if n == nil {
		return nil
	}
	c.numbers = append(c.numbers, *n)
	return &c.numbers[len(c.numbers)-1]
}
