package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// tree returns what is in a directory: names, sizes and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + d.Type().String())
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			b.Write(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// closedDir returns a directory of node n1 in cluster c1 with one claim.
func closedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := openTest(t, dir, Options{Cluster: "c1"})
	write(t, s, register("n1", "a", "m", 3))
	s.Close()
	return dir
}

// unprove makes the file one that bbolt alone has written, so that what else it
// writes needs no proof.
func unprove(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for slot := range int64(2) {
		_, failed := f.WriteAt(make([]byte, pageBytes-headEnd), slot*pageBytes+headEnd)
		err = errors.Join(err, failed)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// withBolt changes the file of a closed directory behind the store's back.
func withBolt(t *testing.T, dir string, fn func(*bbolt.Tx) error) {
	t.Helper()
	unprove(t, dir)
	db, err := bbolt.Open(filepath.Join(dir, FileName), fileMode, &bbolt.Options{NoSync: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_RefusesAndLeavesAlone(t *testing.T) {
	replace := func(content []byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), content, fileMode); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	truncated := func(size int64) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := closedDir(t)
			if err := os.Truncate(filepath.Join(dir, FileName), size); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	format := func(a formatArray) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := closedDir(t)
			withBolt(t, dir, func(tx *bbolt.Tx) error {
				m, err := openTable(tx, bucketMeta)
				if err != nil {
					return err
				}
				return (&tables{meta: *m}).putMeta(metaFormat, a)
			})
			return dir
		}
	}
	for name, test := range map[string]struct {
		dir     func(t *testing.T) string
		options Options
		want    error
	}{
		"missing, to read":       {func(t *testing.T) string { return filepath.Join(t.TempDir(), "x") }, Options{ReadOnly: true}, ErrMissing},
		"missing, must exist":    {func(t *testing.T) string { return filepath.Join(t.TempDir(), "x") }, Options{MustExist: true, Node: "n1"}, ErrMissing},
		"empty, to read":         {func(t *testing.T) string { return t.TempDir() }, Options{ReadOnly: true}, ErrMissing},
		"empty, must exist":      {func(t *testing.T) string { return t.TempDir() }, Options{MustExist: true, Node: "n1"}, ErrMissing},
		"empty, no node":         {func(t *testing.T) string { return t.TempDir() }, Options{}, ErrOptions},
		"empty file, to read":    {replace(nil), Options{ReadOnly: true}, ErrMissing},
		"bad node":               {closedDir, Options{Node: "a b"}, ErrOptions},
		"bad cluster":            {closedDir, Options{Cluster: "a b"}, ErrOptions},
		"bad timeout":            {closedDir, Options{LockTimeout: -1}, ErrOptions},
		"other node":             {closedDir, Options{Node: "n2"}, ErrOtherNode},
		"other cluster":          {closedDir, Options{Cluster: "c2"}, ErrOtherCluster},
		"text":                   {replace(bytes.Repeat([]byte("text "), 5000)), Options{}, ErrCorrupt},
		"short text":             {replace([]byte("text")), Options{}, ErrCorrupt},
		"zeroes":                 {replace(make([]byte, 1<<16)), Options{}, ErrCorrupt},
		"truncated in the heads": {truncated(100), Options{}, ErrCorrupt},
		"truncated after one":    {truncated(4096), Options{}, ErrCorrupt},
		"truncated after heads":  {truncated(8192), Options{}, ErrCorrupt},
		"truncated by a page":    {truncated(4 * 4096), Options{}, ErrCorrupt},
		"newer format":           {format(formatArray{Magic: magic, Version: FormatVersion + 1}), Options{}, ErrNewerFormat},
		"newer, to read":         {format(formatArray{Magic: magic, Version: FormatVersion + 1}), Options{ReadOnly: true}, ErrNewerFormat},
		"no format":              {format(formatArray{Magic: magic}), Options{}, ErrCorrupt},
		"other magic":            {format(formatArray{Magic: "other", Version: 1}), Options{}, ErrCorrupt},
		"other bbolt file": {func(t *testing.T) string {
			dir := t.TempDir()
			withBolt(t, dir, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err })
			return dir
		}, Options{}, ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			parent := filepath.Dir(dir)
			before := tree(t, parent)
			s, err := Open(dir, test.options)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err == nil {
				s.Close()
			}
			if tree(t, parent) != before {
				t.Error("the directory has changed")
			}
		})
	}
}

