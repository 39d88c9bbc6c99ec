//go:build darwin || freebsd || linux

package store

import "syscall"

// roomOn returns how many bytes the disk of a file has room for.
func roomOn(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	return uint64(max(0, s.Bavail)) * uint64(s.Bsize), nil
}
