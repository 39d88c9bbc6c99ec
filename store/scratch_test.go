package store

import (
	"bytes"
	"runtime"
	"testing"
	"weak"
)

// TestScratch_Take_NobodyHasIt: what a transaction has put together in scratch memory is
// in the file when it has ended, and whoever reads the store does not read that memory.
func TestScratch_Take_NobodyHasIt(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{freshMax: 20})
	for i := range 200 {
		write(t, s, registerMany(i%70, i%70+5, int64(i+1))...)
		if i%10 == 0 {
			mustFold(t, s)
		}
		for _, block := range s.scratch.blocks {
			copy(block, bytes.Repeat([]byte{0xa5}, len(block)))
		}
	}
	if s.scratch.blocks == nil {
		t.Fatal("no transaction has used it")
	}
	want := contents(t, s)
	checkAndClose(t, s)
	s = openTest(t, dir, Options{})
	if got := contents(t, s); got != want {
		t.Errorf("after a restart it shows\n%s\nwant\n%s", got, want)
	}
}

// TestScratch_Room_IsOwn: rooms do not overlap, whatever is appended to them, and there
// is one for what is larger than a block. Few blocks are kept.
func TestScratch_Room_IsOwn(t *testing.T) {
	var x scratch
	var rooms []unsealed
	for i := range 3 * scratchBlocksKept * scratchBlockBytes / 1000 {
		room := append(x.room(996), bytes.Repeat([]byte{byte(i)}, 1200)...)
		rooms = append(rooms, room)
	}
	if large := x.room(2 * scratchBlockBytes); cap(large) < 2*scratchBlockBytes {
		t.Errorf("for a large value there are %d bytes", cap(large))
	}
	for i, room := range rooms {
		if want := bytes.Repeat([]byte{byte(i)}, 1200); !bytes.Equal(room.payload(), want) {
			t.Fatalf("room %d was written to by others", i)
		}
	}
	x.take(&tables{})
	if len(x.blocks) != scratchBlocksKept {
		t.Errorf("%d blocks are kept", len(x.blocks))
	}
	var none *scratch
	if room := none.room(10); len(room) != checksumBytes {
		t.Errorf("without scratch memory there is %x", room)
	}
}

// TestScratch_Take_LetsGoOfMuch: what one transaction has used beyond what is kept is
// garbage when it has ended.
func TestScratch_Take_LetsGoOfMuch(t *testing.T) {
	var x scratch
	for range 2 * scratchBlocksKept {
		x.room(scratchBlockBytes - checksumBytes)
	}
	last := weak.Make(&x.blocks[2*scratchBlocksKept-1][0])
	x.take(&tables{})
	if runtime.GC(); last.Value() != nil {
		t.Error("a block is held that is not kept")
	}
	runtime.KeepAlive(&x)
}
