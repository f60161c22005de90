package loss_test

import (
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// coster is a loss.
type coster interface {
	Cost(b *graph.Builder, output *graph.Node) *graph.Node
}

// rig runs a loss: it holds a window's arrays and then the program.
type rig struct {
	t       *testing.T
	b       *graph.Builder
	inputs  map[string]any
	program *graph.Program
}

func newRig(t *testing.T, d graph.DType, steps, batch int) *rig {
	t.Helper()
	return &rig{t: t, b: graph.NewBuilder(graph.Window{T: steps, B: batch, Train: true}, graph.Options{DType: d}), inputs: map[string]any{}}
}

func (r *rig) ints(name string, v []int32) *rig {
	r.b.Ints(name, len(v))
	r.inputs[name] = v
	return r
}

func (r *rig) floats(name string, v []float64, shape ...int) *rig {
	r.b.Floats(name, shape...)
	r.inputs[name] = v
	return r
}

// mask declares the step mask, as package bptt does.
func (r *rig) mask(v ...float64) *rig {
	r.floats(seqdata.Mask, v, len(v))
	r.b.SetStepMask(r.b.Input(seqdata.Mask))
	return r
}

// try compiles and runs the loss of an output, and returns its value and the gradient.
func (r *rig) try(l coster, output *graph.Tensor) (float64, []float64, error) {
	x := r.b.Floats("output", output.Shape...)
	p, err := r.b.Compile(l.Cost(r.b, x), graph.Gradients{Inputs: []string{"output"}})
	if err != nil {
		return 0, nil, err
	}
	r.program = p
	r.inputs["output"] = output.Floats()
	for name, v := range r.inputs {
		switch v := v.(type) {
		case []int32:
			err = p.SetInts(name, v)
		case []float64:
			err = p.SetFloat64s(name, v)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := p.Run(1); err != nil {
		return 0, nil, err
	}
	return p.Cost(), p.InputGradient("output").Floats(), nil
}

func (r *rig) run(l coster, output *graph.Tensor) (float64, []float64) {
	r.t.Helper()
	value, gradient, err := r.try(l, output)
	if err != nil {
		r.t.Fatal(err)
	}
	return value, gradient
}

// weight is what the last run's cost is a mean over.
func (r *rig) weight() float64 {
	r.t.Helper()
	w, ok := r.program.TargetWeight()
	if !ok {
		r.t.Fatal("the weight of the targets isn't known")
	}
	return w
}
