package layers_test

import (
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/train/optim"
)

// lookup compiles the sum of rows 1, 2, 4 and 1.
func lookup(t *testing.T, e *layers.Embedding) *graph.Program {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: 4, B: 1, Train: true}, graph.Options{})
	y := e.Apply(b, b.Ints("x", 4))
	b.Output("y", y)
	p, err := b.Compile(b.Sum(y), graph.Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetInts("x", []int32{1, 2, 4, 1}); err != nil {
		t.Fatal(err)
	}
	run(t, p)
	return p
}

// TestPaddedEmbedding: the padding's row begins as zeros, has no gradient, and is left alone by an optimizer that
// changes all that has one.
func TestPaddedEmbedding(t *testing.T) {
	e, plain := layers.NewPaddedEmbedding(5, 3, 2, source()), layers.NewEmbedding(5, 3, source())
	want := plain.Weight.Value.Floats()
	copy(want[2*3:], make([]float64, 3))
	near(t, "table", 0, e.Weight.Value.Floats(), want)

	arena, err := graph.NewArena(e.Params())
	if err != nil {
		t.Fatal(err)
	}
	lookup(t, e)
	near(t, "gradient", 0, e.Weight.Grad.Floats(), []float64{0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1})
	if err := (&optim.AdamW{LearningRate: 0.1, WeightDecay: 0.1}).Step(arena, 1); err != nil {
		t.Fatal(err)
	}
	near(t, "padding after a step", 0, e.Weight.Value.Floats()[2*3:][:3], make([]float64, 3))
}

func TestPretrainedEmbedding(t *testing.T) {
	table := &graph.Tensor{Shape: []int{5, 2}, F32: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	e := layers.NewPretrainedEmbedding(table)
	table.F32[2] = 100
	p := lookup(t, e)
	near(t, "rows", 0, p.Output("y").Floats(), []float64{2, 3, 4, 5, 8, 9, 2, 3})
	near(t, "gradient", 0, e.Weight.Grad.Floats(), []float64{0, 0, 2, 2, 1, 1, 0, 0, 1, 1})
}

// TestFrozenEmbedding: a frozen table is read but not trained, not even by weight decay, and is still a parameter.
func TestFrozenEmbedding(t *testing.T) {
	e := layers.NewEmbedding(5, 3, source())
	e.Weight.Frozen = true
	model := layers.Sequential{e, layers.NewLinear(3, 2, source())}
	before, linear := e.Weight.Value.Floats(), model[1].Params()[0].Value.Floats()
	arena, err := graph.NewArena(model.Params())
	if err != nil {
		t.Fatal(err)
	}
	b := graph.NewBuilder(graph.Window{T: 4, B: 1, Train: true}, graph.Options{})
	p, err := b.Compile(b.Sum(model.Apply(b, b.Ints("x", 4))), graph.Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		run(t, p)
		if err := (&optim.AdamW{LearningRate: 0.1, WeightDecay: 0.1}).Step(arena, 1); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "frozen table", 0, e.Weight.Value.Floats(), before)
	if slices.Equal(model[1].Params()[0].Value.Floats(), linear) {
		t.Error("the rest isn't trained")
	}
	if names := model.Params(); names[0].Name != "0.weight" || names[0].Param != e.Weight {
		t.Errorf("the parameters are %v", names)
	}
}
