package ranges

import (
	"encoding/binary"
	"unsafe"
)

// start is where a subrange of a leaf starts, which ends at the next start, and
// the length of its server list; or, in an inner node, the first start of the
// child of the same index. Where the list is, the node says in blocks beside the
// starts: what changes most is a priority, and then starts and lengths stay, and are
// shared with the table before. There is one for every subrange, and a
// lookup reads two neighbours, which should be one cache line.
//
//	0             8        12         16
//	| start bytes | #start | #servers |
type start struct {
	data    *byte
	len     uint32
	servers uint32
}

func newStart(key string, servers int) start {
	return start{data: unsafe.StringData(key), len: uint32(len(key)), servers: uint32(servers)}
}

func (s *start) key() string { return unsafe.String(s.data, s.len) }

// rungOf returns the first eight bytes of s as a number, missing ones being
// zero.
func rungOf(s string) uint64 {
	if len(s) < 8 {
		var b [8]byte
		copy(b[:], s)
		return binary.BigEndian.Uint64(b[:])
	}
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}
