package optim_test

import (
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// TestStepScaled: a step with a scale has the bits of one after the gradients were scaled, and leaves them as they are.
func TestStepScaled(t *testing.T) {
	type scaler interface {
		optim.Optimizer
		StepScaled(a *graph.Arena, factor, scale float64) error
	}
	for name, create := range map[string]func() scaler{
		"Adam":    func() scaler { return &optim.Adam{WeightDecay: 0.1} },
		"AdamW":   func() scaler { return &optim.AdamW{WeightDecay: 0.1} },
		"AMSGrad": func() scaler { return &optim.Adam{AMSGrad: true, WeightDecay: 0.1} },
	} {
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			a, b := arena(t, d, random(35, 1)), arena(t, d, random(35, 1))
			one, other := create(), create()
			for step := range uint64(4) {
				gradient := random(35, step+2).F64
				for _, x := range []*graph.Arena{a, b} {
					if err := x.Grads.SetFloats(gradient); err != nil {
						t.Fatal(err)
					}
				}
				before := b.Grads.Floats()
				a.ScaleGrads(0.37)
				if err := one.Step(a, 0.5); err != nil {
					t.Fatal(err)
				}
				if err := other.StepScaled(b, 0.5, 0.37); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(a.Values.Floats(), b.Values.Floats()) {
					t.Fatalf("%s in %v, step %d: got %v, want %v", name, d, step, b.Values.Floats(), a.Values.Floats())
				}
				if !slices.Equal(b.Grads.Floats(), before) {
					t.Fatalf("%s changed the gradients", name)
				}
			}
			if err := other.StepScaled(b, 1, -1); err == nil {
				t.Errorf("%s: a negative scale is no error", name)
			}
		}
	}
}
