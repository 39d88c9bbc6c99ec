package crash_test

import (
	"syscall"
	"unsafe"
)

func ioctl(fd uintptr, request uintptr, argument *uint32) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(argument))); errno != 0 {
		return errno
	}
	return nil
}
