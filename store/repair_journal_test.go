package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

// killed is the file of a replica whose process was killed: frames are left in its
// journal that the tables do not have.
type killed struct {
	t       *testing.T
	content []byte
	// shown is what it shows, base where its ring begins, frames are those left.
	shown  string
	base   int64
	frames []*frame
}

// confirm has the tables have all that was written, and their damage be told as such.
func confirm(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Confirm(); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, s *Store, frames int) *killed {
	t.Helper()
	k := &killed{t: t, content: contentOf(t, s.path), shown: contents(t, s), base: s.ring.Load().base, frames: s.unfolded()}
	if len(k.frames) != frames {
		t.Fatalf("%d frames are left, want %d", len(k.frames), frames)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return k
}

// spoil flips a byte behind every place where a text occurs outside the ring, and
// requires that there is one.
func (k *killed) spoil(text string) {
	k.t.Helper()
	found := 0
	for at := 0; ; found++ {
		i := bytes.Index(k.content[at:], []byte(text))
		if i < 0 {
			break
		}
		at += i + len(text)
		if int64(at) < k.base || int64(at) >= k.base+8*pageBytes {
			k.content[at] ^= 0xff
		}
	}
	if found == 0 {
		k.t.Fatalf("%q is nowhere", text)
	}
}

// spoilFrame flips a byte of a frame that is left.
func (k *killed) spoilFrame(i int) {
	k.content[k.base+int64(k.frames[i].at.page*pageBytes)+frameHeadBytes] ^= 0xff
}

// repair repairs it, and returns what check says of it before.
func (k *killed) repair(backup string) (Repaired, *Store, []Problem) {
	k.t.Helper()
	dir := directoryOf(k.t, k.content)
	problems, err := Check(dir)
	if err != nil {
		k.t.Fatal(err)
	}
	if len(problems) == 0 {
		k.t.Error("check finds nothing")
	}
	mustBeDamaged(k.t, dir)
	done, err := Repair(dir, backup, 1, Options{Node: "n1"})
	if err != nil {
		k.t.Fatal(err)
	}
	if len(done.Problems) == 0 {
		k.t.Error("the repair tells no problem")
	}
	return done, openTest(k.t, dir, Options{}), problems
}

// mustShow holds the claims of n1 from some keys on against their priorities.
func mustShow(t *testing.T, s *Store, want map[string]int64) {
	t.Helper()
	for key, priority := range want {
		if got := priorityOf(t, s, "n1", key, key+"~"); got != priority {
			t.Errorf("%s has priority %d, want %d", key, got, priority)
		}
	}
}

func mustTell[P ~string](t *testing.T, problems []P, want string) {
	t.Helper()
	if !slices.ContainsFunc(problems, func(p P) bool { return strings.Contains(string(p), want) }) {
		t.Errorf("the problems are %q, none of which says %q", problems, want)
	}
}

func claimed(key string, priority int64) delta.Operation {
	return register("n1", key, key+"~", priority)
}

func increased(key string, by int64) delta.Operation {
	o := claimed(key, by)
	o.Verb = delta.VerbIncrease
	return o
}

func released(key string) delta.Operation {
	o := claimed(key, 0)
	o.Verb = delta.VerbRelease
	return o
}

// tookFrom has a store receive all events of another one.
func tookFrom(t *testing.T, to, from *Store) {
	t.Helper()
	view(t, from, func(v *View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			_, err := to.Update(delta.Env{Now: 1}, func(c *delta.Commit) error { _, err := c.Receive(p); return err })
			return err
		})
	})
}

// What was acknowledged last is in frames only, and comes back as the events it was.
func TestRepair_KeepsTheFramesThatAreLeft(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("spoilt", 1), claimed("a", 1))
	write(t, s, claimed("b", 2)) // in a frame of the backup
	backup := backupOf(t, s)
	confirm(t, s)
	write(t, s, increased("b", 3))
	write(t, s, claimed("c", 4), released("a"))
	k := kill(t, s, 2)
	k.spoil("spoilt\x00\x01\x01spoilt~\x00\x01n1")
	done, r, _ := k.repair(backup)
	if got := contents(t, r); got != k.shown || done.Deltas != 2 {
		t.Errorf("it says %+v, and shows\n%s\nwant\n%s", done, got, k.shown)
	}
}

// Where the log has lost what was before, the entries that frames have changed count
// before those that the tables have, and the contexts are those with the frames.
func TestRepair_JoinsTheEntriesOfFrames(t *testing.T) {
	other := openTest(t, t.TempDir(), Options{Node: "n2"})
	write(t, other, claimed("shared", 5))
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("old", 1), claimed("shared", 20))
	backup := backupOf(t, s)
	write(t, s, claimed("lost", 1), claimed("gone", 2), claimed("kept", 2))
	trimAll(t, s)
	confirm(t, s)
	write(t, s, increased("kept", 1))
	write(t, s, released("gone"), released("shared"), released("old"), claimed("new", 4))
	tookFrom(t, s, other)
	k := kill(t, s, 3)
	k.spoil("peers")
	done, r, _ := k.repair(backup)
	// Only by the context with the frames is known that what the backup has of them is over.
	mustShow(t, r, map[string]int64{"shared": 5, "old": 0})
	mustShow(t, r, map[string]int64{"lost": 1, "gone": 0, "kept": 3, "new": 4})
	if x := r.Summary(); x.Context.Get(done.Former) != 2 || x.Ahead.Get(done.Former) != 10 {
		t.Errorf("the context is %s, ahead by %s", x.Context, x.Ahead)
	}
}

