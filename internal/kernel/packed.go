package kernel

import "fmt"

// Packed is the right operand of a product in the layout of the micro-kernel, packed once and multiplied many times. The
// zero value is a 0×0 matrix, ready to use. After Pack any number of goroutines may call Mul at once.
type Packed[F Float] struct {
	im   *impl[F] // that chose the layout
	k, n int
	data []F

	// While it is packed: where from, with its strides, and in how many chunks of columns.
	src      *F
	row, col int
	chunks   int
}

// Pack stores op(B), a k×n matrix: B or, if trans is set, its transpose. It reuses the memory of an earlier Pack. Each
// thread of p packs a part of the columns, cut as Split cuts them with Align.
func (q *Packed[F]) Pack(p *Pool, trans bool, k, n int, b []F, ldb int) {
	q.row, q.col = ldb, 1
	if trans {
		checkMatrix("B", len(b), n, k, ldb)
		q.row, q.col = q.col, q.row
	} else {
		checkMatrix("B", len(b), k, n, ldb)
	}
	q.im, q.k, q.n, q.src = kernels[F](), k, n, first(b)
	q.data = grow(q.data, k*roundUp(n, q.im.panel))
	q.chunks = min(p.Threads(), 1+k*n/minWork)
	p.Run(q.chunks, (*packing[F])(q))
	q.src = nil
}

// packing is the task of Pack.
type packing[F Float] Packed[F]

func (q *packing[F]) Chunk(i, _ int) {
	from, to := Split(q.n, q.im.panel, i, q.chunks)
	q.im.packPanels(q.data[from*q.k:], q.k, to-from, at(q.src, from*q.col), q.row, q.col)
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
	q.mul(m, a, lda, c, ldc, beta, c, ldc, from, to)
}

// MulAdd computes C[:, from:to] = A·op(B)[:, from:to] + D[:, from:to], as Mul does. If ldd is 0, D is one row, which is
// added to every row.
func (q *Packed[F]) MulAdd(m int, a []F, lda int, d []F, ldd int, c []F, ldc int, from, to int) {
	rows := m
	if ldd == 0 {
		rows = min(m, 1)
	}
	checkMatrix("D", len(d), rows, to, max(ldd, to))
	q.mul(m, a, lda, d, ldd, 1, c, ldc, from, to)
}

func (q *Packed[F]) mul(m int, a []F, lda int, old []F, oldRow int, beta F, c []F, ldc int, from, to int) {
	align := q.Align()
	if from < 0 || to > q.n || from > to || from%align != 0 || to%align != 0 && to != q.n {
		panic(fmt.Sprintf("kernel: column range %d to %d of %d is not aligned to %d", from, to, q.n, align))
	}
	checkMatrix("A", len(a), m, q.k, lda)
	checkMatrix("C", len(c), m, to, ldc)
	if m == 0 || from == to {
		return
	}
	all := result[F]{c: first(c), row: ldc, old: first(old), oldRow: oldRow, alpha: 1, beta: beta}
	kc, mc := depth(q.k, false), q.im.blockRows()
	for i := 0; i < m; i += mc {
		r := all.at(i, from)
		for p := 0; p == 0 || p < q.k; p += kc {
			x := left[F]{at(first(a), i*lda+p), lda}
			b := right[F]{at(first(q.data), from*q.k+p*align), align, q.k * align}
			q.im.multiply(min(mc, m-i), to-from, min(kc, q.k-p), x, b, r)
			r = r.more()
		}
	}
}
