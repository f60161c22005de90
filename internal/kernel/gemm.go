package kernel

import "unsafe"

// The largest part of the summed dimension that one pass over C covers, so that panels and tiles stay in the caches near
// the core. A left operand that is packed has its copy there too.
const (
	maxDepth       = 768
	maxPackedDepth = 384
)

// Sizes of the blocks that a worker holds in its second-level cache, in elements.
const (
	leftBlock  = 192 << 10
	rightBlock = 192 << 10
)

// blockRows is about the number of rows that are done before the next ones: few, so that C is written in long pieces.
const blockRows = 56

// minWork is the number of multiply-adds, about a microsecond, that is worth another worker.
const minWork = 64 << 10

// Gemm computes C = alpha*op(A)*op(B) + beta*C with the threads of p, where op(X) is X or, if its trans flag is set, its
// transpose. op(A) is m×k, op(B) is k×n and C is m×n. If beta is 0, C is overwritten without being read. C must not
// overlap A or B.
func Gemm[F Float](p *Pool, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	gemm(p, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, nil, c, ldc)
}

// GemmBias computes C = A·op(B) + bias, where bias is added to every row, as Gemm does.
func GemmBias[F Float](p *Pool, transB bool, m, n, k int, a []F, lda int, b []F, ldb int, bias, c []F, ldc int) {
	checkLen(n, len(bias))
	gemm(p, false, transB, m, n, k, 1, a, lda, b, ldb, 1, bias, c, ldc)
}

func gemm[F Float](p *Pool, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, bias, c []F, ldc int) {
	t := getGemmTask[F]()
	*t = gemmTask[F]{m: m, n: n, k: k, a: first(a), b: first(b),
		result: result[F]{c: first(c), row: ldc, old: first(c), oldRow: ldc, alpha: alpha, beta: beta}}
	if bias != nil {
		t.old, t.oldRow = first(bias), 0
	}
	if transA {
		checkMatrix("A", len(a), k, m, lda)
		t.aRow, t.aCol = 1, lda
	} else {
		checkMatrix("A", len(a), m, k, lda)
		t.aRow, t.aCol = lda, 1
	}
	if transB {
		checkMatrix("B", len(b), n, k, ldb)
		t.bRow, t.bCol = 1, ldb
	} else {
		checkMatrix("B", len(b), k, n, ldb)
		t.bRow, t.bCol = ldb, 1
	}
	checkMatrix("C", len(c), m, n, ldc)
	if m == 0 || n == 0 {
		return
	}
	blocks := min(p.Threads(), 1+m*n*k/minWork)
	if m*n*k/blocks > 16*minWork {
		blocks *= 2 // so that a worker can take some over from one that is late
	}
	t.split(blocks)
	p.Run(t.gridRows*t.gridCols, t)
	putGemmTask(t)
}

// gemmTask is one product, divided into a grid of blocks of C.
type gemmTask[F Float] struct {
	m, n, k                int
	a, b                   *F
	aRow, aCol, bRow, bCol int // strides of op(A) and op(B)
	result[F]
	gridRows, gridCols int
}

// split chooses the grid with the least memory for operands per worker, which is also the one that packs the least.
func (t *gemmTask[F]) split(workers int) {
	best := -1
	for rows := 1; rows <= workers; rows++ {
		if workers%rows != 0 {
			continue
		}
		cols := workers / rows
		cost := (t.m+rows-1)/rows + (t.n+cols-1)/cols
		if best < 0 || cost < best {
			best, t.gridRows, t.gridCols = cost, rows, cols
		}
	}
}

// Chunk computes a block.
func (t *gemmTask[F]) Chunk(i, _ int) {
	im, s := kernels[F](), getScratch[F]()
	r0, r1 := Split(t.m, 1, i/t.gridCols, t.gridRows)
	c0, c1 := Split(t.n, im.panel, i%t.gridCols, t.gridCols)
	if t.onMatrixUnit(im) {
		t.matrixBlock(im, s, r0, r1-r0, c0, c1-c0)
	} else {
		t.block(im, s, r0, r1-r0, c0, c1-c0)
	}
	putScratch(s)
}

// depth returns the size of the parts that the summed dimension k is done in. It depends on nothing but k and whether the
// left operand is transposed, and so packed, since it decides how results are rounded.
func depth(k int, transposed bool) int {
	most := maxDepth
	if transposed {
		most = maxPackedDepth
	}
	parts := max((k+most-1)/most, 1)
	return max(roundUp((k+parts-1)/parts, 8), 1)
}

