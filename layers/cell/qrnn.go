package cell

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*QRNN)(nil)

// QRNN is the quasi-recurrent network (Bradbury et al. 2016): a convolution of width 2 over time, and fo-pooling.
//
//	z = tanh([x, x₋₁]·W_zᵀ + b_z)       candidate
//	f = σ([x, x₋₁]·W_fᵀ + b_f)          forget gate
//	o = σ([x, x₋₁]·W_oᵀ + b_o)          output gate
//	c' = f ⊙ c + (1 - f) ⊙ z
//	h' = o ⊙ c'
//
// x₋₁ is the input of the time step before, at first 0. It is a part of the state, so the convolution goes on across
// windows.
//
// The state is c [B, H] and x₋₁ [B, F]; the output is h'. The parameters are weight_ih [3H, 2F], with the rows in the
// order z, f, o and the columns for x before those for x₋₁; bias_ih [3H].
type QRNN struct {
	WeightIH      *graph.Param
	BiasIH        *graph.Param // nil without bias
	input, hidden int
	options       Options
}

// NewQRNN returns a QRNN cell for inputs of the given width. All parameters are drawn from U(-1/√(2F), 1/√(2F)).
func NewQRNN(input, hidden int, o Options, rng *rand.Rand) *QRNN {
	draw := graph.Uniform(1 / math.Sqrt(2*float64(input)))
	q := &QRNN{WeightIH: graph.NewParam(draw, rng, 3*hidden, 2*input), input: input, hidden: hidden, options: o}
	if !o.NoBias {
		q.BiasIH = graph.NewParam(draw, rng, 3*hidden)
	}
	return q
}

// States describes c and x₋₁.
func (q *QRNN) States() []StateSpec { return []StateSpec{{"c", q.hidden}, {"x", q.input}} }

// Params returns the parameters.
func (q *QRNN) Params() []graph.NamedParam {
	return withBias([]graph.NamedParam{{Name: "weight_ih", Param: q.WeightIH}}, "bias_ih", q.BiasIH)
}

// Step writes one time step in graph ops.
func (q *QRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	y, next := step(b, q, b.Concat(1, x, s[1]), s[:1])
	return y, State{next[0], x}
}

// Sequence writes a window with one product for all steps.
func (q *QRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if !covers(b, x) {
		return nil, nil
	}
	before, lastX := Steps(b, s[1:], reverse, func(t int, s State) (*graph.Node, State) {
		return s[0], State{stepRows(b, x, t)}
	})
	y, last := sequence(b, q, b.Concat(1, x, before), s[:1], reverse)
	if b.Err() != nil {
		return nil, nil
	}
	return y, State{last[0], lastX[0]}
}

// project writes z, f and o for pairs [x, x₋₁].
func (q *QRNN) project(b *graph.Builder, pairs *graph.Node) []*graph.Node {
	q.options.refuse(b, "QRNN")
	gates := b.Split(b.Linear(pairs, b.Param(q.WeightIH), bias(b, q.BiasIH)), 1, 3)
	zfo := []*graph.Node{b.Tanh(gates[0]), b.Sigmoid(gates[1]), b.Sigmoid(gates[2])}
	b.ObserveGates([]graph.Gate{candidate, {Name: "forget"}, {Name: "output"}}, zfo...)
	return zfo
}

func (q *QRNN) advance(b *graph.Builder, p []*graph.Node, s State) (*graph.Node, State) {
	c := blend(b, p[1], s[0], p[0])
	return b.Mul(p[2], c), State{c}
}
