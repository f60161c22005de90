package attention

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// Luong makes a decoder of a cell that first steps and then reads, and is fed what came of that in the next step
// (Luong, Pham and Manning 2015, with input feeding):
//
//	h_t = cell([x_t, a_{t-1}], h_{t-1})
//	c_t = read(h_t)
//	a_t = tanh([c_t, h_t]·weightᵀ)
//
// The query is the cell's output, [B, H]. The cell's inputs are as wide as x and a together. The output is a_t, [B, A].
// The state is the cell's and "attention", a_t.
//
// The parameters are named "cell.…", "attention.…" and "weight" [A, D+H].
type Luong struct {
	Cell      cell.Cell
	Attention Mechanism
	Weight    *graph.Param
}

// NewLuong draws the weight from U(-1/√(D+H), 1/√(D+H)), for contexts of width D, a cell with outputs of width H, and
// results of width A.
func NewLuong(c cell.Cell, m Mechanism, contextWidth, cellWidth, width int, rng *rand.Rand) *Luong {
	in := contextWidth + cellWidth
	return &Luong{c, m, graph.NewParam(graph.Uniform(1/math.Sqrt(float64(in))), rng, width, in)}
}

// Over returns the decoder that reads a memory [Tk*B, D]. The mask [Tk*B] is 0 where a sequence has no time step; nil
// says that there are all.
func (d *Luong) Over(b *graph.Builder, memory, mask *graph.Node) *Decoder {
	weight := b.Param(d.Weight)
	if !whole(b, d.Cell, d.Attention) {
		return &Decoder{}
	}
	read := d.Attention.Over(b, memory, mask)
	states := slices.Clone(d.Cell.States())
	own := len(states)
	return &Decoder{
		states: append(states, cell.StateSpec{Name: "attention", Width: weight.Dim(0)}),
		params: d.Params(),
		step: func(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State, *graph.Node) {
			h, next := d.Cell.Step(b, b.Concat(1, x, s[own]), s[:own])
			context, weights := read(b, h)
			a := b.Tanh(b.Linear(b.Concat(1, context, h), weight, nil))
			return a, slices.Concat(next, cell.State{a}), weights
		},
	}
}

// Params returns the parameters of cell and mechanism, and the weight.
func (d *Luong) Params() []graph.NamedParam {
	return append(parts(d.Cell, d.Attention), graph.NamedParam{Name: "weight", Param: d.Weight})
}
