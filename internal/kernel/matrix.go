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
	// splitPairs takes up to 16 columns, and makes tiles with pairs of rows side by side: of a right operand, or of the
	// transpose of a left one. part and chunk are the distances from part to part and from chunk to chunk.
	splitRows, splitPairs func(rows, cols int, dst *F, part, chunk int, src *F, srcRow int)
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
	minMatrix        = 96       // rows and columns
	minMatrixDepth   = 32       // summed dimension
	minMatrixRows    = 24       // rows, if the right operand is packed,
	minMatrixWeights = 32 << 10 // which has so many elements
)

// Sizes of a right operand's block that stays in the second-level cache.
const (
	matrixDepth   = 512
	matrixColumns = 512
)

// chunks is the number of chunks of k.
func chunks(k int) int { return (k + matrixChunk - 1) / matrixChunk }

// matrixPanelLen is the number of elements of a panel with one or two tiles a part.
func matrixPanelLen(tiles, k int) int { return chunks(k) * parts * tiles * tileLen }

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
		wide := matrixPanelLen(2, k)
		s.left = grow(s.left, wide)
		for j := 0; j < cols; j += matrixColumns {
			n := min(matrixColumns, cols-j)
			s.right = grow(s.right, (n+matrixPanel-1)/matrixPanel*wide)
			im.splitPanels(s.right, k, n, at(t.b, p*t.bRow+(c+j)*t.bCol), t.bRow, t.bCol)
			for i := 0; i < rows; i += matrixPanel {
				m := min(matrixPanel, rows-i)
				im.splitLeft(s, m, k, at(t.a, (r+i)*t.aRow+p*t.aCol), t.aRow, t.aCol)
				im.multiplyPanels(s, m, n, k, first(s.right), dst.at(i, j))
			}
		}
		dst = dst.more()
	}
}

// mulMatrix is mul on the matrix unit.
func (q *Packed[F]) mulMatrix(m int, a []F, lda int, r result[F], from, to int) {
	s := getScratch[F]()
	s.left = grow(s.left, matrixPanelLen(2, q.k))
	for i := 0; i < m; i += matrixPanel {
		rows := min(matrixPanel, m-i)
		q.im.splitLeft(s, rows, q.k, at(first(a), i*lda), lda, 1)
		for block := range q.blocks {
			q.im.multiplyPanels(s, rows, to-from, q.k, first(q.panel(block, from)), r.at(i, block*q.n+from))
		}
	}
	putScratch(s)
}

// multiplyPanels multiplies the panel in s.left by those of a right operand.
func (im *impl[F]) multiplyPanels(s *scratch[F], rows, cols, k int, right *F, r result[F]) {
	s.sum = grow(s.sum, matrixPanel*matrixPanel)
	sum, tiles := first(s.sum), im.matrix.tiles[(rows-1)/matrixSide]
	for j := 0; j < cols; j += matrixPanel {
		tiles(chunks(k), first(s.left), at(right, j/matrixPanel*matrixPanelLen(2, k)), sum)
		im.matrix.store(rows, min(matrixPanel, cols-j), sum, at(r.c, j), r.row, at(r.old, j), r.oldRow, r.alpha, r.beta)
	}
}

// splitLeft makes, in s.left, a panel of up to 32 rows of a left operand, element (i, p) of which is at a[i*row + p*col].
func (im *impl[F]) splitLeft(s *scratch[F], rows, k int, a *F, row, col int) {
	im.split(s.left, (rows+matrixSide-1)/matrixSide, rows, k, a, row, col, col == 1)
}

// splitPanels makes panels of a k×n right operand, element (p, j) of which is at b[p*row + j*col].
func (im *impl[F]) splitPanels(dst []F, k, n int, b *F, row, col int) {
	for j := 0; j < n; j += matrixPanel {
		im.split(dst[j/matrixPanel*matrixPanelLen(2, k):], 2, min(matrixPanel, n-j), k, at(b, j*col), col, row, row != 1)
	}
}

// split makes a panel of lines, rows of a left operand or columns of a right one, with so many tiles a part. side is the
// distance from line to line and along that within a line; one of both is 1. direct says that they come as the unit takes
// them. What the tiles have beyond the lines is left as it is: no result depends on it.
func (im *impl[F]) split(dst []F, tiles, lines, k int, src *F, side, along int, direct bool) {
	part := tiles * tileLen
	for t := 0; t*matrixSide < lines; t++ {
		n := min(matrixSide, lines-t*matrixSide)
		in, out := at(src, t*matrixSide*side), first(dst[t*tileLen:])
		if along == 1 {
			im.matrix.splitRows(n, k, out, part, parts*part, in, side)
		} else {
			im.matrix.splitPairs(k, n, out, part, parts*part, in, along)
		}
		if direct {
			continue
		}
		for i := range parts * chunks(k) { // a pair takes the place of an element
			tile := at(out, i*part)
			im.transpose(1, tile, matrixSide, tile, matrixSide)
		}
	}
}
