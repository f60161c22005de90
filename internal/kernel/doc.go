// Package kernel holds the numeric kernels of the library: matrix products, element-wise functions, reductions, the fused
// row kernels of the recurrent cells and the pool of workers that runs them.
//
// # Conventions
//
// Matrices are row-major with a leading dimension (the distance between the starts of two rows, in elements). Slices are
// only borrowed for the time of a call. A destination of an element-wise function may be the same slice as a source; any
// other overlap is an error that is not detected. A slice that is too short for the shape panics with a message that
// starts with "kernel:" before any memory is touched. Every size may be zero.
//
// # Determinism
//
// A result does not depend on the number of threads, bit for bit: work is split over outputs, never over a summed
// dimension, and every element of a product is the same chain of operations whatever tile computes it. Results do differ
// between instruction sets, within the rounding of the type, and between the vectors and the matrix unit, which takes the
// larger products in float32.
//
// # Instruction sets
//
// The implementation is chosen at start-up: AVX-512 (F, DQ, VL, BW) with or without a matrix unit (AMX with bfloat16, on
// Linux), AVX2 with FMA, or portable Go. The environment variable BPTT_KERNEL (avx512, avx2 or portable) lowers the choice;
// an unknown value is ignored, and a set that the machine lacks gives the best one below it. The build tag noasm leaves only
// portable Go.
package kernel

//go:generate go run -C asm . -out ..

// Float is the set of element types.
type Float interface{ float32 | float64 }
