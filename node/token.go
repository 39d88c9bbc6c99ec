package node

import (
	"encoding/base64"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// tokenBytesMax bounds the text of a token; it has room for the contexts of
	// some thirty thousand replicas.
	tokenBytesMax = 1 << 20
	// tokenWholeMax is of how many replicas a context is written whole. Such a
	// token has 1,155 characters at most, and is understood without anything else.
	tokenWholeMax = 32
	// tokenListedMax bounds the entries that a name lists: for each of them its
	// reader computes two hashes.
	tokenListedMax = 4096
	// tokenNamed begins the bytes of a token that names a context by its hash.
	// A whole context begins with the head of an array, which is 0x80 or more.
	tokenNamed = 1
	// sumBytes is the length of a hash.
	sumBytes = 16
)

// Token is a context as it travels through the hands of users: "at least this
// much". It is the whole context, or the name of one, its hash, with those of
// its entries that will soon be others: what else was in it, every member holds
// that has seen as much (Node.Resolve). Names do not grow with replicas that
// have retired.
//
// The zero Token is none; that of a context that has seen nothing is not zero.
type Token struct {
	// entries are the context, or, if it is named, some of it.
	entries crdt.Context
	// hash is that of the context, if it is named.
	hash  delta.Sum
	named bool
}

// WholeToken returns the token that is a whole context.
func WholeToken(c crdt.Context) Token {
	if c == nil {
		c = crdt.NewContext()
	}
	return Token{entries: c}
}

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.entries == nil }

// Validate reports what no node would hand out, or nil.
func (t Token) Validate() error { return t.entries.Validate() }

// String returns the opaque text that HTTP and commands hand out, empty for the
// zero Token. docs/protocol.md draws the bytes.
func (t Token) String() string {
	switch {
	case t.IsZero():
		return ""
	case !t.named:
		return base64.RawURLEncoding.EncodeToString(delta.EncodeContext(t.entries))
	}
	hash := t.hash.Bytes()
	b := append([]byte{tokenNamed}, hash[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, delta.EncodeContext(t.entries)...))
}

// ParseToken reads what String wrote, other than "". Its errors wrap
// delta.ErrInvalid.
func ParseToken(s string) (Token, error) {
	if len(s) > tokenBytesMax {
		return Token{}, fmt.Errorf("%w token: it has %d characters, at most %d are allowed", delta.ErrInvalid, len(s), tokenBytesMax)
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	// Line breaks and stray bits pass the decoder, so that texts of one token
	// could differ.
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s {
		return Token{}, errNoToken
	}
	t := Token{named: len(b) > sumBytes && b[0] == tokenNamed}
	if t.named {
		t.hash, b = delta.SumOf([sumBytes]byte(b[1:])), b[1+sumBytes:]
	}
	if t.entries, err = delta.DecodeContext(b, tokenBytesMax); err != nil || t.named && len(t.entries) > tokenListedMax {
		return Token{}, errNoToken
	}
	return t, nil
}

// errNoToken says that a text is no token.
var errNoToken = fmt.Errorf("%w token: it is not what a node handed out; copy it whole", delta.ErrInvalid)
