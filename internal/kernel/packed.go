package kernel

import "fmt"

// Packed is the right operand of a product in the layout of the micro-kernel, packed once and multiplied many times: one
// matrix or several of one size side by side, as the weights of a cell's gates are. The zero value is a 0×0 matrix, ready
// to use. After Pack any number of goroutines may call Mul at once.
type Packed[F Float] struct {
	im     *impl[F] // that chose the layout
	k, n   int      // of each matrix
	blocks int      // matrices
	matrix bool     // for the matrix unit
	data   []F

	// While it is packed: where from, with its strides, and in how many chunks of columns.
	src      *F
	row, col int
	chunks   int
}

// Pack stores op(B), blocks matrices of k×n side by side: B is k×(blocks·n) or, if trans is set, (blocks·n)×k. It reuses
// the memory of an earlier Pack. rows is the number of rows that left operands will have, all threads' together: which unit
// of the processor multiplies goes by it, and so the rounding. Each thread of p packs a part of the columns of every block,
// cut as Split cuts them with Align.
func (q *Packed[F]) Pack(p *Pool, trans bool, rows, k, n, blocks int, b []F, ldb int) {
	q.row, q.col = ldb, 1
	if trans {
		checkMatrix("B", len(b), blocks*n, k, ldb)
		q.row, q.col = q.col, q.row
	} else {
		checkMatrix("B", len(b), k, blocks*n, ldb)
	}
	q.choose(rows, k, n, blocks)
	q.src = first(b)
	q.data = grow(q.data, blocks*q.blockLen())
	q.chunks = min(p.Threads(), 1+k*n*blocks/minWork)
	p.Run(q.chunks, (*packing[F])(q))
	q.src = nil
}

// PackedLen returns the number of elements of memory that Pack takes.
func PackedLen[F Float](rows, k, n, blocks int) int {
	var q Packed[F]
	q.choose(rows, k, n, blocks)
	return blocks * q.blockLen()
}

// choose sets the size and the layout.
func (q *Packed[F]) choose(rows, k, n, blocks int) {
	q.im, q.k, q.n, q.blocks = kernels[F](), k, n, blocks
	q.matrix = q.im.matrix != nil && rows >= minMatrixRows && n >= matrixPanel && k >= minMatrixDepth && blocks*n*k >= minMatrixWeights
}

// panelLen is the number of elements of a packed panel, blockLen that of a block.
func (q *Packed[F]) panelLen() int {
	if q.matrix {
		return panelsLen(matrixPanel, q.k)
	}
	return q.k * q.im.panel
}

func (q *Packed[F]) blockLen() int { return (q.n + q.im.panel - 1) / q.im.panel * q.panelLen() }

// panel is the packed panel of a block from column j on.
func (q *Packed[F]) panel(block, j int) []F {
	return q.data[block*q.blockLen()+j/q.im.panel*q.panelLen():]
}

// packing is the task of Pack.
type packing[F Float] Packed[F]

func (t *packing[F]) Chunk(i, _ int) {
	q := (*Packed[F])(t)
	from, to := Split(q.n, q.im.panel, i, q.chunks)
	for block := range q.blocks {
		src := at(q.src, (block*q.n+from)*q.col)
		if q.matrix {
			q.im.splitRight(q.panel(block, from), q.k, to-from, src, q.row, q.col)
		} else {
			q.im.packPanels(q.panel(block, from), q.k, to-from, src, q.row, q.col)
		}
	}
}

// Align returns the width of a panel. The column ranges given to Mul begin at multiples of it and end at one or at the
// last column.
func (q *Packed[F]) Align() int {
	if q.im == nil {
		return kernels[F]().panel
	}
	return q.im.panel
}

// Mul computes C[:, from:to] = A·op(B)[:, from:to] + beta*C[:, from:to] on the calling goroutine, where A is m×k, in every
// block: C has the columns of all of them side by side. c starts at row 0 and column 0 of C. If beta is 0, C is overwritten
// without being read. C must not overlap A. A row of the result has the same bits whatever m, from and to are.
func (q *Packed[F]) Mul(m int, a []F, lda int, beta F, c []F, ldc int, from, to int) {
	q.mul(m, a, lda, c, ldc, beta, c, ldc, from, to)
}

// MulAdd computes C[:, from:to] = A·op(B)[:, from:to] + D[:, from:to], as Mul does. If ldd is 0, D is one row, which is
// added to every row.
func (q *Packed[F]) MulAdd(m int, a []F, lda int, d []F, ldd int, c []F, ldc int, from, to int) {
	rows, cols := m, q.lastCol(to)
	if ldd == 0 {
		rows = min(m, 1)
	}
	checkMatrix("D", len(d), rows, cols, max(ldd, cols))
	q.mul(m, a, lda, d, ldd, 1, c, ldc, from, to)
}

// lastCol is where the range that ends at to ends in the last block.
func (q *Packed[F]) lastCol(to int) int { return max(q.blocks-1, 0)*q.n + to }

func (q *Packed[F]) mul(m int, a []F, lda int, old []F, oldRow int, beta F, c []F, ldc int, from, to int) {
	align := q.Align()
	if from < 0 || to > q.n || from > to || from%align != 0 || to%align != 0 && to != q.n {
		panic(fmt.Sprintf("kernel: column range %d to %d of %d is not aligned to %d", from, to, q.n, align))
	}
	checkMatrix("A", len(a), m, q.k, lda)
	checkMatrix("C", len(c), m, q.lastCol(to), ldc)
	if m == 0 || from == to {
		return
	}
	all := result[F]{c: first(c), row: ldc, old: first(old), oldRow: oldRow, alpha: 1, beta: beta}
	if q.matrix {
		q.mulMatrix(m, a, lda, all, from, to)
		return
	}
	kc, mc := depth(q.k, false), q.im.blockRows()
	for block := range q.blocks {
		packed := first(q.panel(block, from))
		for i := 0; i < m; i += mc {
			r := all.at(i, block*q.n+from)
			for p := 0; p == 0 || p < q.k; p += kc {
				x := left[F]{at(first(a), i*lda+p), lda}
				b := right[F]{at(packed, p*align), align, q.k * align}
				q.im.multiply(min(mc, m-i), to-from, min(kc, q.k-p), x, b, r)
				r = r.more()
			}
		}
	}
}
