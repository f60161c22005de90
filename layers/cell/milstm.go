package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*MILSTM)(nil)

// MILSTM is the LSTM with multiplicative integration (Wu et al. 2016, the general form), in all four gates; they are in
// the order i, f, g, o.
//
//	a = α ⊙ (x·Wᵀ) ⊙ (h·Uᵀ) + β₁ ⊙ (h·Uᵀ) + β₂ ⊙ (x·Wᵀ) + b
//	i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)
//	c' = f ⊙ c + i ⊙ g
//	h' = o ⊙ tanh(c')
//
// The parameters are weight_ih [4H, F], weight_hh [4H, H], bias_ih [4H], and alpha, beta1 and beta2 [4H], which begin
// at 1. With alpha 0 and the others 1 it is an LSTM. The state is h, c, each [B, H]; the output is h'.
type MILSTM struct{ multiplicative }

// NewMILSTM returns an LSTM cell with multiplicative integration for inputs of the given width.
func NewMILSTM(input, hidden int, o Options, rng *rand.Rand) *MILSTM {
	return &MILSTM{newMultiplicative(4, input, hidden, o, rng)}
}

// States describes h and c.
func (l *MILSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *MILSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	return lstmStep(b, l.integrate(b, x, s[0]), s[1])
}
