// Package zst packs files by their names: one that ends in Suffix is
// compressed with zstd, any other is as it is. It owns the dependency.
//
//	r, err := zst.NewReader("n1.backup.zst", file)
//	defer r.Close()
//
// A packed file carries a checksum of its content: one that was cut off or
// changed is refused where that is found.
package zst

import (
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Suffix ends the name of a packed file.
const Suffix = ".zst"

// windowBytesMax bounds what unpacking needs to remember, and so its memory.
const windowBytesMax = 64 << 20

// Is reports whether a file of that name is packed.
func Is(name string) bool { return strings.HasSuffix(name, Suffix) }

// NewReader returns what a file of that name holds, given its bytes. Closing it
// leaves r open.
func NewReader(name string, r io.Reader) (io.ReadCloser, error) {
	if !Is(name) {
		return io.NopCloser(r), nil
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(windowBytesMax))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return reader{d.IOReadCloser(), name}, nil
}

// reader says in its errors what was unpacked.
type reader struct {
	io.ReadCloser
	name string
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("unpack %s: %w", r.name, err)
	}
	return n, err
}

// NewWriter returns what writes a file of that name to w. Closing it ends the
// file and leaves w open; without that the file is cut off.
func NewWriter(name string, w io.Writer) (io.WriteCloser, error) {
	if !Is(name) {
		return plain{w}, nil
	}
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}

type plain struct{ io.Writer }

// Close does nothing: the file ends where it ends.
func (plain) Close() error { return nil }
