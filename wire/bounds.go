package wire

import "github.com/scalesmall/ssnode/ranges"

// Bounds is a range in JSON, its keys in text form. Output always has both
// fields; on input both may be absent.
type Bounds struct {
	// From is the first key; "" is the beginning of the key space.
	From string `json:"from"`
	// To is the first key that is not in the range; null is unbounded.
	To *string `json:"to"`
}

// BoundsOf returns the bounds of r in the text form of keys.
func BoundsOf(r ranges.Range) Bounds { return FormText.Bounds(r) }

// Bounds returns the bounds of r, its keys in the form f.
func (f Form) Bounds(r ranges.Range) Bounds {
	b := Bounds{From: f.Format(r.From)}
	if !r.To.Unbounded {
		to := f.Format(r.To.Key)
		b.To = &to
	}
	return b
}

// Range returns the range that b says, validated.
func (b Bounds) Range() (ranges.Range, error) {
	from, err := parseBound("from", b.From)
	if err != nil {
		return ranges.Range{}, err
	}
	r := ranges.Range{From: from, To: ranges.Unbounded()}
	if b.To != nil {
		to, err := parseTo("to", *b.To)
		if err != nil {
			return ranges.Range{}, err
		}
		r.To = to
	}
	return r, invalid(r.Validate())
}

// parseBound reads a key that bounds a range: one byte longer than a key may
// be, so that the range of one longest key has a text.
func parseBound(name, text string) (string, error) {
	key, err := parseKey(text, ranges.KeyBytesMax+1)
	if err != nil {
		return "", Errorf(CodeInvalid, "%s: %v", name, err)
	}
	return key, nil
}

// parseTo refuses the empty key: before it there is none, and "unbounded" is
// never spelled that way.
func parseTo(name, text string) (ranges.End, error) {
	key, err := parseBound(name, text)
	if err != nil {
		return ranges.End{}, err
	}
	if key == "" {
		return ranges.End{}, Errorf(CodeInvalid, "%s is the empty key, before which there is none: leave it out for a range without end", name)
	}
	return ranges.Before(key), nil
}

// invalid gives an error of the package ranges the code that it has here.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Message: err.Error(), Code: CodeInvalid}
}
