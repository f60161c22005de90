package kernel

import "fmt"

// Packed is the right operand of a product in the layout of the micro-kernel, packed once and multiplied many times. The
// zero value is a 0×0 matrix, ready to use. After Pack any number of goroutines may call Mul at once.
type Packed[F Float] struct {
	im   *impl[F] // that chose the layout
	k, n int
	data []F
}

// Pack stores op(B), a k×n matrix: B or, if trans is set, its transpose. It reuses the memory of an earlier Pack.
func (q *Packed[F]) Pack(trans bool, k, n int, b []F, ldb int) {
	row, col := ldb, 1
	if trans {
		checkMatrix("B", len(b), n, k, ldb)
		row, col = col, row
	} else {
		checkMatrix("B", len(b), k, n, ldb)
	}
	q.im, q.k, q.n = kernels[F](), k, n
	q.data = grow(q.data, k*roundUp(n, q.im.panel))
	q.im.packPanels(q.data, k, n, first(b), row, col)
}

// Align returns the width of a panel. The column ranges given to Mul begin at multiples of it and end at one or at the
// last column.
func (q *Packed[F]) Align() int {
	if q.im == nil {
		return kernels[F]().panel
	}
	return q.im.panel
}

// Mul computes C[:, from:to] = A·op(B)[:, from:to] + beta*C[:, from:to] on the calling goroutine, where A is m×k. c starts
// at row 0 and column 0 of C. If beta is 0, C is overwritten without being read. C must not overlap A. A row of the result
// has the same bits whatever m, from and to are.
func (q *Packed[F]) Mul(m int, a []F, lda int, beta F, c []F, ldc int, from, to int) {
	align := q.Align()
	if from < 0 || to > q.n || from > to || from%align != 0 || to%align != 0 && to != q.n {
		panic(fmt.Sprintf("kernel: column range %d to %d of %d is not aligned to %d", from, to, q.n, align))
	}
	checkMatrix("A", len(a), m, q.k, lda)
	checkMatrix("C", len(c), m, to, ldc)
	if m == 0 || from == to {
		return
	}
	kc, mc := depth(q.k), q.im.blockRows()
	for i := 0; i < m; i += mc {
		rows, dst := min(mc, m-i), at(first(c), i*ldc+from)
		for p := 0; p == 0 || p < q.k; p += kc {
			old := beta
			if p > 0 {
				old = 1
			}
			x := left[F]{at(first(a), i*lda+p), lda}
			b := right[F]{at(first(q.data), from*q.k+p*align), align, q.k * align}
			q.im.multiply(rows, to-from, min(kc, q.k-p), x, b, dst, ldc, 1, old)
		}
	}
}
