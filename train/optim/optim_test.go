package optim_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/train/optim"
)

// optimizer is what all optimizers of the package are.
type optimizer interface {
	Step(a *graph.Arena, factor float64) error
	State() optim.State
	Restore(optim.State)
}

var (
	_ optimizer = (*optim.SGD)(nil)
	_ optimizer = (*optim.Adam)(nil)
	_ optimizer = (*optim.AdamW)(nil)
	_ optimizer = (*optim.RMSprop)(nil)
)

// arena holds parameters of the given values, and zero gradients.
func arena(t testing.TB, d graph.DType, values ...*graph.Tensor) *graph.Arena {
	t.Helper()
	var params []graph.NamedParam
	for i, v := range values {
		p := graph.NewParam(graph.Zeros, nil, v.Shape...)
		p.SetDType(d)
		if err := p.Value.Copy(v); err != nil {
			t.Fatal(err)
		}
		params = append(params, graph.NamedParam{Name: fmt.Sprint("p", i), Param: p})
	}
	a, err := graph.NewArena(params)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func vector(v ...float64) *graph.Tensor { return &graph.Tensor{Shape: []int{len(v)}, F64: v} }

// random is a vector with the seed of its numbers.
func random(n int, seed uint64) *graph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(float32(rng.NormFloat64())) // the same in both precisions
	}
	return vector(v...)
}

func step(t testing.TB, o optimizer, a *graph.Arena, gradient ...float64) {
	t.Helper()
	err := a.Grads.SetFloats(gradient)
	if err == nil {
		err = o.Step(a, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Three steps of each optimizer from 1 and -2, worked out with the formulas of its comment in decimal arithmetic.
func TestStepsByHand(t *testing.T) {
	gradients := [3][]float64{{0.5, -1}, {0.25, 2}, {-1, 0}}
	for _, c := range []struct {
		name string
		new  func() optimizer
		want [3][2]float64
	}{
		{"SGD", func() optimizer { return &optim.SGD{LearningRate: 0.1} },
			[3][2]float64{{0.95, -1.9}, {0.925, -2.1}, {1.025, -2.1}}},
		{"SGD, momentum", func() optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9} },
			[3][2]float64{{0.95, -1.9}, {0.88, -2.01}, {0.917, -2.109}}},
		{"SGD, Nesterov, weight decay", func() optimizer {
			return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}
		}, [3][2]float64{{0.9031, -1.8062}, {0.81257411, -2.10014822}, {0.942869708191, -2.182336916382}}},
		{"SGD, dampening", func() optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.5} },
			[3][2]float64{{0.95, -1.9}, {0.8925, -1.91}, {0.89075, -1.919}}},
		{"Adam", func() optimizer { return &optim.Adam{LearningRate: 0.1} },
			[3][2]float64{{0.900000002, -1.900000001}, {0.806782040477462, -1.93661035347208}, {0.827417742885411, -1.96491026200093}}},
		{"Adam, all options", func() optimizer {
			return &optim.Adam{LearningRate: 0.1, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-6, WeightDecay: 0.5}
		}, [3][2]float64{{0.9000000999999, -1.90000004999998}, {0.803369664895103, -1.88084276526597}, {0.771895853230554, -1.84068971866788}}},
		{"AdamW", func() optimizer { return &optim.AdamW{LearningRate: 0.1, WeightDecay: 0.5} },
			[3][2]float64{{0.850000002, -1.800000001}, {0.714282040377462, -1.74661035342208}, {0.699203640766538, -1.68757974427983}}},
		{"RMSprop", func() optimizer { return &optim.RMSprop{LearningRate: 0.1} },
			[3][2]float64{{1.99999960000008e-7, -1.0000001}, {-0.44901297442183, -1.89532302199152}, {0.425726616071325, -1.89532302199152}}},
		{"RMSprop, all options", func() optimizer {
			return &optim.RMSprop{LearningRate: 0.1, Alpha: 0.9, Epsilon: 0.1, WeightDecay: 0.5}
		}, [3][2]float64{{0.759746926647958, -1.72694588100837}, {0.622848519679984, -1.86911724655201}, {0.759168393967978, -1.75602324047733}}},
	} {
		for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-13, graph.Float32: 1e-6} {
			o, a := c.new(), arena(t, d, vector(1), vector(-2))
			for k, g := range gradients {
				step(t, o, a, g...)
				for i, want := range c.want[k] {
					if got := a.Values.At(i); !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
						t.Errorf("%s, %v: parameter %d is %.15g after step %d, want %.15g", c.name, d, i, got, k+1, want)
					}
				}
			}
			if n := o.State().Steps; n != 3 {
				t.Errorf("%s counts %d steps", c.name, n)
			}
		}
	}
}

