package optim_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// clipper is what a trainer takes.
type clipper interface {
	Clip(*graph.Arena) (norm float64, err error)
}

// The norm and the factor by the plain formula, at sizes around those that threads and kernels work in.
func TestClipNorm(t *testing.T) {
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		for _, n := range []int{1, 7, 16, 8191, 8192, 8193, 40_001} {
			g := random(n, uint64(n))
			sum := 0.0
			for _, v := range g.F64 {
				sum += v * v
			}
			norm := math.Sqrt(sum)
			for _, max := range []float64{norm / 100, norm * 0.999, norm * 1.001, norm * 100} {
				var first []float64
				for _, threads := range []int{1, 2, 3} {
					a := arena(t, d, random(n/2+1, 1), random(n-n/2, 2)) // one value more than n
					a.Threads = threads
					if err := a.Grads.SetFloats(append(slices.Clone(g.F64), 0)); err != nil {
						t.Fatal(err)
					}
					got, err := optim.ClipNorm(a, max)
					if err != nil || math.Abs(got-norm) > 1e-12*norm {
						t.Fatalf("%v, %d values: norm %.15g, %v, want %.15g", d, n, got, err, norm)
					}
					factor := math.Min(1, max/(norm+1e-6))
					clipped := a.Grads.Floats()
					for i, v := range g.F64 {
						if math.Abs(clipped[i]-v*factor) > 2e-7*math.Abs(v) || factor == 1 && clipped[i] != v {
							t.Fatalf("%v, max %v: value %d of %d is %v, want %v", d, max, i, n, clipped[i], v*factor)
						}
					}
					if first == nil {
						first = clipped
					}
					if !slices.Equal(clipped, first) {
						t.Fatalf("%v, %d values: other bits with %d threads", d, n, threads)
					}
				}
			}
		}
	}
}

func TestClipNormEdges(t *testing.T) {
	a := arena(t, graph.Float32, vector(1, 2, 3))
	for _, c := range []struct {
		gradient []float64
		norm     float64
	}{
		{[]float64{0, 0, 0}, 0},
		{[]float64{1e-30, 0, 0}, 1e-30},
		{[]float64{3e38, 3e38, 3e38}, math.Sqrt(3) * 3e38}, // its square is no float32
		{[]float64{1, math.Inf(1), 0}, math.Inf(1)},
		{[]float64{1, math.Inf(-1), 0}, math.Inf(1)},
		{[]float64{1, math.NaN(), 0}, math.NaN()},
	} {
		if err := a.Grads.SetFloats(c.gradient); err != nil {
			t.Fatal(err)
		}
		before := a.Grads.Floats()
		norm, err := optim.ClipNorm(a, 1)
		same := norm == c.norm || math.IsNaN(norm) && math.IsNaN(c.norm) || math.Abs(norm-c.norm) <= 1e-6*c.norm
		if err != nil || !same {
			t.Errorf("%v: norm %v, %v, want %v", c.gradient, norm, err, c.norm)
		}
		if got := a.Grads.Floats(); (math.IsNaN(c.norm) || math.IsInf(c.norm, 0) || c.norm < 1) && fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("%v became %v, want it left alone", before, got)
		}
	}
	for _, max := range []float64{0, -1, math.NaN()} {
		if _, err := optim.ClipNorm(a, max); err == nil {
			t.Errorf("max %v: no error", max)
		}
	}
}

// norm is the norm of an order by its definition.
func norm(order float64, v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		if math.IsInf(order, 1) {
			sum = math.Max(sum, math.Abs(x))
		} else {
			sum += math.Pow(math.Abs(x), order)
		}
	}
	if math.IsInf(order, 1) {
		return sum
	}
	return math.Pow(sum, 1/order)
}

