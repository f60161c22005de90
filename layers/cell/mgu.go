package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*MGU)(nil)

// MGU is the minimal gated unit (Zhou et al. 2016): a GRU whose one gate serves as reset and as update gate. As in
// ResetBeforeGRU, the gate acts before the recurrent product. Gates in the order f, n.
//
//	f = σ(x·W_fᵀ + h·U_fᵀ + b_f)            forget gate
//	n = tanh(x·W_nᵀ + (f ⊙ h)·U_nᵀ + b_n) candidate
//	h' = (1 - f) ⊙ h + f ⊙ n
//
// The parameters are weight_ih [2H, F], weight_hh [2H, H] and bias_ih [2H]. The state is h [B, H]; the output is h'.
type MGU struct{ affine }

// NewMGU returns a minimal gated unit for inputs of the given width.
func NewMGU(input, hidden int, o Options, rng *rand.Rand) *MGU {
	return &MGU{newSingleBias(2, input, hidden, o, rng)}
}

// States describes h.
func (m *MGU) States() []StateSpec { return []StateSpec{{"h", m.hidden}} }

// Step writes one time step in graph ops.
func (m *MGU) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	a, h := b.Split(m.input(b, x), 1, 2), s[0]
	f := b.Sigmoid(b.Add(a[0], m.product(b, h, 0, 1)))
	n := b.Tanh(b.Add(a[1], m.product(b, b.Mul(f, h), 1, 2)))
	h = b.Add(h, b.Mul(f, b.Sub(n, h)))
	b.ObserveGates([]graph.Gate{{Name: "forget"}, candidate, boundedH}, f, n, h)
	return h, State{h}
}
