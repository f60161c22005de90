//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// native returns the assembly implementations that this machine can run, best first.
func native() []*implementation {
	var found []*implementation
	fma := cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2
	if fma && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW {
		if hasMatrixUnit() {
			found = append(found, &amx)
		}
		found = append(found, &avx512)
	}
	if fma {
		found = append(found, &avx2)
	}
	return found
}
