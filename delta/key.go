package delta

import (
	"errors"
	"fmt"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/ranges"
)

// Key is the place of an entry in the one total order that storage and range
// repair share: claims by keyspace, range and node; then node records by name;
// then forgotten replicas by id. Keys compare bytewise.
//
//	claim      01 keyspace 00 esc(from) 00 01 end node
//	           end: 01 esc(to) 00 01 | 02 (unbounded)
//	node       02 name
//	forgotten  03 replica id (16 bytes)
//
// esc writes a zero byte as 00 ff, so that 00 01 ends a key of any bytes and a
// key sorts before its extensions. Names have no zero bytes.
type Key string

const (
	classClaim     = 0x01
	classNode      = 0x02
	classForgotten = 0x03

	endBounded   = 0x01
	endUnbounded = 0x02

	terminator = "\x00\x01"
	escaped    = "\x00\xff"
)

// Span is a half-open interval of keys.
type Span struct{ From, To Key }

// The spans of the whole state and of its classes.
var (
	Whole         = Span{From: "", To: "\x04"}
	ClaimSpan     = Span{From: "\x01", To: "\x02"}
	NodeSpan      = Span{From: "\x02", To: "\x03"}
	ForgottenSpan = Span{From: "\x03", To: "\x04"}
)

// KeyBytesMax bounds a Key in bytes: bounds may double under escaping.
const KeyBytesMax = 2*ranges.NameBytesMax + 4*ranges.KeyBytesMax + 16

// Contains reports whether k is in s.
func (s Span) Contains(k Key) bool { return s.From <= k && k < s.To }

// IsEmpty reports whether s has no key.
func (s Span) IsEmpty() bool { return s.To <= s.From }

// Validate refuses empty, reversed and oversized spans.
func (s Span) Validate() error {
	if s.IsEmpty() || len(s.From) > KeyBytesMax || len(s.To) > KeyBytesMax {
		return fmt.Errorf("%w span %q to %q: empty, reversed or too long", ErrCorrupt, s.From, s.To)
	}
	return nil
}

// ClaimKey returns the key of a claim.
func ClaimKey(c ranges.Claim) Key {
	var room [128]byte
	return Key(appendClaimKey(room[:0], &c))
}

// appendClaimKey appends the key of a claim.
func appendClaimKey(b []byte, c *ranges.Claim) []byte {
	b = append(append(append(b, classClaim), c.Keyspace...), 0)
	b = appendEscaped(b, c.Range.From)
	if c.Range.To.Unbounded {
		b = append(b, endUnbounded)
	} else {
		b = appendEscaped(append(b, endBounded), c.Range.To.Key)
	}
	return append(b, c.Node...)
}

func appendEscaped(b []byte, key string) []byte {
	for {
		i := strings.IndexByte(key, 0)
		if i < 0 {
			break
		}
		b = append(append(b, key[:i]...), escaped...)
		key = key[i+1:]
	}
	return append(append(b, key...), terminator...)
}

// NodeKey returns the key of a node record.
func NodeKey(name string) Key { return Key("\x02" + name) }

// ForgottenKey returns the key that marks a replica as forgotten.
func ForgottenKey(r crdt.ReplicaID) Key { return Key("\x03" + string(r[:])) }

// KeyspaceSpan returns the span of all claims of a keyspace.
func KeyspaceSpan(keyspace string) Span {
	prefix := Key("\x01" + keyspace)
	return Span{From: prefix + "\x00", To: prefix + "\x01"}
}

// StartingIn returns the span of the claims of a keyspace whose range starts
// in r.
func StartingIn(keyspace string, r ranges.Range) Span {
	span := KeyspaceSpan(keyspace)
	at := func(key string) Key {
		return span.From + Key(strings.TrimSuffix(string(appendEscaped(nil, key)), terminator))
	}
	out := Span{From: at(r.From), To: span.To}
	if !r.To.Unbounded {
		out.To = at(r.To.Key)
	}
	return out
}

