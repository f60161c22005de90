package kernel

import "testing"

func TestRows(t *testing.T) { eachType(t, testRows[float32], testRows[float64]) }

func testRows[F Float](t *testing.T) {
	r := newRand(t)
	for range rounds(60) {
		width, rows, n := r.IntN(200), 1+r.IntN(9), r.IntN(400)
		table, some, index := random[F](r, rows*width), random[F](r, n*width), make([]int32, n)
		for i := range index {
			index[i] = int32(r.IntN(rows))
		}
		skip := r.IntN(rows+1) - 1
		copied, sum := make([]F, n*width), table.clone()
		for i, k := range index {
			for j := range width {
				copied[i*width+j] = table.data[int(k)*width+j]
				if int(k) != skip {
					sum.data[int(k)*width+j] += some.data[i*width+j]
				}
			}
		}
		for _, threads := range []int{1, 2, 3} {
			p, c, s := NewPool(threads), newGuard[F](n*width), table.clone()
			CopyRows(p, width, table.data, index, c.data)
			sameSlice(t, "copied", c.data, copied)
			c.check(t, "CopyRows")
			AddRows(p, width, s.data, index, skip, some.data)
			sameSlice(t, "sums", s.all, sum.all)
		}
	}
	mustPanic(t, "CopyRows", func() { CopyRows(nil, 2, make([]F, 4), []int32{1}, make([]F, 3)) })
	mustPanic(t, "AddRows", func() { AddRows(nil, 2, make([]F, 4), []int32{1}, -1, make([]F, 3)) })
}
