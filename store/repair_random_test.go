package store

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

var (
	repairRounds = flag.Int("repair-rounds", 12, "how many files are damaged and repaired")
	repairSeed   = flag.Uint64("repair-seed", 0, "seed of the test of repairs; 0: by the time of day")
)

// harmed are two replicas that know the same, one of which is damaged and repaired
// from an old backup of the other.
type harmed struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	stores [2]*Store
	backup string
	// history has every record that ever was.
	history map[string]bool
	// frames are those left in its journal, and base where that begins; none of them
	// when it has been opened since.
	frames []*frame
	base   int64
}

const harmedClaims = 120

func newHarmed(t *testing.T, random *rand.Rand) *harmed {
	h := &harmed{t: t, random: random, dir: t.TempDir(), history: map[string]bool{}}
	pages := []int{-1, 8, 40}[random.IntN(3)]
	h.stores[0] = openTest(t, h.dir, Options{Cluster: "c1", Node: "n1", freshMax: 40, journalPages: pages})
	h.stores[1] = openTest(t, t.TempDir(), Options{Cluster: "c1", Node: "n2", freshMax: 40})
	h.write(h.stores[0], registerMany(0, harmedClaims, 1)...)
	h.work()
	h.backup = backupOf(t, h.stores[1])
	h.work()
	if random.IntN(2) == 0 {
		trimAll(t, h.stores[0])
	}
	h.work()
	h.end()
	return h
}

// end ends the process of the first, which may be killed: then frames are left that the
// tables do not have.
func (h *harmed) end() {
	left := contentOf(h.t, h.stores[0].path)
	frames, ring := h.stores[0].unfolded(), h.stores[0].ring.Load()
	h.stores[0].Close()
	if ring == nil || h.random.IntN(3) == 0 {
		return
	}
	h.frames, h.base = frames, ring.base
	if err := os.WriteFile(h.stores[0].path, left, fileMode); err != nil {
		h.t.Fatal(err)
	}
}

func recordText(k delta.Key, record any) string { return fmt.Sprintf("%q %+v", k, record) }

func (h *harmed) note(e *delta.Effects) {
	for _, x := range e.Entries {
		for _, record := range x.After().Counter {
			h.history[recordText(x.Key, record)] = true
		}
	}
}

// write carries out a batch, or nothing if there is nothing to release.
func (h *harmed) write(s *Store, operations ...delta.Operation) {
	if e, err := s.Update(delta.Env{Now: 1}, writing(operations)); err == nil {
		h.note(e)
	}
}

// work has both write, and tell each other.
func (h *harmed) work() {
	for range harmedClaims / 2 {
		i := h.random.IntN(harmedClaims)
		o := registerMany(i, i+1, 1+h.random.Int64N(1000))
		if h.random.IntN(3) == 0 {
			o[0].Verb = delta.VerbRelease
		}
		h.write(h.stores[h.random.IntN(2)], o...)
	}
	h.pull(h.stores[0], h.stores[1])
	h.pull(h.stores[1], h.stores[0])
}

func (h *harmed) pull(to, from *Store) {
	view(h.t, from, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			e, err := to.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { _, err := c.Receive(p); return err })
			if err == nil {
				h.note(e)
			}
			return err
		})
	})
}

// harm empties pages or flips bytes, and reports whether the file is refused.
func (h *harmed) harm() (refused bool) {
	path := filepath.Join(h.dir, FileName)
	content, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	was := slices.Clone(content)
	for range 1 + h.random.IntN(12) {
		at := (2 + h.random.IntN(len(content)/pageBytes-2)) * pageBytes
		if h.random.IntN(2) == 0 {
			clear(content[at : at+pageBytes])
		} else {
			content[at+h.random.IntN(pageBytes)] ^= 0xff
		}
	}
	if err := os.WriteFile(path, content, fileMode); err != nil {
		h.t.Fatal(err)
	}
	s, err := Open(h.dir, Options{MustExist: true, NoSync: true})
	if err == nil {
		s.Close()
		h.frames = nil
	}
	h.frames = slices.DeleteFunc(h.frames, func(f *frame) bool {
		at := h.base + int64(f.at.page*pageBytes)
		return !bytes.Equal(content[at:][:f.pages*pageBytes], was[at:][:f.pages*pageBytes])
	})
	return err != nil
}

