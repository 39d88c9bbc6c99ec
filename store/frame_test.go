package store

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// encodedFrame returns the frame of an update under a sequence.
func encodedFrame(now int64, e *delta.Effects, sequence uint64) *frame {
	f := newFrame(now, e)
	f.encode(sequence)
	return f
}

// readAgain decodes a frame as an opening does.
func readAgain(f *frame) (*frame, error) {
	s, ok := wholeFrame(f.sealed())
	if !ok {
		return nil, errors.New("it is not whole")
	}
	s.at.page = f.at.page
	return decodeFrame(s, f.effects.ID)
}

// sameFrame holds a frame that was read against the one that was written.
func sameFrame(got, want *frame) error {
	g, w := got.effects, want.effects
	switch {
	case got.at != want.at || got.now != want.now || got.tables != want.tables || got.bytes != want.bytes || got.pages != want.pages || !bytes.Equal(got.sealed(), want.sealed()):
		return fmt.Errorf("it is %+v, want %+v", got, want)
	case g.ID != w.ID || g.Fingerprint != w.Fingerprint || g.ContextHash != w.ContextHash || !g.Context.Equal(w.Context):
		return fmt.Errorf("it leads to %s %s, want %s %s", g.Fingerprint, g.Context, w.Fingerprint, w.Context)
	case len(got.images) != len(want.images) || len(g.Deltas) != len(w.Deltas):
		return fmt.Errorf("it has %d images and %d deltas, want %d and %d", len(got.images), len(g.Deltas), len(want.images), len(w.Deltas))
	}
	for i, x := range want.images {
		if y := got.images[i]; y.key != x.key || !bytes.Equal(y.sealed, x.sealed) || y.isGone() != x.isGone() {
			return fmt.Errorf("image %d is %+v, want %+v", i, y, x)
		}
	}
	for i := range w.Deltas {
		if fmt.Sprintf("%+v", got.record(i)) != fmt.Sprintf("%+v", want.record(i)) {
			return fmt.Errorf("record %d is %+v, want %+v", i, got.record(i), want.record(i))
		}
	}
	return nil
}

// TestFrame_AnyEffects: what is small is read as it was written, and no larger than what
// was reckoned.
func TestFrame_AnyEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ours, theirs := newMemory(1), newMemory(2)
		sequence := rapid.Uint64Range(1, 1<<40).Draw(t, "sequence")
		for range rapid.IntRange(1, 8).Draw(t, "updates") {
			operations := rapid.SliceOfN(rapid.Custom(drawOperation), 1, 4).Draw(t, "operations")
			_, err := theirs.update(5, writing(operations))
			if err != nil && !errors.Is(err, delta.ErrNotFound) {
				t.Fatal(err)
			}
			now := rapid.Int64Range(-5, 1<<45).Draw(t, "now")
			e, err := ours.update(now, func(c *delta.Commit) error {
				for _, p := range theirs.log {
					if _, err := c.Receive(p); err != nil {
						return err
					}
				}
				_, _, err := c.Write(operations)
				return err
			})
			if errors.Is(err, delta.ErrNotFound) || err == nil && e.IsEmpty() {
				continue
			}
			f := newFrame(now, e)
			if err != nil || !f.isSmall() {
				t.Fatalf("the update is not small, %v", err)
			}
			f.tables = rapid.Uint64().Draw(t, "tables")
			f.encode(sequence)
			if n := frameHeadBytes + len(payloadOf(f)); n > f.size() || len(f.encoded) != int(pagesOf(n))*pageBytes {
				t.Fatalf("it has %d bytes, %d with what fills its pages, reckoned were %d", n, len(f.encoded), f.size())
			}
			got, err := readAgain(f)
			if err == nil {
				err = sameFrame(got, f)
			}
			if err == nil {
				err = endsAs(f)
			}
			if err == nil {
				err = sealsAgain(f)
			}
			if err != nil {
				t.Fatal(err)
			}
			sequence++
		}
	})
}

