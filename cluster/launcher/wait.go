package main

import (
	"syscall"
	"time"
	"unsafe"
)

// waitid(2) with WNOWAIT, which the standard library does not offer.
const (
	idTypeAll   = 0
	optionExit  = 4
	optionLeave = 0x01000000
)

// waitAny blocks until some child has ended and leaves it to be collected.
func waitAny() error {
	var info [128]byte
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, idTypeAll, 0, uintptr(unsafe.Pointer(&info)), optionExit|optionLeave, 0, 0)
	switch errno {
	case 0:
		return nil
	case syscall.ECHILD:
		time.Sleep(50 * time.Millisecond) // no child yet
	}
	return errno
}
