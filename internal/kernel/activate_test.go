package kernel

import (
	"fmt"
	"math"
	"math/big"
	"testing"
)

// unary is an element-wise function of one argument with its exact form.
type unary struct {
	name  string
	f32   func(dst, src []float32)
	f64   func(dst, src []float64)
	exact func(x float64) float64    // good for float32
	big   func(x float64) *big.Float // good for float64
	ulp   float64                    // error bound
}

var unaries = []unary{
	{"Exp", Exp[float32], Exp[float64], math.Exp, bigExp, 4},
	{"Sigmoid", Sigmoid[float32], Sigmoid[float64], func(x float64) float64 {
		return 1 / (1 + math.Exp(-x))
	}, bigSigmoid, 4},
	{"Tanh", Tanh[float32], Tanh[float64], math.Tanh, bigTanh, 4},
}

const bigBits = 160

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(bigBits).SetFloat64(x) }

func bigNew() *big.Float { return new(big.Float).SetPrec(bigBits) }

// bigExp sums the Taylor series of x/2**k and squares the result k times.
func bigExp(x float64) *big.Float {
	k := 0
	for y := math.Abs(x); y > 0x1p-6; y /= 2 {
		k++
	}
	y := bigFloat(x)
	y.SetMantExp(y, -k)
	sum, term := bigFloat(1), bigFloat(1)
	for i := 1; i < 24; i++ {
		term.Mul(term, y)
		term.Quo(term, bigFloat(float64(i)))
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

func bigSigmoid(x float64) *big.Float {
	e := bigExp(-x)
	e.Add(e, bigFloat(1))
	return e.Quo(bigFloat(1), e)
}

func bigTanh(x float64) *big.Float {
	if math.Abs(x) < 0x1p-40 {
		return bigFloat(x) // beyond this, 1 - 1 would lose the digits
	}
	e := bigExp(2 * x)
	top, bottom := bigNew().Sub(e, bigFloat(1)), bigNew().Add(e, bigFloat(1))
	return top.Quo(top, bottom)
}

// special are the arguments that a sample may miss.
var special = []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 0x1p-149, -0x1p-149, 0x1p-126,
	-0x1p-126, 0x1p-1074, -0x1p-1074, 0x1p-1022, 88.7, 88.72283, 88.72284, 89, 90, 91, 128, 1e30, -1e30, -86, -87.33, -87.34, -88, -100, -103.27,
	-103.28, -103.9, -104, -105, -110, -111, 9, 9.01, 9.02, 10, 10.1, 19, 20, 21, 709.78, 709.79, -708.4, -708.5, -744.4, -745.1,
	-745.2, -746, -760, -761, math.MaxFloat32, -math.MaxFloat32, math.MaxFloat64, -math.MaxFloat64, 0.34657, 0.34658}

func TestUnary32(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		for _, u := range unaries {
			t.Run(u.name, func(t *testing.T) {
				const block = 4096
				src, dst := make([]float32, 0, block), make([]float32, block)
				worst, at := 0.0, float32(0)
				flush := func() {
					u.f32(dst[:len(src)], src)
					for i, x := range src {
						e := ulps32(dst[i], u.exact(float64(x)))
						if e > worst || e != e {
							worst, at = e, x
						}
					}
					src = src[:0]
				}
				add := func(x float32) {
					if src = append(src, x); len(src) == block {
						flush()
					}
				}
				for _, x := range special {
					add(float32(x))
				}
				step := uint64(12000001 / rounds(4000))
				if *long {
					step = 1
				}
				for b := uint64(0); b < 1<<32; b += step {
					add(math.Float32frombits(uint32(b)))
				}
				flush()
				t.Logf("largest error %.2f ulp at %v", worst, at)
				if !(worst <= u.ulp) {
					t.Errorf("error %.2f ulp at %v", worst, at)
				}
			})
		}
	})
}

// ulps32 is the distance of got from want in units of the last place of want, 0 if both are the same special value.
func ulps32(got float32, want float64) float64 {
	switch w := float32(want); {
	case want != want:
		if got == got {
			return math.Inf(1)
		}
		return 0
	case math.IsInf(float64(w), 0) || want == 0:
		if !equal(got, w) {
			return math.Inf(1)
		}
		return 0
	}
	_, exp := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exp-24, -149))
}

func TestUnary64(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		for _, u := range unaries {
			t.Run(u.name, func(t *testing.T) {
				r := newRand(t)
				src := append([]float64(nil), special...)
				for i := range rounds(1500) {
					switch i % 3 {
					case 0:
						src = append(src, r.NormFloat64())
					case 1:
						src = append(src, 1500*r.Float64()-750)
					default:
						src = append(src, math.Copysign(math.Exp(40*r.Float64()-37), r.Float64()-0.5))
					}
				}
				dst := make([]float64, len(src))
				u.f64(dst, src)
				worst, at := 0.0, 0.0
				for i, x := range src {
					var e float64
					if want := u.exact(x); want != want || math.Abs(x) > 800 {
						if !equal(dst[i], want) {
							e = math.Inf(1)
						}
					} else {
						e = ulps64(dst[i], u.big(x))
					}
					if e > worst {
						worst, at = e, x
					}
				}
				t.Logf("largest error %.2f ulp at %v", worst, at)
				if !(worst <= u.ulp) {
					t.Errorf("error %.2f ulp at %v", worst, at)
				}
			})
		}
	})
}

func ulps64(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	if w == 0 || math.IsInf(w, 0) || math.IsInf(got, 0) {
		if !equal(got, w) && !(w == 0 && math.Abs(got) <= 0x1p-1074) {
			return math.Inf(1)
		}
		return 0
	}
	_, exp := math.Frexp(w)
	d := bigNew().Sub(bigFloat(got), want)
	d.SetMantExp(d, -max(exp-53, -1074))
	e, _ := d.Float64()
	return math.Abs(e)
}

// TestUnaryTail checks that a result depends on neither the place nor the length, that slices may coincide, and that
// nothing else is written.
func TestUnaryTail(t *testing.T) {
	for _, u := range unaries {
		t.Run(u.name, func(t *testing.T) {
			eachType(t, func(t *testing.T) { unaryTail(t, u.f32) }, func(t *testing.T) { unaryTail(t, u.f64) })
		})
	}
}

func unaryTail[F Float](t *testing.T, f func(dst, src []F)) {
	r := newRand(t)
	for _, n := range lengths {
		src := random[F](r, n)
		for i := range src.data {
			src.data[i] *= 10
		}
		want := make([]F, 0, n)
		for _, x := range src.data {
			one := []F{x}
			f(one, one)
			want = append(want, one[0])
		}
		dst, before := newGuard[F](n), src.clone()
		f(dst.data, src.data)
		sameSlice(t, fmt.Sprint("length ", n), dst.data, want)
		sameSlice(t, "source", src.all, before.all)
		f(src.data, src.data)
		sameSlice(t, fmt.Sprint("in place, length ", n), src.data, want)
		dst.check(t, "destination")
		src.check(t, "in place")
	}
}