// sealsAgain checks that a frame says the same when it was written, whoever has its room.
func sealsAgain(f *frame) error {
	was := slices.Clone(f.encoded)
	f.letGo()
	other := roomFor(len(was))[:len(was)]
	for i := range other {
		other[i] = 0xff
	}
	if !bytes.Equal(f.sealed(), was) {
		return errors.New("it is another when it was written")
	}
	return nil
}

// endsAs checks the frame that ends a backup behind another.
func endsAs(f *frame) error {
	pages := uint64(64)
	f.at.page = pages - f.pages
	end := f.end(pages)
	if end.at != (journalMark{f.at.sequence + 1, 0}) || !end.isEnd() || f.isEnd() {
		return fmt.Errorf("the end is at %v", end.at)
	}
	got, err := readAgain(end)
	if err != nil {
		return err
	}
	return sameFrame(got, end)
}

// TestFrame_IsSmall_OnlyWhatItCanTell: what a frame has no words for goes elsewhere.
func TestFrame_IsSmall_OnlyWhatItCanTell(t *testing.T) {
	m := newMemory(1)
	e, err := m.update(1, writing(registerMany(0, 3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	many, err := m.update(1, writing(registerMany(0, batchMin, 2)))
	if err != nil {
		t.Fatal(err)
	}
	large := *e
	large.Deltas = slices.Repeat(e.Deltas, framePagesMax*pageBytes/len(e.Deltas[0].Bytes))
	with := func(change func(*delta.Effects)) *delta.Effects {
		x := *e
		change(&x)
		return &x
	}
	for name, x := range map[string]*delta.Effects{
		"a batch":    many,
		"a large":    &large,
		"no delta":   with(func(x *delta.Effects) { x.Deltas = nil }),
		"a new name": with(func(x *delta.Effects) { x.Renamed = true }),
		"ahead":      with(func(x *delta.Effects) { x.Ahead = crdt.Context{{9}: 0} }),
		"forgotten":  with(func(x *delta.Effects) { x.Forgotten = []crdt.ReplicaID{{9}} }),
	} {
		if newFrame(1, x).isSmall() {
			t.Errorf("%s is small", name)
		}
	}
	if !newFrame(1, e).isSmall() {
		t.Error("three writes are not small")
	}
}

// FuzzDecodeFrame feeds payloads, as if their checksums were right, to the decoder: it
// never takes much memory, refuses with ErrCorrupt, and what it accepts is the same when
// it is written and read again.
func FuzzDecodeFrame(f *testing.F) {
	peer := newMemory(2)
	for i, operations := range [][]delta.Operation{registerMany(0, 3, 1), registerMany(1, 2, 7), {{Verb: delta.VerbRelease, Claim: registerMany(2, 3, 1)[0].Claim}}} {
		e, err := peer.update(1, writing(operations))
		if err != nil {
			f.Fatal(err)
		}
		x := encodedFrame(int64(i-1), e, uint64(i+1))
		f.Add(payloadOf(x))
		f.Add(payloadOf(x.end(9)))
	}
	head := delta.Marshal(headArray{Context: 1 << 63, Images: 1 << 63})
	f.Add(delta.AppendBytes(delta.AppendArray(nil, 1), head)) // twice as many are none
	f.Add(delta.AppendArray(nil, 0))
	f.Add(slices.Concat(delta.AppendArray(nil, 600), make([]byte, 600)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > framePagesMax*pageBytes-frameHeadBytes {
			return // no ring has it
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		x, err := decodeFrame(sealedFrame{at: journalMark{7, 3}, payload: payload}, crdt.ReplicaID{1})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20+uint64(100*len(payload)) {
			t.Errorf("%d bytes take %d", len(payload), n)
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		again := &frame{at: x.at, now: x.now, effects: x.effects, images: x.images, bytes: x.bytes}
		again.encode(7)
		got, err := readAgain(again)
		if err == nil {
			err = sameFrame(got, again)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