// A frame that is damaged is no reason to lose those around it: events are received as
// long as they follow what is known, and the entries are joined.
func TestRepair_OfADamagedFrame(t *testing.T) {
	other := openTest(t, t.TempDir(), Options{Node: "n2"})
	write(t, other, claimed("theirs", 5))
	for lost, want := range []map[string]int64{
		{"first": 0, "theirs": 5, "third": 3},
		{"first": 1, "theirs": 5, "third": 3},
	} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			write(t, s, claimed("before", 7))
			confirm(t, s)
			write(t, s, claimed("first", 1))
			tookFrom(t, s, other)
			write(t, s, claimed("third", 3))
			k := kill(t, s, 3)
			k.spoilFrame(lost)
			done, r, problems := k.repair(backupOf(t, other))
			mustTell(t, problems, fmt.Sprintf("frame %d of the journal", k.frames[lost].at.sequence))
			mustTell(t, done.Problems, fmt.Sprintf("frame %d of the journal", k.frames[lost].at.sequence))
			want["before"] = 7
			mustShow(t, r, want)
		})
	}
}

// What frames around the damage have changed is not undone by what the tables have, and
// what is lost is not taken for closed.
func TestRepair_OfADamagedFrame_UsesTheEntriesOfTheOthers(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("old", 1))
	backup := backupOf(t, s)
	write(t, s, claimed("kept", 2), claimed("both", 2), claimed("gone", 2))
	trimAll(t, s)
	confirm(t, s)
	write(t, s, increased("kept", 1), increased("both", 1))
	write(t, s, claimed("lost", 1), released("old"))
	write(t, s, claimed("behind", 1), increased("both", 1), released("gone"))
	k := kill(t, s, 3)
	k.spoilFrame(1)
	done, r, _ := k.repair(backup)
	mustShow(t, r, map[string]int64{"old": 1, "kept": 3, "both": 4, "gone": 0, "lost": 0, "behind": 1})
	if x := r.Summary(); x.Context.Get(done.Former) != 1 {
		t.Errorf("the context is %s, ahead by %s", x.Context, x.Ahead)
	}
}

// Whatever leads to the frames may be lost: they are found, and their events received.
func TestRepair_FindsTheFramesWithoutWhatLeadsThere(t *testing.T) {
	for name, damage := range map[string]func(k *killed){
		"the page of the ring's key": func(k *killed) { clear(k.content[k.base-pageBytes : k.base]) },
		"the bucket of the ring":     func(k *killed) { k.spoil("\x00\x00journal") },
		"the state":                  func(k *killed) { k.spoil("state") },
		"both heads":                 func(k *killed) { k.content[60] ^= 1; k.content[pageBytes+60] ^= 1 },
		"a frame that was folded": func(k *killed) {
			k.spoil("state")
			k.content[k.base] ^= 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir(), Options{})
			write(t, s, claimed("a", 1))
			backup := backupOf(t, s)
			confirm(t, s)
			write(t, s, claimed("b", 2))
			write(t, s, claimed("c", 3), released("a"))
			k := kill(t, s, 2)
			damage(k)
			done, r, _ := k.repair(backup)
			mustShow(t, r, map[string]int64{"a": 0, "b": 2, "c": 3})
			if done.Deltas != 2 {
				t.Errorf("it says %+v", done)
			}
		})
	}
}

// Where the state is there, frames that were found so are known to be newer than the
// tables, and their entries count before these.
func TestRepair_JoinsTheEntriesOfFramesThatNothingLeadsTo(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("old", 1))
	backup := backupOf(t, s)
	write(t, s, claimed("gone", 2), claimed("kept", 2))
	trimAll(t, s)
	confirm(t, s)
	write(t, s, increased("kept", 1), released("gone"), claimed("new", 4))
	k := kill(t, s, 1)
	clear(k.content[k.base-pageBytes : k.base])
	_, r, _ := k.repair(backup)
	mustShow(t, r, map[string]int64{"old": 1, "kept": 3, "gone": 0, "new": 4})
}

