package ranges

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NameBytesMax bounds the name of a node and of a keyspace, in bytes.
const NameBytesMax = 255

// DefaultKeyspace is the keyspace of a claim that names none.
const DefaultKeyspace = "default"

// Claim says that a node serves a range of a keyspace. It is an identity: its
// value, the priority, lives beside it.
type Claim struct {
	Keyspace string
	Node     string
	Range    Range
}

// Compare orders claims by keyspace, range, then node: the order in which a
// sweep over the keys meets them.
func (c Claim) Compare(other Claim) int {
	return cmp.Or(
		cmp.Compare(c.Keyspace, other.Keyspace),
		c.Range.Compare(other.Range),
		cmp.Compare(c.Node, other.Node),
	)
}

// Validate reports why the claim cannot be made, or nil.
func (c Claim) Validate() error {
	if err := ValidateName("keyspace", c.Keyspace); err != nil {
		return err
	}
	if err := ValidateName("node", c.Node); err != nil {
		return err
	}
	return c.Range.Validate()
}

// ValidateName refuses a name that is empty, longer than NameBytesMax, not
// printable UTF-8, or has one of the characters that the text form of a claim
// needs for itself: space, ':', '[' and ','. What says what is named.
func ValidateName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w %s name: it is empty", ErrInvalid, what)
	case len(name) > NameBytesMax:
		return fmt.Errorf("%w %s name: it has %d bytes, at most %d are allowed", ErrInvalid, what, len(name), NameBytesMax)
	case isPlain(name):
		return nil
	case !utf8.ValidString(name):
		return fmt.Errorf("%w %s name %q: it is not UTF-8", ErrInvalid, what, name)
	}
	if i := strings.IndexFunc(name, forbiddenInName); i >= 0 {
		r, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Errorf("%w %s name %q: the character %q is not allowed", ErrInvalid, what, name, r)
	}
	return nil
}

// isPlain reports whether a name is of printable ASCII alone, none of it forbidden.
// Most names are, and they are looked at with every change of a claim.
func isPlain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' || c == '[' || c == ',' {
			return false
		}
	}
	return true
}

func forbiddenInName(r rune) bool {
	switch r {
	case ' ', ':', '[', ',':
		return true
	}
	return !unicode.IsPrint(r)
}
