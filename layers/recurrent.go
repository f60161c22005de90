package layers

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

var _ Layer = (*Recurrent)(nil)

// Recurrent runs cells over a sequence x [T*B, F]: a stack of layers, each with one direction or two. The output is
// the last layer's, [T*B, H], or [T*B, 2H] with both directions, forward first, unless these are merged otherwise.
//
// The states are named "h_l0", "c_l0", "h_l0_reverse", …. Those of the forward direction are carried from window to
// window; the reverse direction begins each window anew, unless its states are loaded.
type Recurrent struct {
	layers  [][]direction // one or two a layer
	options RecurrentOptions
	err     error // what is wrong with the options
}

// RecurrentOptions of the built-in recurrent layers. The zero value is a single layer in one direction, with biases.
type RecurrentOptions struct {
	Layers        int   // stacked; 0 means 1, or as many as there are Widths
	Widths        []int // hidden width of each layer, in place of the constructor's for all
	Bidirectional bool
	Merge         Merge // of the two directions' outputs, after each layer; the default is to concatenate them
	// Reverse reads the window from its end, as Keras' go_backwards does; here the output stays in the order of the
	// input. The states aren't carried to the next window.
	Reverse bool
	// Residual adds the input of each layer but the first, before dropout, to its output (He et al. 2016). The two must
	// have one width.
	Residual bool

	Dropout     float64 // probability, between stacked layers while training
	Variational bool    // that dropout has one mask for all time steps, see VariationalDropout
	// RecurrentDropout and WeightDrop are probabilities, see cell.Options. With the first, training runs the cells step
	// by step, which takes about three times as long as the fused form.
	RecurrentDropout, WeightDrop float64
	// Zoneout is a probability for each vector of the state, such as h and c of an LSTM; nil means none. The cells run
	// step by step, see cell.Zoneout.
	Zoneout []float64

	// LearnedState makes the state that a sequence begins with a parameter, "h0_l0", "c0_l0", … [width], at first 0.
	// One more carried state, "begun_l0" [B, 1], tells where it is used: it is 0 for a sequence of which no step has been
	// read, and then 1. States that are loaded count where the loaded "begun_l0" is 1.
	LearnedState bool
	NoBias       bool

	// For LSTMs only:

	Projection int     // width that h is projected to, see cell.ProjectedLSTM; 0 means none
	ForgetBias float64 // initial bias_ih of the forget gates, whose bias_hh is then 0; 0 means PyTorch's random ones
}

// LSTMOptions, GRUOptions and RNNOptions are the same.
type (
	LSTMOptions = RecurrentOptions
	GRUOptions  = RecurrentOptions
	RNNOptions  = RecurrentOptions
)

// NewLSTM returns a stack of cell.LSTM, or of cell.ProjectedLSTM with a projection.
func NewLSTM(input, hidden int, o LSTMOptions, rng *rand.Rand) *Recurrent {
	return stack("LSTM", input, hidden, o, func(input, hidden int, c cell.Options) cell.Cell {
		var l cell.Cell
		if o.Projection != 0 {
			l = cell.NewProjectedLSTM(input, hidden, o.Projection, c, rng)
		} else {
			l = cell.NewLSTM(input, hidden, c, rng)
		}
		if o.ForgetBias != 0 {
			setForgetBias(l, hidden, o.ForgetBias)
		}
		return l
	})
}

// NewGRU returns a stack of cell.GRU.
func NewGRU(input, hidden int, o GRUOptions, rng *rand.Rand) *Recurrent {
	return stack("GRU", input, hidden, o, func(input, hidden int, c cell.Options) cell.Cell { return cell.NewGRU(input, hidden, c, rng) })
}

// NewRNN returns a stack of cell.RNN with tanh.
func NewRNN(input, hidden int, o RNNOptions, rng *rand.Rand) *Recurrent {
	return stack("RNN", input, hidden, o, func(input, hidden int, c cell.Options) cell.Cell { return cell.NewRNN(input, hidden, c, rng) })
}

// NewReLURNN returns a stack of cell.RNN with max(·, 0).
func NewReLURNN(input, hidden int, o RNNOptions, rng *rand.Rand) *Recurrent {
	return stack("RNN", input, hidden, o, func(input, hidden int, c cell.Options) cell.Cell { return cell.NewReLURNN(input, hidden, c, rng) })
}

// NewStack returns a stack of cells of any kind, each made by newCell for its input and hidden width. It should pass the
// options on to the cell. A layer's output is taken to be as wide as the first vector of its cell's state.
func NewStack(input, hidden int, o RecurrentOptions, newCell func(input, hidden int, o cell.Options) cell.Cell) *Recurrent {
	return stack("Stack", input, hidden, o, newCell)
}

// NewRecurrent returns a layer of one cell of any kind.
func NewRecurrent(c cell.Cell) *Recurrent {
	return stack("Recurrent", 1, 1, RecurrentOptions{}, func(int, int, cell.Options) cell.Cell { return c })
}

