package store

import (
	"errors"
	"maps"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// prints is an index: the fingerprint of each entry.
type prints map[delta.Key]delta.Fingerprint

func (s prints) Add(k delta.Key, f delta.Fingerprint) { s[k] = f }

func (s prints) Done() Index { return s }

// Next verifies that what it is given is what the commit leads to, as far as it
// may read.
func (s prints) Next(changes []delta.EntryChange, after delta.Reader) (Index, error) {
	next := maps.Clone(s)
	for _, x := range changes {
		e, err := x.After(), error(nil)
		if s.Reads(changes) {
			e, err = after.Get(x.Key)
		}
		switch {
		case err != nil:
			return nil, err
		case !e.Equal(x.After()) || s[x.Key] != delta.FingerprintOf(x.Before()):
			panic("the index is not of the entries before and after the commit")
		case x.After().IsZero():
			delete(next, x.Key)
		default:
			next[x.Key] = delta.FingerprintOf(x.After())
		}
	}
	return next, nil
}

// Reads has half of the commits lead it on within the transaction, and half
// later.
func (prints) Reads(changes []delta.EntryChange) bool { return len(changes)%2 == 0 }

// printsOf returns what an index of a view must be.
func printsOf(v *View) (prints, error) {
	out := prints{}
	err := v.Scan(delta.Whole, func(e delta.Entry) error {
		out[e.Key] = delta.FingerprintOf(e)
		return nil
	})
	return out, err
}

// failing is an index that cannot be led on.
type failing struct{ prints }

func (f failing) Done() Index { return f }

func (failing) Reads([]delta.EntryChange) bool { return true }

func (failing) Next([]delta.EntryChange, delta.Reader) (Index, error) { return nil, errIndex }

var errIndex = errors.New("no index")

// TestStore_Update_IndexFails: a commit whose index cannot be made has changed
// nothing, and the store goes on.
func TestStore_Update_IndexFails(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Node: "n1", NoSync: true, NewIndex: func() IndexBuilder { return failing{prints{}} }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := s.Summary()
	_, err = s.Update(delta.Env{}, func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbRegister, Claim: claim("n1", "a", "m"), Amount: 1}})
		return err
	})
	if !errors.Is(err, errIndex) || s.Failed() != nil || s.Summary() != before {
		t.Fatalf("got %v, failed %v", err, s.Failed())
	}
}
