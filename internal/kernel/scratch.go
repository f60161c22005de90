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

// take returns an object of a pool, or a new one.
func take[T any](p *sync.Pool) *T {
	if t, ok := p.Get().(*T); ok {
		return t
	}
	return new(T)
}

// give returns an object, empty, so that it keeps nothing alive.
func give[T any](p *sync.Pool, t *T) {
	*t = *new(T)
	p.Put(t)
}

func getScratch[F Float]() *scratch[F]  { return take[scratch[F]](&reserved[F]().scratch) }
func putScratch[F Float](s *scratch[F]) { reserved[F]().scratch.Put(s) } // with its memory

func getGemmTask[F Float]() *gemmTask[F]  { return take[gemmTask[F]](&reserved[F]().tasks) }
func putGemmTask[F Float](t *gemmTask[F]) { give(&reserved[F]().tasks, t) }

func getColSumsTask[F Float]() *colSumsTask[F]  { return take[colSumsTask[F]](&reserved[F]().sums) }
func putColSumsTask[F Float](t *colSumsTask[F]) { give(&reserved[F]().sums, t) }

func getRowsTask[F Float]() *rowsTask[F]  { return take[rowsTask[F]](&reserved[F]().rows) }
func putRowsTask[F Float](t *rowsTask[F]) { give(&reserved[F]().rows, t) }

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
