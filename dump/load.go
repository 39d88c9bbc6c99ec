package dump

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/scalesmall/ssnode/store"
)

// Loaded is what was loaded.
type Loaded struct {
	Meta Meta
	End  End
}

// Load reads a full dump into a fresh directory: one that is missing, or in
// which no node has kept its data yet. All of the dump is kept or, with an
// error, nothing, and the directory is as it was. An error about the dump is a
// *LineError.
//
// The new directory belongs to the same node of the same cluster, under a new
// replica id: the old one must not run beside it.
func Load(dir string, from io.Reader) (Loaded, error) {
	l, r := newLines(from), newReader()
	if err := r.first(l); err != nil {
		return Loaded{}, err
	}
	_, missing := os.Stat(dir)
	err := store.Load(dir, store.Options{Cluster: r.meta.Cluster, Node: r.meta.Node}, func(to *store.Loader) error {
		r.to = to
		return r.all(l)
	})
	if err != nil {
		if errors.Is(missing, fs.ErrNotExist) {
			_ = os.Remove(dir) // only if it is empty
		}
		return Loaded{}, err
	}
	return Loaded{Meta: r.meta, End: r.count}, nil
}

// first reads the first line, which says whose dump it is.
func (r *reader) first(l *lines) error {
	text, err := l.next()
	switch {
	case errors.Is(err, io.EOF):
		return l.wrong(errors.New("it is empty"))
	case err != nil:
		return l.wrong(err)
	}
	if err := r.take(text); err != nil {
		return l.wrong(err)
	}
	if r.meta.Type != typeMeta {
		return l.wrong(errNotFull)
	}
	return nil
}

var errNotFull = fmt.Errorf("it does not begin with a line of type %q: this is a canonical dump, which is for comparison, or a part of one; make a dump without --canonical", typeMeta)
