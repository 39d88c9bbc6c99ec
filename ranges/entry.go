package ranges

import (
	"encoding/binary"
	"unsafe"
)

// entry is a subrange in a leaf of a table, which ends where the next one
// starts; or, in an inner node, where the child of the same index starts. It
// holds a string and a slice in the space of three words: there is one for
// every subrange, and a lookup reads two neighbours, which should be one or two
// cache lines.
//
//	0             8               16       20         24
//	| start bytes | servers array | #start | #servers |
type entry struct {
	startData   *byte
	serversData *Server
	startLen    uint32
	serversLen  uint32
}

func newEntry(start string, servers []Server) entry {
	return entry{
		startData: unsafe.StringData(start), startLen: uint32(len(start)),
		serversData: unsafe.SliceData(servers), serversLen: uint32(len(servers)),
	}
}

func (e *entry) start() string { return unsafe.String(e.startData, e.startLen) }

func (e *entry) servers() []Server { return unsafe.Slice(e.serversData, e.serversLen) }

// until returns the subrange that e is if the next entry starts at end.
func (e *entry) until(end End) Subrange {
	return Subrange{Range: Range{From: e.start(), To: end}, Servers: e.servers()}
}

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
