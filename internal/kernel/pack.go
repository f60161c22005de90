package kernel

// packPanels stores a k×n right operand, element (p, j) of which is at b[p*row + j*col], as panels: for each panel its rows
// one after the other. The last panel is filled up with zeros.
func (im *impl[F]) packPanels(dst []F, k, n int, b *F, row, col int) {
	if k == 0 {
		return
	}
	for j := 0; j < n; j += im.panel {
		panel, width, src := dst[j*k:], min(im.panel, n-j), at(b, j*col)
		if col == 1 {
			im.copyRows(k, width, first(panel), im.panel, im.panel, src, row)
			continue
		}
		im.transposed(k, width, first(panel), im.panel, src, col)
		if width < im.panel {
			for p := range k {
				clear(panel[p*im.panel+width : (p+1)*im.panel])
			}
		}
	}
}

// packRows stores an m×k left operand, element (i, p) of which is at a[i*row + p*col], row-major with leading dimension
// ld.
func (im *impl[F]) packRows(dst []F, ld, m, k int, a *F, row, col int) {
	if col != 1 {
		im.transposed(m, k, first(dst), ld, a, col)
		return
	}
	for i := range m {
		copy(dst[i*ld:i*ld+k], slice(at(a, i*row), k))
	}
}

// transposed stores src[j*srcRow + i], i < rows and j < cols, at dst[i*dstRow + j].
func (im *impl[F]) transposed(rows, cols int, dst *F, dstRow int, src *F, srcRow int) {
	whole, j := rows/im.block*im.block, 0
	if whole > 0 {
		for ; j+im.block <= cols; j += im.block {
			im.transpose(whole/im.block, at(dst, j), dstRow, at(src, j*srcRow), srcRow)
		}
	}
	if whole > 0 && j < cols {
		transposeEdge(whole, cols-j, at(dst, j), dstRow, at(src, j*srcRow), srcRow)
	}
	if whole < rows {
		transposeEdge(rows-whole, cols, at(dst, whole*dstRow), dstRow, at(src, whole), srcRow)
	}
}

// transposeEdge does what is left of transposed beside the square blocks.
func transposeEdge[F Float](rows, cols int, dst *F, dstRow int, src *F, srcRow int) {
	for j := range cols {
		for i, x := range slice(at(src, j*srcRow), rows) {
			*at(dst, i*dstRow+j) = x
		}
	}
}