// Parameters of several shapes with gradients of several sizes, among them rows that lie across the ranges that threads
// work on.
func clipCase(t *testing.T, d graph.DType) *graph.Arena {
	t.Helper()
	var values []*graph.Tensor
	var gradient []float64
	for i, shape := range [][]int{{3}, {70, 130}, {5000}, {2, 9000}, {1}, {4, 3, 5}} {
		size := 1
		for _, s := range shape {
			size *= s
		}
		v := random(size, uint64(i))
		v.Shape = shape
		values = append(values, v)
		for k, g := range random(size, uint64(10+i)).F64 {
			gradient = append(gradient, g*math.Pow(2, float64(k%7-i)))
		}
	}
	a := arena(t, d, values...)
	if err := a.Grads.SetFloats(gradient); err != nil {
		t.Fatal(err)
	}
	return a
}

// Each kind of clipping against a plain computation, with the same bits for any number of threads, and nothing allocated.
func TestClip(t *testing.T) {
	inf := math.Inf(1)
	global := func(order, max float64) func(*graph.Arena, []float64) float64 {
		return func(a *graph.Arena, g []float64) float64 {
			n := norm(order, g)
			for i := range g {
				g[i] *= math.Min(1, max/(n+1e-6))
			}
			return n
		}
	}
	each := func(order, max float64) func(*graph.Arena, []float64) float64 {
		return func(a *graph.Arena, g []float64) float64 {
			total := norm(order, g)
			for _, r := range a.Ranges {
				global(order, max)(a, g[r.From:r.To])
			}
			return total
		}
	}
	adaptive := func(factor, epsilon float64, except ...int) func(*graph.Arena, []float64) float64 {
		return func(a *graph.Arena, g []float64) float64 {
			total, values := norm(2, g), a.Values.Floats()
			for i, r := range a.Ranges {
				unit := r.To - r.From
				if s := a.Params[i].Shape(); len(s) > 1 {
					unit /= s[0]
				}
				for at := r.From; at < r.To && !slices.Contains(except, i); at += unit {
					limit := factor * math.Max(norm(2, values[at:at+unit]), epsilon)
					if n := norm(2, g[at:at+unit]); n > limit {
						for k := at; k < at+unit; k++ {
							g[k] *= limit / n
						}
					}
				}
			}
			return total
		}
	}
	for name, c := range map[string]struct {
		clip  clipper
		plain func(a *graph.Arena, g []float64) float64
	}{
		"global, 2":           {&optim.ClipGlobalNorm{Max: 10}, global(2, 10)},
		"global, 1":           {&optim.ClipGlobalNorm{Max: 10, Order: 1}, global(1, 10)},
		"global, 3":           {&optim.ClipGlobalNorm{Max: 10, Order: 3}, global(3, 10)},
		"global, 0.5":         {&optim.ClipGlobalNorm{Max: 10, Order: 0.5}, global(0.5, 10)},
		"global, infinite":    {&optim.ClipGlobalNorm{Max: 10, Order: inf}, global(inf, 10)},
		"global, no need":     {&optim.ClipGlobalNorm{Max: 1e6, Order: inf}, global(inf, 1e6)},
		"parameter, 2":        {&optim.ClipParamNorm{Max: 20}, each(2, 20)},
		"parameter, 1":        {&optim.ClipParamNorm{Max: 20, Order: 1}, each(1, 20)},
		"parameter, infinite": {&optim.ClipParamNorm{Max: 1, Order: inf}, each(inf, 1)},
		"adaptive":            {&optim.ClipAdaptive{}, adaptive(0.01, 1e-3)},
		"adaptive, options":   {&optim.ClipAdaptive{Factor: 0.5, Epsilon: 2, Except: []string{"p1", "p5"}}, adaptive(0.5, 2, 1, 5)},
		"value": {&optim.ClipValue{Max: 0.75}, func(_ *graph.Arena, g []float64) float64 {
			n := norm(2, g)
			for i := range g {
				g[i] = math.Max(-0.75, math.Min(0.75, g[i]))
			}
			return n
		}},
	} {
		for d, tolerance := range map[graph.DType]float64{graph.Float32: 3e-7, graph.Float64: 1e-12} {
			var first []float64
			for _, threads := range []int{1, 2, 3} {
				a := clipCase(t, d)
				a.Threads = threads
				want := a.Grads.Floats()
				wantNorm := c.plain(a, want)
				got, err := c.clip.Clip(a)
				if err != nil || math.Abs(got-wantNorm) > 1e-12*wantNorm {
					t.Fatalf("%s, %v: norm %v, want %v (%v)", name, d, got, wantNorm, err)
				}
				for i, w := range want {
					if g := a.Grads.At(i); math.Abs(g-w) > tolerance*math.Abs(w) {
						t.Fatalf("%s, %v: gradient %d is %v, want %v", name, d, i, g, w)
					}
				}
				if first == nil {
					first = a.Grads.Floats()
				}
				if !slices.Equal(first, a.Grads.Floats()) {
					t.Fatalf("%s, %v: other bits with %d threads", name, d, threads)
				}
				if threads > 1 {
					continue
				}
				if n := testing.AllocsPerRun(2, func() {
					if _, err := c.clip.Clip(a); err != nil {
						t.Fatal(err)
					}
				}); n != 0 {
					t.Errorf("%s, %v: %v allocations", name, d, n)
				}
			}
		}
	}
}

