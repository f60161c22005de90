package cell

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// State holds the nodes of a cell's state, [B, width] each, in the order of Cell.States.
type State []*graph.Node

// StateSpec describes one vector of a cell's state.
type StateSpec struct {
	Name  string // "h", "c"
	Width int
}

// Cell is one step of a recurrent network. What a sequence is made of, and where the first state comes from, is not its
// concern.
type Cell interface {
	// States describes the state's vectors.
	States() []StateSpec
	// Step writes one time step: from the input x [B, F] and the state, the output and the next state.
	Step(b *graph.Builder, x *graph.Node, s State) (y *graph.Node, next State)
	// Params returns the parameters, under PyTorch's names for the cell.
	Params() []graph.NamedParam
}

// Fused is a Cell that can also write a whole window as one fused recurrence, see graph.Recurrence. Both forms compute
// the same.
type Fused interface {
	Cell
	// Sequence writes T steps over x [T*B, F], from the end with reverse. It returns the outputs of all steps,
	// [T*B, H], and the state after the last step read. It writes nothing and returns nil if this window must be
	// written step by step, as with Options.RecurrentDropout while training.
	Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (y *graph.Node, last State)
}

// Options of the built-in cells. The zero value is PyTorch's default.
type Options struct {
	NoBias bool
	// RecurrentDropout is the probability with which, while training, an element of h is dropped where it enters the
	// recurrent product, by one mask [B, H] for all time steps of a window (Gal and Ghahramani 2016). Other ways of h
	// to the next state, such as past a GRU's update gate, have no dropout, as in Keras. In [0, 1).
	RecurrentDropout float64
	// WeightDrop is the probability with which, while training, an element of weight_hh is dropped, by one mask for all
	// time steps and sequences of a window: DropConnect, as in the AWD-LSTM (Merity et al. 2018). In [0, 1).
	WeightDrop float64
}

// affine holds the weights that the built-in cells share: PyTorch's weight_ih [gates·H, F], weight_hh [gates·H, H],
// bias_ih and bias_hh [gates·H].
type affine struct {
	WeightIH, WeightHH *graph.Param
	BiasIH, BiasHH     *graph.Param // nil without bias; BiasHH also if the cell has one bias a gate
	hidden             int
	options            Options
}

// uniform draws from U(-1/√H, 1/√H), as PyTorch does for all weights of its recurrent layers.
func uniform(hidden int) graph.Initializer { return graph.Uniform(1 / math.Sqrt(float64(hidden))) }

// newAffine returns drawn weights with PyTorch's two biases.
func newAffine(gates, input, hidden int, o Options, rng *rand.Rand) affine {
	a := newSingleBias(gates, input, hidden, o, rng)
	if !o.NoBias {
		a.BiasHH = graph.NewParam(uniform(hidden), rng, gates*hidden)
	}
	return a
}

// newSingleBias returns drawn weights for a cell with one bias a gate, bias_ih.
func newSingleBias(gates, input, hidden int, o Options, rng *rand.Rand) affine {
	a := affine{
		WeightIH: graph.NewParam(uniform(hidden), rng, gates*hidden, input),
		WeightHH: graph.NewParam(uniform(hidden), rng, gates*hidden, hidden),
		hidden:   hidden,
		options:  o,
	}
	if !o.NoBias {
		a.BiasIH = graph.NewParam(uniform(hidden), rng, gates*hidden)
	}
	return a
}

func (a *affine) Params() []graph.NamedParam {
	params := []graph.NamedParam{{Name: "weight_ih", Param: a.WeightIH}, {Name: "weight_hh", Param: a.WeightHH}}
	if a.BiasIH != nil {
		params = append(params, graph.NamedParam{Name: "bias_ih", Param: a.BiasIH})
	}
	if a.BiasHH != nil {
		params = append(params, graph.NamedParam{Name: "bias_hh", Param: a.BiasHH})
	}
	return params
}

// input writes x·W_ihᵀ + b_ih.
func (a *affine) input(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Linear(x, b.Param(a.WeightIH), bias(b, a.BiasIH))
}

