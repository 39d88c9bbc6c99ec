package store

import (
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// Bounds of what one life of a directory leaves in the file of a member, in
// bytes: an entry of the context, a record of the claim that every life
// registers, and what pages waste; and after it was forgotten, an entry of the
// context and a mark.
const (
	liveBytesPerLife      = 160
	forgottenBytesPerLife = 224
)

// TestStore_Incarnations_LeaveLittle lets a node lose its directory again and
// again, and advertise itself and write a claim in every life. The log is what
// retention bounds; what stays for ever is the rest.
func TestStore_Incarnations_LeaveLittle(t *testing.T) {
	lives := 1000
	if testing.Short() {
		t.Log("-short: 100 lives instead of 1000; run without -short for all")
		lives = 100
	}
	s := openTest(t, t.TempDir(), Options{})
	used := func() int {
		stats, err := s.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return int(stats.Bytes - stats.FreeBytes - stats.LogBytes)
	}
	live := func(fn func(c *delta.Commit) error) {
		if _, err := s.Update(delta.Env{Now: 1}, fn); err != nil {
			t.Fatal(err)
		}
	}
	before := used()
	past := s.Replica()
	ids := []*delta.Replica{past}
	for range lives {
		live(func(c *delta.Commit) error {
			c.Rename(NewReplicaID())
			if _, err := c.Advertise(delta.NodeRecord{Name: "n1", Service: "n1.example:80"}); err != nil {
				return err
			}
			_, _, err := c.Write([]delta.Operation{register("n1", "a", "m", 1)})
			return err
		})
		ids = append(ids, s.Replica())
	}
	trimAll(t, s)
	perLife := (used() - before) / lives
	t.Logf("%d lives: %d bytes of the file for each", lives, perLife)
	if perLife > liveBytesPerLife {
		t.Errorf("each of %d lives takes %d bytes of the file, at most %d are stated", lives, perLife, liveBytesPerLife)
	}

	live(func(c *delta.Commit) error {
		_, _, err := c.Write([]delta.Operation{{Verb: delta.VerbRelease, Claim: claim("n1", "a", "m")}})
		return err
	})
	live(func(c *delta.Commit) error {
		for _, r := range ids[:len(ids)-1] {
			if _, err := c.Forget(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	trimAll(t, s)
	perLife = (used() - before) / lives
	t.Logf("%d lives, released and forgotten: %d bytes of the file for each", lives, perLife)
	if perLife > forgottenBytesPerLife {
		t.Errorf("each of %d forgotten lives takes %d bytes of the file, at most %d are stated", lives, perLife, forgottenBytesPerLife)
	}
}
