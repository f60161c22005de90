package layers

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = (*Highway)(nil)

// Highway lets its input pass by another layer through a gate (Srivastava, Greff and Schmidhuber 2015):
//
//	t = σ(x·W_Tᵀ + b_T)                  transform gate
//	y = t ⊙ layer(x) + (1 - t) ⊙ x
//
// The layer's output must have its input's shape, [N, width]. In the paper it is affine with a nonlinearity; a recurrent
// layer will do as well. The parameters are "gate.weight" [width, width] and "gate.bias" [width], and the layer's, which
// are prefixed with "layer.", as its states are.
type Highway struct {
	Layer Layer
	Gate  *Linear
}

// NewHighway wraps a layer. The gate's bias begins at -2, so that at first most of the input passes by.
func NewHighway(l Layer, width int, rng *rand.Rand) *Highway {
	h := &Highway{l, NewLinear(width, width, rng)}
	for i := range h.Gate.Bias.Value.Len() {
		h.Gate.Bias.Value.SetAt(i, -2)
	}
	return h
}

// Apply returns the shape of x.
func (h *Highway) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if missing(h.Layer) {
		b.Fail(&graph.ArgumentError{Op: "Highway", Name: "layer", Got: "nil", Want: "a layer"})
		return nil
	}
	b.Enter("layer")
	y := h.Layer.Apply(b, x)
	b.Leave()
	b.Enter("gate")
	t := b.Sigmoid(h.Gate.Apply(b, x))
	b.Leave()
	if !sameShape(b, "Highway", y, x) {
		return nil
	}
	return b.Add(x, b.Mul(t, b.Sub(y, x)))
}

// Params returns the layer's parameters and the gate's.
func (h *Highway) Params() []graph.NamedParam {
	if missing(h.Layer) {
		return graph.Prefixed("gate", h.Gate.Params())
	}
	return append(graph.Prefixed("layer", h.Layer.Params()), graph.Prefixed("gate", h.Gate.Params())...)
}
