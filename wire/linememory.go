package wire

import "github.com/scalesmall/ssnode/ranges"

// LineMemory is what a line is read into, but for its texts: a node reads one for
// every write, and nothing of it is needed when that is answered. Texts are the
// line's own, since whoever carries it out keeps keys and names. It must not be
// copied.
type LineMemory struct {
	// OpsKept is for how many operations it keeps room, 8 if that is 0: who reads
	// lines of several batches wants more.
	OpsKept int

	ops []Operation
	// batches are those of a line of several. While it is read they have no
	// operations: these move as they become more, and ends says of each batch where
	// it ends among them.
	batches []Batch
	ends    []int
	// texts and numbers are what the fields of operations point to.
	texts   []string
	numbers []int64
	// one is room for what most lines have, beside the rest: by the time it is
	// looked at again none of it is in the processor's cache.
	one struct {
		op     [1]Operation
		text   [1]string
		number [1]int64
	}
}

const (
	// lineOpsMax bounds the operations of a line that is read this way. It keeps
	// what such a line has below ElementsMax, too.
	lineOpsMax = 256
	// lineOpsKept is for how many operations the memory keeps room, unless it is
	// told otherwise.
	lineOpsKept = 8
)

// Clear forgets the line that was read last, and has to be called before the memory
// is put aside.
func (m *LineMemory) Clear() {
	clear(m.ops)
	clear(m.texts)
	clear(m.batches)
	m.ops, m.texts, m.numbers = m.ops[:0], m.texts[:0], m.numbers[:0]
	m.batches, m.ends = m.batches[:0], m.ends[:0]
	if cap(m.ops) > 1 || cap(m.texts) > 1 {
		m.one.op, m.one.text = [1]Operation{}, [1]string{} // which it has grown out of
	}
	if kept := max(m.OpsKept, lineOpsKept); cap(m.ops) > kept || cap(m.batches) > kept {
		m.ops, m.batches, m.ends = nil, nil, nil
	}
	if m.ops == nil {
		m.ops, m.texts, m.numbers = m.one.op[:0], m.one.text[:0], m.one.number[:0]
	}
}

func (m *LineMemory) text(text string) *string {
	m.texts = append(m.texts, text)
	return &m.texts[len(m.texts)-1] // another array, if it grows, leaves this one as it is
}

func (m *LineMemory) number(n int64) *int64 {
	m.numbers = append(m.numbers, n)
	return &m.numbers[len(m.numbers)-1]
}

// UnmarshalIn is Unmarshal into memory whose line nobody looks at any more. The
// operations are there as long as it is not used again.
func (l *OpsLine) UnmarshalIn(m *LineMemory, data []byte) error {
	*l = OpsLine{}
	m.Clear()
	if l.decodeWritten(m, data) {
		return nil
	}
	return Unmarshal(data, l)
}

// decodeWritten reads a line if it is as Append writes it, and else leaves l as it
// was.
func (l *OpsLine) decodeWritten(m *LineMemory, data []byte) bool {
	w, id := written{data: data, memory: m}, span{}
	w.want(`{"ref":`)
	ref := w.integer()
	isSeveral := !w.hasField(`,"ops":[`)
	if isSeveral {
		w.want(`,"batches":[`)
		w.batches()
	} else {
		id = w.batch()
	}
	switch {
	case w.gaveUp || w.at < len(data):
		m.Clear()
		return false
	case isSeveral:
		l.Ref, l.Batches = ref, m.several()
	default:
		l.Ref, l.Ops, l.ID = ref, m.ops, string(w.part(id))
	}
	return true
}

// several returns the batches of a line that has been read, with what of the
// operations is theirs.
func (m *LineMemory) several() []Batch {
	begin := 0
	for i, end := range m.ends {
		m.batches[i].Ops = m.ops[begin:end:end]
		begin = end
	}
	return m.batches
}

// batches reads the batches of a line up to its end.
func (w *written) batches() {
	m := w.memory
	for more := true; more && !w.gaveUp; more = w.has(',') {
		w.want(`{"ops":[`)
		id := w.batch()
		m.batches, m.ends = append(m.batches, Batch{ID: string(w.part(id))}), append(m.ends, len(m.ops))
	}
	w.want(`]}`)
}

// batch reads the operations of a batch behind their bracket, the id, and the end.
func (w *written) batch() (id span) {
	for more := true; more && !w.gaveUp; more = w.has(',') {
		w.operation()
	}
	w.want(`]`)
	if w.hasField(`,"id":"`) {
		id = w.quoted()
	}
	w.want(`}`)
	return id
}

// written reads lines as this package writes them: without spaces, fields in their
// order, in texts ASCII that is not escaped. Fields may be left out. That is what
// a client sends, and what most programs do, and takes a third of the time of
// plain, which reads all that this gives up. It judges nothing either.
type written struct {
	data   []byte
	at     int
	gaveUp bool
	memory *LineMemory
}

// span is a text in data; the empty one stands for what is absent, too.
type span struct{ from, to int }

func (s span) isEmpty() bool { return s.from == s.to }

func (w *written) giveUp() { w.at, w.gaveUp = len(w.data), true }

// has takes a byte if it comes next.
func (w *written) has(c byte) bool {
	if w.at < len(w.data) && w.data[w.at] == c {
		w.at++
		return true
	}
	return false
}

// hasField takes the beginning of a field if it comes next.
func (w *written) hasField(begin string) bool {
	if end := w.at + len(begin); end <= len(w.data) && string(w.data[w.at:end]) == begin {
		w.at = end
		return true
	}
	return false
}

