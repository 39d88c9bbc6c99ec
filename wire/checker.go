package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on a request, beyond that on its bytes: three bytes of JSON can ask
// for a hundred of memory.
const (
	// ElementsMax bounds the elements of all lists and objects of a request
	// together.
	ElementsMax = 1 << 20
	// nestingMax bounds how deep lists and objects are nested.
	nestingMax = 32
)

// checker reads a JSON text beside the type that it is to be decoded into and
// refuses what encoding/json would let pass.
type checker struct {
	tokens   *json.Decoder
	elements int
	depth    int
	fields   map[reflect.Type]map[string]reflect.Type
}

func newChecker(data []byte) *checker {
	c := &checker{tokens: json.NewDecoder(bytes.NewReader(data)), fields: map[reflect.Type]map[string]reflect.Type{}}
	c.tokens.UseNumber()
	return c
}

func (c *checker) check(t reflect.Type) error {
	token, err := c.tokens.Token()
	switch {
	case errors.Is(err, io.EOF):
		return Errorf(CodeInvalid, "there is no JSON: the text is empty")
	case err != nil:
		return explain(err)
	case t.Kind() == reflect.Struct && token != json.Delim('{'):
		return Errorf(CodeInvalid, "this is not a JSON object: begin with {")
	}
	if err := c.value(token, t, ""); err != nil {
		return err
	}
	if _, err := c.tokens.Token(); !errors.Is(err, io.EOF) {
		return Errorf(CodeInvalid, "there is more after the JSON value: send one value only")
	}
	return nil
}

// next checks the value that comes next.
func (c *checker) next(t reflect.Type, name string) error {
	token, err := c.tokens.Token()
	if err != nil {
		return explain(err)
	}
	return c.value(token, t, name)
}

// value checks the value of type t that begins with token; t is nil where it
// does not matter. name is that of the innermost field.
func (c *checker) value(token json.Token, t reflect.Type, name string) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && decodesItself(t) {
		t = nil
	}
	switch token := token.(type) {
	case json.Delim:
		return c.composite(token, t, name)
	case json.Number:
		if t != nil && isWhole(t.Kind()) && strings.ContainsAny(token.String(), ".eE") {
			return Errorf(CodeInvalid, "%q is %s: give a whole number, without a fraction or an exponent", name, token)
		}
	}
	return nil
}

func decodesItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

func isWhole(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uint64 }

// composite checks a list or an object whose beginning has been read.
func (c *checker) composite(open json.Delim, t reflect.Type, name string) (err error) {
	if c.depth++; c.depth > nestingMax {
		return Errorf(CodeTooLarge, "the JSON is nested more than %d deep", nestingMax)
	}
	if open == '[' {
		err = c.list(t, name)
	} else {
		err = c.object(t)
	}
	if err != nil {
		return err
	}
	c.depth--
	_, err = c.tokens.Token() // the closing one
	return explain(err)
}

// count counts one more element.
func (c *checker) count() error {
	if c.elements++; c.elements > ElementsMax {
		return Errorf(CodeTooLarge, "the JSON has more than %d elements: send it in smaller parts", ElementsMax)
	}
	return nil
}

func (c *checker) list(t reflect.Type, name string) error {
	var element reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		element = t.Elem()
	}
	for c.tokens.More() {
		if err := c.count(); err != nil {
			return err
		}
		if err := c.next(element, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) object(t reflect.Type) error {
	seen := map[string]bool{}
	for c.tokens.More() {
		if err := c.count(); err != nil {
			return err
		}
		token, err := c.tokens.Token()
		if err != nil {
			return explain(err)
		}
		name, _ := token.(string)
		if seen[name] {
			return Errorf(CodeInvalid, "%q comes twice in one object: give it once", name)
		}
		seen[name] = true
		field, err := c.member(t, name)
		if err != nil {
			return err
		}
		if err := c.next(field, name); err != nil {
			return err
		}
	}
	return nil
}

// member returns the type of a named member of an object of type t, nil if it
// does not matter.
func (c *checker) member(t reflect.Type, name string) (reflect.Type, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Kind() == reflect.Map:
		return t.Elem(), nil
	case t.Kind() != reflect.Struct:
		return nil, nil
	}
	field, ok := c.fieldsOf(t)[name]
	if !ok {
		return nil, Errorf(CodeInvalid, "%q is not known here: use %s", name, c.namesOf(t))
	}
	return field, nil
}

// fieldsOf returns the types of the fields of a struct by their JSON names.
func (c *checker) fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := c.fields[t]; ok {
		return known
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	c.fields[t] = fields
	return fields
}

func (c *checker) namesOf(t reflect.Type) string {
	var names []string
	for name := range c.fieldsOf(t) {
		names = append(names, strconv.Quote(name))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// checkText refuses what the decoder would replace by U+FFFD.
func checkText(data []byte) error {
	if !utf8.Valid(data) {
		return Errorf(CodeInvalid, "the JSON is not UTF-8: write keys that are not text as \"hex:…\"")
	}
	for {
		at := bytes.IndexByte(data, '\\')
		if at < 0 || at+1 >= len(data) {
			return nil
		}
		size, ok := escapeSize(data[at:])
		if !ok {
			return Errorf(CodeInvalid, "\"%.6s\" escapes half a character: write keys that are not text as \"hex:…\"", data[at:])
		}
		data = data[at+size:]
	}
}

// escapeSize returns the length of the escape that text begins with, and
// whether it stands for a whole character. A malformed one is left to the
// decoder to refuse.
func escapeSize(text []byte) (size int, ok bool) {
	first, isUnicode := escapedUnit(text)
	switch {
	case !isUnicode:
		return 2, true
	case first < 0xd800 || first > 0xdfff:
		return 6, true
	case first > 0xdbff:
		return 6, false
	}
	second, _ := escapedUnit(text[6:])
	return 12, second >= 0xdc00 && second <= 0xdfff
}

// escapedUnit returns the UTF-16 unit of a \uXXXX that text begins with.
func escapedUnit(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}
