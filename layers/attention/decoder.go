package attention

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

var _ cell.Cell = (*Decoder)(nil)

// Decoder is a cell whose steps read a memory, made by [Bahdanau.Over] or [Luong.Over] and good for the memory's
// builder only. Give it to layers.NewRecurrent or layers.Unroll.
type Decoder struct {
	states  []cell.StateSpec
	params  []graph.NamedParam
	step    func(b *graph.Builder, x *graph.Node, s cell.State) (y *graph.Node, next cell.State, weights *graph.Node)
	weights []*graph.Node // of the steps written so far
}

// States describes the cell's state and what the decoder adds to it.
func (d *Decoder) States() []cell.StateSpec { return d.states }

// Step writes one time step.
func (d *Decoder) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	if b.Err() != nil {
		return nil, nil
	}
	if len(s) == 0 || len(s) != len(d.states) {
		want := fmt.Sprintf("%d, and at least one", len(d.states))
		b.Fail(&graph.ArgumentError{Op: "decoder", Name: "state", Got: fmt.Sprintf("%d vectors", len(s)), Want: want})
		return nil, nil
	}
	y, next, weights := d.step(b, x, s)
	d.weights = append(d.weights, weights)
	return y, next
}

// Weights returns the weights of all steps that have been written, in that order: [B, heads, T, Tk].
func (d *Decoder) Weights(b *graph.Builder) *graph.Node { return b.Concat(2, d.weights...) }

// Params returns the parameters of the decoder that this one is of.
func (d *Decoder) Params() []graph.NamedParam { return d.params }

// parts are the parameters of what a decoder is made of.
func parts(c cell.Cell, m Mechanism) []graph.NamedParam {
	var params []graph.NamedParam
	if c != nil {
		params = append(params, graph.Prefixed("cell", c.Params())...)
	}
	if m != nil {
		params = append(params, graph.Prefixed("attention", m.Params())...)
	}
	return params
}

// whole reports whether a decoder has its parts.
func whole(b *graph.Builder, c cell.Cell, m Mechanism) bool {
	if c == nil || m == nil {
		b.Fail(&graph.ArgumentError{Op: "decoder", Name: "Cell or Attention", Got: "nil", Want: "a cell and a mechanism"})
	}
	return b.Err() == nil
}