func (w *written) want(begin string) {
	if !w.hasField(begin) {
		w.giveUp()
	}
}

func (w *written) wantBytes(begin []byte) {
	if end := w.at + len(begin); end <= len(w.data) && string(w.data[w.at:end]) == string(begin) {
		w.at = end
		return
	}
	w.giveUp()
}

// quoted reads a text whose first quote was taken.
func (w *written) quoted() span {
	for i := w.at; i < len(w.data); i++ {
		if c := w.data[i]; !standsForItself[c] {
			if c != '"' {
				break
			}
			text := span{w.at, i}
			w.at = i + 1
			return text
		}
	}
	w.giveUp()
	return span{}
}

func (w *written) integer() (n int64) {
	negative := w.has('-')
	begin := w.at
	for ; w.at < len(w.data); w.at++ {
		c := w.data[w.at] - '0'
		if c > 9 {
			break
		}
		n = n*10 + int64(c)
	}
	switch digits := w.at - begin; {
	case digits == 0, digits > digitsMax, w.data[begin] == '0' && (digits > 1 || negative):
		w.giveUp()
		return 0
	}
	if negative {
		return -n
	}
	return n
}

func (w *written) bool() bool {
	if w.hasField("true") {
		return true
	}
	w.want("false")
	return false
}

// operation reads one into memory. It has a string of its own, from the first of
// its texts to the last, of which they are parts: whoever keeps one of them keeps
// that much, which is bounded as it is in plain.
func (w *written) operation() {
	if len(w.memory.ops) == lineOpsMax {
		w.giveUp()
		return
	}
	w.memory.ops = append(w.memory.ops, Operation{})
	o := &w.memory.ops[len(w.memory.ops)-1]
	w.want(`{"op":"`)
	if o.Op = knownOp(w.part(w.quoted())); o.Op == "" {
		w.giveUp()
	}
	var texts operationTexts
	w.claim(&texts)
	w.rest(o, &texts)
	w.want(`}`)
	if !w.gaveUp && !texts.give(o, w.data, w.memory) {
		w.giveUp()
	}
}

// operationTexts are the texts of an operation, in their order; of those that
// are optional it says whether they are there.
type operationTexts struct {
	keyspace, node, from, to, newFrom, newTo span
	hasTo, hasNewFrom, hasNewTo              bool
}

func (w *written) claim(texts *operationTexts) {
	if w.hasField(`,"keyspace":"`) {
		texts.keyspace = w.quoted()
	}
	if w.hasField(`,"node":"`) {
		texts.node = w.quoted()
	}
	if w.hasField(`,"from":"`) {
		texts.from = w.quoted()
	}
	if w.hasField(`,"to":"`) {
		texts.to, texts.hasTo = w.quoted(), true
	} else {
		w.hasField(`,"to":null`)
	}
}

func (w *written) rest(o *Operation, texts *operationTexts) {
	if w.hasField(`,"priority":`) {
		o.Priority = w.memory.number(w.integer())
	}
	if w.hasField(`,"by":`) {
		o.By = w.memory.number(w.integer())
	}
	if w.has('}') { // mostly
		w.at--
		return
	}
	if w.hasField(`,"if_visible":`) {
		o.IfVisible = w.bool()
	}
	if w.hasField(`,"new_from":"`) {
		texts.newFrom, texts.hasNewFrom = w.quoted(), true
	}
	if w.hasField(`,"new_to":"`) {
		texts.newTo, texts.hasNewTo = w.quoted(), true
	}
	if w.hasField(`,"allow_gap":`) {
		o.AllowGap = w.bool()
	}
}

func (w *written) part(s span) []byte { return w.data[s.from:s.to] }

// give gives the texts to the operation, unless they are too long to be parts of
// one string.
func (x *operationTexts) give(o *Operation, data []byte, m *LineMemory) bool {
	if string(data[x.keyspace.from:x.keyspace.to]) == ranges.DefaultKeyspace {
		o.Keyspace, x.keyspace = ranges.DefaultKeyspace, span{}
	}
	all := span{}
	for _, s := range [...]span{x.keyspace, x.node, x.from, x.to, x.newFrom, x.newTo} {
		switch {
		case s.isEmpty():
		case all.isEmpty():
			all = s
		default:
			all.to = s.to
		}
	}
	if all.to-all.from > sharedBytesMax {
		return false
	}
	shared := sharedText{string(data[all.from:all.to]), all.from}
	if !x.keyspace.isEmpty() {
		o.Keyspace = shared.part(x.keyspace)
	}
	o.Node, o.From = shared.part(x.node), shared.part(x.from)
	if x.hasTo {
		o.To = m.text(shared.part(x.to))
	}
	if x.hasNewFrom {
		o.NewFrom = m.text(shared.part(x.newFrom))
	}
	if x.hasNewTo {
		o.NewTo = m.text(shared.part(x.newTo))
	}
	return true
}

// sharedText is a part of data, from a place on.
type sharedText struct {
	text string
	from int
}

func (x sharedText) part(s span) string {
	if s.isEmpty() {
		return ""
	}
	return x.text[s.from-x.from : s.to-x.from]
}

// knownOp returns the operation of that name, "" if there is none.
func knownOp(name []byte) Op {
	switch string(name) {
	case string(OpIncrease):
		return OpIncrease
	case string(OpDecrease):
		return OpDecrease
	case string(OpRegister):
		return OpRegister
	case string(OpRelease):
		return OpRelease
	case string(OpSet):
		return OpSet
	case string(OpTighten):
		return OpTighten
	}
	return ""
}
