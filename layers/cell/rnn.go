package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*RNN)(nil)

// RNN is the simple recurrent network (Elman 1990): h' = φ(x·Wᵀ + b + h·Uᵀ + d), with φ = tanh or ReLU.
//
// The state is h [B, H]; the output is h'.
type RNN struct {
	affine
	relu bool
}

// NewRNN returns an RNN cell with tanh for inputs of the given width.
func NewRNN(input, hidden int, o Options, rng *rand.Rand) *RNN {
	return &RNN{affine: newAffine(1, input, hidden, o, rng)}
}

// NewReLURNN returns an RNN cell with max(·, 0) in place of tanh.
func NewReLURNN(input, hidden int, o Options, rng *rand.Rand) *RNN {
	return &RNN{affine: newAffine(1, input, hidden, o, rng), relu: true}
}

// States describes h.
func (r *RNN) States() []StateSpec { return []StateSpec{{"h", r.hidden}} }

// Step writes one time step in graph ops.
func (r *RNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a := b.Add(r.input(b, x), r.recurrent(b, s[0]))
	if r.relu {
		h := b.ReLU(a)
		return h, State{h}
	}
	h := b.Tanh(a)
	b.ObserveGates(tanhGates, h)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence.
func (r *RNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	rec := tanhRecurrence
	if r.relu {
		rec = reluRecurrence
	}
	return r.sequence(b, rec, x, s, reverse)
}

var tanhGates = []graph.Gate{boundedH}

var (
	tanhRecurrence = graph.Recurrence{
		Name: "RNN", Gates: 1, States: 1,
		Activations: tanhGates,
		F32:         graph.Arithmetic[float32]{Forward: tanhForward[float32], Backward: tanhBackward[float32]},
		F64:         graph.Arithmetic[float64]{Forward: tanhForward[float64], Backward: tanhBackward[float64]},
	}
	reluRecurrence = graph.Recurrence{
		Name: "RNN", Gates: 1, States: 1,
		F32: graph.Arithmetic[float32]{Forward: reluForward[float32], Backward: reluBackward[float32]},
		F64: graph.Arithmetic[float64]{Forward: reluForward[float64], Backward: reluBackward[float64]},
	}
)

func tanhForward[F kernel.Float](r *graph.Row[F]) { kernel.Tanh(r.Next[0], r.A[0]) }

func tanhBackward[F kernel.Float](r *graph.Row[F]) {
	kernel.TanhBackward(r.A[0], r.Next[0], r.D[0])
}

func reluForward[F kernel.Float](r *graph.Row[F]) {
	for i, a := range r.A[0] {
		r.Next[0][i] = max(a, 0)
	}
}

func reluBackward[F kernel.Float](r *graph.Row[F]) {
	d := r.D[0]
	for i, h := range r.Next[0] {
		r.A[0][i] = 0
		if h > 0 {
			r.A[0][i] = d[i]
		}
	}
}
