package reservoir

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// denseRadius is the spectral radius by a method for dense matrices.
func denseRadius(t *testing.T, s *sparse) float64 {
	t.Helper()
	var e mat.Eigen
	if !e.Factorize(mat.NewDense(s.size, s.size, s.dense()), mat.EigenNone) {
		t.Fatal("no eigenvalues")
	}
	var radius float64
	for _, v := range e.Values(nil) {
		radius = math.Max(radius, cmplx.Abs(v))
	}
	return radius
}

func TestSpectralRadiusIsTheOneAskedFor(t *testing.T) {
	for _, o := range []Options{
		{Units: 1}, {Units: 2}, {Units: 3, Degree: 1}, {Units: 20, Degree: 20}, {Units: 60, SpectralRadius: 1.3},
		{Units: 100, SpectralRadius: 0.95}, {Units: 100, Degree: 3}, {Units: 200, SpectralRadius: 0.1}, {Units: 200, Degree: 100},
	} {
		for seed := range uint64(2) {
			o.Inputs = 1
			r := ok[*Reservoir](t)(New(o, newRand(seed)))
			want := o.SpectralRadius
			if want == 0 {
				want = 0.9
			}
			if got := denseRadius(t, r.weights); math.Abs(got-want) > 1e-8 {
				t.Errorf("%+v, seed %d: got %.9g", o, seed, got)
			}
		}
	}
}

// Matrices whose eigenvalues are known.
func TestSpectralRadiusOfKnownMatrices(t *testing.T) {
	for name, c := range map[string]struct {
		matrix sparse
		want   float64
	}{
		"zero":           {sparse{2, 1, []int32{0, 1}, []float64{0, 0}}, 0},
		"identity":       {sparse{3, 1, []int32{0, 1, 2}, []float64{1, 1, 1}}, 1},
		"negative":       {sparse{2, 1, []int32{0, 1}, []float64{1, -3}}, 3},
		"complex pair":   {sparse{2, 1, []int32{1, 0}, []float64{-4, 1}}, 2},
		"cycle of three": {sparse{3, 1, []int32{1, 2, 0}, []float64{2, -4, 8}}, 4},
		"two cycles":     {sparse{5, 1, []int32{1, 0, 3, 4, 2}, []float64{3, 3, 1, 2, 4}}, 3},
		"defective":      {sparse{2, 2, []int32{0, 1, 0, 1}, []float64{2, 1, 0, 2}}, 2},
	} {
		if got := c.matrix.spectralRadius(); math.Abs(got-c.want) > 1e-7 {
			t.Errorf("%s: got %g, want %g", name, got, c.want)
		}
	}
}

// With one connection a unit, the units lead into cycles; the eigenvalues of a cycle of n units are the n-th roots of
// the product of its weights. All others are 0. Here the Krylov space ends long before it is the whole one.
func TestSpectralRadiusOfCycles(t *testing.T) {
	for seed := range uint64(20) {
		s := randomSparse(400, 1, newRand(seed))
		var want float64
		for i := range int32(s.size) {
			product, n := s.values[i], 1
			at := s.columns[i]
			for ; at != i && n <= s.size; n++ {
				product *= s.values[at]
				at = s.columns[at]
			}
			if at == i {
				want = math.Max(want, math.Pow(math.Abs(product), 1/float64(n)))
			}
		}
		if got := s.spectralRadius(); math.Abs(got-want) > 1e-7*want {
			t.Errorf("seed %d: got %.9g, want %.9g", seed, got, want)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, units := range []int{100, 1000} {
		b.Run(fmt.Sprint("units=", units), func(b *testing.B) {
			for b.Loop() {
				if _, err := New(Options{Inputs: 1, Units: units}, newRand(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
