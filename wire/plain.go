package wire

import (
	"encoding/json"
	"unicode/utf8"
)

// plain reads JSON as programs write it: no escapes in texts, whole numbers,
// names known and given once. It is for what is read for every write, where the
// time goes into decoding. Whatever else it meets, right or wrong, it does not
// judge: it gives up, and the decoder that knows all of JSON, and how to explain
// what is wrong with it, reads the text from the beginning.
type plain struct {
	data []byte
	// at is the place of what is read next.
	at int
	// shared is data as a string, if it is short: texts are parts of it.
	shared string
	// gaveUp stays; after it every value is zero.
	gaveUp   bool
	elements int
}

// sharedBytesMax bounds what texts share, in bytes: whoever keeps one of them
// keeps all of it.
const sharedBytesMax = 1 << 10

func newPlain(data []byte) plain {
	p := plain{data: data}
	if len(data) <= sharedBytesMax {
		p.shared = string(data)
	}
	return p
}

func (p *plain) giveUp() { p.at, p.gaveUp = len(p.data), true }

// peek returns the next byte that is no space, 0 at the end.
func (p *plain) peek() byte {
	for ; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// take takes the byte c if it comes next.
func (p *plain) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *plain) want(c byte) {
	if !p.take(c) {
		p.giveUp()
	}
}

// literal takes a word if it comes next.
func (p *plain) literal(word string) bool {
	p.peek()
	if rest := p.data[p.at:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	p.at += len(word)
	return true
}

// quoted reads a text; it shares the memory.
func (p *plain) quoted() []byte {
	p.want('"')
	isASCII := true
	for i := p.at; i < len(p.data); i++ {
		switch c := p.data[i]; {
		case c == '"':
			text := p.data[p.at:i]
			if !isASCII && !utf8.Valid(text) {
				p.giveUp()
				return nil
			}
			p.at = i + 1
			return text
		case c == '\\' || c < ' ':
			p.giveUp()
			return nil
		case c >= utf8.RuneSelf:
			isASCII = false
		}
	}
	p.giveUp()
	return nil
}

func (p *plain) text() string {
	text := p.quoted()
	if p.gaveUp || p.shared == "" {
		return string(text)
	}
	end := p.at - len(`"`)
	return p.shared[end-len(text) : end]
}

func (p *plain) textPointer() *string {
	text := p.text()
	return &text
}

// digitsMax is how many digits surely fit into 64 bits.
const digitsMax = 18

func (p *plain) number() (n int64) {
	negative := p.take('-')
	rest, digits := p.data[p.at:], 0
	for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
		n = n*10 + int64(rest[digits]-'0')
		if digits++; digits > digitsMax {
			p.giveUp()
			return 0
		}
	}
	if digits == 0 || digits > 1 && rest[0] == '0' || digits < len(rest) && isPartOfNumber(rest[digits]) {
		p.giveUp()
		return 0
	}
	p.at += digits
	if negative {
		return -n
	}
	return n
}

func isPartOfNumber(c byte) bool { return c == '.' || c == 'e' || c == 'E' }

func (p *plain) numberPointer() *int64 {
	n := p.number()
	return &n
}

func (p *plain) bool() bool {
	if p.literal("true") {
		return true
	}
	if !p.literal("false") {
		p.giveUp()
	}
	return false
}

// count counts one more element, as the checker does.
func (p *plain) count() {
	if p.elements++; p.elements > ElementsMax {
		p.giveUp()
	}
}

// object reads an object; field reads the value of a name that comes for the
// first time and returns its place among the names, or -1 if it is not known.
func (p *plain) object(field func(name []byte) int) {
	p.want('{')
	if p.take('}') {
		return
	}
	seen := uint64(0)
	for !p.gaveUp {
		p.count()
		name := p.quoted()
		p.want(':')
		if p.gaveUp {
			return
		}
		place := field(name)
		if place < 0 || seen&(1<<place) != 0 {
			p.giveUp()
			return
		}
		seen |= 1 << place
		if p.take('}') {
			return
		}
		p.want(',')
	}
}

// plainList reads a list; it is not nil. The decoder is not handed to read, but
// known to it: else it would be on the heap.
func plainList[T any](p *plain, read func(*T)) []T {
	list := []T{}
	p.want('[')
	if p.take(']') {
		return list
	}
	for !p.gaveUp {
		p.count()
		list = append(list, *new(T))
		read(&list[len(list)-1])
		if p.take(']') {
			return list
		}
		p.want(',')
	}
	return list
}

// field reads a field of an operation; see plain.object.
func (o *Operation) field(p *plain, name []byte) int {
	switch string(name) {
	case "op":
		o.Op = Op(p.text())
		return 0
	case "keyspace":
		o.Keyspace = p.text()
		return 1
	case "node":
		o.Node = p.text()
		return 2
	case "from":
		o.From = p.text()
		return 3
	case "to":
		if !p.literal("null") {
			o.To = p.textPointer()
		}
		return 4
	case "priority":
		o.Priority = p.numberPointer()
		return 5
	case "by":
		o.By = p.numberPointer()
		return 6
	case "if_visible":
		o.IfVisible = p.bool()
		return 7
	case "new_from":
		o.NewFrom = p.textPointer()
		return 8
	case "new_to":
		o.NewTo = p.textPointer()
		return 9
	case "allow_gap":
		o.AllowGap = p.bool()
		return 10
	}
	return -1
}

