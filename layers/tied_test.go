package layers_test

import (
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

// TestTied: the gradient of the shared table is the sum of those of an embedding and an output layer of their own, and an
// arena holds it once.
func TestTied(t *testing.T) {
	const vocabulary, width, n = 6, 4, 5
	embedding := layers.NewEmbedding(vocabulary, width, source())
	tied := layers.Sequential{embedding, layers.NewGRU(width, width, layers.GRUOptions{}, source()), layers.NewTied(embedding)}
	apart := layers.Sequential{layers.NewEmbedding(vocabulary, width, source()), layers.NewGRU(width, width, layers.GRUOptions{}, source()), layers.NewLinear(width, vocabulary, source())}
	fill(params(tied)["2.bias"], 0.25)
	fill(params(apart)["2.bias"], 0.25)
	copyTo(t, params(apart)["2.weight"].Value, embedding.Weight.Value)

	compute := func(l layers.Layer) []float64 {
		b := graph.NewBuilder(graph.Window{T: n, B: 1, Train: true}, graph.Options{DType: graph.Float64})
		y := l.Apply(b, b.Ints("x", n))
		b.Output("y", y)
		p, err := b.Compile(b.Sum(b.Square(y)), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetInts("x", []int32{1, 3, 3, 0, 5}); err != nil {
			t.Fatal(err)
		}
		run(t, p)
		return p.Output("y").Floats()
	}
	graph.SetDType(tied.Params(), graph.Float64)
	graph.SetDType(apart.Params(), graph.Float64)
	arena, err := graph.NewArena(tied.Params())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := arena.Values.Len(), vocabulary*width+vocabulary+2*3*width*(width+1); got != want {
		t.Errorf("an arena of %d values, want %d", got, want)
	}
	near(t, "output", 1e-12, compute(tied), compute(apart))
	sum := params(apart)["0.weight"].Grad.Floats()
	for i, g := range params(apart)["2.weight"].Grad.Floats() {
		sum[i] += g
	}
	near(t, "gradient of the table", 1e-12, arena.Grads.Floats()[:vocabulary*width], sum)
	near(t, "gradient of the bias", 1e-12, params(tied)["2.bias"].Grad.Floats(), params(apart)["2.bias"].Grad.Floats())

	fill(embedding.Weight, 0) // as an optimizer changes it, for both uses
	near(t, "output without a table", 0, compute(tied), repeated(0.25, n*vocabulary))
}