// A gradient that is not finite is left alone, and its norm says so.
func TestClipNotFinite(t *testing.T) {
	for _, c := range []clipper{
		&optim.ClipGlobalNorm{Max: 1}, &optim.ClipGlobalNorm{Max: 1, Order: 1}, &optim.ClipGlobalNorm{Max: 1, Order: math.Inf(1)},
		&optim.ClipGlobalNorm{Max: 1, Order: 3}, &optim.ClipParamNorm{Max: 1}, &optim.ClipValue{Max: 1}, &optim.ClipAdaptive{},
	} {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			a := arena(t, graph.Float32, vector(1, 1, 1), vector(1, 1))
			if err := a.Grads.SetFloats([]float64{5, 5, bad, 5, 5}); err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(a.Grads.F32)
			n, err := c.Clip(a)
			if err != nil || math.IsNaN(bad) != math.IsNaN(n) || math.IsInf(bad, 0) != math.IsInf(n, 1) {
				t.Errorf("%T: norm of a gradient with %v is %v (%v)", c, bad, n, err)
			}
			if got := fmt.Sprint(a.Grads.F32); got != before {
				t.Errorf("%T: %s became %s", c, before, got)
			}
		}
	}
}

func TestClipErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		clip clipper
	}{
		{"Max", &optim.ClipGlobalNorm{}},
		{"Max", &optim.ClipGlobalNorm{Max: -1}},
		{"Max", &optim.ClipGlobalNorm{Max: math.NaN()}},
		{"Order", &optim.ClipGlobalNorm{Max: 1, Order: -1}},
		{"Order", &optim.ClipGlobalNorm{Max: 1, Order: math.NaN()}},
		{"Max", &optim.ClipParamNorm{}},
		{"Order", &optim.ClipParamNorm{Max: 1, Order: -2}},
		{"Max", &optim.ClipValue{}},
		{"Max", &optim.ClipValue{Max: math.NaN()}},
		{"Factor", &optim.ClipAdaptive{Factor: -1}},
		{"Epsilon", &optim.ClipAdaptive{Epsilon: -1}},
		{"Except", &optim.ClipAdaptive{Except: []string{"nobody"}}},
	} {
		_, err := c.clip.Clip(arena(t, graph.Float32, vector(1, 2)))
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name {
			t.Errorf("%T %+v: got %v, want an *ArgumentError that names %s", c.clip, c.clip, err, c.name)
		}
	}
	for _, c := range []clipper{&optim.ClipGlobalNorm{Max: 1}, &optim.ClipParamNorm{Max: 1}, &optim.ClipValue{Max: 1}, &optim.ClipAdaptive{}} {
		if _, err := c.Clip(nil); err == nil {
			t.Errorf("%T: no error without an arena", c)
		}
	}
	if _, err := optim.ClipNorm(nil, 1); err == nil {
		t.Error("ClipNorm: no error without an arena")
	}
}
