package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/internal/zst"
	"go.etcd.io/bbolt"
)

// Problem is something wrong with a file, in plain words.
type Problem string

// problemsMax bounds how many problems are told.
const problemsMax = 100

// Check looks at everything in a data directory, or in a backup of one, packed or not, and
// returns what is wrong with it. It changes nothing. The error says why it
// could not look: ErrInUse, ErrMissing, ErrNewerFormat.
//
// A walker finds the damage that bbolt would not survive before bbolt is let at
// the file. To be safe from what is not thought of, and from a disk that hangs,
// check a suspect file in a process of its own, with a limit on its time.
func Check(path string) ([]Problem, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	if zst.Is(path) {
		return checkPacked(path)
	}
	s := &Store{options: Options{ReadOnly: true}.withDefaults(), path: path}
	if _, err := s.probe(); err != nil {
		return problemsOf(path, err)
	}
	db, err := s.options.openFile(path, readOnly)
	if err != nil {
		return problemsOf(path, err)
	}
	defer db.Close()
	return checkFile(db), nil
}

// checkPacked checks a packed backup, unpacked into a temporary file.
func checkPacked(path string) (problems []Problem, err error) {
	f, err := os.CreateTemp("", "ssnode-check-*.db")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := f.Close(); err != nil {
		return nil, err
	}
	if err := copyBackup(f.Name(), path, func(uint64, uint64) {}); err != nil {
		var system *fs.PathError
		if errors.As(err, &system) {
			return nil, err
		}
		return []Problem{Problem(err.Error())}, nil
	}
	return Check(f.Name())
}

// problemsOf tells damage that prevents opening in full.
func problemsOf(path string, cause error) ([]Problem, error) {
	if !errors.Is(cause, ErrCorrupt) {
		return nil, cause
	}
	var c checker
	if errors.Is(cause, errTorn) {
		c.report("%v", cause)
		return c.problems, nil
	}
	left, err := salvage(path) // also the frames, which may be damaged as well
	if err != nil {
		return nil, err
	}
	for _, found := range left.problems {
		c.report("%s", found)
	}
	if len(c.problems) == 0 {
		c.report("%v", cause) // what is whole, but not ours
	}
	return c.problems, nil
}

// Check is the function Check on an open store. Writers wait.
func (s *Store) Check() []Problem {
	s.await()
	defer s.goOn()
	db, err := s.readable()
	if err != nil {
		return []Problem{Problem(err.Error())}
	}
	return checkFile(db)
}

// checkFile checks the values, and only if all pages could be read to do so
// bbolt's own view of them: its check runs on a goroutine of its own, where a
// page number outside the file ends the process.
func checkFile(db *bbolt.DB) []Problem {
	c := &checker{}
	err := guard(func() error { return readTransaction(db, c.checkValues) })
	if err != nil {
		c.report("%v", err)
		return c.problems
	}
	if err := readTransaction(db, c.checkPages); err != nil {
		c.report("%v", err)
	}
	return c.problems
}

func (c *checker) checkPages(tx *bbolt.Tx) error {
	for err := range tx.Check() {
		c.report("pages: %v", err)
	}
	return nil
}

// checker collects problems.
type checker struct {
	problems []Problem
	state    state
	sums     sums
}

func (c *checker) report(format string, args ...any) {
	switch n := len(c.problems); {
	case n < problemsMax:
		c.problems = append(c.problems, Problem(fmt.Sprintf(format, args...)))
	case n == problemsMax:
		c.problems = append(c.problems, "and more")
	}
}

// each calls visit for every value of a table whose checksum is right, and
// reports what visit and the checksums complain of.
func (c *checker) each(t *table, visit func(key, payload []byte) error) {
	cursor, err := t.cursor()
	if err != nil {
		c.report("%v", err)
		return
	}
	for key, stored := cursor.First(); key != nil; key, stored = cursor.Next() {
		payload, err := unseal(t.name, key, stored)
		if err == nil {
			err = visit(key, payload)
		}
		if err != nil {
			c.report("%v", err)
		}
	}
}
