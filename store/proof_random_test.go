package store

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

var (
	proofSteps = flag.Int("proof-steps", 12, "how many steps the history has in which the power fails")
	proofCuts  = flag.Int("proof-cuts", 4, "how many power failures in each transaction are tried")
	proofAll   = flag.Bool("proof-all", false, "try also that each sector alone has reached the disk, and that all but it have")
	proofSeed  = flag.Uint64("proof-seed", 0, "seed of that history; 0: by the time of day. Which free page bbolt takes is not decided by it")
)

// sectorBytes is what a disk writes wholly or not at all.
const sectorBytes = 512

// epoch is the content of a file from one flush to the next: as it was on disk,
// and after each of the writes since. When the power fails, each sector is as it
// was at any of these instants.
type epoch [][]byte

// newEpoch makes all as long as the last: a file is flushed when it has grown.
func newEpoch(contents ...[]byte) epoch {
	size := len(contents[len(contents)-1])
	for i, x := range contents {
		contents[i] = append(bytes.Clone(x), make([]byte, max(0, size-len(x)))...)[:size]
	}
	return contents
}

func (e epoch) first() []byte { return e[0] }
func (e epoch) last() []byte  { return e[len(e)-1] }

// changed returns where the sectors are that were written to.
func (e epoch) changed() (out []int) {
	for at := 0; at < len(e.first()); at += sectorBytes {
		for _, x := range e[1:] {
			if !bytes.Equal(x[at:at+sectorBytes], e.first()[at:at+sectorBytes]) {
				out = append(out, at)
				break
			}
		}
	}
	return out
}

// cut returns what a power failure may leave: sectors or pages of any instant,
// more often early or late ones, the heads sometimes wholly early or late.
func (e epoch) cut(random *rand.Rand) []byte {
	out := bytes.Clone(e.first())
	unit := []int{sectorBytes, pageBytes}[random.IntN(2)]
	share, heads := random.Float64(), random.IntN(3)
	chosen := map[int]int{}
	for _, at := range e.changed() {
		i, drawn := chosen[at/unit]
		if !drawn {
			if i = 0; random.Float64() < share {
				i = len(e) - 1 - random.IntN(len(e)-1)*random.IntN(2)
			}
			if at < headBytes && heads > 0 {
				i = (heads - 1) * (len(e) - 1)
			}
			chosen[at/unit] = i
		}
		copy(out[at:at+sectorBytes], e[i][at:at+sectorBytes])
	}
	return out
}

// blackout is a store whose power fails again and again. What is checked is done
// to copies; now and then it goes on from one of them.
type blackout struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	store  *Store
	views  []*View
	amount int64
	claims int
	cuts   int     // of each epoch
	pages  int     // of the journal
	shown  string  // by the store
	epochs []epoch // of the step
	opened int     // images that were opened
	torn   int     // images that were torn
	bare   int     // transactions without a proof
	proven int     // and with one
	frames int     // of the journal
}

func newBlackout(t *testing.T) *blackout {
	seed := *proofSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -proof-seed %d", seed)
	return &blackout{t: t, random: rand.New(rand.NewPCG(seed, 2)), dir: t.TempDir(), claims: 200, cuts: *proofCuts, pages: -1}
}