// blockRows returns the constant of this name in whole tiles.
func (im *impl[F]) blockRows() int {
	tall := len(im.tiles[im.main])
	return blockRows / tall * tall
}

// block computes rows×cols elements of C from row r and column c on.
func (t *gemmTask[F]) block(im *impl[F], s *scratch[F], r, rows, c, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst := t.at(r, c)
	if t.k == 0 {
		im.multiply(rows, cols, 0, left[F]{p: t.a}, right[F]{p: t.b}, dst)
		return
	}
	kc, mc := depth(t.k, t.aCol != 1), im.blockRows()
	// With few rows, the left operand is packed as a whole and the right one a few panels at a time, just before their
	// use, so that they stay in the first-level cache. With many, it is the right one that comes in larger blocks.
	few := rows*kc <= leftBlock
	nc := groupPanels * im.panel
	if !few {
		nc = max(rightBlock/kc/im.panel, 1) * im.panel
	}
	for p := 0; p < t.k; p += kc {
		k := min(kc, t.k-p)
		a := at(t.a, r*t.aRow+p*t.aCol)
		var all left[F]
		if few {
			all = t.left(im, s, rows, k, a)
		}
		for j := 0; j < cols; j += nc {
			n := min(nc, cols-j)
			b, whole := t.right(im, s, rows, n, k, at(t.b, p*t.bRow+(c+j)*t.bCol))
			for i := 0; i < rows; i += mc {
				m := min(mc, rows-i)
				var x left[F]
				if few {
					x = left[F]{at(all.p, i*all.row), all.row}
				} else {
					x = t.left(im, s, m, k, at(a, i*t.aRow))
				}
				im.multiply(m, whole, k, x, b, dst.at(i, j))
				if whole < n {
					edge := right[F]{first(s.right), im.panel, 0}
					im.multiply(m, n-whole, k, x, edge, dst.at(i, j+whole))
				}
			}
		}
		dst = dst.more()
	}
}

// groupPanels is the number of panels of a right operand that are packed just before their use.
const groupPanels = 4

// Limits for reading a right operand where it is. Beyond them packing costs less than it saves.
const (
	freeTiles    = 2       // row tiles that always do
	inPlaceTiles = 80      // row tiles that read it
	inPlaceReach = 1 << 20 // rows of B times the power of two in their stride, in bytes: how much they crowd few cache sets
)

// inPlace reports whether blocks of m rows read k rows of the right operand where it is.
func (t *gemmTask[F]) inPlace(im *impl[F], m, k int) bool {
	if t.bCol != 1 {
		return false
	}
	tall := len(im.tiles[im.main])
	stride := t.bRow * int(unsafe.Sizeof(*t.b))
	return m <= freeTiles*tall || m <= inPlaceTiles*tall && k*(stride&-stride) <= inPlaceReach
}

// right returns the k×n block of op(B) at b, packed or in place. In place it has only whole panels, the returned columns, and the
// rest is packed as one panel in s.right.
func (t *gemmTask[F]) right(im *impl[F], s *scratch[F], m, n, k int, b *F) (r right[F], whole int) {
	if !t.inPlace(im, m, k) {
		s.right = grow(s.right, k*roundUp(n, im.panel))
		im.packPanels(s.right, k, n, b, t.bRow, t.bCol)
		return right[F]{first(s.right), im.panel, k * im.panel}, n
	}
	whole = n / im.panel * im.panel
	if whole < n {
		s.right = grow(s.right, k*im.panel)
		im.packPanels(s.right, k, n-whole, at(b, whole), t.bRow, 1)
	}
	return right[F]{b, t.bRow, im.panel}, whole
}

// left returns the m×k block of op(A) at a, packed or in place.
func (t *gemmTask[F]) left(im *impl[F], s *scratch[F], m, k int, a *F) left[F] {
	if t.aCol == 1 {
		return left[F]{a, t.aRow}
	}
	// An odd number of cache lines keeps the rows of a tile in different sets of the cache.
	const line = 16
	ld := roundUp(k, 2*line) + line
	s.left = grow(s.left, m*ld)
	im.packRows(s.left, ld, m, k, a, t.aRow, t.aCol)
	return left[F]{first(s.left), ld}
}
