package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// product is one multiplication with guarded operands.
type product[F Float] struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    F
	a, b, c        guard[F]
	lda, ldb, ldc  int
}

// newProduct returns a random product of a shape, with some spare columns in each matrix.
func newProduct[F Float](r *rand.Rand, transA, transB bool, m, n, k int) *product[F] {
	p := &product[F]{transA: transA, transB: transB, m: m, n: n, k: k, alpha: 1}
	matrix := func(rows, cols int, swap bool) (guard[F], int) {
		if swap {
			rows, cols = cols, rows
		}
		ld := cols + r.IntN(2)*r.IntN(20)
		return random[F](r, max(0, (rows-1)*ld+cols)), ld
	}
	p.a, p.lda = matrix(m, k, transA)
	p.b, p.ldb = matrix(k, n, transB)
	p.c, p.ldc = matrix(m, n, false)
	if r.IntN(2) == 0 {
		p.alpha = F(r.NormFloat64())
	}
	p.beta = []F{0, 1, F(r.NormFloat64())}[r.IntN(3)]
	return p
}

func (p *product[F]) String() string {
	return fmt.Sprintf("transA %t, transB %t, %d×%d×%d, alpha %v, beta %v", p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.beta)
}

// elements of op(A) and op(B).
func (p *product[F]) at(i, j, q int) (x, y float64) {
	ai, bi := i*p.lda+q, q*p.ldb+j
	if p.transA {
		ai = q*p.lda + i
	}
	if p.transB {
		bi = j*p.ldb + q
	}
	return float64(p.a.data[ai]), float64(p.b.data[bi])
}

// verify compares got, which was C, with the product in float64, compensated. An element may be off by the rounding of
// k+4 operations on the sum of the magnitudes.
func (p *product[F]) verify(t *testing.T, got guard[F], from, to int) {
	t.Helper()
	got.check(t, p.String())
	for i := range p.m {
		for j := range p.n {
			index := i*p.ldc + j
			old := p.c.data[index]
			if j < from || j >= to {
				if !equal(got.data[index], old) {
					t.Fatalf("%v: wrote column %d outside of %d to %d", p, j, from, to)
				}
				continue
			}
			var want, low, size float64
			addTo := func(x, y float64) {
				high := x * y
				low += math.FMA(x, y, -high)
				s := want + high
				u := s - want
				low += want - (s - u) + (high - u)
				want = s
				size += math.Abs(high)
			}
			for q := range p.k {
				x, y := p.at(i, j, q)
				addTo(float64(p.alpha)*x, y)
			}
			if p.beta != 0 {
				addTo(float64(p.beta), float64(old))
			}
			near(t, fmt.Sprintf("%v, element %d, %d", p, i, j), got.data[index], want+low, size, float64(p.k+4)*epsilon[F]())
		}
		for j := i*p.ldc + p.n; j < min((i+1)*p.ldc, len(got.data)); j++ {
			if got.data[j] != p.c.data[j] {
				t.Fatalf("%v: wrote beside row %d", p, i)
			}
		}
	}
}

// run computes the product into a copy of C.
func (p *product[F]) run(pool *Pool) guard[F] {
	c := p.c.clone()
	Gemm(pool, p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.a.data, p.lda, p.b.data, p.ldb, p.beta, c.data, p.ldc)
	return c
}

// shape returns random sizes: mostly small or beside a tile's edge, and not too much work.
func shape(r *rand.Rand) (m, n, k int) {
	edges := []int{0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 31, 32, 33, 48, 63, 64, 65, 97, 127, 128, 129, 131}
	size := func() int {
		if r.IntN(3) == 0 {
			return r.IntN(140)
		}
		return edges[r.IntN(len(edges))]
	}
	m, n, k = size(), size(), size()
	switch r.IntN(12) {
	case 0:
		m, n, k = r.IntN(14), r.IntN(40), maxDepth-1+r.IntN(maxDepth+4)
	case 1:
		m, n, k = r.IntN(900), r.IntN(8), r.IntN(20)
	case 2:
		m, n, k = r.IntN(8), r.IntN(900), r.IntN(20)
	}
	for m*n*k > 120000 {
		m /= 2
	}
	return m, n, k
}

func TestGemm(t *testing.T) { eachType(t, testGemm[float32], testGemm[float64]) }

func testGemm[F Float](t *testing.T) {
	r := newRand(t)
	pools := []*Pool{nil, NewPool(2), NewPool(3), NewPool(4)}
	for range rounds(250) {
		m, n, k := shape(r)
		p := newProduct[F](r, r.IntN(2) == 0, r.IntN(2) == 0, m, n, k)
		a, b := p.a.clone(), p.b.clone()
		got := p.run(nil)
		p.verify(t, got, 0, n)
		sameSlice(t, "A", p.a.all, a.all)
		sameSlice(t, "B", p.b.all, b.all)
		again := p.run(pools[r.IntN(len(pools))])
		sameSlice(t, "with other threads", again.all, got.all)
	}
}

// TestGemmBlocks covers sizes with several blocks in each direction.
func TestGemmBlocks(t *testing.T) { eachType(t, testGemmBlocks[float32], testGemmBlocks[float64]) }

