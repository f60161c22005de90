package kernel

import (
	"sync"
	"unsafe"
)

// scratch is the memory of one goroutine for packed operands, and for a product of the matrix unit.
type scratch[F Float] struct{ left, right, sum []F }

// reserve keeps the objects of a product for the next one, so that it allocates nothing.
type reserve[F Float] struct{ tasks, sums, rows, scratch sync.Pool }

var (
	reserve32 reserve[float32]
	reserve64 reserve[float64]
)

func reserved[F Float]() *reserve[F] {
	var zero F
	if unsafe.Sizeof(zero) == 4 {
		return (*reserve[F])(unsafe.Pointer(&reserve32))
	}
	return (*reserve[F])(unsafe.Pointer(&reserve64))
}

func getScratch[F Float]() *scratch[F] {
	if s, ok := reserved[F]().scratch.Get().(*scratch[F]); ok {
		return s
	}
	return new(scratch[F])
}

func putScratch[F Float](s *scratch[F]) { reserved[F]().scratch.Put(s) }

func getGemmTask[F Float]() *gemmTask[F] {
	if t, ok := reserved[F]().tasks.Get().(*gemmTask[F]); ok {
		return t
	}
	return new(gemmTask[F])
}

func putGemmTask[F Float](t *gemmTask[F]) {
	*t = gemmTask[F]{} // keeps no operand alive
	reserved[F]().tasks.Put(t)
}

func getColSumsTask[F Float]() *colSumsTask[F] {
	if t, ok := reserved[F]().sums.Get().(*colSumsTask[F]); ok {
		return t
	}
	return new(colSumsTask[F])
}

func putColSumsTask[F Float](t *colSumsTask[F]) {
	*t = colSumsTask[F]{}
	reserved[F]().sums.Put(t)
}

func getRowsTask[F Float]() *rowsTask[F] {
	if t, ok := reserved[F]().rows.Get().(*rowsTask[F]); ok {
		return t
	}
	return new(rowsTask[F])
}

func putRowsTask[F Float](t *rowsTask[F]) {
	*t = rowsTask[F]{}
	reserved[F]().rows.Put(t)
}

// roundUp returns the least multiple of unit that is at least n.
func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// cacheLine is the alignment of packed operands in bytes.
const cacheLine = 64

// grow returns buf with length n, or new memory that begins at a cache line if buf is too small.
func grow[F Float](buf []F, n int) []F {
	if cap(buf) >= n {
		return buf[:n]
	}
	var zero F
	size := int(unsafe.Sizeof(zero))
	buf = make([]F, n+cacheLine/size)
	skip := (cacheLine - int(uintptr(unsafe.Pointer(&buf[0]))%cacheLine)) % cacheLine / size
	return buf[skip : skip+n]
}
