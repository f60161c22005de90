package cell

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*IndRNN)(nil)

// IndRNN is the independently recurrent network (Li et al. 2018): each unit sees only its own past.
//
//	h' = φ(x·Wᵀ + u ⊙ h + b), with φ = ReLU or tanh
//
// The paper keeps |u| below a bound that depends on the length of the sequences; no bound is held here.
//
// The state is h [B, H]; the output is h'. The parameters are weight_ih [H, F], W; weight_hh [H], u; bias_ih [H], b.
type IndRNN struct {
	WeightIH, WeightHH *graph.Param
	BiasIH             *graph.Param // nil without bias
	hidden             int
	tanh               bool
	options            Options
}

// NewIndRNN returns an IndRNN cell with ReLU for inputs of the given width. It draws u from U(0, 1), as is common, so
// that units remember for spans of different lengths; the other parameters from U(-1/√H, 1/√H).
func NewIndRNN(input, hidden int, o Options, rng *rand.Rand) *IndRNN {
	draw := graph.Uniform(1 / math.Sqrt(float64(hidden)))
	r := &IndRNN{
		WeightIH: graph.NewParam(draw, rng, hidden, input),
		WeightHH: graph.NewParam(between(0, 1), rng, hidden),
		hidden:   hidden,
		options:  o,
	}
	if !o.NoBias {
		r.BiasIH = graph.NewParam(draw, rng, hidden)
	}
	return r
}

// NewTanhIndRNN returns an IndRNN cell with tanh in place of ReLU.
func NewTanhIndRNN(input, hidden int, o Options, rng *rand.Rand) *IndRNN {
	r := NewIndRNN(input, hidden, o, rng)
	r.tanh = true
	return r
}

// States describes h.
func (r *IndRNN) States() []StateSpec { return []StateSpec{{"h", r.hidden}} }

// Params returns the parameters.
func (r *IndRNN) Params() []graph.NamedParam {
	params := []graph.NamedParam{{Name: "weight_ih", Param: r.WeightIH}, {Name: "weight_hh", Param: r.WeightHH}}
	return withBias(params, "bias_ih", r.BiasIH)
}

// Step writes one time step in graph ops.
func (r *IndRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	return step(b, r, x, s)
}

// Sequence writes a window with one product for all steps.
func (r *IndRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return sequence(b, r, x, s, reverse)
}

func (r *IndRNN) project(b *graph.Builder, x *graph.Node) []*graph.Node {
	r.options.refuse(b, "IndRNN")
	return []*graph.Node{b.Linear(x, b.Param(r.WeightIH), bias(b, r.BiasIH))}
}

func (r *IndRNN) advance(b *graph.Builder, p []*graph.Node, s State) (*graph.Node, State) {
	a := b.Add(p[0], b.Mul(s[0], b.Param(r.WeightHH)))
	h := b.ReLU(a)
	if r.tanh {
		h = b.Tanh(a)
		b.ObserveGates(tanhGates, h)
	}
	return h, State{h}
}
