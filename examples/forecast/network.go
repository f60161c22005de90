package main

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/train"
)

var _ train.Model = (*network)(nil)

// network is a GRU whose output is a normal distribution of the next value: its mean and the logarithm of its variance.
// The mean is the present value and a change, so that the network starts out about as good as persistence.
type network struct {
	layers.Sequential
}

func newNetwork(s *settings) *network {
	rng := rand.New(rand.NewPCG(s.seed, 1))
	return &network{layers.Sequential{
		layers.NewGRU(1, s.hidden, layers.GRUOptions{}, rng),
		layers.Dropout(s.dropout),
		layers.NewLinear(s.hidden, 2, rng),
	}}
}

// Apply returns [T*B, 2] for x [T*B, 1].
func (n *network) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	toMean := graph.NewTensor(b.DType(), 1, 2)
	toMean.SetAt(0, 1)
	return b.Add(n.Sequential.Apply(b, x), b.MatMul(x, b.Const(toMean)))
}

// weights returns a copy of the parameters' values.
func (n *network) weights() [][]float64 {
	var all [][]float64
	for _, p := range n.Params() {
		all = append(all, p.Value.Floats())
	}
	return all
}

// setWeights goes back to values that weights has returned.
func (n *network) setWeights(all [][]float64) error {
	for i, p := range n.Params() {
		if err := p.Value.SetFloats(all[i]); err != nil {
			return err
		}
	}
	return nil
}
