package kernel

import (
	"fmt"
	"testing"
	"time"
)

// rate reports GFLOPS and their share of what the processor's multiply-adds reach on as many threads. The peak is
// measured before and after, as a shared machine changes its speed.
func rate[F Float](b *testing.B, threads int, flops float64, f func()) {
	peak := PeakFlops[F](NewPool(threads), 2*time.Millisecond)
	for b.Loop() {
		f()
	}
	got := flops * float64(b.N) / b.Elapsed().Seconds()
	peak = max(peak, PeakFlops[F](NewPool(threads), 2*time.Millisecond))
	b.ReportMetric(got/1e9, "GFLOPS")
	if peak > 0 {
		b.ReportMetric(100*got/peak, "%peak")
	}
}

func BenchmarkMul(b *testing.B) {
	for _, s := range [][3]int{{1, 512, 128}, {1, 1024, 256}, {2, 1024, 256}, {4, 1024, 256}, {8, 1024, 256}, {32, 512, 128}, {32, 1024, 256}, {32, 2048, 512}, {32, 512, 2048}, {3200, 1024, 64}, {3200, 1024, 256}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			x, y, z := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
			var q Packed[float32]
			q.Pack(nil, false, m, k, n, 1, y, n)
			rate[float32](b, 1, 2*float64(m)*float64(n)*float64(k), func() { q.Mul(m, x, k, 0, z, n, 0, n) })
		})
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{{1, 1024, 256, false, false}, {32, 512, 128, false, false}, {32, 1024, 256, false, false}, {32, 2048, 512, false, false},
		{32, 256, 1024, false, true}, {3200, 1024, 64, false, false}, {3200, 64, 1024, false, true}, {64, 1024, 3200, true, false},
		{256, 1024, 3200, true, false}, {3200, 2048, 512, false, true}, {3200, 512, 2048, false, false}, {2048, 512, 3200, true, false}} {
		for threads := 1; threads <= 2; threads++ {
			name := fmt.Sprintf("%dx%dx%d/transA=%t/transB=%t/threads=%d", s.m, s.n, s.k, s.transA, s.transB, threads)
			b.Run(name, func(b *testing.B) { benchGemm[float32](b, threads, s.m, s.n, s.k, s.transA, s.transB) })
		}
	}
}

func benchGemm[F Float](b *testing.B, threads, m, n, k int, transA, transB bool) {
	x, y, z := make([]F, m*k), make([]F, k*n), make([]F, m*n)
	lda, ldb := k, n
	if transA {
		lda = m
	}
	if transB {
		ldb = k
	}
	p := NewPool(threads)
	rate[F](b, threads, 2*float64(m)*float64(n)*float64(k), func() { Gemm(p, transA, transB, m, n, k, 1, x, lda, y, ldb, 0, z, n) })
}

// BenchmarkSets is one product and one fused step on all instruction sets and types.
func BenchmarkSets(b *testing.B) {
	for _, im := range available {
		b.Run(im.name, func(b *testing.B) {
			use(b, im)
			b.Run("Gemm32", func(b *testing.B) { benchGemm[float32](b, 1, 64, 512, 256, false, false) })
			b.Run("Gemm64", func(b *testing.B) { benchGemm[float64](b, 1, 64, 512, 256, false, false) })
			b.Run("LSTMForward32", func(b *testing.B) { benchRow[float32](b, "LSTMForward") })
			b.Run("LSTMForward64", func(b *testing.B) { benchRow[float64](b, "LSTMForward") })
		})
	}
}

func BenchmarkPack(b *testing.B) {
	const k, n = 256, 1024
	x := make([]float32, k*n)
	var q Packed[float32]
	for _, trans := range []bool{false, true} {
		b.Run(fmt.Sprintf("trans=%t", trans), func(b *testing.B) {
			b.SetBytes(4 * k * n)
			ld := n
			if trans {
				ld = k
			}
			for b.Loop() {
				q.Pack(nil, trans, 1, k, n, 1, x, ld)
			}
		})
	}
}

const benchLength = 1024

func BenchmarkUnary(b *testing.B) {
	for _, u := range unaries {
		b.Run(u.name, func(b *testing.B) {
			src, dst := make([]float32, benchLength), make([]float32, benchLength)
			for i := range src {
				src[i] = float32(i)/100 - 5
			}
			perElement(b, func() { u.f32(dst, src) })
		})
	}
}

func BenchmarkRow(b *testing.B) {
	for _, f := range rowFuncs[float32]() {
		b.Run(f.name, func(b *testing.B) { benchRow[float32](b, f.name) })
	}
}

func benchRow[F Float](b *testing.B, name string) {
	for _, f := range rowFuncs[F]() {
		if f.name != name {
			continue
		}
		s := make([][]F, f.n)
		for j := range s {
			s[j] = make([]F, benchLength)
		}
		perElement(b, func() { f.run(s) })
	}
}

func BenchmarkReduce(b *testing.B) {
	x, y := make([]float32, benchLength), make([]float32, benchLength)
	b.Run("Sum", func(b *testing.B) { perElement(b, func() { Sum(x) }) })
	b.Run("SumSquares", func(b *testing.B) { perElement(b, func() { SumSquares(x) }) })
	b.Run("Dot", func(b *testing.B) { perElement(b, func() { Dot(x, y) }) })
	b.Run("SoftmaxRow", func(b *testing.B) { perElement(b, func() { SoftmaxRow(y, x) }) })
	a := make([]float32, 32*benchLength)
	b.Run("ColSums32", func(b *testing.B) { perElement(b, func() { ColSums(nil, 32, benchLength, a, benchLength, 0, y) }) })
}

func perElement(b *testing.B, f func()) {
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchLength, "ns/element")
}
