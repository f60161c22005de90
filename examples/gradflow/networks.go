package main

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/layers"
)

// network is one of those that are compared.
type network struct {
	name, file string
	recurrent  func(input, hidden int, rng *rand.Rand) *layers.Recurrent
}

// reluIdentity is the place in networks of the one whose gradients neither vanish nor are bounded.
const reluIdentity = 2

var networks = []network{
	{"RNN", "rnn", func(input, hidden int, rng *rand.Rand) *layers.Recurrent {
		return layers.NewRNN(input, hidden, layers.RNNOptions{}, rng)
	}},
	{"RNN, orthogonal", "rnn-orthogonal", func(input, hidden int, rng *rand.Rand) *layers.Recurrent {
		r := layers.NewRNN(input, hidden, layers.RNNOptions{}, rng)
		set(r, "weight_hh_l0", orthogonal(hidden, 1, rng))
		return r
	}},
	// ReLU with the identity as recurrent weight (Le, Jaitly and Hinton 2015).
	{"RNN, ReLU, identity", "rnn-identity", func(input, hidden int, rng *rand.Rand) *layers.Recurrent {
		r := layers.NewReLURNN(input, hidden, layers.RNNOptions{}, rng)
		identity := make([]float64, hidden*hidden)
		for i := range hidden {
			identity[i*hidden+i] = 1
		}
		set(r, "weight_hh_l0", identity)
		set(r, "bias_ih_l0", make([]float64, hidden))
		set(r, "bias_hh_l0", make([]float64, hidden))
		return r
	}},
	{"GRU", "gru", func(input, hidden int, rng *rand.Rand) *layers.Recurrent {
		return layers.NewGRU(input, hidden, layers.GRUOptions{}, rng)
	}},
	{"LSTM", "lstm", func(input, hidden int, rng *rand.Rand) *layers.Recurrent {
		return layers.NewLSTM(input, hidden, layers.LSTMOptions{ForgetBias: 1}, rng)
	}},
}

// model is a recurrent layer and an output for each time step.
func model(recurrent *layers.Recurrent, hidden int, rng *rand.Rand) layers.Sequential {
	return layers.Sequential{recurrent, layers.NewLinear(hidden, 1, rng)}
}

// set sets a parameter.
func set(r *layers.Recurrent, name string, values []float64) {
	for _, p := range r.Params() {
		if p.Name == name {
			for i, v := range values {
				p.Value.SetAt(i, v)
			}
		}
	}
}

// orthogonal draws an orthogonal matrix, scaled by a factor: the Q of a random matrix's decomposition (Saxe, McClelland and
// Ganguli 2014).
func orthogonal(n int, factor float64, rng *rand.Rand) []float64 {
	m := mat.NewDense(n, n, nil)
	for i := range n * n {
		m.Set(i/n, i%n, rng.NormFloat64())
	}
	var qr mat.QR
	qr.Factorize(m)
	var q mat.Dense
	qr.QTo(&q)
	values := make([]float64, n*n)
	for i := range values {
		values[i] = factor * q.At(i/n, i%n)
	}
	return values
}
