package kernel

import "unsafe"

// tileFunc is a micro-kernel: it computes C = alpha*A*B + beta*C for tiles of a fixed number of rows and panels, one below
// the other. Strides are in elements.
//
//	k              summed dimension
//	tiles          number of tiles, at least one
//	aRow           stride of A from row to row
//	aTile          distance between the first elements of two tiles of A
//	bRow, bPanel   strides of B along k and from panel to panel
//	cols           columns of the last panel that C has; B has all of them
//
// Every element of C is the same chain of operations in every tile of an instruction set.
type tileFunc[F Float] func(k, tiles int, a *F, aRow, aTile int, b *F, bRow, bPanel int, c *F, cRow, cols int, alpha, beta F)

// left is a left operand, row-major.
type left[F Float] struct {
	p   *F
	row int // stride
}

// right is a right operand of whole panels, packed or in place.
type right[F Float] struct {
	p          *F
	row, panel int // strides
}

// rowSplit divides rows into tiles of at most limit rows and of nearly equal height: first tall ones, then short ones of
// one row less.
func rowSplit(rows, limit int) (height, tall, short int) {
	tiles := (rows + limit - 1) / limit
	height = (rows + tiles - 1) / tiles
	short = height*tiles - rows
	return height, tiles - short, short
}

// width returns the binary logarithm of the panels of the widest micro-kernel with this many rows.
func (im *impl[F]) width(rows int) int {
	for w := len(im.tiles) - 1; w > 0; w-- {
		if rows <= len(im.tiles[w]) {
			return w
		}
	}
	return 0
}

// multiply computes C = alpha*A*B + beta*C for one block.
func (im *impl[F]) multiply(rows, cols, k int, a left[F], b right[F], c *F, ldc int, alpha, beta F) {
	if rows == 0 || cols == 0 {
		return
	}
	height, tall, short := rowSplit(rows, len(im.tiles[0]))
	w := im.width(height)
	if short > 0 {
		w = max(w, im.width(height-1))
	}
	// Panels are the outer loop, so that a panel stays in the first-level cache while all tiles use it.
	for j, step := 0, im.panel<<w; j < cols; j += step {
		n := min(step, cols-j)
		bj, cj := right[F]{at(b.p, j/im.panel*b.panel), b.row, b.panel}, at(c, j)
		im.strip(0, height, tall, n, k, a, bj, cj, ldc, alpha, beta)
		im.strip(tall*height, height-1, short, n, k, a, bj, cj, ldc, alpha, beta)
	}
}

// strip multiplies tiles of one height by a few panels.
func (im *impl[F]) strip(row, height, tiles, cols, k int, a left[F], b right[F], c *F, ldc int, alpha, beta F) {
	if tiles == 0 {
		return
	}
	p, c := at(a.p, row*a.row), at(c, row*ldc)
	for w := im.width(height); ; {
		for w > 0 && cols <= im.panel<<(w-1) {
			w--
		}
		n := min(im.panel<<w, cols)
		last := n - (1<<w-1)*im.panel
		if last <= 0 { // three panels left for a kernel of four
			w--
			continue
		}
		im.tiles[w][height-1](k, tiles, p, a.row, height*a.row, b.p, b.row, b.panel, c, ldc, last, alpha, beta)
		if cols -= n; cols == 0 {
			return
		}
		b.p, c = at(b.p, b.panel<<w), at(c, n)
	}
}

// at returns the address of the element i places after p.
func at[F Float](p *F, i int) *F {
	return (*F)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}

// first returns the address of a slice's memory.
func first[F Float](s []F) *F { return unsafe.SliceData(s) }

// slice is the n elements at p.
func slice[F Float](p *F, n int) []F { return unsafe.Slice(p, n) }
