package cell_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// TestInitialValues: gains and factors begin at 1, the shifts of normalizations at 0, all else in U(-1/√H, 1/√H).
func TestInitialValues(t *testing.T) {
	const hidden = 16
	for name, f := range formulas {
		for _, p := range f.newCell(testInput, hidden, cell.Options{}, rand.New(rand.NewPCG(1, 2))).Params() {
			low, high := math.Inf(1), math.Inf(-1)
			for i := range p.Value.Len() {
				low, high = min(low, p.Value.At(i)), max(high, p.Value.At(i))
			}
			good := -0.25 <= low && low < -0.15 && 0.15 < high && high <= 0.25
			switch {
			case strings.HasPrefix(p.Name, "gain_"), p.Name == "alpha", p.Name == "beta1", p.Name == "beta2":
				good = low == 1 && high == 1
			case strings.HasPrefix(name, "LayerNorm") && strings.HasPrefix(p.Name, "bias_"):
				good = low == 0 && high == 0
			}
			if !good {
				t.Errorf("%s: %s begins between %g and %g", name, p.Name, low, high)
			}
		}
	}
}

// TestMisuse: widths that can't be and inputs that don't fit are errors of the known types, in each cell.
func TestMisuse(t *testing.T) {
	const fits = testInput
	for name, f := range formulas {
		for _, c := range []struct{ input, hidden, width int }{
			{fits, 0, fits}, {fits, -1, fits}, {fits, 1 << 62, fits}, {fits, 1<<62 + 3, fits}, {0, 4, fits}, {-1, 4, fits},
			{fits, 4, fits + 1},
		} {
			t.Run(fmt.Sprintf("%s %+v", name, c), func(t *testing.T) {
				err := apply(f.newCell(c.input, c.hidden, cell.Options{}, rand.New(rand.NewPCG(1, 2))), c.width)
				var shape *graph.ShapeError
				var argument *graph.ArgumentError
				if !errors.As(err, &shape) && !errors.As(err, &argument) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func TestProjectionOutOfRange(t *testing.T) {
	for _, projection := range []int{math.MinInt, -1, 0, 4, 5, math.MaxInt} {
		c := cell.NewProjectedLSTM(3, 4, projection, cell.Options{}, rand.New(rand.NewPCG(1, 2)))
		if _, err := graph.NewArena(c.Params()); err != nil {
			t.Errorf("projection %d: the arena reports %v in its stead", projection, err)
		}
		err := apply(c, 3)
		var argument *graph.ArgumentError
		if !errors.As(err, &argument) || argument.Name != "projection" || argument.Got != fmt.Sprint(projection) {
			t.Errorf("projection %d: got %v", projection, err)
		}
	}
}

// apply writes a cell over a window of inputs [T*B, width], and returns the error.
func apply(c cell.Cell, width int) error {
	b := graph.NewBuilder(graph.Window{T: 2, B: 3, Train: true}, graph.Options{})
	layers.NewRecurrent(c).Apply(b, b.Floats("x", 6, width))
	return b.Err()
}

// TestGolden holds ProjectedLSTM against PyTorch: one layer in one direction.
func TestGolden(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"recurrent"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Layers, Proj                int
			Input, Hidden, Steps, Batch int
			Bidirectional, Bias, Ragged bool
		}
		c.Decode(t, &s)
		if s.Proj == 0 || s.Layers > 1 || s.Bidirectional || s.Ragged {
			t.Skip("package layers runs it")
		}
		rng := rand.New(rand.NewPCG(1, 2))
		l := layers.NewRecurrent(cell.NewProjectedLSTM(s.Input, s.Hidden, s.Proj, cell.Options{NoBias: !s.Bias}, rng))
		graph.SetDType(l.Params(), c.Precision())
		c.SetParams(t, l.Params())

		// The cost Σ y⊙wy + Σ hN⊙wh + Σ cN⊙wc: the first part in the graph, the others as seeds of the states.
		b := graph.NewBuilder(graph.Window{T: s.Steps, B: s.Batch, Train: true}, graph.Options{DType: c.Precision()})
		y := l.Apply(b, b.Floats("x", s.Steps*s.Batch, s.Input))
		b.Output("y", y)
		weights := c.Tensor(t, "wy")
		weights.Shape = y.Shape()
		p, err := b.Compile(b.Sum(b.Mul(y, b.Const(weights))), graph.Gradients{Inputs: []string{"x"}, States: true})
		if err != nil {
			t.Fatal(err)
		}
		err = p.SetFloat64s("x", c.Tensor(t, "x").F64)
		states := graph.States{}
		for _, kind := range []string{"h", "c"} {
			first, seed := c.Tensor(t, kind+"0"), c.Tensor(t, "w"+kind)
			first.Shape, seed.Shape = first.Shape[1:], seed.Shape[1:] // without the axis of layers
			states[kind+"_l0"] = first
			err = errors.Join(err, p.StateSeed(kind+"_l0").Copy(seed))
		}
		if err = errors.Join(err, p.Load(states), p.Run(0)); err != nil {
			t.Fatal(err)
		}
		c.Compare(t, "y", p.Output("y"))
		c.Compare(t, "grad.x", p.InputGradient("x"))
		for _, kind := range []string{"h", "c"} {
			c.Compare(t, kind+"N", p.LastState(kind+"_l0"))
			c.Compare(t, "grad."+kind+"0", p.StateGradient(kind+"_l0"))
		}
		for _, q := range l.Params() {
			c.Compare(t, "grad."+q.Name, q.Grad)
		}
	})
}
