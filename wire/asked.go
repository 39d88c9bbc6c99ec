package wire

import "reflect"

// Asked is a batch that waits for its answer, in memory that the next one uses
// again. It knows how the answer goes if the batch is carried out, all but what
// each operation did and the token: there is nothing to decode then, and what the
// operations are whoever wrote them knows. The zero value works. It must not be
// copied.
type Asked struct {
	// expected are the parts of the answer around what the operations did, one
	// after the other, from the first field of the batch on; ends says where each
	// ends.
	expected []byte
	ends     []int
	did      []did
	// one is room for what most lines have, beside the rest: by the time the answer
	// comes none of it is in the processor's cache.
	one struct {
		end      [1]int
		did      [1]did
		expected [lineBytes]byte
	}
}

// did is what an operation did.
type did struct {
	changed  bool
	priority int64
}

// askedKept bounds the memory that an Asked keeps, in bytes of text.
const askedKept = 16 << 10

// Clear forgets the batch, and memory that is more than most need.
func (a *Asked) Clear() {
	if a.ends == nil || cap(a.expected) > askedKept {
		a.expected, a.ends, a.did = a.one.expected[:0], a.one.end[:0], a.one.did[:0]
	}
	a.expected, a.ends, a.did = a.expected[:0], a.ends[:0], a.did[:0]
}

// AppendRequest appends the batch that is asked for next as MarshalRequest writes
// it. Node is the one that it is sent to.
func (a *Asked) AppendRequest(b []byte, x Batch, node string) ([]byte, error) {
	a.Clear()
	if !x.isUTF8() {
		return nil, checkStrings(reflect.ValueOf(x), "")
	}
	if x.ID != "" {
		a.expected = append(appendString(append(a.expected, `"id":`...), x.ID), ',')
	}
	a.expected = append(a.expected, `"results":[`...)
	b = append(b, `{"ops":[`...)
	for i := range x.Ops {
		if i > 0 {
			a.expected, b = append(a.expected, ','), append(b, ',')
		}
		b = a.appendOperation(b, &x.Ops[i], node)
	}
	b = append(b, ']')
	if x.ID != "" {
		b = appendString(appendField(b, "id"), x.ID)
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

// Results returns what the batch has led to at a node, as it was read last and as
// UnmarshalAnswer would have it, with the token of its line: it shares no memory
// with the batch that anybody may change.
func (a *Asked) Results(batch Batch, node string, token Token) Results {
	var own copies
	own.reserve(batch.Ops)
	own.texts = append(own.texts, node)
	r := Results{
		Results: own.results, Token: token,
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
