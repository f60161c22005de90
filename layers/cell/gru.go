package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*GRU)(nil)

// GRU is the gated recurrent unit (Cho et al. 2014), in PyTorch's variant: the reset gate acts after the recurrent
// product, which has a bias of its own; gates in the order r, z, n.
//
//	r = σ(x·W_rᵀ + b_r + h·U_rᵀ + d_r)          reset gate
//	z = σ(x·W_zᵀ + b_z + h·U_zᵀ + d_z)          update gate
//	n = tanh(x·W_nᵀ + b_n + r ⊙ (h·U_nᵀ + d_n)) candidate
//	h' = (1 - z) ⊙ n + z ⊙ h
//
// The state is h [B, H]; the output is h'.
type GRU struct{ affine }

// NewGRU returns a GRU cell for inputs of the given width.
func NewGRU(input, hidden int, o Options, rng *rand.Rand) *GRU {
	return &GRU{newAffine(3, input, hidden, o, rng)}
}

// States describes h.
func (g *GRU) States() []StateSpec { return []StateSpec{{"h", g.hidden}} }

// Step writes one time step in graph ops.
func (g *GRU) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a, u := b.Split(g.input(b, x), 1, 3), b.Split(g.recurrent(b, s[0]), 1, 3)
	r := b.Sigmoid(b.Add(a[0], u[0]))
	z := b.Sigmoid(b.Add(a[1], u[1]))
	n := b.Tanh(b.Add(a[2], b.Mul(r, u[2])))
	h := b.Add(n, b.Mul(z, b.Sub(s[0], n)))
	b.ObserveGates(gruGates, r, z, n, h)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence.
func (g *GRU) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return g.sequence(b, gruRecurrence, x, s, reverse)
}

var gruGates = []graph.Gate{{Name: "reset"}, {Name: "update"}, candidate, boundedH}

var gruRecurrence = graph.Recurrence{
	Name: "GRU", Gates: 3, States: 1, Apart: true, Direct: true,
	Activations: gruGates,
	F32:         graph.Arithmetic[float32]{Forward: gruForward[float32], Backward: gruBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: gruForward[float64], Backward: gruBackward[float64]},
}

func gruForward[F kernel.Float](r *graph.Row[F]) {
	kernel.GRUForward(r.A[0], r.A[1], r.A[2], r.U[0], r.U[1], r.U[2], r.Prev[0], r.Next[0])
}

func gruBackward[F kernel.Float](r *graph.Row[F]) {
	kernel.GRUBackward(r.A[0], r.A[1], r.A[2], r.U[0], r.U[1], r.U[2], r.Prev[0], r.D[0])
}
