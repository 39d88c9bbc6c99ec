package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/internal/zst"
)

// newFile is a file that appears under its name only when it is whole and on
// disk, packed if the name says so. Until then it has another name beside it.
type newFile struct {
	name   string
	file   *os.File
	buffer *bufio.Writer
	packed io.WriteCloser
}

// createFile begins a new file. It takes the place of one of that name at its
// end.
func createFile(name string) (*newFile, error) {
	suffix := ""
	if zst.Is(name) {
		suffix = zst.Suffix
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".ssnode-*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	n := &newFile{name: name, file: f, buffer: bufio.NewWriterSize(f, 256<<10)}
	if n.packed, err = zst.NewWriter(name, n.buffer); err != nil {
		return nil, errors.Join(err, n.discard())
	}
	return n, nil
}

func (n *newFile) Write(p []byte) (int, error) { return n.packed.Write(p) }

// finish ends the file and makes it durable, still under its first name, which
// it returns.
func (n *newFile) finish() (string, error) {
	if err := errors.Join(n.packed.Close(), n.buffer.Flush(), n.file.Sync()); err != nil {
		return "", fmt.Errorf("write %s: %w", n.name, err)
	}
	return n.file.Name(), nil
}

// appear gives the file its name.
func (n *newFile) appear() error {
	if err := errors.Join(n.file.Close(), os.Rename(n.file.Name(), n.name)); err != nil {
		return fmt.Errorf("write %s: %w", n.name, err)
	}
	return nil
}

// discard removes the file, unless it has appeared.
func (n *newFile) discard() error {
	_ = n.file.Close() // may be closed
	if err := os.Remove(n.file.Name()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile writes a whole file, or nothing.
func writeFile(name string, write func(io.Writer) error, verify func(path string) error) (err error) {
	n, err := createFile(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.discard()) }()
	if err := write(n); err != nil {
		return err
	}
	path, err := n.finish()
	if err != nil {
		return err
	}
	if err := verify(path); err != nil {
		return err
	}
	return n.appear()
}
