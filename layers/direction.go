package layers

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// direction is a cell that runs over the window one way.
type direction struct {
	cell    cell.Cell
	suffix  string         // of its states and parameters
	reverse bool           // reads the window from its end
	first   []*graph.Param // learned states that a sequence begins with, [width] each; nil: zeros
}

func newDirection(c cell.Cell, suffix string, reverse, learned bool) direction {
	d := direction{cell: c, suffix: suffix, reverse: reverse}
	if learned {
		for _, v := range c.States() {
			d.first = append(d.first, graph.NewParam(graph.Zeros, nil, v.Width))
		}
	}
	return d
}

// suffix is PyTorch's for a layer and direction.
func suffix(layer, direction int) string {
	s := fmt.Sprintf("_l%d", layer)
	if direction == 1 {
		s += "_reverse"
	}
	return s
}

// apply runs the cell over the window from its carried state.
func (d *direction) apply(b *graph.Builder, x *graph.Node) *graph.Node {
	specs := d.cell.States()
	var y *graph.Node
	s, last := d.begin(b, specs), State(nil)
	if f, ok := d.cell.(cell.Fused); ok && !b.Stepping() {
		y, last = f.Sequence(b, x, s, d.reverse)
	}
	if y == nil {
		y, last = Unroll(b, d.cell, x, s, d.reverse)
	}
	if !sameCount(b, "cell", "state after the window", last, specs) {
		return nil
	}
	for i, v := range specs {
		d.end(b, v.Name, last[i])
	}
	return y
}

// begin writes the states that come in. Where a sequence begins, that is where "begun" is 0, the learned ones come in
// their place.
func (d *direction) begin(b *graph.Builder, specs []cell.StateSpec) State {
	s := make(State, len(specs))
	for i, v := range specs {
		s[i] = b.State(v.Name+d.suffix, v.Width)
	}
	w := b.Window()
	if len(d.first) == 0 || b.Err() != nil {
		return s
	}
	ones := graph.NewTensor(graph.Float64, w.B, 1)
	for i := range ones.F64 {
		ones.F64[i] = 1
	}
	one := b.Const(ones)
	begun, after := b.State("begun"+d.suffix, 1), one
	if m := b.StepMask(); m != nil { // a sequence without a valid step doesn't begin in this window
		steps := b.Sum(b.Reshape(m, w.T, w.B), 0)
		after = b.Clamp(b.Add(begun, b.Reshape(steps, w.B, 1)), 0, 1)
	}
	d.end(b, "begun", after)
	for i, p := range d.first {
		s[i] = b.Where(b.Reshape(begun, w.B), s[i], b.Mul(one, b.Param(p)))
	}
	return s
}

// end sets a state's value after the window.
func (d *direction) end(b *graph.Builder, name string, n *graph.Node) {
	if d.reverse {
		b.SetLastState(name+d.suffix, n)
	} else {
		b.SetState(name+d.suffix, n)
	}
}

func (d *direction) params() []graph.NamedParam {
	var params []graph.NamedParam
	for _, p := range d.cell.Params() {
		params = append(params, graph.NamedParam{Name: p.Name + d.suffix, Param: p.Param})
	}
	for i, p := range d.first {
		params = append(params, graph.NamedParam{Name: d.cell.States()[i].Name + "0" + d.suffix, Param: p})
	}
	return params
}