// stack builds all layers, or none if the options are wrong: Apply reports that.
func stack(op string, input, hidden int, o RecurrentOptions, newCell func(input, hidden int, o cell.Options) cell.Cell) *Recurrent {
	if err := o.check(op, hidden); err != nil {
		return &Recurrent{err: err}
	}
	widths, directions := o.Widths, 1
	if len(widths) == 0 {
		widths = slices.Repeat([]int{hidden}, max(o.Layers, 1))
	}
	if o.Bidirectional {
		directions = 2
	}
	r := &Recurrent{options: o}
	for l, hidden := range widths {
		layer := make([]direction, directions)
		for d := range layer {
			var c cell.Cell
			if newCell != nil {
				c = newCell(input, hidden, cell.Options{NoBias: o.NoBias, RecurrentDropout: o.RecurrentDropout, WeightDrop: o.WeightDrop})
			}
			if c == nil {
				return &Recurrent{err: &graph.ArgumentError{Op: op, Name: "cell", Got: "nil", Want: "a cell"}}
			}
			if len(o.Zoneout) > 0 {
				c = cell.NewZoneout(c, o.Zoneout...)
			}
			layer[d] = newDirection(c, suffix(l, d), o.Reverse || d == 1, o.LearnedState)
			for _, p := range layer[d].params() {
				r.err = cmp.Or(r.err, p.Err())
			}
		}
		r.layers = append(r.layers, layer)
		if r.err != nil {
			return r // with the parameter that has the error, and without what the others would take
		}
		input = hidden
		if s := layer[0].cell.States(); len(s) > 0 {
			input = s[0].Width
		}
		if o.Merge == MergeConcat {
			input *= directions
		}
	}
	return r
}

// What is more than any network of today has.
const (
	maxLayers = 1 << 10
	maxWidth  = 1 << 20
)

// check finds options that can't be. The cells check those that are theirs.
func (o *RecurrentOptions) check(op string, hidden int) error {
	wrong := func(name string, got any, want string) error {
		return &graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprint(got), Want: want}
	}
	switch {
	case o.Layers < 0 || o.Layers > maxLayers:
		return wrong("Layers", o.Layers, fmt.Sprintf("0 to %d", maxLayers))
	case len(o.Widths) > maxLayers || len(o.Widths) > 0 && o.Layers > 0 && len(o.Widths) != o.Layers:
		return wrong("Widths", fmt.Sprintf("for %d layers", len(o.Widths)), fmt.Sprintf("as many as Layers, %d", o.Layers))
	case len(o.Widths) == 0 && (hidden < 1 || hidden > maxWidth):
		return wrong("hidden width", hidden, fmt.Sprintf("1 to %d", maxWidth))
	case len(o.Widths) > 0 && (slices.Min(o.Widths) < 1 || slices.Max(o.Widths) > maxWidth):
		return wrong("Widths", o.Widths, fmt.Sprintf("1 to %d each", maxWidth))
	case o.Merge < MergeConcat || o.Merge > MergeProduct:
		return wrong("Merge", int(o.Merge), "MergeConcat, MergeSum, MergeMean or MergeProduct")
	case o.Reverse && o.Bidirectional:
		return wrong("Reverse", true, "false with both directions")
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return wrong("Dropout", o.Dropout, "0 ≤ p < 1")
	case op != "LSTM" && o.Projection != 0:
		return wrong("Projection", o.Projection, "0 for other cells than LSTM")
	case op != "LSTM" && o.ForgetBias != 0:
		return wrong("ForgetBias", o.ForgetBias, "0 for other cells than LSTM")
	case math.IsNaN(o.ForgetBias) || math.IsInf(o.ForgetBias, 0):
		return wrong("ForgetBias", o.ForgetBias, "a number")
	case o.ForgetBias != 0 && o.NoBias:
		return wrong("ForgetBias", o.ForgetBias, "0 with NoBias")
	}
	return nil
}

// setForgetBias sets the biases of an LSTM's forget gate: blocks of width hidden, in the order i, f, g, o.
func setForgetBias(c cell.Cell, hidden int, value float64) {
	for _, p := range c.Params() {
		for i := hidden; i < 2*hidden && p.Err() == nil; i++ {
			switch p.Name {
			case "bias_ih":
				p.Value.SetAt(i, value)
			case "bias_hh":
				p.Value.SetAt(i, 0)
			}
		}
	}
}

// Apply writes all layers, and carries their states.
func (r *Recurrent) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if r.err != nil {
		b.Fail(r.err)
		return nil
	}
	var between Layer = Dropout(r.options.Dropout)
	if r.options.Variational {
		between = VariationalDropout(r.options.Dropout)
	}
	for l, directions := range r.layers {
		in := x
		if l > 0 {
			in = between.Apply(b, x)
		}
		ys := make([]*graph.Node, len(directions))
		for d := range directions {
			ys[d] = directions[d].apply(b, in)
		}
		y := r.options.Merge.join(b, ys)
		if l > 0 && r.options.Residual && sameShape(b, "residual connection", y, x) {
			y = b.Add(y, x)
		}
		x = y
	}
	return x
}

// sameShape reports whether two nodes have one shape; else it is an error. The builder's arithmetic would broadcast.
func sameShape(b *graph.Builder, op string, y, x *graph.Node) bool {
	if b.Err() == nil && !slices.Equal(y.Shape(), x.Shape()) {
		b.Fail(&graph.ShapeError{Op: op, Got: fmt.Sprintf("%v and %v", y.Shape(), x.Shape()), Want: "one shape"})
	}
	return b.Err() == nil
}

// Params returns the parameters under PyTorch's names: "weight_ih_l0", …, "bias_hh_l0_reverse", ….
func (r *Recurrent) Params() []graph.NamedParam {
	var params []graph.NamedParam
	for _, directions := range r.layers {
		for _, d := range directions {
			params = append(params, d.params()...)
		}
	}
	return params
}
