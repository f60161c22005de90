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
// read. The builder's step mask holds as for fused cells, see graph.Builder.SetStepMask. Any cell will do; one that has a
// fused form is much faster in that, see cell.Fused.
func Unroll(b *graph.Builder, c cell.Cell, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	w := b.Window()
	if b.Err() != nil {
		return nil, nil
	}
	if x.Dim(0) != w.T*w.B {
		b.Fail(&graph.ShapeError{Op: "Unroll", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[%d, F]", w.T*w.B)})
		return nil, nil
	}
	if c == nil {
		b.Fail(&graph.ArgumentError{Op: "Unroll", Name: "cell", Got: "nil", Want: "a cell"})
		return nil, nil
	}
	specs := c.States()
	if !sameCount(b, "Unroll", "state", s, specs) {
		return nil, nil
	}
	return cell.Steps(b, s, reverse, func(t int, s State) (*graph.Node, State) {
		y, next := c.Step(b, b.Slice(x, 0, t*w.B, (t+1)*w.B), s)
		if !sameCount(b, "cell", "state after a step", next, specs) {
			return nil, nil
		}
		return y, next
	})
}

// sameCount reports whether a state has as many vectors as the cell says; else it is an error.
func sameCount(b *graph.Builder, op, name string, s State, specs []cell.StateSpec) bool {
	if b.Err() == nil && len(s) != len(specs) {
		b.Fail(&graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprintf("%d vectors", len(s)), Want: fmt.Sprint(len(specs))})
	}
	return b.Err() == nil
}
