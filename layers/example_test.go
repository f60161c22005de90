package layers_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// A language model, and the names of its parameters.
func ExampleSequential() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(100, 16, rng),
		layers.NewLSTM(16, 32, layers.LSTMOptions{Layers: 2, Dropout: 0.2}, rng),
		layers.Dropout(0.2),
		layers.Named{Name: "output", Layer: layers.NewLinear(32, 100, rng)},
	}
	for _, p := range model.Params() {
		fmt.Println(p.Name, p.Shape())
	}
	// Output:
	// 0.weight [100 16]
	// 1.weight_ih_l0 [128 16]
	// 1.weight_hh_l0 [128 32]
	// 1.bias_ih_l0 [128]
	// 1.bias_hh_l0 [128]
	// 1.weight_ih_l1 [128 32]
	// 1.weight_hh_l1 [128 32]
	// 1.bias_ih_l1 [128]
	// 1.bias_hh_l1 [128]
	// output.weight [100 32]
	// output.bias [100]
}

// Shapes and states of a bidirectional layer.
func ExampleNewGRU() {
	rng := rand.New(rand.NewPCG(1, 2))
	gru := layers.NewGRU(8, 32, layers.GRUOptions{Bidirectional: true}, rng)

	const T, B = 10, 4
	b := graph.NewBuilder(graph.Window{T: T, B: B}, graph.Options{})
	y := gru.Apply(b, b.Floats("input", T*B, 8))
	b.Output("y", y)
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("output", y.Shape(), "states", program.StateNames())
	// Output:
	// output [40 64] states [h_l0 h_l0_reverse]
}

// The AWD-LSTM, a language model with dropout of every kind and tied weights (Merity et al. 2018), on a small scale.
func ExampleTied() {
	rng := rand.New(rand.NewPCG(1, 2))
	const words, width = 1000, 40
	embedding := layers.NewEmbedding(words, width, rng)
	embedding.Dropout = 0.1
	model := layers.Sequential{
		embedding,
		layers.VariationalDropout(0.4),
		layers.NewLSTM(width, 0, layers.LSTMOptions{
			Widths: []int{115, 115, width}, Dropout: 0.25, Variational: true, WeightDrop: 0.5,
		}, rng),
		layers.ActivationRegularization{Beta: 1},
		layers.VariationalDropout(0.4),
		layers.ActivationRegularization{Alpha: 2},
		layers.NewTied(embedding),
	}
	for _, p := range model.Params() {
		if p.Name == "0.weight" || p.Name == "6.bias" {
			fmt.Println(p.Name, p.Shape())
		}
	}
	b := graph.NewBuilder(graph.Window{T: 70, B: 2, Train: true}, graph.Options{})
	y := model.Apply(b, b.Ints("input", 140))
	fmt.Println("output", y.Shape())
	// Output:
	// 0.weight [1000 40]
	// 6.bias [1000]
	// output [140 1000]
}

// Three layers of a cell of one's own, in both directions.
func ExampleNewStack() {
	rng := rand.New(rand.NewPCG(1, 2))
	o := layers.RecurrentOptions{Layers: 3, Bidirectional: true, Merge: layers.MergeSum, Residual: true}
	stack := layers.NewStack(2, 5, o, func(input, hidden int, _ cell.Options) cell.Cell {
		return leakyCell{layers.NewLinear(input+hidden, hidden, rng), hidden, 0.3}
	})
	b := graph.NewBuilder(graph.Window{T: 10, B: 4}, graph.Options{})
	y := stack.Apply(b, b.Floats("input", 40, 2))
	fmt.Println(len(stack.Params()), "parameters, output", y.Shape())
	// Output:
	// 12 parameters, output [40 5]
}

// leakyCell is a leaky integrator, h' = (1-α)·h + α·tanh(W·[x, h] + b), in graph ops.
type leakyCell struct {
	*layers.Linear         // [F+H] to [H]; its parameters are the cell's
	width          int     // H
	rate           float64 // α
}

func (c leakyCell) States() []cell.StateSpec { return []cell.StateSpec{{Name: "h", Width: c.width}} }

func (c leakyCell) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	n := b.Tanh(c.Linear.Apply(b, b.Concat(1, x, s[0])))
	h := b.Add(b.Scale(s[0], 1-c.rate), b.Scale(n, c.rate))
	return h, cell.State{h}
}

// A cell of one's own, as a layer of a model.
func ExampleNewRecurrent() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewRecurrent(leakyCell{layers.NewLinear(3+5, 5, rng), 5, 0.3}),
		layers.NewLinear(5, 2, rng),
	}
	for _, p := range model.Params() {
		fmt.Println(p.Name, p.Shape())
	}
	// Output:
	// 0.weight_l0 [5 8]
	// 0.bias_l0 [5]
	// 1.weight [2 5]
	// 1.bias [2]
}

// sumCell adds up its inputs.
type sumCell struct{}

func (sumCell) States() []cell.StateSpec   { return []cell.StateSpec{{Name: "sum", Width: 1}} }
func (sumCell) Params() []graph.NamedParam { return nil }

func (sumCell) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	sum := b.Add(s[0], x)
	return sum, cell.State{sum}
}

// Forwards and backwards over a sequence of five steps.
func ExampleUnroll() {
	b := graph.NewBuilder(graph.Window{T: 5, B: 1}, graph.Options{})
	x := b.Floats("x", 5, 1)
	zero := b.Const(graph.NewTensor(b.DType(), 1, 1))
	forward, _ := layers.Unroll(b, sumCell{}, x, layers.State{zero}, false)
	backward, _ := layers.Unroll(b, sumCell{}, x, layers.State{zero}, true)
	b.Output("forward", forward)
	b.Output("backward", backward)
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats("x", []float32{1, 2, 3, 4, 5}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(program.Output("forward").F32, program.Output("backward").F32)
	// Output:
	// [1 3 6 10 15] [15 14 12 9 5]
}
