package cell_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// plainStep computes one time step of one sequence in plain Go: it gives the output and changes the state. p are the
// parameters by name, row by row.
type plainStep func(p map[string][]float64, x []float64, s [][]float64) (y []float64)

// follows runs a cell as a layer over two windows of random input in float64, from a state of zeros, and holds its
// outputs and last states to the plain computation. It returns the outputs of the first sequence.
func follows(t *testing.T, c cell.Cell, input int, train bool, f plainStep) [][]float64 {
	t.Helper()
	const B = 2
	rng := rand.New(rand.NewPCG(11, 12))
	graph.SetDType(c.Params(), graph.Float64)
	params := map[string][]float64{}
	for _, p := range c.Params() {
		params[p.Name] = p.Value.F64
	}
	var want [B][][]float64 // states
	for i := range want {
		for _, v := range c.States() {
			want[i] = append(want[i], make([]float64, v.Width))
		}
	}
	var first [][]float64
	states := graph.States{}
	for _, T := range []int{5, 8} {
		x := make([]float64, T*B*input)
		for i := range x {
			x[i] = 2 * rng.NormFloat64()
		}
		y := runWindow(t, c, graph.Window{T: T, B: B, Train: train}, input, x, states)
		width := len(y) / (T * B)
		for row := range T * B {
			at := fmt.Sprintf("step %d of %d, sequence %d", row/B, T, row%B)
			equal(t, at, y[row*width:][:width], f(params, x[row*input:][:input], want[row%B]))
			if row%B == 0 {
				first = append(first, y[row*width:][:width])
			}
		}
		for k, v := range c.States() {
			for i := range B {
				equal(t, "state "+v.Name, states[v.Name+"_l0"].F64[i*v.Width:][:v.Width], want[i][k])
			}
		}
	}
	return first
}

// runWindow computes a window from carried states.
func runWindow(t *testing.T, c cell.Cell, w graph.Window, input int, x []float64, states graph.States) []float64 {
	t.Helper()
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
	b.Output("y", layers.NewRecurrent(c).Apply(b, b.Floats("x", w.T*w.B, input)))
	p, err := b.Forward(nil)
	if err == nil {
		err = errors.Join(p.Load(states), p.SetFloat64s("x", x), p.Run(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Store(states)
	return p.Output("y").F64
}

func equal(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 1e-12*math.Max(1, math.Abs(w))) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], w)
		}
	}
}

// times is row i of the matrix w with len(x) columns, times x.
func times(w []float64, i int, x []float64) float64 {
	sum := 0.0
	for j, v := range x {
		sum += w[i*len(x)+j] * v
	}
	return sum
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// both is x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh, row i.
func both(p map[string][]float64, i int, x, h []float64) float64 {
	return times(p["weight_ih"], i, x) + p["bias_ih"][i] + times(p["weight_hh"], i, h) + p["bias_hh"][i]
}

// seeded is the random source of a test's parameters.
func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// form writes a window of a cell.
type form func(b *graph.Builder, c cell.Cell, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State)

// writeTwo writes two steps of one sequence, from an input with the given shape, and returns the builder's error.
func writeTwo(c cell.Cell, rows, width int, f form) error {
	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	b.Enter("rnn")
	x := b.Floats("x", rows, width)
	s := make(cell.State, len(c.States()))
	for i, v := range c.States() {
		s[i] = b.Floats(fmt.Sprint("s", i), 1, min(max(v.Width, 1), 100))
	}
	f(b, c, x, s, false)
	return b.Err()
}

// asLayer is the form of a cell that a layer takes.
func asLayer(b *graph.Builder, c cell.Cell, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State) {
	if f, ok := c.(cell.Fused); ok {
		return f.Sequence(b, x, s, reverse)
	}
	return layers.Unroll(b, c, x, s, reverse)
}

// refused expects a typed error of a cell in both forms, not a panic.
func refused(t *testing.T, c cell.Cell, op string) {
	t.Helper()
	for _, err := range []error{writeTwo(c, 2, 3, layers.Unroll), writeTwo(c, 2, 3, asLayer)} {
		var argument *graph.ArgumentError
		if !errors.As(err, &argument) || argument.Op != op || argument.Layer != "rnn" {
			t.Errorf("%T: got error %v, want an ArgumentError of %s", c, err, op)
		}
	}
}

// TestBadSizes: a width that can't be is a ShapeError in every cell, and so is an input with too few rows or of another
// width.
func TestBadSizes(t *testing.T) {
	var o cell.Options
	for name, newCell := range map[string]func(input, hidden int) cell.Cell{
		"IndRNN":           func(i, h int) cell.Cell { return cell.NewIndRNN(i, h, o, seeded()) },
		"SCRN":             func(i, h int) cell.Cell { return cell.NewSCRN(i, h, 2, o, seeded()) },
		"context of SCRN":  func(i, h int) cell.Cell { return cell.NewSCRN(i, 2, h, o, seeded()) },
		"ClockworkRNN":     func(i, h int) cell.Cell { return cell.NewClockworkRNN(i, h, 1, o, seeded()) },
		"SRU":              func(i, h int) cell.Cell { return cell.NewSRU(i, h, o, seeded()) },
		"QRNN":             func(i, h int) cell.Cell { return cell.NewQRNN(i, h, o, seeded()) },
		"MinimalRNN":       func(i, h int) cell.Cell { return cell.NewMinimalRNN(i, h, o, seeded()) },
		"AntisymmetricRNN": func(i, h int) cell.Cell { return cell.NewAntisymmetricRNN(i, h, 0.1, 0.1, o, seeded()) },
		"LMU":              func(i, h int) cell.Cell { return cell.NewLMU(i, h, 3, 5, seeded()) },
		"PhasedLSTM":       func(i, h int) cell.Cell { return cell.NewPhasedLSTM(i, h, o, seeded()) },
		"CTRNN":            func(i, h int) cell.Cell { return cell.NewCTRNN(i, h, 1, 2, o, seeded()) },
		"LeakyRNN":         func(i, h int) cell.Cell { return cell.NewLeakyRNN(i, h, 0.5, o, seeded()) },
	} {
		if err := writeTwo(newCell(3, 4), 2, 3, asLayer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, bad := range []struct{ input, hidden, rows, width int }{
			{0, 4, 2, 3}, {-1, 4, 2, 3}, {1 << 40, 4, 2, 3}, {3, 0, 2, 3}, {3, -1, 2, 3}, {3, 1 << 40, 2, 3},
			{3, 4, 1, 3}, {3, 4, 2, 2},
		} {
			err := writeTwo(newCell(bad.input, bad.hidden), bad.rows, bad.width, asLayer)
			var shape *graph.ShapeError
			if !errors.As(err, &shape) || shape.Layer != "rnn" {
				t.Errorf("%s with %+v: got error %v, want a ShapeError", name, bad, err)
			}
		}
	}
}
