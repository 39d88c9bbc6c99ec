package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/internal/zst"
	"go.etcd.io/bbolt"
)

// Backup writes a consistent copy of the running store to w: a file that Check
// reads and Restore makes a directory of. Writers go on meanwhile, unless the
// file outgrows its mapping.
func (s *Store) Backup(w io.Writer) error {
	return s.View(func(v *View) error { return v.Backup(w) })
}

// Backup writes a copy of the file as it was at the instant of the view.
func (v *View) Backup(w io.Writer) error {
	r, err := newRingCopy(w, v)
	if err == nil {
		_, err = v.tables.tx.WriteTo(r)
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// BackupBytes returns how many bytes Backup writes.
func (v *View) BackupBytes() int64 { return v.tables.tx.Size() }

// Restored says what a backup was of, and under which id its replica goes on.
type Restored struct {
	Node, Cluster   string
	Replica, Former crdt.ReplicaID
}

// Restore makes a fresh data directory of a backup, under a new replica id:
// what the backup holds joins the cluster like the state of any replica that
// was away, and what was written after it under the old id is not written
// again. The names of cluster and node are those of the backup; Options name
// them to be sure. The backup is verified first and stays as it is; it may be
// packed, see internal/zst. Interrupted at any point, Restore leaves no file
// or a complete one.
func Restore(dir, backup string, o Options) (Restored, error) {
	if err := o.Validate(); err != nil {
		return Restored{}, err
	}
	s := &Store{options: o.withDefaults(), path: filepath.Join(dir, FileName)}
	return s.restore(dir, backup, func(i identity) identity { return i })
}

// restore is Restore with a say in who the directory belongs to.
func (s *Store) restore(dir, backup string, name func(identity) identity) (done Restored, err error) {
	s.options.MustExist = false
	if err := s.prepareFresh(dir); err != nil {
		return done, err
	}
	if err := copyBackup(s.path+newSuffix, backup, s.options.Progress); err != nil {
		return done, errors.Join(fmt.Errorf("restore: %w", err), removeIfThere(s.path+newSuffix))
	}
	n, err := s.adopt(func(i identity) identity {
		who := name(i)
		who.replica = s.options.NewID()
		done = Restored{Node: who.node, Cluster: who.cluster, Replica: who.replica, Former: i.replica}
		return who
	})
	if err != nil {
		return done, errors.Join(fmt.Errorf("restore %s: %w", backup, err), removeIfThere(s.path+newSuffix))
	}
	return done, n.appear()
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// prepareFresh makes sure that there is a directory without a file.
func (s *Store) prepareFresh(dir string) error {
	if err := s.prepareDirectory(dir); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path); err == nil {
		return fmt.Errorf("%w: %s exists; name a fresh directory", ErrExists, s.path)
	}
	return nil
}

// adopt verifies the copy of a backup and makes it somebody else's.
func (s *Store) adopt(name func(identity) identity) (*newFile, error) {
	copied := &Store{options: s.options, path: s.path + newSuffix}
	copied.options.MustExist = true // an empty file is no backup
	if _, err := copied.probe(); err != nil {
		return nil, err
	}
	db, err := s.options.openFile(copied.path, bbolt.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	n := &newFile{path: s.path, db: db}
	l, err := copied.load(db)
	if err == nil {
		copied.state, copied.filed = l.state, l.filed
		err = n.becomeThatOf(copied, l, name(l.identity))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return n, nil
}

// becomeThatOf makes the file that of somebody else, and has its tables have what its
// journal has.
func (n *newFile) becomeThatOf(s *Store, l *loaded, i identity) error {
	tx, err := n.transaction()
	if err != nil {
		return err
	}
	t := newTables(tx, nil)
	change := &amendment{fill: func(t *tables, next state, _ *delta.Replica) (state, error) { return next, t.putIdentity(i) }}
	if l.version < FormatVersion { // whose state is another one
		err = t.putIdentity(i)
	} else {
		_, _, err = s.fillTables(t, l.journaled.frames, l.journaled.images, change)
	}
	if err != nil {
		return err
	}
	return n.sync()
}

// copyBackup writes a synced copy of a backup, unpacked.
func copyBackup(to, from string, progress func(done, total uint64)) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	counted, err := newCounted(in, progress)
	if err != nil {
		return err
	}
	unpacked, err := zst.NewReader(from, counted)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, unpacked); err != nil {
		return err
	}
	return out.Sync()
}

// counted tells how much of a file was read.
type counted struct {
	file        *os.File
	done, total uint64
	progress    func(done, total uint64)
}

func newCounted(f *os.File, progress func(done, total uint64)) (*counted, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory; name the file of a backup", f.Name())
	}
	return &counted{file: f, total: uint64(info.Size()), progress: progress}, nil
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.done += uint64(n)
	c.progress(c.done, max(c.done, c.total))
	return n, err
}