// Start returns the keyspace of k, and what the ranges of the claims at k and
// behind it start with at least. K need not be the key of an entry, as the
// bounds of spans need not. It is false for what is behind all claims, and for
// what is before them.
func (k Key) Start() (keyspace, from string, ok bool) {
	if !k.IsClaim() {
		return "", "", false
	}
	keyspace, rest, _ := strings.Cut(string(k[1:]), "\x00")
	var b strings.Builder
	for {
		i := strings.IndexByte(rest, 0)
		if i < 0 {
			return keyspace, b.String() + rest, true
		}
		b.WriteString(rest[:i])
		if rest = rest[i:]; !strings.HasPrefix(rest, escaped) {
			return keyspace, b.String(), true
		}
		b.WriteByte(0)
		rest = rest[len(escaped):]
	}
}

// IsClaim reports whether k is the key of a claim.
func (k Key) IsClaim() bool { return k != "" && k[0] == classClaim }

// IsNode reports whether k is the key of a node record.
func (k Key) IsNode() bool { return k != "" && k[0] == classNode }

// IsForgotten reports whether k marks a forgotten replica.
func (k Key) IsForgotten() bool { return k != "" && k[0] == classForgotten }

// Claim returns the claim that k is the key of. It shares the memory of k where it
// can: clone what is to be kept longer.
func (k Key) Claim() (ranges.Claim, error) {
	claim, err := parseClaimKey(string(k))
	if err == nil {
		err = claim.Validate()
	}
	if err != nil {
		return ranges.Claim{}, fmt.Errorf("%w claim key %q: %v", ErrCorrupt, k, err)
	}
	return claim, nil
}

var errCut = errors.New("it ends too early")

func parseClaimKey(k string) (ranges.Claim, error) {
	if k == "" || k[0] != classClaim {
		return ranges.Claim{}, fmt.Errorf("it is not of the claim class")
	}
	keyspace, rest, ok := strings.Cut(k[1:], "\x00")
	if !ok {
		return ranges.Claim{}, errCut
	}
	from, rest, ok := cutEscaped(rest)
	if !ok || rest == "" {
		return ranges.Claim{}, errCut
	}
	claim := ranges.Claim{Keyspace: keyspace, Range: ranges.Range{From: from}}
	switch end := rest[0]; end {
	case endUnbounded:
		claim.Range.To, claim.Node = ranges.Unbounded(), rest[1:]
	case endBounded:
		to, node, ok := cutEscaped(rest[1:])
		if !ok {
			return ranges.Claim{}, errCut
		}
		claim.Range.To, claim.Node = ranges.Before(to), node
	default:
		return ranges.Claim{}, fmt.Errorf("unknown kind of end %#02x", end)
	}
	return claim, nil
}

// cutEscaped reads one escaped key up to its terminator. Most have nothing that was
// escaped, and are a part of s.
func cutEscaped(s string) (key, rest string, ok bool) {
	if i := strings.Index(s, terminator); i >= 0 && strings.IndexByte(s[:i], 0) < 0 {
		return s[:i], s[i+len(terminator):], true
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 || i+1 >= len(s) {
			return "", "", false
		}
		b.WriteString(s[:i])
		mark := s[i+1]
		s = s[i+2:]
		switch mark {
		case terminator[1]:
			return b.String(), s, true
		case escaped[1]:
			b.WriteByte(0)
		default:
			return "", "", false
		}
	}
}

// Node returns the name of the node whose record k is the key of.
func (k Key) Node() (string, error) {
	if !k.IsNode() {
		return "", fmt.Errorf("%w node key %q", ErrCorrupt, k)
	}
	name := string(k[1:])
	if err := ranges.ValidateName("node", name); err != nil {
		return "", fmt.Errorf("%w node key %q: %v", ErrCorrupt, k, err)
	}
	return name, nil
}

// Forgotten returns the replica that k marks as forgotten.
func (k Key) Forgotten() (crdt.ReplicaID, error) {
	var r crdt.ReplicaID
	if !k.IsForgotten() || len(k) != 1+len(r) {
		return r, fmt.Errorf("%w forgotten key %q", ErrCorrupt, k)
	}
	copy(r[:], k[1:])
	if r.IsZero() {
		return r, fmt.Errorf("%w forgotten key: the replica id is zero", ErrCorrupt)
	}
	return r, nil
}
