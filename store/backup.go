package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Backup writes a consistent copy of the running store to w: a file that Check
// reads and Restore makes a directory of. Writers go on meanwhile, unless the
// file outgrows its mapping.
func (s *Store) Backup(w io.Writer) error {
	return s.View(func(v *View) error {
		if _, err := v.tables.tx.WriteTo(w); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return nil
	})
}

// Restore makes a fresh data directory of a backup, under a new replica id:
// what the backup holds joins the cluster like the state of any replica that
// was away, and what was written after it under the old id is not written
// again. The names of cluster and node are those of the backup; Options name
// them to be sure. The backup is verified first and stays as it is.
func Restore(dir, backup string, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	o.MustExist = false
	s := &Store{options: o, path: filepath.Join(dir, FileName)}
	if err := s.prepareFresh(dir); err != nil {
		return err
	}
	if err := copyFile(s.path+newSuffix, backup); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	n, err := s.adopt()
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", backup, err), os.Remove(s.path+newSuffix))
	}
	return n.appear()
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

// adopt verifies the copy of a backup and gives it a new replica id.
func (s *Store) adopt() (*newFile, error) {
	copied := &Store{options: s.options, path: s.path + newSuffix}
	copied.options.MustExist = true // an empty file is no backup
	if _, err := copied.probe(); err != nil {
		return nil, err
	}
	db, err := s.options.openFile(copied.path, bbolt.Options{NoSync: s.options.NoSync})
	if err != nil {
		return nil, err
	}
	n := &newFile{path: s.path, db: db}
	l, err := copied.load(db)
	if err == nil {
		l.identity.replica = s.options.NewID()
		err = n.putIdentity(l.identity)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return n, nil
}

func (n *newFile) putIdentity(i identity) error {
	tx, err := n.transaction()
	if err != nil {
		return err
	}
	t, err := openTables(tx, nil)
	if err != nil {
		return err
	}
	if err := t.putIdentity(i); err != nil {
		return err
	}
	return n.sync()
}

// copyFile writes a synced copy of a file.
func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}
