package kernel

import (
	"os"
	"unsafe"
)

// impl is the implementation of the kernels for one instruction set and element type.
type impl[F Float] struct {
	// tiles holds the micro-kernels by width (half a panel, 1, 2, 4) and rows less one. The second list is complete; the
	// first one is, or empty.
	tiles [4][]tileFunc[F]
	main  int // the width that does the most with what it loads, and so is used where rows and columns are many
	panel int // columns of a panel

	matrix *matrixUnit[F] // takes the larger products; nil if there is none

	copyRows  func(rows, cols int, dst *F, dstRow, dstCols int, src *F, srcRow int)
	transpose func(blocks int, dst *F, dstRow int, src *F, srcRow int)
	block     int // side of the blocks of transpose

	exp, sigmoid, tanh func(dst, src []F)
	expSub             func(dst, src []F, shift F) // dst = e**(src-shift)

	add, sub, mul, mulAdd func(dst, a, b []F)
	axpy                  func(x, y []F, alpha F)
	scale                 func(x []F, alpha F)

	// The sums take multiples of sumUnit elements.
	sum, sumSquares func(x []F) float64
	dot             func(x, y []F) float64
	sumUnit         int
	// maximum takes a positive multiple of maxUnit elements and may ignore NaNs.
	maximum func(x []F) F
	maxUnit int
	addRows func(dst []F, rows int, a *F, lda int)

	lstmForward  func(i, f, g, o, cPrev, c, tanhC, h []F)
	lstmBackward func(i, f, g, o, cPrev, tanhC, dh, dc []F)
	gruForward   func(xr, xz, xn, hr, hz, hn, hPrev, h []F)
	gruBackward  func(r, z, n, hr, hz, hn, hPrev, dh []F)
	tanhBackward func(dx, y, dy []F)
	adam         func(value, grad, m, v []F, scale, mix1, keep2, mix2, eps, step, root, l2, keep F)

	peak      func(rounds int) // nothing but multiply-adds
	peakFlops int              // operations of one round
}

// implementation is the kernels of one instruction set for both types.
type implementation struct {
	name string
	f32  impl[float32]
	f64  impl[float64]
}

// available lists what this machine can run, best first. The last one is portable.
var available = append(native(), &portable)

// active is the implementation in use.
var active = choose(os.Getenv("BPTT_KERNEL"))

// rank orders all known implementations, best first.
var rank = []string{"amx", "avx512", "avx2", "portable"}

// choose returns the best available implementation that is not above the named one; an unknown name means no limit.
func choose(name string) *implementation {
	below := false
	for _, r := range rank {
		below = below || r == name
		for _, im := range available {
			if below && im.name == r {
				return im
			}
		}
	}
	return available[0]
}

// kernels returns the kernels in use for a type.
func kernels[F Float]() *impl[F] {
	var zero F
	if unsafe.Sizeof(zero) == 4 {
		return (*impl[F])(unsafe.Pointer(&active.f32))
	}
	return (*impl[F])(unsafe.Pointer(&active.f64))
}
