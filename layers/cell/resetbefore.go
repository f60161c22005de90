package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*ResetBeforeGRU)(nil)

// ResetBeforeGRU is the gated recurrent unit of Cho et al. (2014), in which the reset gate acts on h before the
// recurrent product; Keras has it with reset_after=False, ONNX with linear_before_reset=0. In GRU, which is PyTorch's,
// the gate acts on the product. The weights of one are no good in the other, although their shapes agree. This one
// needs two products a step, one after the other, and has no fused form, so GRU is faster. Gates in the order r, z, n.
//
//	r = σ(x·W_rᵀ + h·U_rᵀ + b_r)            reset gate
//	z = σ(x·W_zᵀ + h·U_zᵀ + b_z)            update gate
//	n = tanh(x·W_nᵀ + (r ⊙ h)·U_nᵀ + b_n) candidate
//	h' = (1 - z) ⊙ n + z ⊙ h
//
// The parameters are weight_ih [3H, F], weight_hh [3H, H] and bias_ih [3H]. There is no bias_hh: in GRU the reset gate
// multiplies a part of it, here it would only be added to bias_ih. The state is h [B, H]; the output is h'.
type ResetBeforeGRU struct{ affine }

// NewResetBeforeGRU returns a GRU cell with the reset gate before the product, for inputs of the given width.
func NewResetBeforeGRU(input, hidden int, o Options, rng *rand.Rand) *ResetBeforeGRU {
	return &ResetBeforeGRU{newSingleBias(3, input, hidden, o, rng)}
}

// States describes h.
func (g *ResetBeforeGRU) States() []StateSpec { return []StateSpec{{"h", g.hidden}} }

// Step writes one time step in graph ops.
func (g *ResetBeforeGRU) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a, h := b.Split(g.input(b, x), 1, 3), s[0]
	u := b.Split(g.product(b, h, 0, 2), 1, 2)
	r := b.Sigmoid(b.Add(a[0], u[0]))
	z := b.Sigmoid(b.Add(a[1], u[1]))
	n := b.Tanh(b.Add(a[2], g.product(b, b.Mul(r, h), 2, 3)))
	h = b.Add(n, b.Mul(z, b.Sub(h, n)))
	b.ObserveGates(gruGates, r, z, n, h)
	return h, State{h}
}
