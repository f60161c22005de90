package cell

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*ProjectedLSTM)(nil)

// ProjectedLSTM is the LSTM with a recurrent projection (Sak, Senior and Beaufays 2014), in PyTorch's variant, its
// nn.LSTM with proj_size: no peepholes, two biases, gates in the order i, f, g, o. The state h has the projection's
// width P, which is smaller than that of the cell, H; so the recurrent weight is smaller.
//
//	i = σ(x·W_iᵀ + h·U_iᵀ + b_i)    input gate
//	f = σ(x·W_fᵀ + h·U_fᵀ + b_f)    forget gate
//	g = tanh(x·W_gᵀ + h·U_gᵀ + b_g) candidate
//	o = σ(x·W_oᵀ + h·U_oᵀ + b_o)    output gate
//	c' = f ⊙ c + i ⊙ g
//	h' = (o ⊙ tanh(c'))·Rᵀ          projection
//
// The parameters are weight_ih [4H, F], weight_hh [4H, P], bias_ih and bias_hh [4H], and R, weight_hr [P, H]. The state
// is h [B, P] and c [B, H]; the output is h'.
type ProjectedLSTM struct {
	affine
	WeightHR *graph.Param

	projection int
	err        error
}

// NewProjectedLSTM returns an LSTM cell with a projection for inputs of the given width. A projection below 1, or not
// smaller than hidden, is an error that the first step reports.
func NewProjectedLSTM(input, hidden, projection int, o Options, rng *rand.Rand) *ProjectedLSTM {
	l := &ProjectedLSTM{projection: projection}
	if projection < 1 || projection >= hidden {
		l.err = &graph.ArgumentError{
			Op: "ProjectedLSTM", Name: "projection", Got: fmt.Sprint(projection),
			Want: fmt.Sprintf("at least 1 and less than hidden, which is %d", hidden),
		}
		l.projection = 1 // shapes that can be, so that this error is met and not theirs
	}
	l.affine = affine{
		WeightIH: graph.NewParam(uniform(hidden), rng, 4*hidden, input),
		WeightHH: graph.NewParam(uniform(hidden), rng, 4*hidden, l.projection),
		hidden:   hidden,
		options:  o,
	}
	if !o.NoBias {
		l.BiasIH = graph.NewParam(uniform(hidden), rng, 4*hidden)
		l.BiasHH = graph.NewParam(uniform(hidden), rng, 4*hidden)
	}
	l.WeightHR = graph.NewParam(uniform(hidden), rng, l.projection, hidden)
	return l
}

// States describes h and c.
func (l *ProjectedLSTM) States() []StateSpec {
	return []StateSpec{{"h", l.projection}, {"c", l.hidden}}
}

// Step writes one time step in graph ops.
func (l *ProjectedLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	if l.err != nil {
		b.Fail(l.err)
	}
	units, c := lstmUnits(b, b.Add(l.input(b, x), l.recurrent(b, s[0])), s[1])
	h := b.Linear(units, b.Param(l.WeightHR), nil)
	return h, State{h, c}
}

// Params returns the parameters under PyTorch's names and in its order.
func (l *ProjectedLSTM) Params() []graph.NamedParam {
	return append(l.affine.Params(), graph.NamedParam{Name: "weight_hr", Param: l.WeightHR})
}
