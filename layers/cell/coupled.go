package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*CoupledLSTM)(nil)

// CoupledLSTM is the LSTM with a coupled input and forget gate, CIFG (Greff et al. 2017, there with peepholes, here
// without): a unit forgets as much as it takes in, f = 1 - i. Gates in the order i, g, o.
//
//	i = σ(x·W_iᵀ + h·U_iᵀ + b_i)    input gate
//	g = tanh(x·W_gᵀ + h·U_gᵀ + b_g) candidate
//	o = σ(x·W_oᵀ + h·U_oᵀ + b_o)    output gate
//	c' = (1 - i) ⊙ c + i ⊙ g
//	h' = o ⊙ tanh(c')
//
// The parameters are weight_ih [3H, F], weight_hh [3H, H] and bias_ih [3H]. The state is h, c, each [B, H]; the output
// is h'.
type CoupledLSTM struct{ affine }

// NewCoupledLSTM returns an LSTM cell with a coupled gate for inputs of the given width.
func NewCoupledLSTM(input, hidden int, o Options, rng *rand.Rand) *CoupledLSTM {
	return &CoupledLSTM{newSingleBias(3, input, hidden, o, rng)}
}

// States describes h and c.
func (l *CoupledLSTM) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"c", l.hidden}} }

// Step writes one time step in graph ops.
func (l *CoupledLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	gates := b.Split(b.Add(l.input(b, x), l.recurrent(b, s[0])), 1, 3)
	i, g, o := b.Sigmoid(gates[0]), b.Tanh(gates[1]), b.Sigmoid(gates[2])
	c := b.Add(s[1], b.Mul(i, b.Sub(g, s[1])))
	h := b.Mul(o, b.Tanh(c))
	b.ObserveGates(coupledGates, i, g, o, h)
	return h, State{h, c}
}

// Sequence writes a window as a fused recurrence.
func (l *CoupledLSTM) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return l.sequence(b, coupledRecurrence, x, s, reverse)
}

var coupledGates = []graph.Gate{{Name: "input"}, candidate, {Name: "output"}, boundedH}

var coupledRecurrence = graph.Recurrence{
	Name: "CoupledLSTM", Gates: 3, States: 2, Keep: 1, // keeps tanh(c')
	Activations: coupledGates,
	F32:         graph.Arithmetic[float32]{Forward: coupledForward[float32], Backward: coupledBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: coupledForward[float64], Backward: coupledBackward[float64]},
}

func coupledForward[F kernel.Float](r *graph.Row[F]) {
	i, g, o, h, c := r.A[0], r.A[1], r.A[2], r.Next[0], r.Next[1]
	kernel.Sigmoid(i, i)
	kernel.Tanh(g, g)
	kernel.Sigmoid(o, o)
	kernel.Sub(c, g, r.Prev[1])
	kernel.Mul(c, c, i)
	kernel.Add(c, c, r.Prev[1]) // c + i·(g - c)
	kernel.Tanh(r.Keep, c)
	kernel.Mul(h, o, r.Keep)
}

func coupledBackward[F kernel.Float](r *graph.Row[F]) {
	for j, tanhC := range r.Keep {
		i, g, o, dh := r.A[0][j], r.A[1][j], r.A[2][j], r.D[0][j]
		dc := r.D[1][j] + dh*o*(1-tanhC*tanhC)
		r.A[0][j] = dc * (g - r.Prev[1][j]) * i * (1 - i)
		r.A[1][j] = dc * i * (1 - g*g)
		r.A[2][j] = dh * tanhC * o * (1 - o)
		r.D[1][j] = dc * (1 - i)
	}
}
