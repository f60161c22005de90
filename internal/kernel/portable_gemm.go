package kernel

import "unsafe"

// portablePanel is the panel width of the portable micro-kernel.
const portablePanel = 8

// tileRow is the portable micro-kernel. It has one row only: a compiler may fuse a product and a sum in one place and not
// in another, so a row has the same bits in all products only if there is just one place.
func tileRow[F Float](k, tiles int, a *F, aRow, aTile int, b *F, bRow, bPanel int, c *F, cRow, cols int, old *F, oldRow int, alpha, beta F) {
	for t := range tiles {
		var s0, s1, s2, s3, s4, s5, s6, s7 F
		for p, x := range slice(at(a, t*aTile), k) {
			y := (*[portablePanel]F)(unsafe.Pointer(at(b, p*bRow)))
			s0 += x * y[0]
			s1 += x * y[1]
			s2 += x * y[2]
			s3 += x * y[3]
			s4 += x * y[4]
			s5 += x * y[5]
			s6 += x * y[6]
			s7 += x * y[7]
		}
		s := [portablePanel]F{s0, s1, s2, s3, s4, s5, s6, s7}
		for j := range cols {
			x := alpha * s[j]
			if beta != 0 {
				x += beta * *at(old, t*oldRow+j)
			}
			*at(c, t*cRow+j) = x
		}
	}
}

func copyRows[F Float](rows, cols int, dst *F, dstRow, dstCols int, src *F, srcRow int) {
	for i := range rows {
		d := slice(at(dst, i*dstRow), dstCols)
		copy(d, slice(at(src, i*srcRow), cols))
		clear(d[cols:])
	}
}

// transposeOne transposes blocks of one element.
func transposeOne[F Float](blocks int, dst *F, dstRow int, src *F, srcRow int) {
	for i, x := range slice(src, blocks) {
		*at(dst, i*dstRow) = x
	}
}
