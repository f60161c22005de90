package optim_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

func TestL1(t *testing.T) {
	a := named(t, graph.Float64, 3, "a.weight", "a.bias")
	copy(a.Values.F64, []float64{2, -2, 0, 2, -2, 0})
	o := &optim.L1{Optimizer: &optim.SGD{LearningRate: 1}, Penalty: 0.25, Names: []string{"*.weight"}}
	step(t, o, a, 1, 1, 1, 1, 1, 1)
	near(t, "gradients", a.Grads, 0, 1.25, 0.75, 1, 1, 1, 1)
	near(t, "values", a.Values, 0, 0.75, -2.75, -1, 1, -3, -1)
	step(t, &optim.L1{Optimizer: &optim.SGD{LearningRate: 1}, Penalty: 1}, a, 0, 0, 0, 0, 0, 0)
	near(t, "all", a.Values, 0, -0.25, -1.75, 0, 0, -2, 0)
}

// The noise is normal, with the variance of its time, and the same for the same seed.
func TestNoise(t *testing.T) {
	const n = 40_001
	noise := func(o *optim.Noise, steps int, d graph.DType) *graph.Arena {
		o.Optimizer = &optim.SGD{LearningRate: 1}
		a := arena(t, d, vector(1), random(n, 1))
		for range steps {
			step(t, o, a, make([]float64, n+1)...)
		}
		return a
	}
	for _, c := range []struct {
		steps int
		decay float64
		sigma float64
	}{
		{1, 0, 0.5},
		{3, 0, math.Sqrt(0.25 / math.Pow(3, 0.55))},
		{4, 1, 0.25},
	} {
		g := noise(&optim.Noise{Variance: 0.25, Decay: c.decay, Seed: 1}, c.steps, graph.Float64).Grads.F64
		var power [5]float64
		neighbours := 0.0
		for i, v := range g {
			for k := range power {
				power[k] += math.Pow(v/c.sigma, float64(k)) / (n + 1)
			}
			neighbours += v * g[(i+1)%len(g)] / (c.sigma * c.sigma) / (n + 1)
		}
		// Four standard errors of each.
		for k, want := range map[int][2]float64{1: {0, 0.02}, 2: {1, 0.029}, 3: {0, 0.078}, 4: {3, 0.2}} {
			if math.Abs(power[k]-want[0]) > want[1] {
				t.Errorf("step %d: moment %d of the noise is %v, want %v", c.steps, k, power[k], want[0])
			}
		}
		if math.Abs(neighbours) > 0.02 {
			t.Errorf("step %d: neighbours correlate by %v", c.steps, neighbours)
		}
	}
	first, same := noise(&optim.Noise{Variance: 1, Seed: 7}, 2, graph.Float64), noise(&optim.Noise{Variance: 1, Seed: 7}, 2, graph.Float64)
	if !slices.Equal(first.Grads.F64, same.Grads.F64) {
		t.Error("one seed gives two noises")
	}
	for name, other := range map[string]*graph.Arena{
		"another seed": noise(&optim.Noise{Variance: 1, Seed: 8}, 2, graph.Float64),
		"another step": noise(&optim.Noise{Variance: 1, Seed: 7}, 1, graph.Float64),
	} {
		equal := 0
		for i, v := range other.Grads.F64 {
			if v == first.Grads.F64[i] {
				equal++
			}
		}
		if equal > 0 {
			t.Errorf("%s: %d numbers are the same", name, equal)
		}
	}
	low := noise(&optim.Noise{Variance: 1, Seed: 7}, 2, graph.Float32)
	for i, v := range low.Grads.F32 {
		if v != float32(first.Grads.F64[i]) {
			t.Fatalf("in float32, noise %d is %v, not %v", i, v, first.Grads.F64[i])
		}
	}
}

// Batches of different weights, two times, make the gradient of all of them together.
func TestAccumulator(t *testing.T) {
	const n = 20_001
	for _, d := range []graph.DType{graph.Float32, graph.Float64} {
		a := arena(t, d, random(n, 1))
		var c optim.Accumulator
		for round := range uint64(2) {
			want := make([]float64, n)
			for k, weight := range []float64{3, 0, 5} {
				g := random(n, 10*round+uint64(k)).F64
				if k == 1 {
					g[0] = math.MaxFloat32 // of no weight
				}
				if err := a.Grads.SetFloats(g); err != nil {
					t.Fatal(err)
				}
				if err := c.Add(a, weight); err != nil {
					t.Fatal(err)
				}
				for i, v := range g {
					want[i] += v * weight / 8
				}
			}
			if err := c.Mean(a); err != nil {
				t.Fatal(err)
			}
			near(t, d.String(), a.Grads, 1e-6, want...)
		}
		if err := c.Mean(a); err != nil || a.Grads.At(0) != 0 || a.Grads.At(n-1) != 0 {
			t.Errorf("mean of nothing: %v, %v", a.Grads.At(0), err)
		}
		a.Threads = 1
		if got := testing.AllocsPerRun(3, func() {
			if c.Add(a, 1) != nil || c.Mean(a) != nil {
				t.Fatal("failed")
			}
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
		for _, weight := range []float64{-1, math.NaN(), math.Inf(1)} {
			if err := c.Add(a, weight); err == nil {
				t.Errorf("weight %v: no error", weight)
			}
		}
		for _, err := range []error{c.Add(nil, 1), c.Mean(nil), c.Add(arena(t, d, vector(1)), 1), c.Mean(arena(t, d, vector(1)))} {
			if err == nil {
				t.Error("another arena, or none: no error")
			}
		}
	}
}
