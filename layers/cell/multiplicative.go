package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// multiplicative holds the weights of multiplicative integration (Wu et al. 2016, the general form), in which input and
// state also meet in a product of second order:
//
//	α ⊙ (x·Wᵀ) ⊙ (h·Uᵀ) + β₁ ⊙ (h·Uᵀ) + β₂ ⊙ (x·Wᵀ) + b
type multiplicative struct {
	affine
	Alpha, Beta1, Beta2 *graph.Param // [gates·H]
}

func newMultiplicative(gates, input, hidden int, o Options, rng *rand.Rand) multiplicative {
	return multiplicative{
		affine: newSingleBias(gates, input, hidden, o, rng),
		Alpha:  graph.NewParam(all(1), rng, gates*hidden),
		Beta1:  graph.NewParam(all(1), rng, gates*hidden),
		Beta2:  graph.NewParam(all(1), rng, gates*hidden),
	}
}

// integrate writes the pre-activations [B, gates·H].
func (m *multiplicative) integrate(b *graph.Builder, x, h *graph.Node) *graph.Node {
	wx, uh := b.Linear(x, b.Param(m.WeightIH), nil), b.Linear(m.operand(b, h), m.weightHH(b), nil)
	factor := b.Add(b.Mul(wx, b.Param(m.Alpha)), b.Param(m.Beta1))
	a := b.Add(b.Mul(factor, uh), b.Mul(wx, b.Param(m.Beta2)))
	if m.BiasIH != nil {
		a = b.Add(a, b.Param(m.BiasIH))
	}
	return a
}

func (m *multiplicative) Params() []graph.NamedParam {
	return append(m.affine.Params(),
		graph.NamedParam{Name: "alpha", Param: m.Alpha},
		graph.NamedParam{Name: "beta1", Param: m.Beta1},
		graph.NamedParam{Name: "beta2", Param: m.Beta2})
}
