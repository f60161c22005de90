package layers

import "github.com/gobptt/bptt/graph"

var _ Layer = (*LayerNorm)(nil)

// LayerNorm normalizes each row of x [N, F] to mean 0 and variance 1, and then scales and shifts it by "weight" and
// "bias" [F] (Ba, Kiros and Hinton 2016):
//
//	y = weight ⊙ (x - mean)/√(variance + Epsilon) + bias
//
// The variance is the biased one.
type LayerNorm struct {
	Weight, Bias *graph.Param
	Epsilon      float64
}

// NewLayerNorm begins with weight 1, bias 0 and Epsilon 1e-5, as PyTorch does.
func NewLayerNorm(width int) *LayerNorm {
	l := &LayerNorm{Weight: graph.NewParam(graph.Zeros, nil, width), Bias: graph.NewParam(graph.Zeros, nil, width), Epsilon: 1e-5}
	for i := range l.Weight.Value.Len() {
		l.Weight.Value.SetAt(i, 1)
	}
	return l
}

// Apply returns the shape of x, [N, F].
func (l *LayerNorm) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.LayerNorm(x, b.Param(l.Weight), b.Param(l.Bias), l.Epsilon)
}

// Params returns weight and bias.
func (l *LayerNorm) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: l.Weight}, {Name: "bias", Param: l.Bias}}
}
