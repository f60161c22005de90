package cell

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*MinimalRNN)(nil)

// MinimalRNN is the minimal network with one gate (Chen 2017): the input is mapped to the space of the states, and then
// only mixed in.
//
//	z = tanh(x·Wᵀ + b)
//	u = σ(h·U_hᵀ + z·U_zᵀ + d)      update gate
//	h' = u ⊙ h + (1 - u) ⊙ z
//
// Read as h' = h + (1 - u) ⊙ (z - h), it is a residual network over time: a step adds a gated correction to a state
// that otherwise stays.
//
// The state is h [B, H]; the output is h'. The parameters are weight_ih [H, F], W; bias_ih [H], b; weight_hh [H, H],
// U_h; weight_zh [H, H], U_z; bias_hh [H], d.
type MinimalRNN struct {
	affine
	WeightZH *graph.Param
}

// NewMinimalRNN returns a MinimalRNN cell for inputs of the given width. All parameters are drawn from
// U(-1/√H, 1/√H).
func NewMinimalRNN(input, hidden int, o Options, rng *rand.Rand) *MinimalRNN {
	return &MinimalRNN{
		affine:   newAffine(1, input, hidden, o, rng),
		WeightZH: graph.NewParam(graph.Uniform(1/math.Sqrt(float64(hidden))), rng, hidden, hidden),
	}
}

// States describes h.
func (m *MinimalRNN) States() []StateSpec { return []StateSpec{{"h", m.hidden}} }

// Params returns the parameters.
func (m *MinimalRNN) Params() []graph.NamedParam {
	return append(m.affine.Params(), graph.NamedParam{Name: "weight_zh", Param: m.WeightZH})
}

// Step writes one time step in graph ops.
func (m *MinimalRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	z := b.Tanh(m.input(b, x))
	u := b.Sigmoid(b.Add(b.Linear(z, b.Param(m.WeightZH), nil), m.recurrent(b, s[0])))
	h := blend(b, u, s[0], z)
	b.ObserveGates(minimalGates, u, z, h)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence of two blocks, of which the second passes z on: its recurrent weight
// is 0.
func (m *MinimalRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if active(b, "RecurrentDropout", m.options.RecurrentDropout) {
		return nil, nil
	}
	z := b.Tanh(m.input(b, x))
	a := b.Linear(z, b.Param(m.WeightZH), bias(b, m.BiasHH))
	u := m.weightHH(b)
	if b.Err() != nil {
		return nil, nil
	}
	zeros := b.Const(graph.NewTensor(b.DType(), m.hidden, m.hidden))
	return b.Recur(minimalRecurrence, reverse, b.Concat(1, a, z), b.Concat(0, u, zeros), nil, s)
}

var minimalGates = []graph.Gate{{Name: "update"}, candidate, boundedH}

var minimalRecurrence = graph.Recurrence{
	Name: "MinimalRNN", Gates: 2, States: 1, Direct: true,
	Activations: minimalGates,
	F32:         graph.Arithmetic[float32]{Forward: minimalForward[float32], Backward: minimalBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: minimalForward[float64], Backward: minimalBackward[float64]},
}

func minimalForward[F kernel.Float](r *graph.Row[F]) {
	kernel.Sigmoid(r.A[0], r.A[0])
	for i, u := range r.A[0] {
		h, z := r.Prev[0][i], r.A[1][i]
		r.Next[0][i] = z + u*(h-z)
	}
}

func minimalBackward[F kernel.Float](r *graph.Row[F]) {
	for i, u := range r.A[0] {
		d, h, z := r.D[0][i], r.Prev[0][i], r.A[1][i]
		r.A[0][i] = d * (h - z) * u * (1 - u)
		r.A[1][i] = d * (1 - u)
		r.D[0][i] = d * u
	}
}