// Damage elsewhere hides no damage of a frame.
func TestCheck_TellsOfDamagedFramesBesideOtherDamage(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("spoilt", 1))
	confirm(t, s)
	write(t, s, claimed("b", 2))
	write(t, s, claimed("c", 3))
	k := kill(t, s, 2)
	k.spoil("spoilt\x00\x01\x01spoilt~\x00\x01n1")
	k.spoilFrame(0)
	problems, err := Check(directoryOf(t, k.content))
	if err != nil {
		t.Fatal(err)
	}
	mustTell(t, problems, "the newest entries")
	mustTell(t, problems, fmt.Sprintf("frame %d of the journal", k.frames[0].at.sequence))
}

// A state that is lost says nothing of which frames there should be.
func TestCheck_WithoutAStateTellsNothingOfFrames(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	confirm(t, s)
	write(t, s, claimed("b", 2))
	k := kill(t, s, 1)
	k.spoil("state")
	problems, err := Check(directoryOf(t, k.content))
	if err != nil || slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(string(p), "frame") }) {
		t.Errorf("%q, %v", problems, err)
	}
}

// What a frame says that is whole may contradict what is in it.
func TestCheck_NoticesFramesThatContradict(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	write(t, s, claimed("a", 1))
	confirm(t, s)
	write(t, s, increased("a", 2), claimed("b", 2))
	write(t, s, released("b"), increased("a", 2))
	k := kill(t, s, 2)
	for want, change := range map[string]func(e *delta.Effects){
		"the fingerprint of the entries with frame 3":  func(e *delta.Effects) { e.Fingerprint.Sum = delta.SumOf([16]byte{1}) },
		"the fingerprint of the entries with frame 3 ": func(e *delta.Effects) { e.Fingerprint.Count++ },
		"the context with frame 3":                     func(e *delta.Effects) { e.ContextHash = delta.SumOf([16]byte{1}) },
		"which was seen before":                        func(e *delta.Effects) { e.Deltas = append(e.Deltas, k.frames[0].effects.Deltas...) },
	} {
		f := *k.frames[1]
		e := *f.effects
		f.effects = &e
		change(&e)
		f.encode(f.at.sequence)
		content := bytes.Clone(k.content)
		copy(content[k.base+int64(f.at.page*pageBytes):], f.sealed())
		dir := directoryOf(t, content)
		mustBeDamaged(t, dir)
		problems, err := Check(dir)
		if err != nil || len(problems) != 1 {
			t.Errorf("%s: check finds %q, %v", want, problems, err)
		}
		mustTell(t, problems, want)
	}
}

// TestWalker_NoticesARingThatIsNone: a ring that bbolt finds elsewhere, or not at all,
// is damage, and not a file without one.
func TestWalker_NoticesARingThatIsNone(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	confirm(t, s)
	write(t, s, claimed("a", 1))
	k := kill(t, s, 1)
	head := k.base - pageBytes
	in64 := func(at int64, by int) { native.PutUint64(k.content[at:], native.Uint64(k.content[at:])+uint64(by)) }
	in32 := func(at int64, by int) { native.PutUint32(k.content[at:], native.Uint32(k.content[at:])+uint32(by)) }
	bucket := int64(bytes.Index(k.content, native.AppendUint64([]byte("journal"), uint64(head/pageBytes)))) + int64(len("journal"))
	for name, damage := range map[string]func(){
		"its name":                 func() { k.spoil("\x00\x00journa") },
		"another page":             func() { in64(bucket, 1) },
		"a page far away":          func() { in64(bucket, 1<<30) },
		"no page":                  func() { native.PutUint64(k.content[bucket:], 0) },
		"its key":                  func() { k.content[head+pageHeadBytes+elementBytes] ^= 1 },
		"its kind":                 func() { native.PutUint16(k.content[head+8:], pageBranch) },
		"no element":               func() { native.PutUint16(k.content[head+10:], 0) },
		"two elements":             func() { native.PutUint16(k.content[head+10:], 2) },
		"fewer pages":              func() { in32(head+12, -1) },
		"more pages":               func() { in32(head+12, 1) },
		"no more pages":            func() { native.PutUint32(k.content[head+12:], 0) },
		"very many pages":          func() { native.PutUint32(k.content[head+12:], 1<<31) },
		"a bucket":                 func() { native.PutUint32(k.content[head+pageHeadBytes:], leafBucket) },
		"a shorter key":            func() { in32(head+pageHeadBytes+8, -1) },
		"a shorter value":          func() { in32(head+pageHeadBytes+12, -1) },
		"a value without its end":  func() { in32(head+pageHeadBytes+12, -pageBytes) },
		"a value of only one page": func() { in32(head+pageHeadBytes+12, -8*pageBytes) },
	} {
		t.Run(name, func(t *testing.T) {
			whole := bytes.Clone(k.content)
			defer copy(k.content, whole)
			k.t = t
			damage()
			dir := directoryOf(t, k.content)
			if problems, err := Check(dir); err != nil || len(problems) == 0 {
				t.Errorf("check finds %q, %v", problems, err)
			}
			if s, err := Open(dir, Options{MustExist: true, NoSync: true}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("it opens with %v", err)
				if err == nil {
					s.Close()
				}
			}
		})
	}
}
