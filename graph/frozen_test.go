package graph

import (
	"errors"
	"slices"
	"testing"
)

// TestFrozen: a frozen parameter takes part in the values, but no gradient is computed for it, and no arena holds it.
func TestFrozen(t *testing.T) {
	w, u := NewParam(ramp, nil, 3, 4), NewParam(ramp, nil, 2, 3)
	compile := func() *Program {
		b := NewBuilder(smallWindow, Options{})
		y := b.Linear(b.Tanh(b.Linear(b.Floats("x", 2, 4), b.Param(w), nil)), b.Param(u), nil)
		p, err := b.Compile(b.Sum(b.Square(y)), Gradients{Inputs: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetFloats("x", []float32{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		return p
	}
	p := compile()
	cost, gradient, dx, nodes := p.Cost(), u.Grad.Floats(), p.InputGradient("x").Floats(), p.Nodes()

	w.Frozen = true
	w.Grad.SetAt(0, 42) // not a program's to change
	own := w.Value
	arena, err := NewArena([]NamedParam{{"w", w}, {"u", u}})
	if err != nil {
		t.Fatal(err)
	}
	if w.Value != own || len(arena.Params) != 1 || arena.Params[0].Param != u || arena.Values.Len() != 6 {
		t.Errorf("an arena of %v with %d values", arena.Params, arena.Values.Len())
	}
	p = compile()
	if p.Cost() != cost || !slices.Equal(u.Grad.Floats(), gradient) || !slices.Equal(p.InputGradient("x").Floats(), dx) {
		t.Error("other values or gradients with a frozen parameter")
	}
	if w.Grad.At(0) != 42 {
		t.Error("a frozen parameter's gradient was written")
	}
	if p.Nodes() >= nodes {
		t.Errorf("%d nodes, and %d with all gradients", p.Nodes(), nodes)
	}
	w.SetDType(Float64)
	if err := p.Run(1); err == nil {
		t.Error("a program ran with a frozen parameter that was moved")
	}

	// A model may be frozen as a whole.
	u.Frozen = true
	if arena, err = NewArena([]NamedParam{{"u", u}}); err != nil || arena.Values.Len() != 0 || arena.GradNorm() != 0 {
		t.Errorf("an arena of nothing: %v", err)
	}
}

func TestParamOf(t *testing.T) {
	v := &Tensor{Shape: []int{2, 2}, F64: []float64{1, 2, 3, 4}}
	p := ParamOf(v)
	v.F64[0], v.Shape[0] = 9, 9
	if !slices.Equal(p.Value.F32, []float32{1, 2, 3, 4}) || !slices.Equal(p.Shape(), []int{2, 2}) || p.Err() != nil {
		t.Errorf("got %v %v", p.Shape(), p.Value.F32)
	}
	for name, v := range map[string]*Tensor{
		"nil": nil, "no values": {Shape: []int{2}}, "too many values": {Shape: []int{2}, F32: make([]float32, 3)},
		"zero size": {Shape: []int{0}}, "negative": {Shape: []int{-1, -2}, F32: make([]float32, 2)}, "overflow": {Shape: []int{1 << 62, 4}},
	} {
		b := NewBuilder(smallWindow, Options{})
		b.Param(ParamOf(v))
		var shape *ShapeError
		var argument *ArgumentError
		if !errors.As(b.Err(), &shape) && !errors.As(b.Err(), &argument) {
			t.Errorf("%s: got %v", name, b.Err())
		}
	}
}
