package attention

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// Bahdanau makes a decoder of a cell that first reads and then steps (Bahdanau, Cho and Bengio 2015):
//
//	c_t = read(h_{t-1})
//	h_t = cell([x_t, c_t], h_{t-1})
//
// The query is the first vector of the cell's state. The cell's inputs are as wide as x and a context together. The
// output is the cell's and the context, [B, H+D], for the layer behind. The state is the cell's.
//
// The parameters are named "cell.…" and "attention.…".
type Bahdanau struct {
	Cell      cell.Cell
	Attention Mechanism
}

// Over returns the decoder that reads a memory [Tk*B, D]. The mask [Tk*B] is 0 where a sequence has no time step; nil
// says that there are all.
func (d *Bahdanau) Over(b *graph.Builder, memory, mask *graph.Node) *Decoder {
	if !whole(b, d.Cell, d.Attention) {
		return &Decoder{}
	}
	read := d.Attention.Over(b, memory, mask)
	return &Decoder{
		states: d.Cell.States(),
		params: d.Params(),
		step: func(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State, *graph.Node) {
			context, weights := read(b, s[0])
			y, next := d.Cell.Step(b, b.Concat(1, x, context), s)
			return b.Concat(1, y, context), next, weights
		},
	}
}

// Params returns the parameters of cell and mechanism.
func (d *Bahdanau) Params() []graph.NamedParam { return parts(d.Cell, d.Attention) }
