//go:build !noasm

package kernel

import "syscall"

// permitTiles asks Linux for the state of the tiles, which a process doesn't have by itself.
func permitTiles() bool {
	const requestPermission, tileData = 0x1023, 18
	_, _, failed := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return failed == 0
}
