package store

import (
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

	"github.com/scalesmall/ssnode/delta"
)

var (
	flipAll  = flag.Bool("flip-all", false, "flip every byte of the file, not a sample of them")
	flipSeed = flag.Uint64("flip-seed", 0, "seed of the sample of bytes to flip; 0: by the time of day")
)

// flipSample is how many bytes are flipped without -flip-all.
const flipSample = 300

// flipFileBytes is the size of the file whose bytes are flipped, the smallest in
// which a bucket has a branch, and a small journal.
const flipFileBytes, flipJournalPages = 40<<10 + (1+flipJournalPages)*pageBytes, 4

// flipTime is far more than opening such a file takes.
const flipTime = time.Minute

// TestOpen_EveryByteFlipped flips the bytes of a data file one at a time, all
// bits of it and then one, and opens it: either nothing of what the store shows
// has changed, or it is refused with a message, and Check agrees.
func TestOpen_EveryByteFlipped(t *testing.T) {
	content, journal, want := flipFile(t)
	offsets := make([]int, len(content))
	for i := range offsets {
		offsets[i] = i
	}
	if !*flipAll {
		seed := *flipSeed
		if seed == 0 {
			seed = uint64(time.Now().UnixNano())
		}
		t.Logf("a sample; replay with -flip-seed %d, all bytes with -flip-all", seed)
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(offsets), func(i, j int) { offsets[i], offsets[j] = offsets[j], offsets[i] })
		sample := flipSample
		if testing.Short() {
			sample /= 4
		}
		offsets = offsets[:sample]
	}
	f := &flipper{dir: t.TempDir(), content: content, journal: journal, want: want, table: map[string]*flipped{}}
	for _, offset := range offsets {
		for _, mask := range []byte{0xff, 1 << (offset % 8)} {
			done := make(chan struct{})
			go func() { defer close(done); f.flip(t, offset, mask) }()
			select {
			case <-done:
			case <-time.After(flipTime):
				t.Fatalf("byte %d by %02x: it hangs", offset, mask)
			}
		}
	}
	t.Logf("%d of %d bytes, two flips of each:\n%s", len(offsets), len(content), f)
	for _, name := range []string{"head", "freelist", "branch", "leaf", "journal"} {
		if x := f.table[name]; *flipAll && (x == nil || x.refused == 0) {
			t.Errorf("no flip in a %s was noticed", name)
		}
	}
}

// flipFile returns a file with something in every bucket and every kind of
// page, where the journal is in it, and what it shows.
func flipFile(t *testing.T) (content []byte, journal int, want string) {
	t.Helper()
	s := openTest(t, fullDir(t), Options{journalPages: flipJournalPages})
	var claims []delta.Operation
	for i := range 80 {
		claims = append(claims, register("n1", fmt.Sprintf("k%03d", i), "z", int64(i+1)))
	}
	write(t, s, claims...)
	if err := s.Rewrite(t.Context(), nil); err != nil { // so that few pages are free
		t.Fatal(err)
	}
	// Entries that wait for their places: one in two chunks, a new one, one that is gone.
	write(t, s, register("n1", "k005", "z", 1000))
	write(t, s, register("n1", "k005", "z", 1001), register("n1", "new", "z", 1))
	write(t, s, delta.Operation{Verb: delta.VerbRelease, Claim: claim("n1", "k006", "z")})
	if err := s.Fold(); err != nil {
		t.Fatal(err)
	}
	if o, _ := overlayOf(t, s); o.held() != 4 || len(counting(o)) != 3 {
		t.Fatalf("the newest entries are %+v", o)
	}
	write(t, s, register("n1", "journaled", "z", 1), register("n1", "k007", "z", 1002))
	write(t, s, register("n1", "journaled", "z", 2))
	if frames := s.unfolded(); len(frames) != 2 {
		t.Fatalf("the journal has %d frames", len(frames))
	}
	content, err := os.ReadFile(backupOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if len(content) != flipFileBytes {
		t.Fatalf("the file has %d bytes", len(content))
	}
	return content, int(s.ring.Load().base), everything(t, s)
}

// everything shows all that a store holds.
func everything(t *testing.T, s *Store) string {
	t.Helper()
	peers, err := s.Peers()
	note, err2 := s.Note("x")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, s.Cluster(), s.Node(), s.Summary().ID, peers, note)
	view(t, s, func(v *View) error {
		fmt.Fprintf(&b, "%+v\n", v.LogStats())
		return v.tables.holes.each(nil, nil, func(key, payload []byte) error {
			fmt.Fprintf(&b, "hole %x %x\n", key, payload)
			return nil
		})
	})
	return b.String() + contents(t, s)
}

// flipped counts outcomes.
type flipped struct{ bytes, refused, harmless int }

type flipper struct {
	dir     string
	content []byte
	journal int // where its pages begin
	want    string
	table   map[string]*flipped
}

// flip tries one damaged file.
func (f *flipper) flip(t *testing.T, offset int, mask byte) {
	f.content[offset] ^= mask
	defer func() { f.content[offset] ^= mask }()
	what := fmt.Sprintf("byte %d by %02x", offset, mask)
	if err := os.WriteFile(filepath.Join(f.dir, FileName), f.content, fileMode); err != nil {
		t.Error(err)
		return
	}
	problems, err := Check(f.dir)
	if err != nil {
		t.Errorf("%s: check: %v", what, err)
	}
	count := f.count(offset)
	s, err := Open(f.dir, Options{MustExist: true, NoSync: true})
	if err != nil {
		count.refused++
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), FileName) {
			t.Errorf("%s: it is refused with %v", what, err)
		}
		if len(problems) == 0 {
			t.Errorf("%s: it is refused with %v, but check finds nothing", what, err)
		}
		return
	}
	defer s.Close()
	count.harmless++
	if len(problems) != 0 {
		t.Errorf("%s: it opens, but check finds %q", what, problems)
	}
	if got := everything(t, s); got != f.want {
		t.Errorf("%s: it shows\n%s\nwant\n%s", what, got, f.want)
	}
}

// count returns where outcomes in the page of a byte are counted.
func (f *flipper) count(offset int) *flipped {
	at := offset / pageBytes * pageBytes
	names := map[uint16]string{pageHead: "head", pageFreelist: "freelist", pageLeaf: "leaf", pageBranch: "branch"}
	p := page(slices.Clone(f.content[at : at+pageBytes]))
	if offset-at < pageHeadBytes {
		p[offset-at] = 0 // may be the flipped one: the kind is said by the others
	}
	name, ok := names[p.flags()]
	switch {
	case at >= f.journal && at < f.journal+flipJournalPages*pageBytes:
		name = "journal"
	case !ok:
		name = "head of a page"
	}
	if f.table[name] == nil {
		f.table[name] = &flipped{}
	}
	f.table[name].bytes++
	return f.table[name]
}

// String is the table of outcomes.
func (f *flipper) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %8s %8s %18s\n", "page", "flips", "refused", "nothing changed")
	var all flipped
	row := func(name string, x flipped) {
		fmt.Fprintf(&b, "%-16s %8d %8d %18d\n", name, x.bytes, x.refused, x.harmless)
	}
	for _, name := range []string{"head", "freelist", "branch", "leaf", "journal", "head of a page"} {
		if x := f.table[name]; x != nil {
			row(name, *x)
			all.bytes, all.refused, all.harmless = all.bytes+x.bytes, all.refused+x.refused, all.harmless+x.harmless
		}
	}
	row("all", all)
	return b.String()
}
