package layers

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// State holds the nodes of a cell's state.
type State = cell.State

// Unroll writes a cell's step T times over x [T*B, F], from the last step to the first with reverse: backpropagation
// through time by plain autodiff. It returns the outputs of all steps, [T*B, width], and the state after the last step
// read. The builder's step mask holds as for fused cells, see graph.Builder.SetStepMask. Any cell will do; one that has a fused form is much faster in that, see cell.Fused.
func Unroll(b *graph.Builder, c cell.Cell, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	w := b.Window()
	if b.Err() != nil {
		return nil, nil
	}
	if x.Dim(0) != w.T*w.B {
		b.Fail(&graph.ShapeError{Op: "Unroll", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[%d, F]", w.T*w.B)})
		return nil, nil
	}
	ys, hs, first := make([]*graph.Node, w.T), make([]*graph.Node, w.T), s
	for k := range w.T {
		if b.Err() != nil {
			return nil, nil
		}
		t := k
		if reverse {
			t = w.T - 1 - k
		}
		y, next := c.Step(b, b.Slice(x, 0, t*w.B, (t+1)*w.B), s)
		if b.StepMask() != nil {
			y, next = masked(b, t, y, s, next)
		}
		ys[t], s = y, next
		if len(s) > 0 {
			hs[t] = s[0]
		}
	}
	if len(first) > 0 && len(s) > 0 {
		b.ObserveSteps(first[0], hs)
	}
	return b.Concat(0, ys...), s
}

// masked undoes step t where the sequences of the batch have none.
func masked(b *graph.Builder, t int, y *graph.Node, s, next State) (*graph.Node, State) {
	w := b.Window()
	valid := b.Slice(b.StepMask(), 0, t*w.B, (t+1)*w.B)
	kept := make(State, len(next))
	for i := range next {
		if i < len(s) { // else the caller finds the mistake
			kept[i] = b.Where(valid, next[i], s[i])
		}
	}
	return b.Mask(y, valid), kept
}
