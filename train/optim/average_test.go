package optim_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// averager is an optimizer that keeps an average.
type averager interface {
	optim.Optimizer
	Swap(*graph.Arena) error
}

// averageOf is what Swap brings into the arena, which is then as before.
func averageOf(t *testing.T, o averager, a *graph.Arena) []float64 {
	t.Helper()
	before := a.Values.Floats()
	if err := o.Swap(a); err != nil {
		t.Fatal(err)
	}
	average := a.Values.Floats()
	if err := o.Swap(a); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Values.Floats(), before) {
		t.Errorf("%T: two swaps made %v of %v", o, a.Values.Floats(), before)
	}
	return average
}

// With a gradient of -1 and a learning rate of 1, the weight is 1, 2, 3, … after the steps.
func TestAverages(t *testing.T) {
	count := func() optim.Optimizer { return &optim.SGD{LearningRate: 1} }
	triggered := &optim.NTASGD{Optimizer: count(), Patience: 1}
	for _, loss := range []float64{1, 2, 3} {
		triggered.Observe(loss)
	}
	warm := func(n float64) float64 { return min(0.25, (1+n)/(10+n)) }
	for _, c := range []struct {
		name string
		o    averager
		want []float64 // the average after each step
	}{
		{"EMA", &optim.EMA{Optimizer: count(), Decay: 0.75}, []float64{1, 1.25, 1.6875, 2.265625}},
		{"EMA, warmup", &optim.EMA{Optimizer: count(), Decay: 0.25, Warmup: true},
			[]float64{1, 2 - warm(1), 3 - warm(2)*(1+warm(1)), 4 - warm(3)*(1+warm(2)*(1+warm(1)))}},
		{"SWA", &optim.SWA{Optimizer: count()}, []float64{1, 1.5, 2, 2.5}},
		{"SWA, later", &optim.SWA{Optimizer: count(), Start: 3}, []float64{1, 2, 3, 3.5, 4}}, // the weights before
		{"SWA, not always", &optim.SWA{Optimizer: count(), Start: 2, Every: 3}, []float64{1, 2, 2, 2, 3.5, 3.5, 3.5, 5}},
		{"NTASGD", triggered, []float64{1, 1.5, 2, 2.5}},
		{"NTASGD, not triggered", &optim.NTASGD{Optimizer: count()}, []float64{1, 2, 3, 4}},
		{"ASGD", &optim.ASGD{LearningRate: 1, Lambda: 1e-300, Start: 1}, []float64{1, 2, 3, 3.5, 4}},
	} {
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			a := arena(t, d, vector(0))
			fresh := optim.State{Steps: 0, Numbers: map[string]float64{}}
			if c.name == "NTASGD" {
				fresh.Numbers["triggered"] = 1
			}
			c.o.Restore(fresh)
			for i, want := range c.want {
				step(t, c.o, a, -1)
				if got := averageOf(t, c.o, a)[0]; math.Abs(got-want) > 1e-6 {
					t.Errorf("%s, %v: average %v after step %d, want %v", c.name, d, got, i+1, want)
				}
			}
		}
	}
}

// In between the swaps is no time for a step, and a checkpoint there comes back as it is.
func TestSwapped(t *testing.T) {
	for name, newOptimizer := range map[string]func() averager{
		"EMA":    func() averager { return &optim.EMA{Optimizer: &optim.Adam{}} },
		"SWA":    func() averager { return &optim.SWA{Optimizer: &optim.Adam{}} },
		"NTASGD": func() averager { return &optim.NTASGD{Optimizer: &optim.Adam{}, Patience: 1} },
		"ASGD":   func() averager { return &optim.ASGD{LearningRate: 0.1, Start: 1} },
	} {
		o, a := newOptimizer(), arena(t, graph.Float64, random(9, 1))
		if n, ok := o.(*optim.NTASGD); ok {
			n.Observe(1)
			n.Observe(2)
			n.Observe(3)
		}
		if err := o.Swap(a); err != nil || !slices.Equal(a.Values.F64, random(9, 1).F64) {
			t.Errorf("%s: swap before the first step: %v", name, err)
		}
		for k := range uint64(4) {
			step(t, o, a, random(9, 2+k).F64...)
		}
		weights := a.Values.Floats()
		if err := o.Swap(a); err != nil || slices.Equal(a.Values.F64, weights) {
			t.Fatalf("%s: swap did nothing: %v", name, err)
		}
		swapped := a.Values.Floats()
		err := o.Step(a, 1)
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != "values" || !slices.Equal(a.Values.F64, swapped) {
			t.Errorf("%s: a step with the average swapped in: %v", name, err)
		}
		other, b := newOptimizer(), arena(t, graph.Float64, vector(swapped...))
		other.Restore(copied(t, o.State()))
		if err := other.Swap(b); err != nil || !slices.Equal(b.Values.F64, weights) {
			t.Errorf("%s: a restored one doesn't swap back: %v", name, err)
		}
		step(t, other, b, random(9, 9).F64...)

		if err := o.Swap(nil); err == nil {
			t.Errorf("%s: no error without an arena", name)
		}
		for d, n := range map[graph.DType]int{graph.Float32: 9, graph.Float64: 8} {
			err := o.Swap(arena(t, d, random(n, 1)))
			if _, ok := errors.AsType[*graph.ShapeError](err); !ok {
				t.Errorf("%s: swap with %d values of %v: %v", name, n, d, err)
			}
		}
	}
}

// The trigger against the paper's algorithm: a loss above the lowest of those before the last n.
func TestNTASGDTrigger(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		patience int
		losses   []float64
		want     int // the number of the loss that triggers, from 1; 0 if none
	}{
		{1, []float64{3, 2, 1, 0.5}, 0},
		{1, []float64{3, 4}, 0},
		{1, []float64{3, 2, 3.5}, 3},
		{1, []float64{3, 2, 3, 2.5}, 4},
		{1, []float64{1, 2, 1, 1, 1}, 0}, // equal isn't worse
		{2, []float64{3, 5, 5, 3.5}, 4},
		{2, []float64{3, 5, 5, 2.9, 2.95}, 0},
		{3, []float64{1, 9, 9, 9}, 0}, // three later ones must be there to be let pass
		{3, []float64{1, 9, 9, 9, 9}, 5},
		{0, []float64{1, 9, 9, 9, 9, 9}, 0}, // 5
		{0, []float64{1, 9, 9, 9, 9, 9, 9}, 7},
		{1, []float64{3, nan, inf, 2, nan, 4}, 6},
	} {
		o, got := &optim.NTASGD{Patience: c.patience}, 0
		for i, loss := range c.losses {
			o.Observe(loss)
			if o.Triggered() && got == 0 {
				got = i + 1
			}
		}
		if got != c.want {
			t.Errorf("patience %d, losses %v: triggered by %d, want %d", c.patience, c.losses, got, c.want)
		}
	}
	// By the definition, for random losses.
	for seed := range uint64(50) {
		losses, patience := random(30, seed).F64, 1+int(seed%6)
		o, triggered := &optim.NTASGD{Patience: patience}, false
		for i, loss := range losses {
			if i > patience && loss > slices.Min(losses[:i-patience]) {
				triggered = true
			}
			if o.Observe(loss); o.Triggered() != triggered {
				t.Fatalf("patience %d: loss %d of %v: triggered is %v", patience, i, losses, !triggered)
			}
		}
	}
}
