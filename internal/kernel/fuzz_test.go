package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// FuzzGemm compares products of any shape with the reference, on every instruction set and number of threads.
func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint16(13), uint16(33), uint16(5), uint8(0))
	f.Add(uint64(2), uint16(0), uint16(1), uint16(400), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k uint16, trans uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := newProduct[float32](r, trans&1 != 0, trans&2 != 0, int(m%200), int(n%200), int(k%800))
		for _, im := range available {
			use(t, im)
			got := p.run(nil)
			p.verify(t, got, 0, p.n)
			sameSlice(t, im.name+", three threads", p.run(NewPool(3)).all, got.all)
		}
	})
}

// FuzzExp checks the functions of one argument on single numbers.
func FuzzExp(f *testing.F) {
	for _, x := range special {
		f.Add(math.Float32bits(float32(x)))
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		x := math.Float32frombits(bits)
		for _, im := range available {
			use(t, im)
			for _, u := range unaries {
				got := []float32{x}
				u.f32(got, got)
				if e := ulps32(got[0], u.exact(float64(x))); !(e <= u.ulp) {
					t.Errorf("%s, %s(%v) = %v, %.2f ulp off", im.name, u.name, x, got[0], e)
				}
			}
		}
	})
}

// FuzzSoftmaxRow checks that the row is a distribution whatever its finite contents are.
func FuzzSoftmaxRow(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 200, 100})
	f.Fuzz(func(t *testing.T, data []byte) {
		src := make([]float32, len(data))
		for i, b := range data {
			src[i] = float32(int(b)-128) * 1e3 / float32(1+i)
		}
		for _, im := range available {
			use(t, im)
			dst := newGuard[float32](len(src))
			SoftmaxRow(dst.data, src)
			dst.check(t, im.name)
			sum := 0.0
			for i, x := range dst.data {
				if !(x >= 0 && x <= 1) {
					t.Errorf("%s: element %d is %v", im.name, i, x)
				}
				sum += float64(x)
			}
			if len(src) > 0 {
				near(t, fmt.Sprint(im.name, ", sum"), sum, 1, 1, 1e-5)
			}
		}
	})
}
