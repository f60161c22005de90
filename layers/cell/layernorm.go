package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// normalized holds the weights of cells that normalize x·Wᵀ and h·Uᵀ, each for itself, before they add them (Ba, Kiros
// and Hinton 2016). The shifts of the two normalizations are the biases.
type normalized struct {
	affine
	GainIH, GainHH *graph.Param // [gates·H]
}

func newNormalized(gates, input, hidden int, o Options, rng *rand.Rand) normalized {
	weights := o
	weights.NoBias = true // the shifts take their place
	n := normalized{
		affine: newAffine(gates, input, hidden, weights, rng),
		GainIH: graph.NewParam(all(1), rng, gates*hidden),
		GainHH: graph.NewParam(all(1), rng, gates*hidden),
	}
	if !o.NoBias {
		n.BiasIH = graph.NewParam(graph.Zeros, rng, gates*hidden)
		n.BiasHH = graph.NewParam(graph.Zeros, rng, gates*hidden)
	}
	return n
}

func (n *normalized) Params() []graph.NamedParam {
	return append(n.affine.Params(),
		graph.NamedParam{Name: "gain_ih", Param: n.GainIH},
		graph.NamedParam{Name: "gain_hh", Param: n.GainHH})
}

// layerNorm normalizes the rows of x, with a gain and a shift of as many elements, which begin at from in the
// parameters. The shift may be nil.
func layerNorm(b *graph.Builder, x *graph.Node, gain, shift *graph.Param, from int) *graph.Node {
	const eps = 1e-5
	width := x.Dim(-1)
	if shift == nil {
		return b.LayerNorm(x, rows(b, gain, from, from+width), zeros(b, width), eps)
	}
	return b.LayerNorm(x, rows(b, gain, from, from+width), rows(b, shift, from, from+width), eps)
}

// zeros writes a vector of zeros, once in a window.
func zeros(b *graph.Builder, width int) *graph.Node {
	type key struct{ width int }
	return b.Once(key{width}, func() *graph.Node { return b.Const(graph.NewTensor(b.DType(), width)) })
}
