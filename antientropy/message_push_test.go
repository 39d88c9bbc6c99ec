package antientropy

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// FuzzReadPush: pushes and announcements are read as decodeBody reads them, and
// only if it does; whatever is written is read without it.
func FuzzReadPush(f *testing.F) {
	for _, n := range []int{0, 1, 5, 23, 24, 255, 256, 300} {
		push, announce := pushBody{All: n > 5, Deltas: [][]byte{}}, announceBody{Urgent: n > 5, Have: []seenArray{}}
		for i := range n {
			push.Deltas = append(push.Deltas, make([]byte, i))
			announce.Have = append(announce.Have, seenArray{Replica: crdt.ReplicaID{byte(n)}, Sequence: 1 << (i % 64)})
		}
		f.Add(delta.Marshal(push))
		f.Add(delta.Marshal(announce))
	}
	f.Add([]byte{0x82, 0xf4, 0x98, 0x01, 0x41, 7})                               // not the shortest head
	f.Add([]byte{0x82, 0xf4, 0x99, 0x00, 0x01, 0x41, 7})                         // nor this
	f.Add([]byte{0x82, 0xf4, 0x9a, 0x00, 0x00, 0x01, 0x00, 0x41, 7})             // nor this
	f.Add([]byte{0x82, 0xf4, 0x81, 0x58, 0x01, 7})                               // nor here
	f.Add([]byte{0x82, 0xf4, 0x81, 0x42, 7})                                     // too short
	f.Add([]byte{0x82, 0xf4, 0x81, 0x41, 7, 7})                                  // too long
	f.Add([]byte{0x82, 0xf4, 0x81, 0xf6})                                        // null
	f.Add([]byte{0x82, 0xf4, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}) // more than there is room for
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > FrameBytesMax {
			return // which no frame has
		}
		push, ok := readPush(body, nil)
		expect(t, "push", push.Deltas == nil, push, ok, body)
		announce, ok := readAnnounce(body, nil)
		expect(t, "announcement", announce.Have == nil, announce, ok, body)
	})
}

// null may stand in place of bytes or an array, which nobody writes and
// decodeBody takes.
const null = 0xf6

// expect compares what was read with what decodeBody makes of it.
func expect[T any](t *testing.T, what string, empty bool, read T, ok bool, body []byte) {
	want, err := decodeBody[T](body)
	switch {
	case !ok && err == nil && bytes.IndexByte(body, null) < 0:
		t.Errorf("%s %x is not read", what, body)
	case ok && err != nil:
		t.Errorf("%s %x is read, but: %v", what, body, err)
	case ok && !empty && !reflect.DeepEqual(read, want):
		t.Errorf("%s %x is read as %+v, want %+v", what, body, read, want)
	}
}
