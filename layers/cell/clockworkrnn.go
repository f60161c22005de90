package cell

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*ClockworkRNN)(nil)

// ClockworkRNN is the clockwork network (Koutník et al. 2014): the units are G groups of H/G, of which group g works
// only at every 2^g-th time step, and keeps its values in between. A group sees itself and the slower ones.
//
//	n = tanh(x·Wᵀ + b + h·Uᵀ + d), U without the weights from faster groups to slower ones
//	h' = n for the units of group g if t mod 2^g = 0, else h
//
// The groups are in the order of their periods 1, 2, 4, …, so U is block-upper-triangular; the other weights are kept,
// but masked. In the first time step, t = 0, all groups work.
//
// The state is h [B, H] and t [B, 1], which counts the time steps and begins again with the longest period; the output
// is h'. The parameters are weight_ih [H, F], W; weight_hh [H, H], U; bias_ih and bias_hh [H].
type ClockworkRNN struct {
	affine
	groups int
}

// maxGroups keeps the longest period a whole number in float32.
const maxGroups = 24

// NewClockworkRNN returns a clockwork cell for inputs of the given width. There are 1 to 24 groups, a divisor of
// hidden; else Step and Sequence fail.
func NewClockworkRNN(input, hidden, groups int, o Options, rng *rand.Rand) *ClockworkRNN {
	return &ClockworkRNN{newAffine(1, input, hidden, o, rng), groups}
}

// States describes h and t.
func (c *ClockworkRNN) States() []StateSpec { return []StateSpec{{"h", c.hidden}, {"t", 1}} }

// Step writes one time step in graph ops.
func (c *ClockworkRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	return step(b, c, x, s)
}

// Sequence writes a window with one product for all inputs.
func (c *ClockworkRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return sequence(b, c, x, s, reverse)
}

func (c *ClockworkRNN) project(b *graph.Builder, x *graph.Node) []*graph.Node {
	if b.Err() == nil && (c.groups < 1 || c.groups > maxGroups || c.hidden%c.groups != 0) {
		b.Fail(&graph.ArgumentError{
			Op: "ClockworkRNN", Name: "groups", Got: fmt.Sprint(c.groups),
			Want: fmt.Sprintf("a divisor of the %d units, 1 to %d", c.hidden, maxGroups),
		})
	}
	return []*graph.Node{c.inputWithBothBiases(b, x)}
}

func (c *ClockworkRNN) advance(b *graph.Builder, p []*graph.Node, s State) (*graph.Node, State) {
	h, t := s[0], s[1]
	n := b.Tanh(b.Add(p[0], b.Linear(c.operand(b, h), b.Once(derived{c, "weight"}, func() *graph.Node { return c.masked(b) }), nil)))
	periods := b.Once(derived{c, "periods"}, func() *graph.Node { return c.periods(b) })
	rest := b.Floor(modulo(b, t, periods)) // [B, H], 0 where it is the group's turn
	h = b.Where(rest, h, n)
	b.ObserveGates([]graph.Gate{candidate, boundedH}, n, h)
	longest := b.Slice(periods, 0, c.hidden-1, c.hidden)
	return h, State{h, modulo(b, b.AddScalar(t, 1), longest)}
}

// modulo writes x - y·⌊x/y⌋, which lies between 0 and y.
func modulo(b *graph.Builder, x, y *graph.Node) *graph.Node {
	return b.Sub(x, b.Mul(y, b.Floor(b.Div(x, y))))
}

// masked writes U without the weights from faster groups to slower ones.
func (c *ClockworkRNN) masked(b *graph.Builder) *graph.Node {
	u := c.weightHH(b)
	if b.Err() != nil {
		return nil
	}
	mask := graph.NewTensor(graph.Float64, c.hidden, c.hidden)
	for i := range c.hidden {
		for j := range c.hidden {
			if c.group(i) <= c.group(j) {
				mask.F64[i*c.hidden+j] = 1
			}
		}
	}
	return b.Mask(u, b.Const(mask))
}

// periods writes the units' periods, [H].
func (c *ClockworkRNN) periods(b *graph.Builder) *graph.Node {
	p := graph.NewTensor(graph.Float64, c.hidden)
	for i := range p.F64 {
		p.F64[i] = float64(int(1) << c.group(i))
	}
	return b.Const(p)
}

// group is the group of a unit.
func (c *ClockworkRNN) group(unit int) int { return unit / (c.hidden / c.groups) }
