package layers

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

var _ Layer = (*Recurrent)(nil)

// Recurrent runs cells over a sequence x [T*B, F]: a stack of layers, each with one direction or two. The output is
// the last layer's, [T*B, H], or [T*B, 2H] with both directions, forward first.
//
// The states are named "h_l0", "c_l0", "h_l0_reverse", …. Those of the forward direction are carried from window to
// window; the reverse direction begins each window from zeros, unless its states are loaded.
type Recurrent struct {
	cells   [][]cell.Cell // by layer and direction
	dropout Dropout
}

// RecurrentOptions of the built-in recurrent layers. The zero value is a single layer in one direction, with biases.
type RecurrentOptions struct {
	Layers        int     // stacked; 0 means 1
	Dropout       float64 // probability, between stacked layers while training
	Bidirectional bool
	NoBias        bool
}

// LSTMOptions, GRUOptions and RNNOptions are the same.
type (
	LSTMOptions = RecurrentOptions
	GRUOptions  = RecurrentOptions
	RNNOptions  = RecurrentOptions
)

// NewLSTM returns a stack of cell.LSTM.
func NewLSTM(input, hidden int, o LSTMOptions, rng *rand.Rand) *Recurrent {
	return stack(input, hidden, o, func(input int, c cell.Options) cell.Cell { return cell.NewLSTM(input, hidden, c, rng) })
}

// NewGRU returns a stack of cell.GRU.
func NewGRU(input, hidden int, o GRUOptions, rng *rand.Rand) *Recurrent {
	return stack(input, hidden, o, func(input int, c cell.Options) cell.Cell { return cell.NewGRU(input, hidden, c, rng) })
}

// NewRNN returns a stack of cell.RNN with tanh.
func NewRNN(input, hidden int, o RNNOptions, rng *rand.Rand) *Recurrent {
	return stack(input, hidden, o, func(input int, c cell.Options) cell.Cell { return cell.NewRNN(input, hidden, c, rng) })
}

// NewReLURNN returns a stack of cell.RNN with max(·, 0).
func NewReLURNN(input, hidden int, o RNNOptions, rng *rand.Rand) *Recurrent {
	return stack(input, hidden, o, func(input int, c cell.Options) cell.Cell { return cell.NewReLURNN(input, hidden, c, rng) })
}

// NewRecurrent returns a layer of one cell of any kind.
func NewRecurrent(c cell.Cell) *Recurrent { return &Recurrent{cells: [][]cell.Cell{{c}}} }

func stack(input, hidden int, o RecurrentOptions, newCell func(input int, c cell.Options) cell.Cell) *Recurrent {
	r := &Recurrent{dropout: Dropout(o.Dropout)}
	directions := 1
	if o.Bidirectional {
		directions = 2
	}
	for range max(o.Layers, 1) {
		var cells []cell.Cell
		for range directions {
			cells = append(cells, newCell(input, cell.Options{NoBias: o.NoBias}))
		}
		r.cells = append(r.cells, cells)
		input = directions * hidden
	}
	return r
}

// Apply writes all layers, and carries their states.
func (r *Recurrent) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	r.dropout.check(b)
	for l, directions := range r.cells {
		if l > 0 {
			x = r.dropout.Apply(b, x)
		}
		ys := make([]*graph.Node, len(directions))
		for d, c := range directions {
			ys[d] = carry(b, c, x, suffix(l, d), d == 1)
		}
		x = ys[0]
		if len(ys) > 1 {
			x = b.Concat(1, ys...)
		}
	}
	return x
}

// carry runs a cell over the window from its carried state.
func carry(b *graph.Builder, c cell.Cell, x *graph.Node, suffix string, reverse bool) *graph.Node {
	specs := c.States()
	s := make(State, len(specs))
	for i, v := range specs {
		s[i] = b.State(v.Name+suffix, v.Width)
	}
	run := func(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
		return Unroll(b, c, x, s, reverse)
	}
	if f, ok := c.(cell.Fused); ok {
		run = f.Sequence
	}
	y, last := run(b, x, s, reverse)
	if b.Err() == nil && len(last) != len(specs) {
		b.Fail(&graph.ArgumentError{Op: "cell", Name: "state after a step", Got: fmt.Sprintf("%d vectors", len(last)), Want: fmt.Sprint(len(specs))})
	}
	for i, v := range specs {
		switch {
		case b.Err() != nil:
			return nil
		case reverse:
			b.SetLastState(v.Name+suffix, last[i])
		default:
			b.SetState(v.Name+suffix, last[i])
		}
	}
	return y
}

// suffix is PyTorch's for a layer and direction.
func suffix(layer, direction int) string {
	s := fmt.Sprintf("_l%d", layer)
	if direction == 1 {
		s += "_reverse"
	}
	return s
}

// Params returns the parameters under PyTorch's names: "weight_ih_l0", …, "bias_hh_l0_reverse", ….
func (r *Recurrent) Params() []graph.NamedParam {
	var params []graph.NamedParam
	for l, directions := range r.cells {
		for d, c := range directions {
			for _, p := range c.Params() {
				params = append(params, graph.NamedParam{Name: p.Name + suffix(l, d), Param: p.Param})
			}
		}
	}
	return params
}
