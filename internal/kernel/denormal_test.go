package kernel

import (
	"math"
	"testing"
)

// TestDenormals: products and the arithmetic of cells may take a number below the smallest normal one for zero, and
// leave the processor's mode as it was.
func TestDenormals(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		const tiny = 1e-40
		x, y := make([]float32, 64), make([]float32, 64)
		for i := range x {
			x[i], y[i] = tiny, 0.5
		}
		Mul(x, x, y)
		for _, v := range x {
			if v != 0 && v != float32(tiny)*0.5 {
				t.Fatalf("%v times 0.5 is %v", tiny, v)
			}
		}
		c := make([]float32, 64)
		x[0] = tiny
		Gemm(nil, false, false, 8, 8, 8, 1, x, 8, y, 8, 0, c, 8)
		if !(c[0] >= 0 && c[0] <= 1e-39) {
			t.Errorf("a product with %v gives %v", tiny, c[0])
		}
		v := math.SmallestNonzeroFloat64
		if v *= 2; v == 0 || float32(tiny)*0.5 == 0 {
			t.Error("the processor's mode has changed")
		}
	})
}

// BenchmarkDenormals is a time step's product with gradients that have vanished.
func BenchmarkDenormals(b *testing.B) {
	const m, n, k = 32, 128, 128
	for name, v := range map[string]float32{"normal": 1e-20, "denormal": 1e-39} {
		b.Run(name, func(b *testing.B) {
			x, w, y := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
			for i := range x {
				x[i] = v
			}
			for i := range w {
				w[i] = 0.5
			}
			var q Packed[float32]
			q.Pack(nil, false, m, k, n, 1, w, n)
			for b.Loop() {
				q.Mul(m, x, k, 0, y, n, 0, n)
			}
		})
	}
}
