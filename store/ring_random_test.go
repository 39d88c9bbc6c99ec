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
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

var (
	ringSteps = flag.Int("ring-steps", 40, "how many steps the history has in which the power fails between frames and folds")
	ringCuts  = flag.Int("ring-cuts", 3, "how many power failures in each transaction and each frame are tried")
	ringSeed  = flag.Uint64("ring-seed", 0, "seed of that history, and of other tests of the journal; 0: by the time of day. Which free page bbolt takes is not decided by it")
)

func ringSeedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *ringSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -ring-seed %d", seed)
	return seed
}

// told is what somebody was told that a store has.
type told struct {
	replica, note string
	log           map[uint64]string // by index
}

func (x told) clone() told {
	log := map[uint64]string{}
	for i, p := range x.log {
		log[i] = p
	}
	x.log = log
	return x
}

func (x told) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, x.replica, x.note)
	for _, i := range sortedKeys(x.log) {
		fmt.Fprintln(&b, i, x.log[i])
	}
	return b.String()
}

func sortedKeys(m map[uint64]string) (out []uint64) {
	for i := range m {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}

func replicaOf(x *Summary) string { return fmt.Sprint(x.Context, x.ContextHash, x.Fingerprint) }

// toldBy returns what a store shows. That the entries add up to the fingerprint an
// opening has verified.
func toldBy(t *testing.T, s *Store) told {
	t.Helper()
	x := told{log: map[uint64]string{}}
	note, err := s.Note("x")
	if err != nil {
		t.Fatal(err)
	}
	x.note = string(note)
	view(t, s, func(v *View) error {
		x.replica = replicaOf(v.Summary())
		if err := mustAgree(v); err != nil {
			return err
		}
		return v.EachRecord(0, func(r Record) error {
			x.log[r.Index] = fmt.Sprint(r.AppliedAt, r.Delta.Delta)
			return nil
		})
	})
	return x
}

// unflushed is a write that was not flushed yet: what the file was before, and after each
// part of it, and what was told before and is told when the disk has all of it.
type unflushed struct {
	contents epoch
	from, to told
}

// outage is a store whose power fails again and again, while frames are appended and
// folded at the same time.
type outage struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	store  *Store
	// told is what was told last, from what was before the step.
	told, from told
	amount     int64
	// isFolding says that nothing but a fold is under way: frames may come.
	isFolding bool
	// frames and tables are what the step has written to the ring and to the tables.
	frames, tables []unflushed
	// What was tried.
	images, torn, beside int
}

func (o *outage) read() []byte { return contentOf(o.t, filepath.Join(o.dir, FileName)) }

func (o *outage) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *outage) open() {
	o.store = nil
	s, err := Open(o.dir, Options{Node: "n1", NoSync: true, journalPages: 14, freshMax: 30, tailMax: 20, commit: o.commit})
	o.must(err)
	o.store = s
	o.frames, o.tables = nil, nil
	o.told = toldBy(o.t, s)
}

// commit notes what is written of a frame, or of a transaction of the tables.
func (o *outage) commit(tx *bbolt.Tx, commit func() error) error {
	if o.store == nil {
		return commit()
	}
	if tx == nil {
		before := o.read()
		err := commit()
		o.frames = append(o.frames, unflushed{contents: newEpoch(before, o.read()), from: o.told})
		return err
	}
	id, before := tx.ID(), o.read()
	o.writeBeside()
	o.must(commit())
	after := o.read()
	o.writeBeside()
	bare, at := bytes.Clone(after), id%2*pageBytes
	clear(bare[at+headEnd : at+pageBytes])
	copy(bare[pageBytes-at:][:pageBytes], before[pageBytes-at:][:pageBytes])
	o.tables = append(o.tables, unflushed{contents: newEpoch(before, bare, after), from: o.told})
	return nil
}

// writeBeside has frames be appended while a fold is on its way to the disk.
func (o *outage) writeBeside() {
	if !o.isFolding {
		return
	}
	for range o.random.IntN(12) {
		if o.hasRoom() { // else it would wait for the fold
			o.beside++
			o.update(1)
		}
	}
}

// update carries out an update of some operations, and notes that it was told.
func (o *outage) update(n int) {
	o.amount++
	name := strings.Repeat("x", o.random.IntN(200))
	var all []delta.Operation
	for range n {
		i := fmt.Sprintf("%03d", o.random.IntN(100))
		all = append(all, register("n1", i, i+name+"~", o.amount))
	}
	from := o.store.tip.logNext
	e, err := o.store.Update(delta.Env{Now: o.amount}, writing(all))
	o.must(err)
	o.told = o.told.clone()
	for i, p := range e.Deltas {
		o.told.log[from+uint64(i)] = fmt.Sprint(o.amount, p.Delta)
	}
	o.told.replica = replicaOf(o.store.Summary())
	if k := len(o.frames); k > 0 && o.frames[k-1].to.log == nil {
		o.frames[k-1].to = o.told
	}
}

