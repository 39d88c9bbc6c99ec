package delta_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// longClaim returns the i-th of many claims whose names and bounds are as long
// as they may be.
func longClaim(i int) ranges.Claim {
	c := claim(fmt.Sprintf("%04d", i)+strings.Repeat("x", ranges.KeyBytesMax-4), fmt.Sprintf("%04d", i)+strings.Repeat("y", ranges.KeyBytesMax-4))
	c.Keyspace = strings.Repeat("k", ranges.NameBytesMax)
	c.Node = strings.Repeat("n", ranges.NameBytesMax)
	return c
}

// TestCommit_Finish_ManyLongCloses: the closes that one commit brings forth are
// bounded in nothing but what others release; they are split into as many
// deltas as it takes.
func TestCommit_Finish_ManyLongCloses(t *testing.T) {
	const claims, batch = 300, 100
	a, b := newMember(1), newMember(2)
	var releases []delta.Packed
	for first := 0; first < claims; first += batch {
		var registers, takes []delta.Operation
		for i := first; i < first+batch; i++ {
			registers = append(registers, register(longClaim(i), 1))
			takes = append(takes, release(longClaim(i)))
		}
		b.mustApply(t, a.write(t, registers...))
		releases = append(releases, b.write(t, takes...))
	}

	c := a.begin()
	for _, p := range releases {
		if outcome, err := c.Receive(p); err != nil || outcome != delta.Applied {
			t.Fatalf("receive: %s, %v", outcome, err)
		}
	}
	closes := 0
	for _, p := range own(a.finish(t, c).Deltas, a.ID) {
		if len(p.Bytes) > delta.DeltaBytesMax {
			t.Errorf("a delta of %d bytes", len(p.Bytes))
		}
		closes += len(p.Events)
		b.mustApply(t, travelled(t, p))
	}
	if closes != claims {
		t.Errorf("%d closes, want %d", closes, claims)
	}
	mustEqualStates(t, a, b)
}

var errDisk = errors.New("the disk is on fire")

// brokenReader fails once its entries are asked for.
type brokenReader struct{ *delta.Memory }

func (brokenReader) Get(delta.Key) (delta.Entry, error) { return delta.Entry{}, errDisk }

// TestCommit_Receive_ReaderFails: an event that cannot be judged is an error,
// not one to be left to the session.
func TestCommit_Receive_ReaderFails(t *testing.T) {
	a, x, s, b := newMember(1), newMember(2), newMember(3), newMember(4)
	added, released, _ := closedClaim(t, a, x)
	s.mustApply(t, added)
	b.openSession(t, s) // it covers what is released, but not the release
	c := b.Begin(delta.Env{Read: brokenReader{b.memory}})
	if outcome, err := c.Receive(released); !errors.Is(err, errDisk) {
		t.Errorf("got %v and %v, want the reader's error", outcome, err)
	}
}
