package graph

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestOnce: the same key gives the same node, another one another.
func TestOnce(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	x := b.Floats("x", 3)
	written := 0
	write := func() *Node { written++; return b.Exp(x) }
	one, again, other := b.Once("a", write), b.Once("a", write), b.Once("b", write)
	if one != again || one == other || written != 2 {
		t.Errorf("%p %p %p, written %d times", one, again, other, written)
	}
}

// TestAddCost: the gradient is that of the sum, the cost that is reported only the main one.
func TestAddCost(t *testing.T) {
	p := NewParam(Normal(1), rand.New(rand.NewPCG(1, 2)), 3)
	SetDType([]NamedParam{{Name: "p", Param: p}}, Float64)
	b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{DType: Float64})
	w := b.Param(p)
	b.AddCost(b.Scale(b.Sum(b.Square(w)), 0.5))
	program, err := b.Compile(b.Sum(w), Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, v := range p.Value.F64 {
		sum += v
		if got := p.Grad.F64[i]; math.Abs(got-(1+v)) > 1e-12 {
			t.Errorf("gradient %v, want %v", got, 1+v)
		}
	}
	if got := program.Cost(); math.Abs(got-sum) > 1e-12 {
		t.Errorf("cost %v, want %v", got, sum)
	}
}

// TestStepMaskShape: a mask is [T*B].
func TestStepMaskShape(t *testing.T) {
	b := NewBuilder(Window{T: 3, B: 2}, Options{})
	b.SetStepMask(b.Floats("mask", 3, 2))
	if e, ok := b.Err().(*ShapeError); !ok || e.Op != "SetStepMask" {
		t.Errorf("got %v", b.Err())
	}
}
