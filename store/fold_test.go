package store

import (
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestPrepared_Commit_OfNothingBesideAFold: an update that changes nothing on disk is
// acknowledged while a fold changes what is journaled. The race detector tells if they
// meet.
func TestPrepared_Commit_OfNothingBesideAFold(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, register("n1", "a", "m", 1))
	p := prepareTest(t, s, func(c *delta.Commit, _ Pause) error { return c.OpenSession(crdt.Context{{9}: 3}) })
	folded := make(chan error, 1)
	err := p.Commit(func(_ *delta.Effects, derive func()) (wait func()) {
		derive()
		return func() {
			go func() { folded <- s.Fold() }()
			time.Sleep(10 * time.Millisecond) // to wait for it would keep them apart
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-folded; err != nil {
		t.Fatal(err)
	}
	if n := len(s.unfolded()); n > 0 || !s.Summary().InSession {
		t.Errorf("%d frames are left, in session: %t", n, s.Summary().InSession)
	}
}
