package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*LayerNormGRU)(nil)

// LayerNormGRU is the GRU with layer normalization (Ba, Kiros and Hinton 2016), in the variant of the authors' code:
// the products with x and with h are normalized separately, the gates r and z together and the candidate for itself;
// the reset gate acts after the recurrent product, as in GRU; z weighs the old state. Gates in the order r, z, n.
//
//	r, z = σ(LN(x·W_rzᵀ) + LN(h·U_rzᵀ))    reset and update gate
//	n = tanh(LN(x·W_nᵀ) + r ⊙ LN(h·U_nᵀ)) candidate
//	h' = (1 - z) ⊙ n + z ⊙ h
//
// LN(v) is gain ⊙ (v - mean)/√(variance + 1e-5) + bias, with a gain and a bias for each of the four. The parameters are
// weight_ih [3H, F], weight_hh [3H, H], bias_ih, bias_hh, gain_ih and gain_hh [3H]; gains begin at 1, biases at 0. The
// state is h [B, H]; the output is h'.
type LayerNormGRU struct{ normalized }

// NewLayerNormGRU returns a GRU cell with layer normalization for inputs of the given width.
func NewLayerNormGRU(input, hidden int, o Options, rng *rand.Rand) *LayerNormGRU {
	return &LayerNormGRU{newNormalized(3, input, hidden, o, rng)}
}

// States describes h.
func (g *LayerNormGRU) States() []StateSpec { return []StateSpec{{"h", g.hidden}} }

// Step writes one time step in graph ops.
func (g *LayerNormGRU) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	wx, uh := b.Linear(x, b.Param(g.WeightIH), nil), b.Linear(g.operand(b, s[0]), g.weightHH(b), nil)
	input := func(from, to int) *graph.Node {
		return layerNorm(b, b.Slice(wx, 1, from, to), g.GainIH, g.BiasIH, from)
	}
	recurrent := func(from, to int) *graph.Node {
		return layerNorm(b, b.Slice(uh, 1, from, to), g.GainHH, g.BiasHH, from)
	}
	gates := b.Split(b.Sigmoid(b.Add(input(0, 2*g.hidden), recurrent(0, 2*g.hidden))), 1, 2)
	r, z := gates[0], gates[1]
	n := b.Tanh(b.Add(input(2*g.hidden, 3*g.hidden), b.Mul(r, recurrent(2*g.hidden, 3*g.hidden))))
	h := b.Add(n, b.Mul(z, b.Sub(s[0], n)))
	b.ObserveGates(gruGates, r, z, n, h)
	return h, State{h}
}
