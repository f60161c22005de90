package kernel

// matrixUnit is a part of the processor that multiplies small matrices of numbers with 8 significant bits and adds the
// products up in float32 (AMX with bfloat16). A float32 has 24 significant bits, so it is the sum of three such numbers,
// and a product is the sum of nine. The three smallest are below 2**-26 of it, a quarter of what rounding takes, and are
// left out. The other six take the unit a third of the time that vectors take for the product, and the sums are rounded
// less often than with vectors, so that results are nearer to the exact ones (TestMatrixUnitAccuracy).
//
// What comes out other than with vectors: an infinity gives NaN, as its product with a part that is 0 does, and of factors
// near 2**-126, the smallest normal number, the parts below it are lost.
type matrixUnit[F Float] struct {
	// splitRows makes tiles of each part from up to 16 rows: of a left operand, or of the transpose of a right one.
	// splitPairs makes panels with pairs of rows side by side: of a right operand, or of the transpose of a left one. part,
	// chunk and panel are the distances from part to part and so on.
	splitRows  func(rows, cols int, dst *F, part, chunk int, src *F, srcRow int)
	splitPairs func(rows, cols int, dst *F, part, chunk, panel int, src *F, srcRow int)
	// tiles multiply a panel of 16 rows, or one of 32, and one of 32 columns into c, a row of 32 columns after the other.
	tiles [2]func(chunks int, a, b, c *F)
	// store writes alpha*sum + beta*old to c; sum is what tiles computed.
	store func(rows, cols int, sum, c *F, cRow int, old *F, oldRow int, alpha, beta F)
}

// A panel of an operand has, for each chunk of 32 of the summed dimension, three parts of one tile (16 rows) or two (32 rows
// or columns). A tile is a kilobyte.
const (
	matrixSide  = 16  // rows of a tile
	matrixPanel = 32  // columns of a panel, and the most rows; that of the vectors, too
	matrixChunk = 32  // of the summed dimension
	tileLen     = 256 // float32s that a tile takes
	parts       = 3
)

// From this size on a product goes to the matrix unit.
const (
	minMatrix        = 256      // rows and columns
	minMatrixDepth   = 32       // summed dimension
	minMatrixRows    = 24       // rows, if the right operand is packed,
	minMatrixWeights = 32 << 10 // which has so many elements
)

// Sizes of the blocks of the operands that stay in the second-level cache together.
const (
	matrixDepth   = 384
	matrixColumns = 512
	matrixRows    = 128
)

// chunks is the number of chunks of k.
func chunks(k int) int { return (k + matrixChunk - 1) / matrixChunk }

// panelsLen is the number of elements of the panels of so many rows or columns, with two tiles a part.
func panelsLen(lines, k int) int {
	return (lines + matrixPanel - 1) / matrixPanel * chunks(k) * parts * 2 * tileLen
}

// onMatrixUnit reports whether a product is one for the matrix unit.
func (t *gemmTask[F]) onMatrixUnit(im *impl[F]) bool {
	return im.matrix != nil && t.m >= minMatrix && t.n >= minMatrix && t.k >= minMatrixDepth
}

// matrixBlock is block on the matrix unit.
func (t *gemmTask[F]) matrixBlock(im *impl[F], s *scratch[F], r, rows, c, cols int) {
	dst := t.at(r, c)
	pieces := (t.k + matrixDepth - 1) / matrixDepth
	kc := roundUp((t.k+pieces-1)/pieces, matrixChunk)
	for p := 0; p < t.k; p += kc {
		k := min(kc, t.k-p)
		s.left = grow(s.left, panelsLen(matrixRows, k))
		for j := 0; j < cols; j += matrixColumns {
			n := min(matrixColumns, cols-j)
			s.right = grow(s.right, panelsLen(n, k))
			im.splitRight(s.right, k, n, at(t.b, p*t.bRow+(c+j)*t.bCol), t.bRow, t.bCol)
			for i := 0; i < rows; i += matrixRows {
				m := min(matrixRows, rows-i)
				im.split(s.left, 2, m, k, at(t.a, (r+i)*t.aRow+p*t.aCol), t.aRow, t.aCol, t.aCol == 1)
				for l := 0; l < m; l += matrixPanel {
					im.multiplyPanels(s, 2, min(matrixPanel, m-l), n, k, at(first(s.left), panelsLen(l, k)), first(s.right), dst.at(i+l, j))
				}
			}
		}
		dst = dst.more()
	}
}

// mulMatrix is mul on the matrix unit.
func (q *Packed[F]) mulMatrix(m int, a []F, lda int, r result[F], from, to int) {
	s := getScratch[F]()
	s.left = grow(s.left, panelsLen(matrixPanel, q.k))
	for i := 0; i < m; i += matrixPanel {
		rows := min(matrixPanel, m-i)
		tiles := (rows + matrixSide - 1) / matrixSide
		q.im.split(s.left, tiles, rows, q.k, at(first(a), i*lda), lda, 1, true)
		for block := range q.blocks {
			q.im.multiplyPanels(s, tiles, rows, to-from, q.k, first(s.left), first(q.panel(block, from)), r.at(i, block*q.n+from))
		}
	}
	putScratch(s)
}

// multiplyPanels multiplies a panel of a left operand, with one or two tiles a part, by those of a right operand.
func (im *impl[F]) multiplyPanels(s *scratch[F], tiles, rows, cols, k int, left, right *F, r result[F]) {
	s.sum = grow(s.sum, matrixPanel*matrixPanel)
	sum := first(s.sum)
	for j := 0; j < cols; j += matrixPanel {
		im.matrix.tiles[tiles-1](chunks(k), left, at(right, panelsLen(j, k)), sum)
		im.matrix.store(rows, min(matrixPanel, cols-j), sum, at(r.c, j), r.row, at(r.old, j), r.oldRow, r.alpha, r.beta)
	}
}

// splitRight makes panels of a k×n right operand, element (p, j) of which is at b[p*row + j*col].
func (im *impl[F]) splitRight(dst []F, k, n int, b *F, row, col int) {
	im.split(dst, 2, n, k, b, col, row, row != 1)
}

// split makes panels of lines, rows of a left operand or columns of a right one, with so many tiles a part. side is the
// distance from line to line and along that within a line; one of both is 1. direct says that they come as the unit takes
// them. What the tiles have beyond the lines is left as it is: no result depends on it.
func (im *impl[F]) split(dst []F, tiles, lines, k int, src *F, side, along int, direct bool) {
	part, panel := tiles*tileLen, chunks(k)*parts*tiles*tileLen
	if along == 1 {
		for t := 0; t*matrixSide < lines; t++ {
			out := first(dst[t/tiles*panel+t%tiles*tileLen:])
			im.matrix.splitRows(min(matrixSide, lines-t*matrixSide), k, out, part, parts*part, at(src, t*matrixSide*side), side)
		}
	} else {
		for j := 0; j < lines; j += matrixRows { // few panels, so that not too many places are written in turn
			im.matrix.splitPairs(k, min(matrixRows, lines-j), first(dst[j/matrixPanel*panel:]), part, parts*part, panel, at(src, j), along)
		}
	}
	if direct {
		return
	}
	for i := 0; i < (lines+matrixPanel-1)/matrixPanel*panel; i += tileLen { // a pair takes the place of an element
		im.transpose(1, &dst[i], matrixSide, &dst[i], matrixSide)
	}
}
