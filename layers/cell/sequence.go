package cell

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// projected is a cell whose step has two parts: what depends on the input alone, which is written once for a whole
// window, and the rest.
type projected interface {
	// project writes what depends on the input alone: for x [N, F], nodes of N rows each.
	project(b *graph.Builder, x *graph.Node) []*graph.Node
	// advance writes the rest of one time step, from that step's rows of the projections and the state.
	advance(b *graph.Builder, p []*graph.Node, s State) (y *graph.Node, next State)
}

// step writes one time step of a projected cell.
func step(b *graph.Builder, c projected, x *graph.Node, s State) (*graph.Node, State) {
	return c.advance(b, c.project(b, x), s)
}

// sequence writes a window of a projected cell: the input's products are one product each for all steps.
func sequence(b *graph.Builder, c projected, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if !covers(b, x) {
		return nil, nil
	}
	p := c.project(b, x)
	return Steps(b, s, reverse, func(t int, s State) (*graph.Node, State) {
		rows := make([]*graph.Node, len(p))
		for i, n := range p {
			rows[i] = stepRows(b, n, t)
		}
		return c.advance(b, rows, s)
	})
}

// Steps writes the time steps of a window in the order in which they are read, each by write, which gets the state
// before it and returns the output and the state after it. At those that the builder's step mask excludes the state stays, and the output is 0. It returns the
// outputs [T*B, width], and the state after the last step read.
func Steps(
	b *graph.Builder, s State, reverse bool, write func(t int, s State) (*graph.Node, State),
) (*graph.Node, State) {
	w := b.Window()
	if b.Err() != nil {
		return nil, nil
	}
	ys, hs, first := make([]*graph.Node, w.T), make([]*graph.Node, w.T), s
	for k := range w.T {
		t := k
		if reverse {
			t = w.T - 1 - k
		}
		var y *graph.Node
		var next State
		b.AtStep(t, func() { y, next = write(t, s) })
		if b.Err() != nil {
			return nil, nil
		}
		if mask := b.StepMask(); mask != nil {
			valid := stepRows(b, mask, t)
			for i := range next {
				next[i] = b.Where(valid, next[i], s[i])
			}
		}
		ys[t], s = y, next
		if len(s) > 0 {
			hs[t] = s[0]
		}
	}
	if len(s) > 0 {
		b.ObserveSteps(first[0], hs)
	}
	y := b.Concat(0, ys...)
	if mask := b.StepMask(); mask != nil {
		y = b.Mask(y, mask)
	}
	return y, s
}

// stepRows writes the rows of time step t.
func stepRows(b *graph.Builder, n *graph.Node, t int) *graph.Node {
	w := b.Window()
	return b.Slice(n, 0, t*w.B, (t+1)*w.B)
}

// covers reports whether x has a row for every step of every sequence.
func covers(b *graph.Builder, x *graph.Node) bool {
	w := b.Window()
	if b.Err() == nil && x.Dim(0) != w.T*w.B {
		b.Fail(&graph.ShapeError{Op: "Sequence", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[%d, F]", w.T*w.B)})
	}
	return b.Err() == nil
}

// derived is the key, for graph.Builder.Once, of a node that a cell needs once a window.
type derived struct {
	cell Cell
	what string
}