func (p *plain) operation(o *Operation) {
	p.object(func(name []byte) int { return o.field(p, name) })
}

func (p *plain) operations() []Operation {
	return plainList(p, func(o *Operation) { p.operation(o) })
}

// decodePlain reads an operation if it is plain, and else leaves o as it was.
func (o *Operation) decodePlain(data []byte) bool {
	p, got := newPlain(data), *o
	p.operation(&got)
	return p.endWith(func() { *o = got })
}

// field reads a field of a batch; see plain.object.
func (x *Batch) field(p *plain, name []byte) int {
	switch string(name) {
	case "ops":
		x.Ops = p.operations()
		return 0
	case "id":
		x.ID = p.text()
		return 1
	}
	return -1
}

func (p *plain) batch(x *Batch) {
	p.object(func(name []byte) int { return x.field(p, name) })
}

func (m *MemberCount) plain(p *plain) {
	switch {
	case p.literal(`"all"`):
		m.All = true
	default:
		n := p.number()
		if n < 0 || n > 1<<31-1 {
			p.giveUp()
		}
		m.N = int(n)
	}
}

// decodePlain reads a request if it is plain, and else leaves q as it was.
func (q *OpsRequest) decodePlain(data []byte) bool {
	p, got := newPlain(data), *q
	p.object(func(name []byte) int {
		switch string(name) {
		case "ops":
			got.Ops = p.operations()
			return 0
		case "batches":
			got.Batches = plainList(&p, func(x *Batch) { p.batch(x) })
			return 1
		case "wait":
			got.Wait = MemberCount{}
			got.Wait.plain(&p)
			return 2
		case "timeout":
			got.Timeout = p.text()
			return 3
		}
		return -1
	})
	return p.endWith(func() { *q = got })
}

func (p *plain) result(r *Result) {
	p.object(func(name []byte) int {
		switch string(name) {
		case "changed":
			r.Changed = p.bool()
			return 11
		case "priority":
			r.Priority = p.number()
			return 5
		}
		return r.field(p, name)
	})
}

func (p *plain) results() []Result {
	return plainList(p, func(r *Result) { p.result(r) })
}

// field reads a field of what became of a batch; see plain.object.
func (r *BatchResult) field(p *plain, name []byte) int {
	switch string(name) {
	case "id":
		r.ID = p.text()
		return 0
	case "results":
		r.Results = p.results()
		return 1
	case "token":
		r.Token = Token(p.text())
		return 2
	case "error":
		r.Error = p.text()
		return 3
	case "code":
		r.Code = Code(p.text())
		return 4
	}
	return -1
}

func (p *plain) batchResult(r *BatchResult) {
	p.object(func(name []byte) int { return r.field(p, name) })
}

func (p *plain) texts() []string {
	return plainList(p, func(text *string) { *text = p.text() })
}

// waited reads what answers to writes end with; see plain.object.
func (p *plain) waited(name []byte, token *Token, onDisk, missing *List[string], needed *int) int {
	switch string(name) {
	case "token":
		*token = Token(p.text())
		return 0
	case "on_disk":
		*onDisk = p.texts()
		return 1
	case "missing":
		*missing = p.texts()
		return 2
	case "needed":
		*needed = int(p.number())
		return 4
	}
	return -1
}

// UnmarshalAnswer reads what a node answers into v, a pointer. Unlike Unmarshal
// it passes over what v does not have: a newer node says more.
func UnmarshalAnswer(data []byte, v any) error {
	switch v := v.(type) {
	case *Results:
		if v.decodePlain(data) {
			return nil
		}
	case *BatchResults:
		if v.decodePlain(data) {
			return nil
		}
	case *OpsAnswer:
		if v.decodePlain(data) {
			return nil
		}
	}
	return json.Unmarshal(data, v)
}

func (r *Results) decodePlain(data []byte) bool {
	p, got := newPlain(data), Results{}
	p.object(func(name []byte) int {
		if string(name) == "results" {
			got.Results = p.results()
			return 3
		}
		return p.waited(name, &got.Token, &got.OnDisk, &got.Missing, &got.Needed)
	})
	return p.endWith(func() { *r = got })
}

func (r *BatchResults) decodePlain(data []byte) bool {
	p, got := newPlain(data), BatchResults{}
	p.object(func(name []byte) int {
		if string(name) == "batches" {
			got.Batches = plainList(&p, func(r *BatchResult) { p.batchResult(r) })
			return 3
		}
		return p.waited(name, &got.Token, &got.OnDisk, &got.Missing, &got.Needed)
	})
	return p.endWith(func() { *r = got })
}

// endWith calls keep and returns true if everything was plain and nothing
// follows.
func (p *plain) endWith(keep func()) bool {
	if p.peek() != 0 || p.gaveUp || p.at < len(p.data) {
		return false
	}
	keep()
	return true
}
