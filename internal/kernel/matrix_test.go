package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// eachMatrixUnit runs a test on the implementations that have one.
func eachMatrixUnit(t *testing.T, test func(t *testing.T, im *impl[float32])) {
	found := false
	for _, im := range available {
		if im.f32.matrix != nil {
			found = true
			t.Run(im.name, func(t *testing.T) {
				use(t, im)
				test(t, &im.f32)
			})
		}
	}
	if !found {
		t.Skip("this machine has no matrix unit")
	}
}

// number draws a normal float32 of any sign and of exponents from low on.
func number(r *rand.Rand, low int) float32 {
	x := math.Ldexp(1+r.Float64(), low+r.IntN(128-low))
	return float32(math.Copysign(min(x, math.MaxFloat32), r.Float64()-0.5))
}

// TestSplitParts: the three parts of a number add up to it, and lie where the unit wants them.
func TestSplitParts(t *testing.T) {
	eachMatrixUnit(t, func(t *testing.T, im *impl[float32]) {
		r := newRand(t)
		for range 200 {
			rows, cols, spare := 1+r.IntN(16), 1+r.IntN(32), r.IntN(3)
			x := make([]float32, rows*(cols+spare))
			for i := range x {
				x[i] = number(r, -100)
			}
			copy(x, []float32{math.MaxFloat32, -math.MaxFloat32, 0, 0x1.fffffep0, 0x1.feffffp127, 0x1.ff0001p127}[r.IntN(6):])
			straight, pairs := grow[float32](nil, parts*tileLen), grow[float32](nil, parts*tileLen)
			im.matrix.splitRows(rows, cols, &straight[0], tileLen, parts*tileLen, &x[0], cols+spare)
			transposed := make([]float32, cols*rows)
			for i := range rows {
				for j := range cols {
					transposed[j*rows+i] = x[i*(cols+spare)+j]
				}
			}
			im.matrix.splitPairs(cols, rows, &pairs[0], tileLen, parts*tileLen, 0, &transposed[0], rows)
			for i := range matrixSide {
				for j := range matrixChunk {
					want, from, across := 0.0, 0.0, 0.0
					if i < rows && j < cols {
						want = float64(x[i*(cols+spare)+j])
					}
					for p := range parts {
						from += half(straight[p*tileLen:], i*matrixChunk+j)
						across += half(pairs[p*tileLen:], j/2*matrixChunk+2*i+j%2)
					}
					if i < rows && from != want {
						t.Fatalf("%d×%d, element %d, %d: parts add up to %v, want %v", rows, cols, i, j, from, want)
					}
					if across != want {
						t.Fatalf("pairs of %d×%d, element %d, %d: parts add up to %v, want %v", rows, cols, i, j, across, want)
					}
				}
			}
		}
	})
}

// half reads the i-th bfloat16 of a tile.
func half(tile []float32, i int) float64 {
	bits := math.Float32bits(tile[i/2]) >> (16 * (i % 2)) << 16
	return float64(math.Float32frombits(bits))
}

// TestMatrixUnitAccuracy: the errors of products are below those of vectors.
func TestMatrixUnitAccuracy(t *testing.T) {
	eachMatrixUnit(t, func(t *testing.T, im *impl[float32]) {
		r := newRand(t)
		draw := map[string]func() float32{
			"normal":   func() float32 { return float32(r.NormFloat64()) },
			"positive": r.Float32,
			"wide":     func() float32 { return number(r, 100) * 0x1p-110 },
		}
		for name, f := range draw {
			for _, k := range []int{32, 100, 1000, 4000} {
				const m, n = minMatrix, minMatrix + 4
				a, b := make([]float32, m*k), make([]float32, k*n)
				for _, s := range [][]float32{a, b} {
					for i := range s {
						s[i] = f()
					}
				}
				onUnit, onVectors := make([]float32, m*n), make([]float32, m*n)
				Gemm(nil, false, false, m, n, k, 1, a, k, b, n, 0, onUnit, n)
				vectors := *im
				vectors.matrix = nil
				old := active
				active = &implementation{name: "vectors", f32: vectors, f64: old.f64}
				Gemm(nil, false, false, m, n, k, 1, a, k, b, n, 0, onVectors, n)
				active = old
				var unitError, vectorError, unitWorst, vectorWorst float64
				const some = 8000
				for range some {
					i, j := r.IntN(m), r.IntN(n)
					exact, size := 0.0, 0.0
					for p := range k {
						x := float64(a[i*k+p]) * float64(b[p*n+j])
						exact += x
						size += math.Abs(x)
					}
					e := math.Abs(float64(onUnit[i*n+j])-exact) / size
					unitError += e
					unitWorst = max(unitWorst, e)
					e = math.Abs(float64(onVectors[i*n+j])-exact) / size
					vectorError += e
					vectorWorst = max(vectorWorst, e)
				}
				t.Logf("%s, k = %d: mean error %.2g, with vectors %.2g, worst %.2g and %.2g", name, k, unitError/some, vectorError/some, unitWorst, vectorWorst)
				if unitError > vectorError || unitWorst > 1.5*vectorWorst {
					t.Errorf("%s, k = %d: larger errors than with vectors", name, k)
				}
			}
		}
	})
}

// TestMatrixUnitBlocks covers sizes with several blocks in each direction, and those beside a panel's edge.
func TestMatrixUnitBlocks(t *testing.T) {
	eachMatrixUnit(t, func(t *testing.T, im *impl[float32]) {
		r := newRand(t)
		pools := []*Pool{NewPool(2), NewPool(3), NewPool(5)}
		for i, s := range [][3]int{{minMatrix, minMatrix, 32}, {minMatrix + 1, minMatrix + 17, 33}, {300, minMatrix + 33, 2*matrixDepth + 1}, {minMatrix + 35, matrixColumns + 97, 700}} {
			for trans := range 4 {
				p := newProduct[float32](r, trans&1 != 0, trans&2 != 0, s[0], s[1], s[2])
				got := p.run(nil)
				for range 300 {
					p.verifyOne(t, got, r.IntN(p.m), r.IntN(p.n))
				}
				got.check(t, p.String())
				sameSlice(t, fmt.Sprintf("with other threads, %v", p), p.run(pools[(i+trans)%len(pools)]).all, got.all)
			}
		}
	})
}

// TestMatrixUnitSpecial: what isn't finite stays so and goes nowhere else; the largest numbers do no harm.
func TestMatrixUnitSpecial(t *testing.T) {
	eachMatrixUnit(t, func(t *testing.T, im *impl[float32]) {
		r := newRand(t)
		for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32} {
			for trans := range 4 {
				p := newProduct[float32](r, trans&1 != 0, trans&2 != 0, minMatrix+3, minMatrix+2, 70)
				p.alpha, p.beta = 1, 0
				for i := range p.b.data {
					p.b.data[i] = 0x1p-8 * (1 + r.Float32())
				}
				row, depth := r.IntN(p.m), r.IntN(p.k)
				at := row*p.lda + depth
				if p.transA {
					at = depth*p.lda + row
				}
				p.a.data[at] = x
				got := p.run(nil)
				for i := range p.m {
					for j := range p.n {
						y := float64(got.data[i*p.ldc+j])
						if finite := !math.IsNaN(y) && !math.IsInf(y, 0); finite != (i != row || x == math.MaxFloat32) {
							t.Fatalf("%v: element %d, %d is %v, row %d has %v", p, i, j, y, row, x)
						}
					}
				}
			}
		}
	})
}