func (b *blackout) read(dir string) []byte {
	content, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

func (b *blackout) open() {
	s, err := Open(b.dir, Options{Node: "n1", NoSync: true, journalPages: b.pages, freshMax: 30, tailMax: 20, commit: b.commit})
	if err != nil {
		b.t.Fatal(err)
	}
	b.store, b.shown = s, everything(b.t, s)
}

// commit notes what a transaction writes, and between which flushes. bbolt writes
// the head before the proof is there.
func (b *blackout) commit(tx *bbolt.Tx, commit func() error) error {
	id := 0
	if tx != nil {
		id = tx.ID() // which the commit forgets
	}
	before := b.read(b.dir)
	if err := commit(); err != nil {
		return err
	}
	after := b.read(b.dir)
	if tx == nil { // a frame, which has a checksum of its own
		b.frames++
		b.epochs = append(b.epochs, newEpoch(before, after))
		return nil
	}
	at := id % 2 * pageBytes
	bare := bytes.Clone(after)
	clear(bare[at+headEnd : at+pageBytes])
	copy(bare[pageBytes-at:][:pageBytes], before[pageBytes-at:][:pageBytes])
	p, ok := decodeProof(after[at+proofOffset : at+pageBytes])
	if !ok {
		b.bare++
		b.epochs = append(b.epochs, newEpoch(before, bare), newEpoch(bare, after))
		return nil
	}
	b.proven++
	e := newEpoch(before, bare, after)
	b.covers(p, e)
	b.epochs = append(b.epochs, e)
	return nil
}

// covers checks that a proof is of all pages that were written.
func (b *blackout) covers(p proof, e epoch) {
	for _, at := range e.changed() {
		id := uint32(at / pageBytes)
		if id >= 2 && !slices.ContainsFunc(p.runs, func(r run) bool { return id >= r.from && id-r.from < r.pages }) {
			b.t.Errorf("transaction %d wrote to page %d, which its proof does not have", p.transaction, id)
		}
	}
}

func (b *blackout) operations(n int, spread int) (out []delta.Operation) {
	b.amount++
	for range n {
		i := b.random.IntN(b.claims) * spread
		out = append(out, registerMany(i, i+1, b.amount)...)
	}
	return out
}

func (b *blackout) update(operations []delta.Operation) {
	if _, err := b.store.Update(delta.Env{Now: 1}, writing(operations)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *blackout) release() {
	for i := range b.random.IntN(20) {
		o := registerMany(i*7%b.claims, i*7%b.claims+1, 1)
		o[0].Verb = delta.VerbRelease
		_, _ = tryWrite(b.store, o...) // there may be nothing to release
	}
}

func (b *blackout) endViews() {
	for _, v := range b.views {
		v.tables.tx.Rollback()
	}
	b.views = nil
}

// quietly runs what changes nothing that is shown, and confirms something.
func (b *blackout) quietly(fn func() error) {
	before, n := b.read(b.dir), len(b.epochs)
	if err := fn(); err != nil {
		b.t.Fatal(err)
	}
	if len(b.epochs) > n { // it has folded first
		before = b.epochs[len(b.epochs)-1].last()
	}
	b.epochs = append(b.epochs, newEpoch(before, b.read(b.dir)))
}

func (b *blackout) reopen() {
	b.endViews()
	b.quietly(b.store.Close)
	b.open()
}

// step does something to the store.
func (b *blackout) step() string {
	steps := []struct {
		name string
		run  func()
	}{
		{"write", func() { b.update(b.operations(1+b.random.IntN(4), 1)) }},
		{"write many", func() { b.update(registerMany(0, b.claims, b.amount+1)); b.amount++ }},
		{"write far", func() { b.update(b.operations(100, 3)) }},
		{"release", b.release},
		{"note", func() { b.must(b.store.SetNote("x", make([]byte, b.random.IntN(1<<10)))) }},
		{"peers", func() { b.must(b.store.SetPeers([]string{fmt.Sprint("a:", b.amount)})); b.amount++ }},
		{"nothing", func() { b.must(b.store.SetPeers([]string{"b:1"})); b.must(b.store.SetPeers([]string{"b:1"})) }},
		{"hold", func() { v, err := b.store.beginView(); b.must(err); b.views = append(b.views, v) }},
		{"let go", b.endViews},
		{"confirm", func() { b.quietly(b.store.Confirm) }},
		{"reopen", b.reopen},
		{"go on from a backup", b.goOnFromBackup},
		{"rewrite", func() { b.endViews(); b.must(b.store.Rewrite(b.t.Context(), nil)) }},
	}
	x := steps[b.random.IntN(len(steps))]
	x.run()
	return x.name
}

func (b *blackout) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// show opens a copy of an image, writes to it and opens it again. It returns what
// it showed first, and whether it had been taken back.
func (b *blackout) show(image []byte) (string, bool) {
	b.opened++
	dir := b.copyOf(image)
	defer os.RemoveAll(dir)
	s, err := Open(dir, Options{MustExist: true, NoSync: true})
	if err != nil {
		b.t.Errorf("it does not open: %v", err)
		return "", false
	}
	shown, back := everything(b.t, s), s.TookBack()
	write(b.t, s, registerMany(7, 8, 1<<20)...)
	after := everything(b.t, s)
	b.closeWhole(s)
	s, err = Open(dir, Options{MustExist: true, NoSync: true})
	if err != nil {
		b.t.Errorf("it does not open again: %v", err)
		return "", false
	}
	if again := everything(b.t, s); again != after || s.TookBack() {
		b.t.Errorf("later it shows\n%s\nwant\n%s", again, after)
	}
	b.closeWhole(s)
	return shown, back
}

func (b *blackout) closeWhole(s *Store) {
	for _, p := range s.Check() {
		b.t.Errorf("check: %s", p)
	}
	b.must(s.Close())
}

func (b *blackout) copyOf(image []byte) string {
	dir, err := os.MkdirTemp(b.t.TempDir(), "")
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, FileName), image, fileMode))
	return dir
}

