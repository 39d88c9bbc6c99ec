package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapPages maps pages of a file, so that some of them can be flushed alone (syncPages):
// nil, where the system maps larger pages than the file has.
func mapPages(f *os.File, base int64, pages uint64) ([]byte, error) {
	if os.Getpagesize() != pageBytes {
		return nil, nil
	}
	b, err := unix.Mmap(int(f.Fd()), base, int(pages)*pageBytes, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d pages: %w", pages, os.NewSyscallError("mmap", err))
	}
	return b, nil
}

func unmapPages(b []byte) error {
	if b == nil {
		return nil
	}
	return os.NewSyscallError("munmap", unix.Munmap(b))
}

// syncPages is datasync for mapped pages of a file alone, whoever has written them. Linux
// looks for dirty pages in that range of the file, has the disk take what is needed to
// read them, and flushes its cache, as for fdatasync; a fault is told once of each
// descriptor, which a mapping shares with what it was made of.
func syncPages(b []byte) error {
	for {
		err := unix.Msync(b, unix.MS_SYNC)
		if err != unix.EINTR {
			return os.NewSyscallError("msync", err)
		}
	}
}
