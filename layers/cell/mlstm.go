package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*MLSTM)(nil)

// MLSTM is the multiplicative LSTM (Krause et al. 2016): every input has a recurrent transition of its own, since the
// gates see m, a product of input and state, in place of h. Gates, candidate and output are those of LSTM, as in
// Radford et al. (2017); in the order i, f, g, o.
//
//	m = (x·W_mᵀ) ⊙ (h·U_mᵀ)
//	i = σ(x·W_iᵀ + m·U_iᵀ + b_i)    input gate
//	f = σ(x·W_fᵀ + m·U_fᵀ + b_f)    forget gate
//	g = tanh(x·W_gᵀ + m·U_gᵀ + b_g) candidate
//	o = σ(x·W_oᵀ + m·U_oᵀ + b_o)    output gate
//	c' = f ⊙ c + i ⊙ g
//	h' = o ⊙ tanh(c')
//
// The parameters are weight_ih [4H, F], weight_hh [4H, H], which multiplies m, bias_ih [4H], and those of m, weight_im
// [H, F] and weight_hm [H, H]. The state is h, c, each [B, H]; the output is h'.
type MLSTM struct {
	affine
	WeightIM, WeightHM *graph.Param
}

// NewMLSTM returns a multiplicative LSTM cell for inputs of the given width.
func NewMLSTM(input, hidden int, o Options, rng *rand.Rand) *MLSTM {
	return &MLSTM{
		affine:   newSingleBias(4, input, hidden, o, rng),
		WeightIM: graph.NewParam(uniform(hidden), rng, hidden, input),
		WeightHM: graph.NewParam(uniform(hidden), rng, hidden, hidden),
	}
}

// States describes h and c.
func (l *MLSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *MLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	m := b.Mul(b.Linear(x, b.Param(l.WeightIM), nil), b.Linear(s[0], b.Param(l.WeightHM), nil))
	return lstmStep(b, b.Add(l.input(b, x), l.recurrent(b, m)), s[1])
}

// Params returns the parameters.
func (l *MLSTM) Params() []graph.NamedParam {
	return append(l.affine.Params(),
		graph.NamedParam{Name: "weight_im", Param: l.WeightIM},
		graph.NamedParam{Name: "weight_hm", Param: l.WeightHM})
}
