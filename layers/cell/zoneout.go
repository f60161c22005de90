package cell

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*Zoneout)(nil)

// Zoneout lets elements of another cell's state keep their old values at random (Krueger et al. 2017):
//
//	s' = d ⊙ s + (1 - d) ⊙ step(x, s),  d ~ Bernoulli(p)   while training
//	s' = p · s + (1 - p) · step(x, s)                      in evaluation
//
// d is drawn anew at every time step, for every sequence. Where the output is a vector of the state, as h is, it is the
// one after zoneout.
type Zoneout struct {
	cell Cell
	p    []float64
}

// NewZoneout wraps a cell. p is a probability in [0, 1) for each vector of its state, such as h and c of an LSTM; the
// paper takes 0.05 and 0.5 for these.
func NewZoneout(c Cell, p ...float64) *Zoneout { return &Zoneout{c, slices.Clone(p)} }

// States describes the wrapped cell's state.
func (z *Zoneout) States() []StateSpec {
	if z.cell == nil {
		return nil
	}
	return z.cell.States()
}

// Step writes one time step.
func (z *Zoneout) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	if want := len(z.States()); z.cell == nil || len(z.p) != want || len(s) != want {
		b.Fail(&graph.ArgumentError{Op: "Zoneout", Name: "probabilities", Got: fmt.Sprint(z.p),
			Want: fmt.Sprintf("a cell, and one for each of its %d state vectors", want)})
		return nil, nil
	}
	y, next := z.cell.Step(b, x, s)
	if b.Err() != nil || len(next) != len(s) { // then the caller finds the mistake
		return y, next
	}
	zoned := make(State, len(next))
	for i, n := range next {
		zoned[i] = zone(b, s[i], n, z.p[i])
		if y == n {
			y = zoned[i]
		}
	}
	return y, zoned
}

// zone keeps elements of the old state with probability p.
func zone(b *graph.Builder, old, next *graph.Node, p float64) *graph.Node {
	switch {
	case active(b, "Zoneout", p):
		return b.Where(b.DropoutMask(p, next.Shape()...), next, old)
	case p > 0:
		return b.Add(b.Scale(old, p), b.Scale(next, 1-p))
	}
	return next
}

// Params returns the wrapped cell's parameters.
func (z *Zoneout) Params() []graph.NamedParam {
	if z.cell == nil {
		return nil
	}
	return z.cell.Params()
}