func TestOpen_APathThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{Node: "n1"}); !errors.Is(err, ErrNotADirectory) {
		t.Errorf("got %v", err)
	}
}

func TestOpen_IsExclusive(t *testing.T) {
	dir := closedDir(t)
	wait := Options{LockTimeout: 60 * time.Millisecond}
	reader := wait
	reader.ReadOnly = true
	refused := func(o Options) {
		t.Helper()
		if s, err := Open(dir, o); !errors.Is(err, ErrInUse) {
			t.Errorf("got %v, want %v", err, ErrInUse)
			s.Close()
		}
	}

	writer := openTest(t, dir, Options{})
	refused(wait)
	refused(reader)
	if _, err := Check(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("Check: %v", err)
	}
	writer.Close()

	first := openTest(t, dir, Options{ReadOnly: true})
	openTest(t, dir, Options{ReadOnly: true})
	refused(wait)
	if _, err := tryWrite(first, register("n1", "a", "b", 1)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Update: %v", err)
	}
	if err := first.Rewrite(t.Context(), nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Rewrite: %v", err)
	}
}

func TestOpen_ReadOnlyShowsTheSameAndChangesNothing(t *testing.T) {
	dir := closedDir(t)
	before := tree(t, dir)
	reader := openTest(t, dir, Options{ReadOnly: true})
	shown, start := contents(t, reader), reader.Start()
	reader.Close()
	if tree(t, dir) != before {
		t.Error("reading has changed the directory")
	}
	writer := openTest(t, dir, Options{})
	if contents(t, writer) != shown || writer.Start().Counter != start.Counter+1 {
		t.Errorf("the writer shows\n%s\nthe reader\n%s", contents(t, writer), shown)
	}
}

// A process that ends while it creates leaves an empty file, or one without
// buckets; the next one goes on from there.
func TestOpen_GoesOnAfterAnInterruptedCreation(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), nil, fileMode); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, Options{}).Close()

	dir = t.TempDir()
	withBolt(t, dir, func(*bbolt.Tx) error { return nil })
	if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, ErrMissing) {
		t.Errorf("to read: %v", err)
	}
	s := openTest(t, dir, Options{})
	write(t, s, register("n1", "a", "m", 3))
}

func TestOpen_VisitErrorEndsIt(t *testing.T) {
	dir := closedDir(t)
	failure := errors.New("failure")
	_, err := Open(dir, Options{Visit: func(delta.Entry) error { return failure }})
	if !errors.Is(err, failure) || errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	openTest(t, dir, Options{})
}

// However the entries are cut into tasks, every one is visited, in order.
func TestOpen_VisitsEveryEntryInOrder(t *testing.T) {
	for _, n := range []int{0, 1, batchEntries - 1, batchEntries, batchEntries + 1, batchEntries * batchesMax, batchEntries*batchesMax + 1} {
		dir := filepath.Join(t.TempDir(), "data")
		err := Load(dir, Options{Node: "n1"}, func(l *Loader) error {
			if err := l.Seen(crdt.ReplicaID{1}, uint64(n+1)); err != nil {
				return err
			}
			for i := range n {
				x := crdt.PNCounter(nil).Registering(crdt.ReplicaID{1}, uint64(i+1), 1)
				k := delta.ClaimKey(claim("n1", fmt.Sprintf("%06d", i), ""))
				if err := l.Entry(delta.Entry{Key: k, Counter: crdt.PNCounter{x}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var keys []delta.Key
		openTest(t, dir, Options{Visit: func(e delta.Entry) error { keys = append(keys, e.Key); return nil }})
		if len(keys) != n || !slices.IsSorted(keys) {
			t.Errorf("visited %d of %d, in order: %v", len(keys), n, slices.IsSorted(keys))
		}
	}
}