// trim drops a record, often one that only the journal has.
func (o *outage) trim() {
	indexes := sortedKeys(o.told.log)
	if len(indexes) == 0 {
		return
	}
	i := max(o.random.IntN(len(indexes)), o.random.IntN(len(indexes)))
	o.must(o.store.Trim(compaction.Plan{Drop: []compaction.Drop{{Index: indexes[i], Class: compaction.Other}}}))
	o.told = o.told.clone()
	delete(o.told.log, indexes[i])
}

func (o *outage) note() {
	o.told = o.told.clone()
	o.told.note = fmt.Sprint(o.amount)
	o.must(o.store.SetNote("x", []byte(o.told.note)))
}

// hasRoom reports whether a small update need not wait for a fold.
func (o *outage) hasRoom() bool {
	r := o.store.ring.Load()
	return r.used.Load()+4 < int64(r.pages)
}

// fill writes, more often than not until there is no room.
func (o *outage) fill() {
	for range o.random.IntN(20) {
		if o.hasRoom() {
			o.update(1)
		}
	}
}

func (o *outage) fold() {
	o.begin()
	o.isFolding = true
	o.must(o.store.Fold())
	o.isFolding = false
}

// fail has the flush of a frame fail, or of the fold that makes room for it; what is
// shown after that is what was told, and it or not.
func (o *outage) fail() {
	wrote := o.store.options.commit
	o.store.options.commit = func(tx *bbolt.Tx, commit func() error) error {
		return errors.Join(errDisk, commit())
	}
	_, err := tryWrite(o.store, register("n1", "fail", "", o.amount+1))
	o.store.options.commit = wrote
	if !errors.Is(err, ErrFailed) {
		o.t.Fatal(err)
	}
	o.store.options.commit = func(_ *bbolt.Tx, commit func() error) error { return commit() }
	o.must(o.store.Reopen())
	o.store.options.commit = wrote
	after := toldBy(o.t, o.store)
	for i, x := range o.told.log {
		if after.log[i] != x {
			o.t.Fatalf("record %d is gone: %s", i, x)
		}
	}
	if n := len(after.log) - len(o.told.log); n > 1 || n == 0 && after.replica != o.told.replica {
		o.t.Fatalf("it shows\n%s\nwas told\n%s", after, o.told)
	}
	o.told = after
}

func (o *outage) step() string {
	steps := []struct {
		name string
		run  func()
	}{
		{"write", func() { o.update(1) }},
		{"write", func() { o.update(1 + o.random.IntN(3)) }},
		{"write some", func() { o.update(5 + o.random.IntN(20)) }},
		{"write many", func() { o.update(3 * batchMin) }},
		{"fold", func() { o.fill(); o.fold() }}, {"fold", func() { o.fill(); o.fold() }},
		{"note", o.note}, {"trim", o.trim},
		{"fail", o.fail},
		{"confirm", func() { o.must(o.store.Confirm()) }},
		{"reopen", func() { o.must(o.store.Close()); o.open() }},
		{"rewrite", func() { o.must(o.store.Rewrite(o.t.Context(), nil)) }},
		{"go on from a backup", func() {
			var b bytes.Buffer
			o.must(o.store.Backup(&b))
			o.goOn(b.Bytes())
		}},
	}
	x := steps[o.random.IntN(len(steps))]
	x.run()
	return x.name
}

// goOn goes on from an image.
func (o *outage) goOn(image []byte) {
	o.must(o.store.Close())
	o.dir = o.copyOf(image)
	o.open()
}

func (o *outage) copyOf(image []byte) string {
	dir, err := os.MkdirTemp(o.t.TempDir(), "")
	o.must(err)
	o.must(os.WriteFile(filepath.Join(dir, FileName), image, fileMode))
	return dir
}

