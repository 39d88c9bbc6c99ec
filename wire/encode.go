package wire

import (
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MarshalRequest is Marshal for what asks a node for something. It refuses text
// that is not UTF-8, which encoding/json would replace by U+FFFD and so have it
// name another node or key; the node, which sees U+FFFD alone, could not tell.
func MarshalRequest(v any) ([]byte, error) {
	if isKnownUTF8(v) {
		return Marshal(v)
	}
	if err := checkStrings(reflect.ValueOf(v), ""); err != nil {
		return nil, err
	}
	return Marshal(v)
}

// isKnownUTF8 reports whether all text of v is UTF-8, if v is what goes out for
// every write: then nobody needs to look for the one that is not.
func isKnownUTF8(v any) bool {
	switch v := v.(type) {
	case OpsRequest:
		return v.isUTF8()
	case Batch:
		return v.isUTF8()
	}
	return false
}

// checkStrings refuses a string in v that is not UTF-8. path leads to v as it
// stands in JSON.
func checkStrings(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.String:
		return checkString(v.String(), path)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return checkStrings(v.Elem(), path)
	case reflect.Slice, reflect.Array:
		return checkElements(v, path)
	case reflect.Map:
		return checkMembers(v, path)
	case reflect.Struct:
		return checkFields(v, path)
	}
	return nil
}

func checkString(text, path string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return Errorf(CodeInvalid, "%s is %+q, which is not UTF-8: write a key that is not text as \"hex:…\"; names are text", strconv.Quote(path), text)
}

func checkElements(v reflect.Value, path string) error {
	for i := range v.Len() {
		if err := checkStrings(v.Index(i), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

func checkMembers(v reflect.Value, path string) error {
	for each := v.MapRange(); each.Next(); {
		if err := checkStrings(each.Key(), path); err != nil {
			return err
		}
		if err := checkStrings(each.Value(), join(path, each.Key().String())); err != nil {
			return err
		}
	}
	return nil
}

func checkFields(v reflect.Value, path string) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		inner := path // an embedded struct has no name of its own
		if name != "" {
			inner = join(path, name)
		}
		if err := checkStrings(v.Field(i), inner); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
