package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
)

// What is written for every write is encoded without reflection, byte for byte
// as encoding/json would: Marshal takes these, and tests hold them to that.

// lineBytes is room for what is mostly written: one operation, or what became
// of one.
const lineBytes = 256

// appender encodes itself.
type appender interface {
	appendJSON(b []byte) []byte
}

// Marshal returns v as one line of JSON without a line end. Unlike
// json.Marshal it leaves <, > and & as they are: keys are read by people.
func Marshal(v any) ([]byte, error) {
	// A pointer has the methods of what it points to, but may point to nothing.
	if a, ok := v.(appender); ok && reflect.TypeOf(v).Kind() != reflect.Pointer {
		return a.appendJSON(make([]byte, 0, lineBytes)), nil
	}
	return marshalByReflection(v)
}

func marshalByReflection(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// appendString appends a text in quotes.
func appendString(b []byte, text string) []byte {
	if isPlain(text) {
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	quoted, err := marshalByReflection(text)
	if err != nil {
		panic(err) // any text can be quoted
	}
	return append(b, quoted...)
}

// isPlain reports whether a text is written in JSON as it is.
func isPlain(text string) bool {
	for i := range len(text) {
		if !standsForItself[text[i]] {
			return false
		}
	}
	return true
}

// standsForItself says which bytes a text has in JSON as they are.
var standsForItself = func() (is [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// appendField appends a comma, a name and a colon; the name is plain.
func appendField(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendOptionalText(b []byte, name string, text *string) []byte {
	if text == nil {
		return b
	}
	return appendString(appendField(b, name), *text)
}

func appendOptionalNumber(b []byte, name string, n *int64) []byte {
	if n == nil {
		return b
	}
	return strconv.AppendInt(appendField(b, name), *n, 10)
}

// appendClaim appends the fields of an operation up to its claim, without the
// brace that ends it.
func (o *Operation) appendClaim(b []byte) []byte {
	b = appendString(append(b, `{"op":`...), string(o.Op))
	b = appendString(appendField(b, "keyspace"), o.Keyspace)
	b = appendString(appendField(b, "node"), o.Node)
	b = appendString(appendField(b, "from"), o.From)
	if o.To == nil {
		return append(appendField(b, "to"), "null"...)
	}
	return appendString(appendField(b, "to"), *o.To)
}

// appendRest appends the fields behind the priority.
func (o *Operation) appendRest(b []byte) []byte {
	b = appendOptionalNumber(b, "by", o.By)
	if o.IfVisible {
		b = append(appendField(b, "if_visible"), "true"...)
	}
	b = appendOptionalText(b, "new_from", o.NewFrom)
	b = appendOptionalText(b, "new_to", o.NewTo)
	if o.AllowGap {
		b = append(appendField(b, "allow_gap"), "true"...)
	}
	return b
}

func (o Operation) appendJSON(b []byte) []byte {
	b = appendOptionalNumber(o.appendClaim(b), "priority", o.Priority)
	return append(o.appendRest(b), '}')
}

func (r Result) appendJSON(b []byte) []byte {
	b = r.Operation.appendRest(r.Operation.appendClaim(b))
	b = strconv.AppendBool(appendField(b, "changed"), r.Changed)
	b = strconv.AppendInt(appendField(b, "priority"), r.Priority, 10)
	return append(b, '}')
}

func appendList[T appender](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, x := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = x.appendJSON(b)
	}
	return append(b, ']')
}

func appendTexts(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, text := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, text)
	}
	return append(b, ']')
}

func (x Batch) appendJSON(b []byte) []byte {
	b = appendList(append(b, `{"ops":`...), x.Ops)
	if x.ID != "" {
		b = appendString(appendField(b, "id"), x.ID)
	}
	return append(b, '}')
}

func (r BatchResult) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if r.ID != "" {
		b = append(appendString(append(b, `"id":`...), r.ID), ',')
	}
	b = appendList(append(b, `"results":`...), r.Results)
	for _, field := range []struct{ name, text string }{{"token", string(r.Token)}, {"error", r.Error}, {"code", string(r.Code)}} {
		if field.text != "" {
			b = appendString(appendField(b, field.name), field.text)
		}
	}
	return append(b, '}')
}

func (r BatchResults) appendJSON(b []byte) []byte {
	b = appendList(append(b, `{"batches":`...), r.Batches)
	return appendWaited(b, r.Token, r.OnDisk, r.Missing, r.Needed)
}

func (r Results) appendJSON(b []byte) []byte {
	b = appendList(append(b, `{"results":`...), r.Results)
	return appendWaited(b, r.Token, r.OnDisk, r.Missing, r.Needed)
}

// appendWaited appends what answers to writes end with.
func appendWaited(b []byte, token Token, onDisk, missing []string, needed int) []byte {
	b = appendString(appendField(b, "token"), string(token))
	b = appendTexts(appendField(b, "on_disk"), onDisk)
	b = appendTexts(appendField(b, "missing"), missing)
	if needed != 0 {
		b = strconv.AppendInt(appendField(b, "needed"), int64(needed), 10)
	}
	return append(b, '}')
}

// appendJSON is of one batch, or of several, as clients send them.
func (q OpsRequest) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if len(q.Ops) > 0 {
		b = append(appendList(append(b, `"ops":`...), q.Ops), ',')
	}
	if len(q.Batches) > 0 {
		b = append(appendList(append(b, `"batches":`...), q.Batches), ',')
	}
	if !q.Wait.IsZero() {
		b = append(b, `"wait":`...)
		if q.Wait.All {
			b = append(b, `"all",`...)
		} else {
			b = append(strconv.AppendInt(b, int64(q.Wait.N), 10), ',')
		}
	}
	if q.Timeout != "" {
		b = append(appendString(append(b, `"timeout":`...), q.Timeout), ',')
	}
	return append(bytes.TrimSuffix(b, []byte(",")), '}')
}
