package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*JANET)(nil)

// JANET, just another network, is the LSTM with no gate but the forget gate (van der Westhuizen and Lasenby 2018), in
// the variant that the paper ends with: a shift β = 1 lets a unit take in more than it forgets. Gates in the order
// f, g.
//
//	s = x·W_fᵀ + h·U_fᵀ + b_f       forget gate, before σ
//	g = tanh(x·W_gᵀ + h·U_gᵀ + b_g) candidate
//	h' = σ(s) ⊙ h + (1 - σ(s - β)) ⊙ g
//
// The parameters are weight_ih [2H, F], weight_hh [2H, H] and bias_ih [2H]. The state is h [B, H]; the output is h'.
// The authors begin with large biases of the forget gate, the first H elements of bias_ih (the chrono initialization);
// NewJANET doesn't.
type JANET struct{ affine }

// NewJANET returns a JANET cell for inputs of the given width.
func NewJANET(input, hidden int, o Options, rng *rand.Rand) *JANET {
	return &JANET{newSingleBias(2, input, hidden, o, rng)}
}

// janetShift is β. The code uses 1 - σ(s - β) = σ(β - s).
const janetShift = 1

// States describes h.
func (n *JANET) States() []StateSpec { return []StateSpec{{"h", n.hidden}} }

// Step writes one time step in graph ops.
func (n *JANET) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a := b.Split(b.Add(n.input(b, x), n.recurrent(b, s[0])), 1, 2)
	f, i := b.Sigmoid(a[0]), b.Sigmoid(b.AddScalar(b.Neg(a[0]), janetShift))
	g := b.Tanh(a[1])
	h := b.Add(b.Mul(f, s[0]), b.Mul(i, g))
	b.ObserveGates(janetGates, f, g)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence.
func (n *JANET) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return n.sequence(b, janetRecurrence, x, s, reverse)
}

var janetGates = []graph.Gate{{Name: "forget"}, candidate}

var janetRecurrence = graph.Recurrence{
	Name: "JANET", Gates: 2, States: 1, Keep: 1, Direct: true, // keeps σ(β - s)
	Activations: janetGates,
	F32:         graph.Arithmetic[float32]{Forward: janetForward[float32], Backward: janetBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: janetForward[float64], Backward: janetBackward[float64]},
}

func janetForward[F kernel.Float](r *graph.Row[F]) {
	f, g, i, h := r.A[0], r.A[1], r.Keep, r.Next[0]
	for j, s := range f {
		i[j] = janetShift - s
	}
	kernel.Sigmoid(i, i)
	kernel.Sigmoid(f, f)
	kernel.Tanh(g, g)
	kernel.Mul(h, f, r.Prev[0])
	kernel.MulAdd(h, i, g)
}

func janetBackward[F kernel.Float](r *graph.Row[F]) {
	for j, i := range r.Keep {
		f, g, dh := r.A[0][j], r.A[1][j], r.D[0][j]
		r.A[0][j] = dh * (r.Prev[0][j]*f*(1-f) - g*i*(1-i))
		r.A[1][j] = dh * i * (1 - g*g)
		r.D[0][j] = dh * f
	}
}
