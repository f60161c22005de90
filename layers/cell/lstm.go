package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*LSTM)(nil)

// LSTM is the long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), in
// PyTorch's variant: no peepholes, two biases, gates in the order i, f, g, o.
//
//	i = σ(x·W_iᵀ + h·U_iᵀ + b_i)    input gate
//	f = σ(x·W_fᵀ + h·U_fᵀ + b_f)    forget gate
//	g = tanh(x·W_gᵀ + h·U_gᵀ + b_g) candidate
//	o = σ(x·W_oᵀ + h·U_oᵀ + b_o)    output gate
//	c' = f ⊙ c + i ⊙ g
//	h' = o ⊙ tanh(c')
//
// The state is h, c, each [B, H]; the output is h'.
type LSTM struct{ affine }

// NewLSTM returns an LSTM cell for inputs of the given width.
func NewLSTM(input, hidden int, o Options, rng *rand.Rand) *LSTM {
	return &LSTM{newAffine(4, input, hidden, o, rng)}
}

// States describes h and c.
func (l *LSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *LSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	return lstmStep(b, b.Add(l.input(b, x), l.recurrent(b, s[0])), s[1])
}

// lstmStep writes what an LSTM does with the pre-activations a [B, 4H] of its gates and the cell state [B, H].
func lstmStep(b *graph.Builder, a, c *graph.Node) (*graph.Node, State) {
	h, next := lstmUnits(b, a, c)
	b.ObserveGates(lstmGates[4:], h)
	return h, State{h, next}
}

// lstmUnits is lstmStep where the state isn't h itself.
func lstmUnits(b *graph.Builder, a, c *graph.Node) (h, next *graph.Node) {
	gates := b.Split(a, 1, 4)
	i, f, g, o := b.Sigmoid(gates[0]), b.Sigmoid(gates[1]), b.Tanh(gates[2]), b.Sigmoid(gates[3])
	c = b.Add(b.Mul(f, c), b.Mul(i, g))
	b.ObserveGates(lstmGates[:4], i, f, g, o)
	return b.Mul(o, b.Tanh(c)), c
}

var lstmGates = []graph.Gate{{Name: "input"}, {Name: "forget"}, candidate, {Name: "output"}, boundedH}

// Sequence writes a window as a fused recurrence.
func (l *LSTM) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return l.sequence(b, lstmRecurrence, x, s, reverse)
}

var lstmRecurrence = graph.Recurrence{
	Name: "LSTM", Gates: 4, States: 2, Keep: 1, // keeps tanh(c')
	Activations: lstmGates,
	F32:         graph.Arithmetic[float32]{Forward: lstmForward[float32], Backward: lstmBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: lstmForward[float64], Backward: lstmBackward[float64]},
}

func lstmForward[F kernel.Float](r *graph.Row[F]) {
	kernel.LSTMForward(r.A[0], r.A[1], r.A[2], r.A[3], r.Prev[1], r.Next[1], r.Keep, r.Next[0])
}

func lstmBackward[F kernel.Float](r *graph.Row[F]) {
	kernel.LSTMBackward(r.A[0], r.A[1], r.A[2], r.A[3], r.Prev[1], r.Keep, r.D[0], r.D[1])
}
