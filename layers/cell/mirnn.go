package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*MIRNN)(nil)

// MIRNN is the simple recurrent network with multiplicative integration (Wu et al. 2016, the general form):
//
//	h' = tanh(α ⊙ (x·Wᵀ) ⊙ (h·Uᵀ) + β₁ ⊙ (h·Uᵀ) + β₂ ⊙ (x·Wᵀ) + b)
//
// The parameters are weight_ih [H, F], weight_hh [H, H], bias_ih [H], and alpha, beta1 and beta2 [H], which begin at 1.
// With alpha 0 and the others 1 it is an RNN. The state is h [B, H]; the output is h'.
type MIRNN struct{ multiplicative }

// NewMIRNN returns an RNN cell with multiplicative integration for inputs of the given width.
func NewMIRNN(input, hidden int, o Options, rng *rand.Rand) *MIRNN {
	return &MIRNN{newMultiplicative(1, input, hidden, o, rng)}
}

// States describes h.
func (r *MIRNN) States() []StateSpec { return []StateSpec{{"h", r.hidden}} }

// Step writes one time step in graph ops.
func (r *MIRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	h := b.Tanh(r.integrate(b, x, s[0]))
	b.ObserveGates(tanhGates, h)
	return h, State{h}
}