// try opens an image, which shows one of what is allowed, and is of use.
func (o *outage) try(what string, image []byte, allowed ...told) {
	o.t.Helper()
	o.images++
	dir := o.copyOf(image)
	defer os.RemoveAll(dir)
	var read told
	if s, err := Open(dir, Options{ReadOnly: true}); err == nil {
		read = toldBy(o.t, s)
		o.must(s.Close())
	} else if !errors.Is(err, errTorn) {
		o.t.Fatalf("%s: opened for reading: %v", what, err)
	}
	s, err := Open(dir, Options{MustExist: true, NoSync: true})
	if err != nil {
		o.t.Fatalf("%s: %v", what, err)
	}
	got := toldBy(o.t, s)
	if s.TookBack() {
		o.torn++
	} else if got.String() != read.String() {
		o.t.Errorf("%s: who opens it for reading sees\n%s\nwho writes\n%s", what, read, got)
	}
	if !slices.ContainsFunc(allowed, func(x told) bool { return x.String() == got.String() }) {
		o.t.Errorf("%s: it shows\n%s\nwant one of\n%s", what, got, allowed)
	}
	o.use(s, dir)
	if o.t.Failed() {
		o.t.Fatal(what)
	}
}

// use writes to a store that a power failure has left, and lets its process end.
func (o *outage) use(s *Store, dir string) {
	for n := range 1 + o.random.IntN(4) {
		write(o.t, s, register("n2", "later", "", int64(n+1)))
	}
	want := toldBy(o.t, s)
	for _, p := range s.Check() {
		o.t.Errorf("check: %s", p)
	}
	image := contentOf(o.t, s.Path())
	o.must(s.Close())
	for _, content := range [][]byte{image, contentOf(o.t, s.Path())} {
		o.must(os.WriteFile(filepath.Join(dir, FileName), content, fileMode))
		s, err := Open(dir, Options{MustExist: true, NoSync: true})
		o.must(err)
		if got := toldBy(o.t, s); got.String() != want.String() {
			o.t.Errorf("later it shows\n%s\nwant\n%s", got, want)
		}
		o.must(s.Close())
	}
}

// cutFrame returns what may be left of a frame on its way to the disk.
func (o *outage) cutFrame(x unflushed) (image []byte, allowed []told) {
	switch o.random.IntN(4) {
	case 0:
		return x.contents.last(), []told{x.to}
	case 1:
		return x.contents.first(), []told{x.from}
	}
	return x.contents.cut(o.random), []told{x.from, x.to}
}

// tryAll has the power fail in each write of a step, and in two at the same time, where a
// frame was on its way to the disk beside a fold: then the ring has anything of the
// frame, and the tables anything of the fold.
func (o *outage) tryAll(what string, base int64) {
	for _, x := range o.frames {
		if x.to.log == nil {
			x.to = o.told
		}
		for range *ringCuts {
			image, allowed := o.cutFrame(x)
			o.try(what+", in a frame", image, allowed...)
		}
	}
	for _, x := range o.tables {
		for range *ringCuts {
			image, allowed := x.contents.cut(o.random), []told{o.from, o.told}
			if len(o.frames) > 0 && what == "fold" {
				var ring []byte
				ring, allowed = o.cutFrame(o.frames[o.random.IntN(len(o.frames))])
				copy(image[base:], ring[base:base+14*pageBytes])
			}
			o.try(what+", in the tables", image, allowed...)
		}
	}
	o.try(what+", as it is", o.read(), o.told)
}

// begin forgets what was written before.
func (o *outage) begin() { o.from, o.frames, o.tables = o.told, nil, nil }

// round has the power fail in a step, and now and then goes on from what that left.
func (o *outage) round() {
	o.begin()
	base := o.store.ring.Load().base
	what := o.step()
	if what == "rewrite" || what == "go on from a backup" || what == "reopen" || what == "fail" {
		o.frames, o.tables = nil, nil // into which file is noted elsewhere
	}
	o.tryAll(what, base)
	if n := len(o.frames); n > 0 && o.random.IntN(6) == 0 {
		o.goOn(o.frames[n-1].contents.cut(o.random))
	}
}

// TestRing_PowerFails has the power fail while frames are appended, folded, and both:
// what was acknowledged is there, and nothing else but the one update in flight.
func TestRing_PowerFails(t *testing.T) {
	o := &outage{t: t, random: rand.New(rand.NewPCG(ringSeedOf(t), 4)), dir: t.TempDir()}
	o.open()
	steps := *ringSteps
	if testing.Short() {
		steps = min(steps, 10)
	}
	for n := 0; n < steps || n < 20*steps && (o.torn == 0 || o.beside == 0); n++ {
		o.round()
	}
	o.must(o.store.Close())
	t.Logf("%d images opened, %d torn; %d frames beside a fold", o.images, o.torn, o.beside)
	if o.torn == 0 || o.beside == 0 {
		t.Error("no power has failed beside a fold")
	}
}
