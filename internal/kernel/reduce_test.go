package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestReduce(t *testing.T) { eachType(t, testReduce[float32], testReduce[float64]) }

func testReduce[F Float](t *testing.T) {
	r := newRand(t)
	for _, n := range append([]int{1000, 4099}, lengths...) {
		x, y := random[F](r, n), random[F](r, n)
		var sum, squares, dot, size, dotSize float64
		for i, v := range x.data {
			v, w := float64(v), float64(y.data[i])
			sum += v
			size += math.Abs(v)
			squares += v * v
			dot += v * w
			dotSize += math.Abs(v * w)
		}
		name := fmt.Sprint("length ", n)
		tol := float64(n+1) * 0x1p-52
		near(t, "Sum, "+name, Sum(x.data), sum, size, tol)
		near(t, "SumSquares, "+name, SumSquares(x.data), squares, squares, tol)
		near(t, "Dot, "+name, Dot(x.data, y.data), dot, dotSize, tol)
	}
}

func TestColSums(t *testing.T) { eachType(t, testColSums[float32], testColSums[float64]) }

func testColSums[F Float](t *testing.T) {
	r := newRand(t)
	pools := []*Pool{nil, NewPool(2), NewPool(3)}
	for _, n := range lengths {
		for _, m := range []int{0, 1, 2, 5, 33, 300} {
			for _, beta := range []F{0, 1, -0.5} {
				lda := n + r.IntN(3)
				a := random[F](r, max(0, (m-1)*lda+n))
				dst := random[F](r, n)
				if beta == 0 {
					for j := range dst.data {
						dst.data[j] = F(math.NaN())
					}
				}
				old, before := dst.clone(), a.clone()
				ColSums(pools[r.IntN(len(pools))], m, n, a.data, lda, beta, dst.data)
				dst.check(t, "destination")
				sameSlice(t, "source", a.all, before.all)
				for j := range n {
					want, size := 0.0, 0.0
					if beta != 0 {
						want = float64(beta) * float64(old.data[j])
					}
					size = math.Abs(want)
					for i := range m {
						want += float64(a.data[i*lda+j])
						size += math.Abs(float64(a.data[i*lda+j]))
					}
					near(t, fmt.Sprintf("%d×%d, beta %v, column %d", m, n, beta, j), dst.data[j], want, size, float64(m+1)*epsilon[F]())
				}
			}
		}
	}
}

func TestSoftmaxRow(t *testing.T) { eachType(t, testSoftmaxRow[float32], testSoftmaxRow[float64]) }

func testSoftmaxRow[F Float](t *testing.T) {
	r := newRand(t)
	for _, n := range append([]int{1000}, lengths...) {
		for _, offset := range []F{0, 1000, -1000} {
			src := random[F](r, n)
			for i := range src.data {
				src.data[i] = 3*src.data[i] + offset
			}
			before, dst := src.clone(), newGuard[F](n)
			top, logSum := SoftmaxRow(dst.data, src.data)
			got := float64(top) + logSum
			dst.check(t, "destination")
			sameSlice(t, "source", src.all, before.all)
			sum := 0.0
			for _, x := range src.data {
				sum += math.Exp(float64(x) - float64(offset))
			}
			want := math.Log(sum) + float64(offset)
			near(t, "logSumExp", got, want, 1+math.Abs(want), 4*epsilon[F]()+float64(n)*0x1p-52)
			for i, x := range src.data {
				near(t, fmt.Sprintf("element %d of %d", i, n), dst.data[i], math.Exp(float64(x)-float64(offset))/sum, 1, 8*epsilon[F]()+float64(n)*0x1p-52)
			}
			SoftmaxRow(src.data, src.data)
			sameSlice(t, "in place", src.data, dst.data)
		}
	}
}

func TestSoftmaxRowSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachImplementation(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 16, 17, 40} {
			for place := range n {
				row := func(fill, one float32) []float32 {
					s := make([]float32, n)
					for i := range s {
						s[i] = fill
					}
					s[place] = one
					return s
				}
				s := row(-inf, 5)
				if top, logSum := SoftmaxRow(s, s); top != 5 || logSum != 0 {
					t.Errorf("logarithm of one number's sum is %v + %v, want 5 + 0", top, logSum)
				}
				sameSlice(t, "one number", s, row(0, 1))
				for name, s := range map[string][]float32{"NaN": row(1, nan), "+Inf": row(1, inf), "-Inf": row(-inf, -inf)} {
					SoftmaxRow(s, s)
					sameSlice(t, name, s, row(nan, nan))
				}
			}
		}
		if top, logSum := SoftmaxRow([]float32{}, nil); top != -inf || !math.IsInf(logSum, -1) {
			t.Errorf("logarithm of an empty sum is %v + %v, want -Inf", top, logSum)
		}
		if top, logSum := SoftmaxRow(make([]float32, 3), []float32{1e30, 1e30, 1e30}); top != 1e30 || math.Abs(logSum-math.Log(3)) > 1e-6 {
			t.Errorf("logarithm of a sum of equal numbers is %v + %v, want 1e30 + log 3", top, logSum)
		}
	})
}