// intactImages returns what the frames that are left whole have made of entries, if the
// file still says which frames there are.
func (h *harmed) intactImages() map[delta.Key][]byte {
	images := map[delta.Key][]byte{}
	left, err := salvage(filepath.Join(h.dir, FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	if left.state.journal.sequence == 0 || len(left.frames) == 0 {
		return images
	}
	for _, f := range h.frames {
		for i := range f.images {
			images[f.images[i].key] = f.images[i].payload()
		}
	}
	return images
}

// mustHave holds that a view has all records of what has become of entries.
func (h *harmed) mustHave(v *View, images map[delta.Key][]byte) {
	for k, payload := range images {
		if payload == nil {
			continue
		}
		was, err := delta.DecodeEntry(k, payload)
		is, err2 := v.Get(k)
		if err := errors.Join(err, err2); err != nil {
			h.t.Fatal(err)
		}
		for _, x := range was.Counter {
			if !slices.ContainsFunc(is.Counter, func(y crdt.Contribution) bool { return y.Origin == x.Origin && y.Last >= x.Last }) {
				h.t.Errorf("%q has %+v, and lost %+v, which an intact frame has", k, is.Counter, x)
			}
		}
	}
}

// repair returns what the repair makes of it, which shows no record that never was.
func (h *harmed) repair() *Store {
	images := h.intactImages()
	if _, err := Repair(h.dir, h.backup, 1, Options{Node: "n1"}); err != nil {
		h.t.Fatal(err)
	}
	r := openTest(h.t, h.dir, Options{})
	view(h.t, r, func(v *View) error {
		h.mustHave(v, images)
		return v.Scan(delta.Whole, func(e delta.Entry) error {
			for _, x := range e.Counter {
				if !h.history[recordText(e.Key, x)] {
					h.t.Errorf("%q has %+v, which never was", e.Key, x)
				}
			}
			return nil
		})
	})
	return r
}

// session joins all of another store.
func (h *harmed) session(to, from *Store) {
	a := delta.Answer{Span: delta.Whole, InSession: true}
	view(h.t, from, func(v *View) (err error) {
		a.Context = v.Summary().Context.Clone()
		if a.Ahead, err = v.Ahead(); err != nil {
			return err
		}
		return v.Scan(delta.Whole, func(e delta.Entry) error { a.Entries = append(a.Entries, e); return nil })
	})
	_, err := to.Update(delta.Env{Now: 1}, func(c *delta.Commit) error {
		if err := c.OpenSession(a.Context); err != nil {
			return err
		}
		if err := c.Take(a); err != nil {
			return err
		}
		return c.CompleteSession()
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestRepair_OfAnyDamage spoils pages of a file with entries in their places and newer
// ones, and repairs it: nothing that is lost is taken for closed by the other member,
// and after a session with it both are equal.
func TestRepair_OfAnyDamage(t *testing.T) {
	seed := *repairSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -repair-seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	left := 0
	for round := range *repairRounds {
		h := newHarmed(t, random)
		for !h.harm() {
		}
		left += len(h.frames)
		r, other := h.repair(), h.stores[1]
		want := fmt.Sprint(payloadsOf(t, other))
		h.session(other, r)
		if got := fmt.Sprint(payloadsOf(t, other)); got != want {
			t.Fatalf("in round %d what was lost was taken for closed:\n%s\nwant\n%s", round, got, want)
		}
		h.session(r, other)
		if got := fmt.Sprint(payloadsOf(t, r)); got != want {
			t.Fatalf("in round %d a session leaves\n%s\nwant\n%s", round, got, want)
		}
		r.Close()
		other.Close()
	}
	t.Logf("the files had %d intact frames that their tables do not have", left)
}
