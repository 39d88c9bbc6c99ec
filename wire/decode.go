package wire

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// Decode reads exactly one JSON value of at most bytesMax bytes into v, a
// pointer, as Unmarshal does. A larger one is too_large.
func Decode(r io.Reader, bytesMax int64, v any) error {
	data, err := io.ReadAll(io.LimitReader(r, bytesMax+1))
	if err != nil {
		return Errorf(CodeInvalid, "read request: %v", err)
	}
	if int64(len(data)) > bytesMax {
		return Errorf(CodeTooLarge, "the body is larger than %d bytes: send it in smaller parts", bytesMax)
	}
	return Unmarshal(data, v)
}

// Unmarshal reads exactly one JSON value into v, a pointer. It is for what
// others ask of us, where a mistake must not pass for something else, and
// stricter than json.Unmarshal: it refuses
//
//   - names that v does not have, that differ in case, or that come twice;
//   - anything after the value;
//   - text that is not UTF-8 or escapes half a character, which would
//     otherwise be replaced and so name another key;
//   - numbers with a fraction or an exponent where a whole one belongs;
//   - lists of more than ElementsMax elements in all, and deep nesting, before
//     memory is taken for them.
//
// What a server answers is better read with json.Unmarshal: names may be added
// to it. If there is an error, v may be partly filled.
func Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *OpsRequest:
		if v.decodePlain(data) {
			return nil
		}
	case *Operation:
		if v.decodePlain(data) {
			return nil
		}
	case *OpsLine:
		if v.decodePlain(data) {
			return nil
		}
	}
	return unmarshalByReflection(data, v)
}

func unmarshalByReflection(data []byte, v any) error {
	if err := checkText(data); err != nil {
		return err
	}
	if err := newChecker(data).check(reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	return explain(json.Unmarshal(data, v))
}

// explain gives an error of encoding/json the words of this package.
func explain(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var ours *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &syntax):
		return Errorf(CodeInvalid, "this is not JSON: %v, at byte %d", err, syntax.Offset)
	case errors.As(err, &kind):
		return Errorf(CodeInvalid, "%scannot be %s: give %s", subject(kind), withArticle(kind.Value), expected(kind.Type))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Errorf(CodeInvalid, "this is not JSON: it ends too early")
	}
	return Errorf(CodeInvalid, "this is not JSON: %v", err)
}

// subject names what an error is about: the path to it as it stands in JSON,
// without the structs that are embedded on the way, whose names have a capital.
func subject(kind *json.UnmarshalTypeError) string {
	var path []string
	for _, name := range strings.Split(kind.Field, ".") {
		if name != "" && !unicode.IsUpper(rune(name[0])) {
			path = append(path, name)
		}
	}
	if len(path) == 0 {
		return "this "
	}
	return strconv.Quote(strings.Join(path, ".")) + " "
}

// withArticle writes what encoding/json calls a kind of value, such as "array"
// or "number 1.5", as people say it.
func withArticle(value string) string {
	switch {
	case value == "bool":
		return "true or false"
	case value == "array":
		return "a list"
	case strings.HasPrefix(value, "number"):
		return "a " + value
	case value == "object":
		return "an object"
	}
	return "a text"
}

// expected says which JSON goes into a value of type t.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number within 64 bits"
	case reflect.String:
		return "a text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a text in quotes, in base64"
		}
		return "a list in brackets"
	}
	return "an object in braces"
}
