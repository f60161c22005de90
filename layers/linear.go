package layers

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = (*Linear)(nil)

// Linear computes y = x·Wᵀ + b for x [N, in]: "weight" [out, in] and "bias" [out].
type Linear struct {
	Weight, Bias *graph.Param
}

// NewLinear draws weight and bias from U(-1/√in, 1/√in), as PyTorch does.
func NewLinear(in, out int, rng *rand.Rand) *Linear {
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{
		Weight: graph.NewParam(graph.Uniform(bound), rng, out, in),
		Bias:   graph.NewParam(graph.Uniform(bound), rng, out),
	}
}

// Apply returns [N, out].
func (l *Linear) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Linear(x, b.Param(l.Weight), b.Param(l.Bias))
}

// Params returns weight and bias.
func (l *Linear) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: l.Weight}, {Name: "bias", Param: l.Bias}}
}
