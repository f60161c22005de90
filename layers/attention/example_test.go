package attention_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/attention"
	"github.com/gobptt/bptt/layers/cell"
)

// Two queries read a memory of four steps, of which the last is masked.
func ExampleReader() {
	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	read := attention.Dot{}.Over(b, b.Floats("memory", 4, 2), b.Floats("steps", 4))
	context, weights := read(b, b.Floats("query", 2, 2))
	b.Output("context", context)
	b.Output("weights", weights)
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	for name, v := range map[string][]float32{
		"memory": {1, 0, 0, 1, 1, 0, 9, 9},
		"steps":  {1, 1, 1, 0},
		"query":  {20, 0, 0, 20},
	} {
		if err := program.SetFloats(name, v); err != nil {
			log.Fatal(err)
		}
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("weights %v: %.2f\n", weights.Shape(), program.Output("weights").F32)
	fmt.Printf("context %v: %.2f\n", context.Shape(), program.Output("context").F32)
	// Output:
	// weights [1 1 2 4]: [0.50 0.00 0.50 0.00 0.00 1.00 0.00 0.00]
	// context [2 2]: [1.00 0.00 0.00 1.00]
}

// translator is an encoder and a decoder that reads it while it writes. The window has as many steps as the longer of
// the two sequences.
type translator struct {
	words   *layers.Embedding
	encoder *layers.Recurrent
	decoder *attention.Bahdanau
	output  *layers.Linear
}

func newTranslator(vocabulary, width, hidden int, rng *rand.Rand) *translator {
	return &translator{
		words:   layers.NewEmbedding(vocabulary, width, rng),
		encoder: layers.NewGRU(width, hidden, layers.GRUOptions{Bidirectional: true}, rng),
		decoder: &attention.Bahdanau{
			Cell:      cell.NewGRU(width+2*hidden, hidden, cell.Options{}, rng),
			Attention: attention.NewAdditive(hidden, 2*hidden, hidden, rng),
		},
		output: layers.NewLinear(hidden+2*hidden, vocabulary, rng),
	}
}

// Apply returns scores of the words to write, for the words to read and, by teacher forcing, the words written before.
func (m *translator) Apply(b *graph.Builder, source *graph.Node) *graph.Node {
	steps := b.Input("source steps")
	b.SetStepMask(steps)
	b.Enter("encoder")
	memory := m.encoder.Apply(b, m.words.Apply(b, source))
	b.Leave()
	b.ClearStepMask()
	b.Enter("decoder")
	defer b.Leave()
	decoder := m.decoder.Over(b, memory, steps)
	y := layers.NewRecurrent(decoder).Apply(b, m.words.Apply(b, b.Input("written")))
	b.Output("alignment", decoder.Weights(b))
	return m.output.Apply(b, y)
}

func (m *translator) Params() []graph.NamedParam {
	params := graph.Prefixed("words", m.words.Params())
	params = append(params, graph.Prefixed("encoder", m.encoder.Params())...)
	params = append(params, graph.Prefixed("decoder", m.decoder.Params())...)
	return append(params, graph.Prefixed("output", m.output.Params())...)
}

// An encoder and a decoder with attention between them.
func ExampleBahdanau() {
	const T, B = 6, 4
	model := newTranslator(50, 8, 16, rand.New(rand.NewPCG(1, 2)))
	b := graph.NewBuilder(graph.Window{T: T, B: B}, graph.Options{})
	b.Floats("source steps", T*B)
	b.Ints("written", T*B)
	scores := model.Apply(b, b.Ints("input", T*B))
	b.Output("scores", scores)
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("scores", scores.Shape())
	fmt.Println("alignment", program.Output("alignment").Shape)
	fmt.Println("states", program.StateNames())
	// Output:
	// scores [24 50]
	// alignment [4 1 6 6]
	// states [encoder.h_l0 encoder.h_l0_reverse decoder.h_l0]
}

// Self-attention behind a recurrent layer, as a layer of a model.
func ExampleMultiHead() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewLSTM(8, 32, layers.LSTMOptions{}, rng),
		attention.NewMultiHead(32, 4, attention.MultiHeadOptions{Causal: true}, rng),
		layers.NewLinear(32, 10, rng),
	}
	b := graph.NewBuilder(graph.Window{T: 5, B: 3}, graph.Options{})
	fmt.Println(model.Apply(b, b.Floats("input", 5*3, 8)).Shape(), b.Err())
	// Output:
	// [15 10] <nil>
}
