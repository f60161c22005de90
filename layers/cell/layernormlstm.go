package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*LayerNormLSTM)(nil)

// LayerNormLSTM is the LSTM with layer normalization (Ba, Kiros and Hinton 2016), as in the paper: x·Wᵀ and h·Uᵀ are
// normalized separately, each over all four gates together, and the new cell state before tanh. Gates in the order
// i, f, g, o.
//
//	a = LN(x·Wᵀ) + LN(h·Uᵀ)
//	i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)
//	c' = f ⊙ c + i ⊙ g
//	h' = o ⊙ tanh(LN(c'))
//
// LN(v) is gain ⊙ (v - mean)/√(variance + 1e-5) + bias, with a gain and a bias for each of the three. The parameters
// are weight_ih [4H, F], weight_hh [4H, H], bias_ih, bias_hh, gain_ih and gain_hh [4H], gain_c and bias_c [H]; gains
// begin at 1, biases at 0. The bias that the paper adds besides would only add to bias_ih. The state is h, c, each
// [B, H], c not normalized; the output is h'.
type LayerNormLSTM struct {
	normalized
	GainC, BiasC *graph.Param // BiasC is nil without bias
}

// NewLayerNormLSTM returns an LSTM cell with layer normalization for inputs of the given width.
func NewLayerNormLSTM(input, hidden int, o Options, rng *rand.Rand) *LayerNormLSTM {
	l := &LayerNormLSTM{
		normalized: newNormalized(4, input, hidden, o, rng),
		GainC:      graph.NewParam(all(1), rng, hidden),
	}
	if !o.NoBias {
		l.BiasC = graph.NewParam(graph.Zeros, rng, hidden)
	}
	return l
}

// States describes h and c.
func (l *LayerNormLSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *LayerNormLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	wx, uh := b.Linear(x, b.Param(l.WeightIH), nil), b.Linear(l.operand(b, s[0]), l.weightHH(b), nil)
	a := b.Split(b.Add(layerNorm(b, wx, l.GainIH, l.BiasIH, 0), layerNorm(b, uh, l.GainHH, l.BiasHH, 0)), 1, 4)
	i, f, g, o := b.Sigmoid(a[0]), b.Sigmoid(a[1]), b.Tanh(a[2]), b.Sigmoid(a[3])
	c := b.Add(b.Mul(f, s[1]), b.Mul(i, g))
	h := b.Mul(o, b.Tanh(layerNorm(b, c, l.GainC, l.BiasC, 0)))
	b.ObserveGates(lstmGates, i, f, g, o, h)
	return h, State{h, c}
}

// Params returns the parameters.
func (l *LayerNormLSTM) Params() []graph.NamedParam {
	params := append(l.normalized.Params(), graph.NamedParam{Name: "gain_c", Param: l.GainC})
	if l.BiasC != nil {
		params = append(params, graph.NamedParam{Name: "bias_c", Param: l.BiasC})
	}
	return params
}
