package antientropy

import (
	"github.com/scalesmall/ssnode/crdt"
)

// Pushes and announcements are most of what a node of a large cluster receives,
// and most of them tell it nothing new. So they are read here without
// reflection, and without copying what they carry. What these functions take is
// what decodeBody takes, tests hold them to that; of anything else they only say
// that they do not know it, and decodeBody says what is wrong.

// readPush reads a pushBody, its deltas into a slice that is given. They share
// the bytes of the body.
func readPush(body []byte, into [][]byte) (b pushBody, ok bool) {
	all, n, rest, ok := readFlagged(body)
	if !ok {
		return pushBody{}, false
	}
	b.All, b.Deltas = all, into[:0]
	for range n {
		size, after, ok := readHead(rest, 2)
		if !ok || size > uint64(len(after)) {
			return pushBody{}, false
		}
		b.Deltas = append(b.Deltas, after[:size:size])
		rest = after[size:]
	}
	return b, len(rest) == 0
}

// readAnnounce reads an announceBody, what it names into a slice that is given.
func readAnnounce(body []byte, into []seenArray) (b announceBody, ok bool) {
	const arrayOf2, bytesOf16 = 0x82, 0x50
	urgent, n, rest, ok := readFlagged(body)
	if !ok {
		return announceBody{}, false
	}
	b.Urgent, b.Have = urgent, into[:0]
	for range n {
		if len(rest) < 18 || rest[0] != arrayOf2 || rest[1] != bytesOf16 {
			return announceBody{}, false
		}
		sequence, after, ok := readHead(rest[18:], 0)
		if !ok {
			return announceBody{}, false
		}
		b.Have = append(b.Have, seenArray{Replica: crdt.ReplicaID(rest[2:18]), Sequence: sequence})
		rest = after
	}
	return b, len(rest) == 0
}

// readFlagged reads what both begin with: [bool, [ n elements. The rest has at
// least one byte for each element.
func readFlagged(body []byte) (flag bool, n uint64, rest []byte, ok bool) {
	const arrayOf2, no, yes = 0x82, 0xf4, 0xf5
	if len(body) < 3 || body[0] != arrayOf2 || body[1] != no && body[1] != yes {
		return false, 0, nil, false
	}
	n, rest, ok = readHead(body[2:], 4)
	return body[1] == yes, n, rest, ok && n <= uint64(len(rest))
}

// readHead is peekHead for heads in their shortest form only.
func readHead(b []byte, major byte) (value uint64, rest []byte, ok bool) {
	value, rest, ok = peekHead(b, major)
	switch len(b) - len(rest) {
	case 1:
		return value, rest, ok
	case 2:
		return value, rest, ok && value >= 24
	}
	return value, rest, ok && value>>(4*(len(b)-len(rest)-1)) > 0
}
