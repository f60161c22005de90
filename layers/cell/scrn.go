package cell

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*SCRN)(nil)

// SCRN is the structurally constrained recurrent network (Mikolov et al. 2014): beside the hidden units, C context
// units change slowly and remember for long.
//
//	s' = (1-α)·x·Bᵀ + α·s                      context, α = 0.95
//	h' = σ(x·Aᵀ + b + s'·Pᵀ + h·Rᵀ + d)        hidden units
//
// This is the paper's model with one fixed α for all context units. The paper has no biases b and d; Options.NoBias
// leaves them out.
//
// The state is h [B, H] and s [B, C]. The output is [h', s'], [B, H+C]: both reach the paper's output layer. The
// parameters are weight_ih [H, F], A; weight_hh [H, H], R; bias_ih and bias_hh [H]; weight_ch [H, C], P; weight_ic
// [C, F], B.
type SCRN struct {
	affine
	WeightCH, WeightIC *graph.Param
	context            int
}

// scrnMemory is α.
const scrnMemory = 0.95

// NewSCRN returns an SCRN cell with the given numbers of hidden and context units for inputs of the given width. All
// parameters are drawn from U(-1/√H, 1/√H).
func NewSCRN(input, hidden, context int, o Options, rng *rand.Rand) *SCRN {
	draw := graph.Uniform(1 / math.Sqrt(float64(hidden)))
	return &SCRN{
		affine:   newAffine(1, input, hidden, o, rng),
		WeightCH: graph.NewParam(draw, rng, hidden, context),
		WeightIC: graph.NewParam(draw, rng, context, input),
		context:  context,
	}
}

// States describes h and s.
func (c *SCRN) States() []StateSpec { return []StateSpec{{"h", c.hidden}, {"s", c.context}} }

// Params returns the parameters.
func (c *SCRN) Params() []graph.NamedParam {
	return append(c.affine.Params(), graph.NamedParam{Name: "weight_ch", Param: c.WeightCH},
		graph.NamedParam{Name: "weight_ic", Param: c.WeightIC})
}

// Step writes one time step in graph ops.
func (c *SCRN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	slow := c.remember(b, c.toContext(b, x), s[1])
	h := b.Sigmoid(b.Add(c.toHidden(b, c.input(b, x), slow), c.recurrent(b, s[0])))
	b.ObserveGates(scrnGates, h)
	return b.Concat(1, h, slow), State{h, slow}
}

// Sequence writes the context of a window, which doesn't depend on h, and then h as a fused recurrence.
func (c *SCRN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if !covers(b, x) {
		return nil, nil
	}
	if active(b, "RecurrentDropout", c.options.RecurrentDropout) {
		return nil, nil
	}
	p := c.toContext(b, x)
	slow, lastSlow := Steps(b, s[1:], reverse, func(t int, s State) (*graph.Node, State) {
		next := c.remember(b, stepRows(b, p, t), s[0])
		return next, State{next}
	})
	if b.Err() != nil {
		return nil, nil
	}
	a := c.toHidden(b, c.inputWithBothBiases(b, x), slow)
	h, last := b.Recur(sigmoidRecurrence, reverse, a, c.weightHH(b), nil, s[:1])
	return b.Concat(1, h, slow), State{last[0], lastSlow[0]}
}

// toContext writes (1-α)·x·Bᵀ.
func (c *SCRN) toContext(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Scale(b.Linear(x, b.Param(c.WeightIC), nil), 1-scrnMemory)
}

// remember writes s', given (1-α)·x·Bᵀ.
func (c *SCRN) remember(b *graph.Builder, p, s *graph.Node) *graph.Node {
	return b.Add(p, b.Scale(s, scrnMemory))
}

// toHidden adds s'·Pᵀ to what the input gives to the hidden units.
func (c *SCRN) toHidden(b *graph.Builder, p, slow *graph.Node) *graph.Node {
	return b.Add(p, b.Linear(slow, b.Param(c.WeightCH), nil))
}

var scrnGates = []graph.Gate{{Name: "h", Next: true}}

var sigmoidRecurrence = graph.Recurrence{
	Name: "SCRN", Gates: 1, States: 1,
	Activations: scrnGates,
	F32:         graph.Arithmetic[float32]{Forward: sigmoidForward[float32], Backward: sigmoidBackward[float32]},
	F64:         graph.Arithmetic[float64]{Forward: sigmoidForward[float64], Backward: sigmoidBackward[float64]},
}

func sigmoidForward[F kernel.Float](r *graph.Row[F]) { kernel.Sigmoid(r.Next[0], r.A[0]) }

func sigmoidBackward[F kernel.Float](r *graph.Row[F]) {
	for i, h := range r.Next[0] {
		r.A[0][i] = r.D[0][i] * h * (1 - h)
	}
}
