package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*PeepholeLSTM)(nil)

// PeepholeLSTM is the LSTM whose gates also see the cell state (Gers, Schraudolph and Schmidhuber 2002), in the variant
// that Greff et al. (2017) call vanilla: the input and the forget gate see the old cell state, the output gate the new
// one, each unit its own; the gradient is the full one. Gates in the order i, f, g, o.
//
//	i = σ(x·W_iᵀ + h·U_iᵀ + p_i ⊙ c + b_i)  input gate
//	f = σ(x·W_fᵀ + h·U_fᵀ + p_f ⊙ c + b_f)  forget gate
//	g = tanh(x·W_gᵀ + h·U_gᵀ + b_g)         candidate
//	c' = f ⊙ c + i ⊙ g
//	o = σ(x·W_oᵀ + h·U_oᵀ + p_o ⊙ c' + b_o) output gate
//	h' = o ⊙ tanh(c')
//
// The parameters are weight_ih [4H, F], weight_hh [4H, H], bias_ih [4H], and the peepholes weight_ci, weight_cf and
// weight_co [H]. The state is h, c, each [B, H]; the output is h'.
type PeepholeLSTM struct {
	affine
	WeightCI, WeightCF, WeightCO *graph.Param
}

// NewPeepholeLSTM returns an LSTM cell with peepholes for inputs of the given width.
func NewPeepholeLSTM(input, hidden int, o Options, rng *rand.Rand) *PeepholeLSTM {
	return &PeepholeLSTM{
		affine:   newSingleBias(4, input, hidden, o, rng),
		WeightCI: graph.NewParam(uniform(hidden), rng, hidden),
		WeightCF: graph.NewParam(uniform(hidden), rng, hidden),
		WeightCO: graph.NewParam(uniform(hidden), rng, hidden),
	}
}

// States describes h and c.
func (l *PeepholeLSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *PeepholeLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a, c := b.Split(b.Add(l.input(b, x), l.recurrent(b, s[0])), 1, 4), s[1]
	i := b.Sigmoid(b.Add(a[0], b.Mul(c, b.Param(l.WeightCI))))
	f := b.Sigmoid(b.Add(a[1], b.Mul(c, b.Param(l.WeightCF))))
	g := b.Tanh(a[2])
	c = b.Add(b.Mul(f, c), b.Mul(i, g))
	o := b.Sigmoid(b.Add(a[3], b.Mul(c, b.Param(l.WeightCO))))
	h := b.Mul(o, b.Tanh(c))
	b.ObserveGates(lstmGates, i, f, g, o, h)
	return h, State{h, c}
}

// Params returns the parameters.
func (l *PeepholeLSTM) Params() []graph.NamedParam {
	return append(l.affine.Params(),
		graph.NamedParam{Name: "weight_ci", Param: l.WeightCI},
		graph.NamedParam{Name: "weight_cf", Param: l.WeightCF},
		graph.NamedParam{Name: "weight_co", Param: l.WeightCO})
}
