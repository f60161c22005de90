package train_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/loss"
)

// TestAuxiliary: the gradient is that of both losses, the cost that of the model; in evaluation there is only the model.
func TestAuxiliary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	below, above, head := layers.NewLinear(3, 4, rng), layers.NewLinear(4, 5, rng), layers.NewLinear(4, 5, rng)
	model := layers.Sequential{below, train.Auxiliary{Head: head, Loss: loss.CrossEntropy{}, Weight: 0.3}, above}
	if len(model.Params()) != 6 {
		t.Fatalf("%d parameters", len(model.Params()))
	}
	graph.SetDType(model.Params(), graph.Float64)
	compile := func(training bool, cost func(b *graph.Builder, x *graph.Node) *graph.Node) *graph.Program {
		b := graph.NewBuilder(graph.Window{T: 2, B: 2, Train: training}, graph.Options{DType: graph.Float64})
		x := b.Const(&graph.Tensor{Shape: []int{4, 3}, F64: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}})
		b.Ints(seqdata.Target, 4)
		p, err := b.Compile(cost(b, x), graph.Gradients{})
		if err == nil {
			err = errors.Join(p.SetInts(seqdata.Target, []int32{0, 4, 2, 1}), p.Run(0))
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	gradients := func() (all []float64) {
		for _, p := range []layers.Layer{below, above, head} {
			for _, q := range p.Params() {
				all = append(all, q.Grad.Floats()...)
			}
		}
		return all
	}
	main := compile(true, func(b *graph.Builder, x *graph.Node) *graph.Node {
		h := below.Apply(b, x)
		b.AddCost(b.Scale(loss.CrossEntropy{}.Cost(b, head.Apply(b, h)), 0.3))
		return loss.CrossEntropy{}.Cost(b, above.Apply(b, h))
	})
	want, cost := gradients(), main.Cost()
	with := func(b *graph.Builder, x *graph.Node) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, model.Apply(b, x))
	}
	if p := compile(true, with); p.Cost() != cost {
		t.Errorf("cost %v, want %v", p.Cost(), cost)
	}
	for i, g := range gradients() {
		if math.Abs(g-want[i]) > 1e-14 {
			t.Fatalf("gradient %d: %v, want %v", i, g, want[i])
		}
	}
	if p := compile(false, with); p.Cost() != cost || len(p.Params()) != 4 {
		t.Errorf("evaluation: cost %v with %d parameters, want %v with 4", p.Cost(), len(p.Params()), cost)
	}
	// A head with targets of its own, whose weights aren't those of the cost.
	b := graph.NewBuilder(graph.Window{T: 2, B: 2, Train: true}, graph.Options{DType: graph.Float64})
	x := b.Const(&graph.Tensor{Shape: []int{4, 3}, F64: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}})
	b.Ints(seqdata.Target, 4)
	b.Ints("head", 4)
	model[1] = train.Auxiliary{Head: head, Loss: loss.CrossEntropy{}, Weight: 0.3, Target: "head"}
	p, err := b.Compile(b.Scale(with(b, x), 1), graph.Gradients{})
	if err == nil {
		err = errors.Join(p.SetInts(seqdata.Target, []int32{0, 4, 2, 1}), p.SetInts("head", []int32{0, 4, -100, -100}), p.Run(0))
	}
	if err != nil {
		t.Fatal(err)
	}
	if weight, _ := p.TargetWeight(); p.Cost() != cost || weight != 4 {
		t.Errorf("cost %v of weight %v, want %v of 4", p.Cost(), weight, cost)
	}
	different := false
	for i, g := range gradients() {
		different = different || g != want[i]
	}
	if err := p.SetInts("head", []int32{0, 4, 2, 1}); err != nil || !different || p.Run(0) != nil {
		t.Errorf("the head's targets make no difference: %v", err)
	}
	for i, g := range gradients() {
		if math.Abs(g-want[i]) > 1e-14 {
			t.Fatalf("gradient %d of equal targets: %v, want %v", i, g, want[i])
		}
	}

	b = graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{})
	train.Auxiliary{Head: head, Loss: loss.MSE{}, Weight: 1, Target: "none"}.Apply(b, b.Floats("x", 1, 4))
	if e, ok := errors.AsType[*graph.ArgumentError](b.Err()); !ok || e.Got != `"none"` {
		t.Errorf("a target that isn't there: %v", b.Err())
	}
	b = graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
	train.Auxiliary{Head: head}.Apply(b, b.Floats("x", 1, 4))
	if _, ok := errors.AsType[*graph.ArgumentError](b.Err()); !ok {
		t.Errorf("without a loss: %v", b.Err())
	}
	b = graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{})
	none := train.Auxiliary{Head: (*layers.Linear)(nil), Loss: loss.MSE{}, Weight: 1}
	none.Apply(b, b.Floats("x", 1, 4))
	if _, ok := errors.AsType[*graph.ArgumentError](b.Err()); !ok || none.Params() != nil {
		t.Errorf("without a head: %v", b.Err())
	}
}