// try opens what a power failure may have left, and returns what it shows, which
// is one of what is allowed. The power may fail again on the way.
func (b *blackout) try(what string, image []byte, allowed ...string) string {
	shown, back := b.show(image)
	if back {
		b.torn++
	}
	if !slices.Contains(allowed, shown) {
		b.t.Errorf("%s: it shows\n%s\nwant one of\n%s", what, shown, allowed)
	}
	if b.t.Failed() {
		b.t.Fatalf("%s", what)
	}
	return shown
}

// again has the power fail while what it left is taken back and settled.
func (b *blackout) again(what string, image []byte, want string) {
	dir := b.copyOf(image)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, FileName)
	_, err := takeBack(path)
	b.must(err)
	back := b.read(dir)
	f, err := newFlusher(path, true)
	b.must(err)
	b.must(f.close())
	settled := b.read(dir)
	b.try(what+", in taking it back", newEpoch(image, back).cut(b.random), want)
	b.try(what+", in settling it", newEpoch(back, settled).cut(b.random), want)
}

// unflushed has the flush of a transaction fail: the memory shows all of it, the
// disk has anything, and no later flush writes it unless it is written again. Then
// the power fails while the heads are settled.
func (b *blackout) unflushed(what string, e epoch, allowed ...string) {
	dir := b.copyOf(e.last())
	defer os.RemoveAll(dir)
	f, err := newFlusher(filepath.Join(dir, FileName), true)
	b.must(err)
	b.must(f.close())
	disk := e.cut(b.random)
	copy(disk[headBytes:], e.last()[headBytes:])
	b.try(what+", its flush having failed", newEpoch(disk, b.read(dir)).cut(b.random), allowed...)
}

// fail has the power fail in an epoch, from one shown content to another.
func (b *blackout) fail(what string, e epoch, from, to string) {
	allowed := []string{from, to}
	b.try(what+", all of it", e.last(), to)
	for i := range b.cuts {
		what := fmt.Sprintf("%s, cut %d", what, i)
		image := e.cut(b.random)
		b.again(what, image, b.try(what, image, allowed...))
	}
	if len(e) == 3 {
		b.unflushed(what, e, allowed...)
	}
	if !*proofAll {
		return
	}
	for _, at := range e.changed() {
		only, but := bytes.Clone(e.first()), bytes.Clone(e.last())
		copy(only[at:at+sectorBytes], e.last()[at:])
		copy(but[at:at+sectorBytes], e.first()[at:])
		b.try(fmt.Sprintf("%s, only %d", what, at), only, allowed...)
		b.try(fmt.Sprintf("%s, all but %d", what, at), but, allowed...)
	}
}

// goOn goes on from what a power failure left.
func (b *blackout) goOn(image []byte) {
	b.endViews()
	b.must(b.store.Close())
	b.dir = b.copyOf(image)
	b.epochs = nil
	b.open()
}