// everyKind are optimizers that use every moment they have.
var everyKind = map[string]func() optimizer{
	"SGD":     func() optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.3} },
	"Adam":    func() optimizer { return &optim.Adam{WeightDecay: 0.1} },
	"AdamW":   func() optimizer { return &optim.AdamW{WeightDecay: 0.1} },
	"RMSprop": func() optimizer { return &optim.RMSprop{WeightDecay: 0.1} },
}

// Sizes around the multiples that kernels and threads work in. Every element is updated once, as it is alone.
func TestStepIsElementwise(t *testing.T) {
	for name, newOptimizer := range everyKind {
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			for _, n := range []int{1, 2, 15, 16, 17, 8191, 8192, 8193, 40_001} {
				var first []float64
				for _, threads := range []int{1, 2, 3} {
					a, o := arena(t, d, random(n, 1)), newOptimizer()
					a.Threads = threads
					for k := range uint64(3) {
						step(t, o, a, random(n, 2+k).F64...)
					}
					got := a.Values.Floats()
					if first == nil {
						first = got
					}
					if !slices.Equal(got, first) {
						t.Fatalf("%s, %v: %d values with %d threads differ from those with one", name, d, n, threads)
					}
				}
				for _, i := range []int{0, n / 3, n - 1} {
					one, o := arena(t, d, vector(random(n, 1).F64[i])), newOptimizer()
					for k := range uint64(3) {
						step(t, o, one, random(n, 2+k).F64[i])
					}
					// A vector instruction may fuse what the remainder of a loop rounds twice.
					if want := one.Values.At(0); math.Abs(first[i]-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("%s, %v: value %d of %d is %v, alone %v", name, d, i, n, first[i], want)
					}
				}
			}
		}
	}
}

// What State gives makes an optimizer go on as if it were the same, and State of a new one is empty.
func TestRestore(t *testing.T) {
	for name, newOptimizer := range everyKind {
		a, o := arena(t, graph.Float32, random(100, 1)), newOptimizer()
		if s := o.State(); s.Steps != 0 || len(s.Moments) != 0 {
			t.Errorf("%s: a new one has the state %v", name, s)
		}
		for k := range uint64(5) {
			step(t, o, a, random(100, 2+k).F64...)
		}
		b, other := arena(t, graph.Float32, a.Values), newOptimizer()
		s := o.State()
		copied := optim.State{Steps: s.Steps, Moments: map[string]*graph.Tensor{}}
		for name, m := range s.Moments {
			copied.Moments[name] = graph.NewTensor(graph.Float32, m.Len())
			if err := copied.Moments[name].Copy(m); err != nil {
				t.Fatal(err)
			}
		}
		other.Restore(copied)
		for k := range uint64(5) {
			step(t, o, a, random(100, 12+k).F64...)
			step(t, other, b, random(100, 12+k).F64...)
		}
		if !slices.Equal(a.Values.F32, b.Values.F32) {
			t.Errorf("%s: goes on differently", name)
		}
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			n := map[graph.DType]int{graph.Float32: 99, graph.Float64: 100}[d]
			wrong := arena(t, d, random(n, 1))
			before := wrong.Values.Floats()
			err := o.Step(wrong, 1)
			if _, ok := errors.AsType[*graph.ShapeError](err); !ok || !slices.Equal(wrong.Values.Floats(), before) {
				t.Errorf("%s: %d parameters of %v with moments of 100 of float32: %v", name, n, d, err)
			}
		}
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		o    optimizer
	}{
		{"LearningRate", &optim.SGD{}},
		{"LearningRate", &optim.SGD{LearningRate: -1}},
		{"LearningRate", &optim.SGD{LearningRate: nan}},
		{"LearningRate", &optim.SGD{LearningRate: inf}},
		{"Momentum", &optim.SGD{LearningRate: 1, Momentum: -0.1}},
		{"Momentum", &optim.SGD{LearningRate: 1, Momentum: 1}},
		{"WeightDecay", &optim.SGD{LearningRate: 1, WeightDecay: -1}},
		{"LearningRate", &optim.Adam{LearningRate: -1}},
		{"LearningRate", &optim.Adam{LearningRate: nan}},
		{"Beta1", &optim.Adam{Beta1: 1}},
		{"Beta2", &optim.Adam{Beta2: -0.5}},
		{"Epsilon", &optim.Adam{Epsilon: -1}},
		{"WeightDecay", &optim.Adam{WeightDecay: nan}},
		{"Beta2", &optim.AdamW{Beta2: 1}},
		{"WeightDecay", &optim.AdamW{WeightDecay: -1}},
		{"LearningRate", &optim.RMSprop{LearningRate: inf}},
		{"Alpha", &optim.RMSprop{Alpha: 1}},
		{"Epsilon", &optim.RMSprop{Epsilon: nan}},
		{"WeightDecay", &optim.RMSprop{WeightDecay: -1}},
	} {
		a := arena(t, graph.Float32, vector(1, 2))
		if err := a.Grads.SetFloats([]float64{1, 1}); err != nil {
			t.Fatal(err)
		}
		err := c.o.Step(a, 1)
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name {
			t.Errorf("%T %+v: got %v, want an *ArgumentError that names %s", c.o, c.o, err, c.name)
		}
		if a.Values.At(0) != 1 || a.Values.At(1) != 2 || c.o.State().Steps != 0 {
			t.Errorf("%T made a step in spite of the error %v", c.o, err)
		}
	}
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

