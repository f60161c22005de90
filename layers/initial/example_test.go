package initial_test

import (
	"errors"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/initial"
)

// The IRNN: a ReLU RNN that begins as a sum of its inputs.
func ExampleApply() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewReLURNN(2, 3, layers.RNNOptions{}, rng),
		layers.NewLinear(3, 1, rng),
	}
	err := initial.Apply(model.Params(), rng, initial.Rules{
		"*weight_ih*": graph.Normal(0.001),
		"*weight_hh*": initial.Identity(1),
		"*bias_*":     graph.Zeros,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Params()[1].Name, model.Params()[1].Value.F32)

	err = initial.Apply(model.Params(), rng, initial.Rules{"*weight_hx*": initial.Identity(1)})
	fmt.Println(err)
	// Output:
	// 0.weight_hh_l0 [1 0 0 0 1 0 0 0 1]
	// initial.Apply: pattern is "*weight_hx*", want one that matches a parameter
}

// An LSTM for dependencies of up to 100 steps. Each gate's recurrent weights are orthogonal by themselves.
func ExampleChrono() {
	rng := rand.New(rand.NewPCG(1, 2))
	lstm := layers.NewLSTM(8, 2, layers.LSTMOptions{}, rng)
	err := initial.Apply(lstm.Params(), rng, initial.Rules{
		"weight_hh*": initial.PerGate(4, initial.Orthogonal(1)),
		"bias_ih*":   initial.Chrono(100),
		"bias_hh*":   graph.Zeros,
	})
	if err != nil {
		log.Fatal(err)
	}
	i, f := lstm.Params()[2].Value.F32[:2], lstm.Params()[2].Value.F32[2:4]
	fmt.Println("input gates closed as far as forget gates are open:", i[0] == -f[0], i[1] == -f[1])
	// Output:
	// input gates closed as far as forget gates are open: true true
}

// A model as Keras begins it, but for one layer.
func ExampleKeras() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(10, 4, rng),
		layers.NewLSTM(4, 2, layers.LSTMOptions{}, rng),
		layers.NewLinear(2, 10, rng),
	}
	err := errors.Join(
		initial.Keras(model.Params(), rng),
		initial.Apply(model.Params(), rng, initial.Rules{"2.bias": initial.Constant(-2)}),
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range model.Params() {
		if p.Name == "1.bias_ih_l0" || p.Name == "2.bias" {
			fmt.Println(p.Name, p.Value.F32)
		}
	}
	// Output:
	// 1.bias_ih_l0 [0 0 1 1 0 0 0 0]
	// 2.bias [-2 -2 -2 -2 -2 -2 -2 -2 -2 -2]
}