func testGemmBlocks[F Float](t *testing.T) {
	r := newRand(t)
	pools := []*Pool{NewPool(2), NewPool(5)}
	for _, s := range [][3]int{{1030, 40, maxDepth + 9}, {3, 1400, maxDepth + 1}, {530, 3, 2*maxDepth + 1}, {1, 600, 4 * maxDepth}} {
		for trans := range rounds(4) {
			p := newProduct[F](r, trans&1 != 0, trans&2 != 0, s[0], s[1], s[2])
			got := p.run(pools[0])
			for range 300 {
				i, j := r.IntN(p.m), r.IntN(p.n)
				one := *p
				one.verifyOne(t, got, i, j)
			}
			sameSlice(t, "with other threads", p.run(pools[1]).all, got.all)
			sameSlice(t, "with one thread", p.run(nil).all, got.all)
			got.check(t, p.String())
		}
	}
}

// verifyOne is verify for one element.
func (p *product[F]) verifyOne(t *testing.T, got guard[F], i, j int) {
	t.Helper()
	want, size := float64(p.beta)*float64(p.c.data[i*p.ldc+j]), 0.0
	if p.beta == 0 {
		want = 0
	}
	size = math.Abs(want)
	for q := range p.k {
		x, y := p.at(i, j, q)
		want += float64(p.alpha) * x * y
		size += math.Abs(float64(p.alpha) * x * y)
	}
	near(t, fmt.Sprintf("%v, element %d, %d", p, i, j), got.data[i*p.ldc+j], want, size, float64(p.k+4)*epsilon[F]())
}

// TestGemmSpecial checks that NaN and Inf go where they must and nowhere else, and that beta = 0 ignores the old C.
func TestGemmSpecial(t *testing.T) { eachType(t, testGemmSpecial[float32], testGemmSpecial[float64]) }

func testGemmSpecial[F Float](t *testing.T) {
	r := newRand(t)
	nan, inf := F(math.NaN()), F(math.Inf(1))
	for range 60 {
		m, n, k := 1+r.IntN(40), 1+r.IntN(70), 1+r.IntN(40)
		p := newProduct[F](r, false, r.IntN(2) == 0, m, n, k)
		p.alpha, p.beta = 1, 0
		for i := range p.c.data {
			p.c.data[i] = nan
		}
		row, depth := r.IntN(m), r.IntN(k)
		p.a.data[row*p.lda+depth] = []F{nan, inf, -inf}[r.IntN(3)]
		got := p.run(nil)
		for i := range m {
			for j := range n {
				x := float64(got.data[i*p.ldc+j])
				if finite := !math.IsNaN(x) && !math.IsInf(x, 0); finite == (i == row) {
					t.Fatalf("%v: element %d, %d is %v, row %d has a special value", p, i, j, x, row)
				}
			}
		}
	}
}

func TestGemmShort(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	for name, c := range map[string]func(){
		"A":          func() { Gemm(nil, false, false, 2, 3, 4, 1, f(7), 4, f(12), 3, 0, f(6), 3) },
		"A trans":    func() { Gemm(nil, true, false, 2, 3, 4, 1, f(7), 2, f(12), 3, 0, f(6), 3) },
		"B":          func() { Gemm(nil, false, false, 2, 3, 4, 1, f(8), 4, f(11), 3, 0, f(6), 3) },
		"B trans":    func() { Gemm(nil, false, true, 2, 3, 4, 1, f(8), 4, f(11), 4, 0, f(6), 3) },
		"C":          func() { Gemm(nil, false, false, 2, 3, 4, 1, f(8), 4, f(12), 3, 0, f(5), 3) },
		"lda":        func() { Gemm(nil, false, false, 2, 3, 4, 1, f(8), 3, f(12), 3, 0, f(6), 3) },
		"ldc":        func() { Gemm(nil, false, false, 2, 3, 4, 1, f(8), 4, f(12), 3, 0, f(6), 2) },
		"negative":   func() { Gemm(nil, false, false, -1, 3, 4, 1, f(8), 4, f(12), 3, 0, f(6), 3) },
		"huge ld":    func() { Gemm(nil, false, false, 2, 3, 4, 1, f(8), math.MaxInt/2, f(12), 3, 0, f(6), 3) },
		"Pack":       func() { new(Packed[float32]).Pack(nil, false, 1, 4, 3, 1, f(11), 3) },
		"Pack trans": func() { new(Packed[float32]).Pack(nil, true, 1, 4, 3, 1, f(11), 4) },
		"Mul range":  func() { new(Packed[float32]).Mul(1, f(8), 4, 0, f(8), 8, 0, 1) },
	} {
		mustPanic(t, name, c)
	}
}

func TestGemmAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop objects")
	}
	pool := NewPool(2)
	for _, trans := range []bool{false, true} {
		a, b, c := make([]float32, 100*100), make([]float32, 100*100), make([]float32, 100*100)
		got := testing.AllocsPerRun(50, func() { Gemm(pool, trans, trans, 100, 100, 100, 1, a, 100, b, 100, 0, c, 100) })
		if got >= 1 {
			t.Errorf("trans %t: %v allocations", trans, got)
		}
	}
}

// TestGemmBias: the bias is what C holds before the product is added to it, bit for bit.
func TestGemmBias(t *testing.T) {
	r := newRand(t)
	for range 200 {
		m, n, k := r.IntN(70), r.IntN(140), r.IntN(500)
		a, b, bias := make([]float32, m*k), make([]float32, k*n), make([]float32, n)
		for _, s := range [][]float32{a, b, bias} {
			for i := range s {
				s[i] = float32(r.NormFloat64())
			}
		}
		want, got := make([]float32, m*n), make([]float32, m*n)
		for i := range m {
			copy(want[i*n:], bias)
		}
		Gemm(nil, false, true, m, n, k, 1, a, k, b, k, 1, want, n)
		GemmBias(NewPool(r.IntN(3)+1), true, m, n, k, a, k, b, k, bias, got, n)
		sameSlice(t, "product and bias", got, want)
	}
}