// recurrent writes h·W_hhᵀ + b_hh.
func (a *affine) recurrent(b *graph.Builder, h *graph.Node) *graph.Node {
	return b.Linear(a.operand(b, h), a.weightHH(b), bias(b, a.BiasHH))
}

// operand writes h as it enters a recurrent product.
func (a *affine) operand(b *graph.Builder, h *graph.Node) *graph.Node {
	if p := a.options.RecurrentDropout; active(b, "RecurrentDropout", p) {
		return b.Dropout(h, b.Once(stateMask{a}, func() *graph.Node { return b.DropoutMask(p, h.Shape()...) }))
	}
	return h
}

// weightHH writes weight_hh as this window uses it.
func (a *affine) weightHH(b *graph.Builder) *graph.Node {
	w := b.Param(a.WeightHH)
	if p := a.options.WeightDrop; active(b, "WeightDrop", p) {
		return b.Once(droppedWeight{a}, func() *graph.Node { return b.Dropout(w, b.DropoutMask(p, w.Shape()...)) })
	}
	return w
}

// product writes h·Uᵀ, U being the blocks from ≤ g < to of weight_hh, of which each gate has one.
func (a *affine) product(b *graph.Builder, h *graph.Node, from, to int) *graph.Node {
	u := b.Once(blocks{a, from, to}, func() *graph.Node { return b.Slice(a.weightHH(b), 0, from*a.hidden, to*a.hidden) })
	return b.Linear(a.operand(b, h), u, nil)
}

// Keys of nodes that a cell writes once a window.
type (
	stateMask     struct{ of *affine }
	droppedWeight struct{ of *affine }
	blocks        struct {
		of       *affine
		from, to int
	}
)

// active reports whether dropout with a probability is at work. A bad one is a mistake also where it isn't used.
func active(b *graph.Builder, name string, p float64) bool {
	if !(p >= 0 && p < 1) {
		b.Fail(&graph.ArgumentError{Op: "cell", Name: name, Got: fmt.Sprint(p), Want: "0 ≤ p < 1"})
	}
	return p > 0 && b.Window().Train && b.Err() == nil
}

// refuse makes options of dropout a mistake in a cell that has no recurrent product.
func (o Options) refuse(b *graph.Builder, op string) {
	if o.RecurrentDropout != 0 || o.WeightDrop != 0 {
		b.Fail(&graph.ArgumentError{
			Op: op, Name: "dropout", Got: fmt.Sprintf("RecurrentDropout %v, WeightDrop %v", o.RecurrentDropout, o.WeightDrop),
			Want: "none: the cell has no recurrent product",
		})
	}
}

// sequence writes a window as a fused recurrence, or nothing if it must be unrolled.
func (a *affine) sequence(b *graph.Builder, r graph.Recurrence, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if active(b, "RecurrentDropout", a.options.RecurrentDropout) {
		return nil, nil
	}
	if r.Apart {
		return b.Recur(r, reverse, a.input(b, x), a.weightHH(b), bias(b, a.BiasHH), s)
	}
	return b.Recur(r, reverse, a.inputWithBothBiases(b, x), a.weightHH(b), nil, s)
}

// inputWithBothBiases writes x·W_ihᵀ + b_ih + b_hh, for cells in which the two biases only ever appear as a sum.
func (a *affine) inputWithBothBiases(b *graph.Builder, x *graph.Node) *graph.Node {
	if a.BiasHH == nil {
		return a.input(b, x)
	}
	return b.Linear(x, b.Param(a.WeightIH), b.Add(b.Param(a.BiasIH), b.Param(a.BiasHH)))
}

func bias(b *graph.Builder, p *graph.Param) *graph.Node {
	if p == nil {
		return nil
	}
	return b.Param(p)
}

// rows writes rows from ≤ i < to of a parameter, once in a window.
func rows(b *graph.Builder, p *graph.Param, from, to int) *graph.Node {
	type key struct {
		p        *graph.Param
		from, to int
	}
	return b.Once(key{p, from, to}, func() *graph.Node { return b.Slice(b.Param(p), 0, from, to) })
}
