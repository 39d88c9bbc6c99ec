package store

import (
	"errors"
	"os"
	"syscall"
)

// datasync waits until the content of a file is on disk, and what is needed to
// read it; not its times, which would cost a write to the journal.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