// TestGoldenOptimizer makes the steps that PyTorch made.
func TestGoldenOptimizer(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"optimizer"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Optimizer     string
			Options       map[string]any
			Params, Steps int
		}
		c.Decode(t, &s)
		number := func(name string) float64 {
			v, _ := s.Options[name].(float64)
			return v
		}
		flag := func(name string) bool { return s.Options[name] == true }
		betas := [2]float64{}
		if b, ok := s.Options["betas"].([]any); ok {
			betas = [2]float64{b[0].(float64), b[1].(float64)}
		}
		var o optimizer
		var known []string
		switch s.Optimizer {
		case "SGD":
			known = []string{"lr", "momentum", "dampening", "nesterov", "weight_decay"}
			o = &optim.SGD{LearningRate: number("lr"), Momentum: number("momentum"), Dampening: number("dampening"),
				Nesterov: flag("nesterov"), WeightDecay: number("weight_decay")}
		case "Adam":
			known = []string{"lr", "betas", "eps", "weight_decay"}
			o = &optim.Adam{LearningRate: number("lr"), Beta1: betas[0], Beta2: betas[1], Epsilon: number("eps"), WeightDecay: number("weight_decay")}
		case "AdamW":
			known = []string{"lr", "betas", "eps", "weight_decay"}
			o = &optim.AdamW{LearningRate: number("lr"), Beta1: betas[0], Beta2: betas[1], Epsilon: number("eps"), WeightDecay: number("weight_decay")}
		case "RMSprop":
			known = []string{"lr", "alpha", "eps", "weight_decay"}
			o = &optim.RMSprop{LearningRate: number("lr"), Alpha: number("alpha"), Epsilon: number("eps"), WeightDecay: number("weight_decay")}
		default:
			t.Skipf("not yet run: optimizer %s", s.Optimizer)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Options)) {
			if v := s.Options[name]; !slices.Contains(known, name) && v != false && v != 0.0 {
				t.Skipf("not yet run: option %s of %s", name, s.Optimizer)
			}
		}

		var start []*graph.Tensor
		for i := range s.Params {
			start = append(start, c.Tensor(t, fmt.Sprintf("p%d.0", i)))
		}
		a := arena(t, c.Precision(), start...)
		for k := 1; k <= s.Steps; k++ {
			var gradient []float64
			for i := range s.Params {
				gradient = append(gradient, c.Tensor(t, fmt.Sprintf("g%d.%d", i, k)).F64...)
			}
			step(t, o, a, gradient...)
			for i, p := range a.Params {
				c.Compare(t, fmt.Sprintf("p%d.%d", i, k), p.Value)
			}
		}
	})
}

// TestGoldenClipNorm clips what PyTorch clipped.
func TestGoldenClipNorm(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"clip_norm"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Norm   any // a number, or "inf"
			Max    float64
			Params int
		}
		c.Decode(t, &s)
		if s.Norm != 2.0 {
			t.Skipf("not yet run: clipping by the norm of order %v", s.Norm)
		}
		var shapes []*graph.Tensor
		var gradient []float64
		for i := range s.Params {
			g := c.Tensor(t, fmt.Sprint("g", i))
			shapes = append(shapes, g)
			gradient = append(gradient, g.F64...)
		}
		a := arena(t, c.Precision(), shapes...)
		if err := a.Grads.SetFloats(gradient); err != nil {
			t.Fatal(err)
		}
		norm, err := optim.ClipNorm(a, s.Max)
		if err != nil {
			t.Fatal(err)
		}
		c.Compare(t, "norm", vector(norm))
		for i, p := range a.Params {
			c.Compare(t, fmt.Sprint("clipped", i), p.Grad)
		}
	})
}
