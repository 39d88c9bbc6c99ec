//go:build darwin || freebsd || linux

package store

import (
	"math"
	"syscall"
)

// roomOn returns how many bytes the disk of a file has room for; more than any has
// if it does not say.
func roomOn(path string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return math.MaxUint64
	}
	return uint64(max(0, s.Bavail)) * uint64(s.Bsize)
}