// goOnFromBackup goes on from a copy whose heads may have changed places.
func (b *blackout) goOnFromBackup() {
	var image bytes.Buffer
	b.must(b.store.Backup(&image))
	b.goOn(image.Bytes())
}

// round has the power fail in a step.
func (b *blackout) round(n int) {
	from := b.shown
	b.epochs = nil
	what := fmt.Sprintf("step %d, %s", n, b.step())
	b.shown = everything(b.t, b.store)
	b.try(what+", as it is now", b.read(b.dir), b.shown)
	epochs := b.epochs
	for i, e := range epochs {
		if i < len(epochs)-3 && b.random.IntN(len(epochs)) > 2 {
			continue
		}
		what := fmt.Sprintf("%s, epoch %d of %d, %d sectors", what, i+1, len(epochs), len(e.changed()))
		// What is shown between the transactions of a step is not noted.
		before, after := from, b.shown
		if i > 0 {
			before = b.shownBy(e.first())
		}
		if i < len(epochs)-1 {
			after = b.shownBy(e.last())
		}
		b.fail(what, e, before, after)
	}
	if len(epochs) > 0 && b.random.IntN(3) == 0 {
		b.goOn(epochs[len(epochs)-1].cut(b.random))
	}
}

func (b *blackout) shownBy(image []byte) string {
	shown, _ := b.show(image)
	return shown
}

// TestProof_PowerFails has the power fail in transactions, confirmations and
// openings of a history, each time with any sectors written of those that were not
// flushed: what was acknowledged is there, what was not is there wholly or not at
// all, and so it is when the power fails again.
func TestProof_PowerFails(t *testing.T) { newBlackout(t).run() }

// TestProof_PowerFails_BetweenFrames is that of a store that has a journal.
func TestProof_PowerFails_BetweenFrames(t *testing.T) {
	b := newBlackout(t)
	b.pages = 8
	b.run()
}

func (b *blackout) run() {
	t := b.t
	b.open()
	b.epochs = nil
	steps := *proofSteps
	if testing.Short() {
		steps = min(steps, 5)
	}
	n := 0
	for ; n < steps || n < steps+200 && !b.sawEverything(); n++ {
		b.round(n)
	}
	b.endViews()
	b.must(b.store.Close())
	t.Logf("%d steps: %d images opened, %d torn; %d transactions with a proof, %d without; %d frames", n, b.opened, b.torn, b.proven, b.bare, b.frames)
	if !b.sawEverything() {
		t.Error("it has not seen everything that it is for")
	}
}

// sawEverything says whether the history had what this test is about. What its steps
// are, the random numbers decide: it goes on until they had everything.
func (b *blackout) sawEverything() bool {
	return b.torn > 0 && b.proven > 0 && (b.pages < 0 || b.frames > 0)
}

// TestProof_PowerFails_ManyRuns has the power fail in transactions whose pages lie in
// more places than a proof has room for.
func TestProof_PowerFails_ManyRuns(t *testing.T) {
	b := newBlackout(t)
	b.open()
	b.store.flusher.runsMax = 3
	b.update(registerMany(0, b.claims, 1))
	for b.bare = 0; b.bare == 0; {
		if b.amount++; b.amount > 40 {
			t.Fatal("no transaction has many runs")
		}
		b.epochs = nil
		b.shown = everything(t, b.store)
		b.update(b.operations(20+200*int(b.amount%2), 1))
	}
	t.Logf("after %d transactions; %d sectors, then %d", b.proven, len(b.epochs[0].changed()), len(b.epochs[1].changed()))
	from, to := b.shown, everything(t, b.store)
	b.fail("the pages of many runs", b.epochs[0], from, from)
	b.fail("their confirmation", b.epochs[1], from, to)
	for i := range 2 { // the next has nothing but that confirmation to go back to
		b.epochs = nil
		b.must(b.store.SetNote("x", []byte{byte(i)}))
		from, to = to, everything(t, b.store)
		b.fail("what follows", b.epochs[0], from, to)
	}
	b.must(b.store.Close())
}
