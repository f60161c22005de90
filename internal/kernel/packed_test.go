package kernel

import (
	"fmt"
	"testing"
)

func TestPacked(t *testing.T) { eachType(t, testPacked[float32], testPacked[float64]) }

func testPacked[F Float](t *testing.T) {
	r := newRand(t)
	var q Packed[F] // one for all shapes, so that old contents stay behind
	for range rounds(200) {
		m, n, k := shape(r)
		p := newProduct[F](r, false, r.IntN(2) == 0, m, n, k)
		p.alpha = 1
		rows := []int{1, m, 2 * q.Align()}[r.IntN(3)] // the first and the last choose the layout
		q.Pack(NewPool(1+r.IntN(3)), p.transB, rows, k, n, 1, p.b.data, p.ldb)
		whole := p.c.clone()
		q.Mul(m, p.a.data, p.lda, p.beta, whole.data, p.ldc, 0, n)
		p.verify(t, whole, 0, n)
		if kernels[F]().matrix == nil { // else its rounding may be another's
			sameSlice(t, "Gemm", whole.all, p.run(nil).all)
		}

		// Another matrix added, or one row to every row, is a beta of 1 on a copy of it.
		d := newGuard[F](m*n + 1)
		for i := range d.data {
			d.data[i] = F(r.NormFloat64())
		}
		for _, ldd := range []int{n, 0} {
			want, got := p.c.clone(), p.c.clone()
			for i := range m {
				copy(want.data[i*p.ldc:], d.data[i*ldd:i*ldd+n])
			}
			q.Mul(m, p.a.data, p.lda, 1, want.data, p.ldc, 0, n)
			q.MulAdd(m, p.a.data, p.lda, d.data, ldd, got.data, p.ldc, 0, n)
			sameSlice(t, fmt.Sprintf("MulAdd, stride %d, %v", ldd, p), got.all, want.all)
		}

		// A range of columns and one of rows alone give the same bits.
		align := q.Align()
		units := (n + align - 1) / align
		from := r.IntN(units + 1)
		to := from + r.IntN(units-from+1)
		from, to = min(from*align, n), min(to*align, n)
		if from%align != 0 {
			continue
		}
		part := p.c.clone()
		q.Mul(m, p.a.data, p.lda, p.beta, part.data, p.ldc, from, to)
		for i := range m {
			row := i * p.ldc
			sameSlice(t, "before the range", part.data[row:row+from], p.c.data[row:row+from])
			sameSlice(t, "range", part.data[row+from:row+to], whole.data[row+from:row+to])
			sameSlice(t, "after the range", part.data[row+to:row+n], p.c.data[row+to:row+n])
		}
		part.check(t, p.String())
		if m > 0 && k > 0 && n > 0 {
			i := r.IntN(m)
			rows := 1 + r.IntN(m-i)
			part := p.c.clone()
			q.Mul(rows, p.a.data[i*p.lda:], p.lda, p.beta, part.data[i*p.ldc:], p.ldc, 0, n)
			for j := i; j < i+rows; j++ {
				sameSlice(t, fmt.Sprintf("rows %d to %d of %v", i, i+rows, p), part.data[j*p.ldc:j*p.ldc+n], whole.data[j*p.ldc:j*p.ldc+n])
			}
		}
	}
}

// TestPackedBlocks: several matrices side by side give what each gives alone.
func TestPackedBlocks(t *testing.T) {
	eachType(t, testPackedBlocks[float32], testPackedBlocks[float64])
}

func testPackedBlocks[F Float](t *testing.T) {
	r := newRand(t)
	for _, s := range [][4]int{{5, 37, 9, 3}, {5, 32, 64, 4}, {33, 200, 170, 2}, {16, 128, 256, 4}} {
		m, n, k, blocks := s[0], s[1], s[2], s[3]
		for trans := range 2 {
			a, b, d := random[F](r, m*k), random[F](r, blocks*n*k), random[F](r, blocks*n)
			ldb := blocks * n
			if trans == 1 {
				ldb = k
			}
			var all, one Packed[F]
			all.Pack(NewPool(2), trans == 1, 2*m, k, n, blocks, b.data, ldb)
			if got := PackedLen[F](2*m, k, n, blocks); got != len(all.data) {
				t.Errorf("PackedLen = %d, the memory is %d", got, len(all.data))
			}
			for from := 0; from < n; from += all.Align() {
				to := min(from+2*all.Align(), n)
				got, want := newGuard[F](m*blocks*n), make([]F, m*blocks*n)
				clear(got.data)
				all.MulAdd(m, a.data, k, d.data, 0, got.data, blocks*n, from, to)
				for g := range blocks {
					one.Pack(nil, trans == 1, 2*m, k, n, 1, b.data[g*n*[]int{1, k}[trans]:], ldb)
					one.MulAdd(m, a.data, k, d.data[g*n:], 0, want[g*n:], blocks*n, from, to)
				}
				if all.matrix == one.matrix {
					sameSlice(t, fmt.Sprint(s), got.data, want)
				}
				got.check(t, fmt.Sprint(s))
			}
		}
	}
}

func TestPackedZero(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		var q Packed[float32]
		if q.Align() < 1 {
			t.Errorf("Align() = %d", q.Align())
		}
		q.Mul(3, nil, 0, 0, nil, 0, 0, 0)
		c := []float32{1, 2, 3, 4}
		q.Pack(nil, false, 2, 0, 2, 1, nil, 2)
		q.Mul(2, nil, 0, 0.5, c, 2, 0, 2)
		sameSlice(t, "k = 0", c, []float32{0.5, 1, 1.5, 2})
		mustPanic(t, "unaligned range", func() { q.Mul(2, nil, 0, 1, c, 2, 1, 2) })
		mustPanic(t, "range beyond the matrix", func() { q.Mul(2, nil, 0, 1, c, 2, 0, 3) })
	})
}

// TestPackedMemory checks that packing again and multiplying allocate nothing.
func TestPackedMemory(t *testing.T) {
	b, a, c := make([]float32, 50*70), make([]float32, 7*50), make([]float32, 7*70)
	var q Packed[float32]
	q.Pack(nil, false, 7, 50, 70, 1, b, 70)
	if n := testing.AllocsPerRun(20, func() {
		q.Pack(nil, true, 7, 50, 70, 1, b, 50)
		q.Pack(nil, false, 7, 50, 69, 1, b, 70)
		q.Mul(7, a, 50, 0, c, 70, 0, 69)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
