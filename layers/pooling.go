package layers

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Pooling over time makes one vector of each sequence: from x [T*B, F], [B, F]. Only the time steps count that the
// builder's step mask leaves, whatever stands at the others. A sequence without any gives zeros.
var (
	_ Layer = LastStep{}
	_ Layer = MeanOverTime{}
	_ Layer = MaxOverTime{}
	_ Layer = (*AttentionOverTime)(nil)
)

// LastStep takes the last valid time step of each sequence.
type LastStep struct{}

// Apply returns [B, F].
func (LastStep) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w, mask := b.Window(), b.StepMask()
	if x = validSteps(b, "LastStep", x); x == nil {
		return nil
	}
	if mask == nil {
		return b.Slice(x, 0, (w.T-1)*w.B, w.T*w.B)
	}
	// Valid steps are numbered from 1, the others 0. The largest number is the last one's, and 1 - (largest - number)
	// is above 0 for that one only; for all steps if none is valid, where x is 0.
	number := graph.NewTensor(b.DType(), w.T, w.B)
	for i := range number.Len() {
		number.SetAt(i, float64(1+i/w.B))
	}
	valid := b.Mask(b.Const(number), b.Reshape(mask, w.T, w.B))
	last := b.ReLU(b.AddScalar(b.Sub(valid, b.Max(valid, 0)), 1))
	return weighted(b, b.Transpose(last), x)
}

// Params returns none.
func (LastStep) Params() []graph.NamedParam { return nil }

// MeanOverTime takes the mean over the valid time steps of each sequence.
type MeanOverTime struct{}

// Apply returns [B, F].
func (MeanOverTime) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w := b.Window()
	if x = validSteps(b, "MeanOverTime", x); x == nil {
		return nil
	}
	return attended(b, b.Const(graph.NewTensor(b.DType(), w.B, w.T)), x)
}

// Params returns none.
func (MeanOverTime) Params() []graph.NamedParam { return nil }

// MaxOverTime takes, for each feature, the maximum over the valid time steps of each sequence. Where several are the
// largest, the first one has the gradient.
type MaxOverTime struct{}

// Apply returns [B, F].
func (MaxOverTime) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w, mask := b.Window(), b.StepMask()
	if x = validSteps(b, "MaxOverTime", x); x == nil {
		return nil
	}
	if mask == nil {
		return b.Max(b.Reshape(x, w.T, w.B, -1), 0)
	}
	lowest := -math.MaxFloat32
	if b.DType() == graph.Float64 {
		lowest = -math.MaxFloat64
	}
	zero, low := graph.NewTensor(b.DType(), w.T*w.B), graph.NewTensor(b.DType(), w.T*w.B)
	for i := range low.Len() {
		low.SetAt(i, lowest)
	}
	x = b.Add(x, b.Reshape(b.Where(mask, b.Const(zero), b.Const(low)), -1, 1))
	some := b.Max(b.Abs(b.Reshape(mask, w.T, w.B)), 0)
	return b.Mask(b.Max(b.Reshape(x, w.T, w.B, -1), 0), some)
}

// Params returns none.
func (MaxOverTime) Params() []graph.NamedParam { return nil }

// AttentionOverTime takes a mean over the valid time steps of each sequence in which every step has a weight, by how
// well it answers a learned query (Yang et al. 2016, "Hierarchical attention networks for document classification"):
//
//	e_t = query · tanh(x_t·weightᵀ + bias)
//	y = Σ_t softmax(e)_t x_t
//
// "weight" is [units, F], "bias" and "query" are [units].
type AttentionOverTime struct {
	Weight, Bias, Query *graph.Param
}

// NewAttentionOverTime draws weight and bias from U(-1/√width, 1/√width), and query from U(-1/√units, 1/√units).
func NewAttentionOverTime(width, units int, rng *rand.Rand) *AttentionOverTime {
	l := NewLinear(width, units, rng)
	return &AttentionOverTime{l.Weight, l.Bias, graph.NewParam(graph.Uniform(1/math.Sqrt(float64(units))), rng, units)}
}

// Apply returns [B, F].
func (a *AttentionOverTime) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w := b.Window()
	if x = validSteps(b, "AttentionOverTime", x); x == nil {
		return nil
	}
	h := b.Tanh(b.Linear(x, b.Param(a.Weight), b.Param(a.Bias)))
	scores := b.MatMul(h, b.Reshape(b.Param(a.Query), -1, 1))
	return attended(b, b.Transpose(b.Reshape(scores, w.T, w.B)), x)
}

// Params returns weight, bias and query.
func (a *AttentionOverTime) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: a.Weight}, {Name: "bias", Param: a.Bias}, {Name: "query", Param: a.Query}}
}

// validSteps returns a sequence with 0 at the steps that aren't valid, or nil after an error.
func validSteps(b *graph.Builder, op string, x *graph.Node) *graph.Node {
	w := b.Window()
	switch {
	case b.Err() != nil:
		return nil
	case len(x.Shape()) != 2 || x.Dim(0) != w.T*w.B:
		b.Fail(&graph.ShapeError{Op: op, Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[T*B, F] with T*B = %d", w.T*w.B)})
		return nil
	case b.StepMask() != nil:
		return b.Mask(x, b.StepMask())
	}
	return x
}

// attended sums the steps of each sequence with weights softmax(scores), for scores [B, T].
func attended(b *graph.Builder, scores, x *graph.Node) *graph.Node {
	mask := b.StepMask()
	if mask != nil {
		mask = b.Transpose(b.Reshape(mask, b.Window().T, b.Window().B))
	}
	return weighted(b, b.MaskedSoftmax(scores, mask), x)
}

// weighted sums the steps of each sequence with weights [B, T].
func weighted(b *graph.Builder, weights, x *graph.Node) *graph.Node {
	return b.AttentionContext(b.Reshape(weights, b.Window().B, 1, 1, b.Window().T), x)
}
