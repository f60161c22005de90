package kernel

import "unsafe"

// tileFunc is a micro-kernel: it computes C = alpha*A*B + beta*old for tiles of a fixed number of rows and columns, one
// below the other. Strides are in elements.
//
//	k              summed dimension
//	tiles          number of tiles, at least one
//	aRow           stride of A from row to row
//	aTile          distance between the first elements of two tiles of A
//	bRow, bPanel   strides of B along k and from panel to panel
//	cols           columns of the last panel that C has; B has all of them
//	old            may be C
//
// Every element of C is the same chain of operations in every tile of an instruction set.
type tileFunc[F Float] func(k, tiles int, a *F, aRow, aTile int, b *F, bRow, bPanel int, c *F, cRow, cols int, old *F, oldRow int, alpha, beta F)

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

// result is where a product goes, and the matrix that is added to it: beta*old, where old may be what C holds. Rows of old
// may all be the same one, if its stride is 0.
type result[F Float] struct {
	c           *F
	row         int // stride
	old         *F
	oldRow      int // stride
	alpha, beta F
}

// at returns the result from row i and column j on.
func (r result[F]) at(i, j int) result[F] {
	r.c, r.old = at(r.c, i*r.row+j), at(r.old, i*r.oldRow+j)
	return r
}

// more is the result of the next part of a sum: it adds to what the first part has left in C.
func (r result[F]) more() result[F] {
	r.old, r.oldRow, r.beta = r.c, r.row, 1
	return r
}

// rowSplit divides rows into tiles of at most limit rows and of nearly equal height: first tall ones, then short ones of
// one row less.
func rowSplit(rows, limit int) (height, tall, short int) {
	tiles := (rows + limit - 1) / limit
	height = (rows + tiles - 1) / tiles
	short = height*tiles - rows
	return height, tiles - short, short
}

// The widths of the micro-kernels, as indices of impl.tiles. Each is half as wide as the next.
const (
	halfPanel = iota
	onePanel
	twoPanels
)

// columns returns the width of a micro-kernel.
func (im *impl[F]) columns(width int) int { return im.panel << width / 2 }

// width returns the widest micro-kernel with this many rows.
func (im *impl[F]) width(rows int) int {
	for w := len(im.tiles) - 1; w > onePanel; w-- {
		if rows <= len(im.tiles[w]) {
			return w
		}
	}
	return onePanel
}

// multiply computes one block.
func (im *impl[F]) multiply(rows, cols, k int, a left[F], b right[F], r result[F]) {
	if rows == 0 || cols == 0 {
		return
	}
	// Panels are the outer loop, so that they stay in a near cache while all tiles use them.
	for j := 0; j < cols; {
		limit := len(im.tiles[onePanel])
		if cols-j > im.panel {
			limit = len(im.tiles[im.main])
		}
		height, tall, short := rowSplit(rows, limit)
		w := im.width(height)
		if short > 0 {
			w = max(w, im.width(height-1))
		}
		n := min(im.columns(w), cols-j)
		bj := right[F]{at(b.p, j/im.panel*b.panel), b.row, b.panel}
		im.strip(0, height, tall, n, k, a, bj, r.at(0, j))
		im.strip(tall*height, height-1, short, n, k, a, bj, r.at(0, j))
		j += n
	}
}

// strip multiplies tiles of one height by a few panels.
func (im *impl[F]) strip(row, height, tiles, cols, k int, a left[F], b right[F], r result[F]) {
	if tiles == 0 {
		return
	}
	p := at(a.p, row*a.row)
	r = r.at(row, 0)
	for w := im.width(height); ; {
		for w > onePanel && cols <= im.columns(w-1) {
			w--
		}
		n := min(im.columns(w), cols)
		last := n - (im.columns(w) - im.panel)
		if last <= 0 { // three panels left for a kernel of four
			w--
			continue
		}
		tile := im.tiles[w][height-1]
		if w == onePanel && cols <= im.columns(halfPanel) && len(im.tiles[halfPanel]) > 0 {
			tile = im.tiles[halfPanel][height-1]
		}
		tile(k, tiles, p, a.row, height*a.row, b.p, b.row, b.panel, r.c, r.row, last, r.old, r.oldRow, r.alpha, r.beta)
		if cols -= n; cols == 0 {
			return
		}
		b.p, r = at(b.p, im.columns(w)/im.panel*b.panel), r.at(0, n)
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
