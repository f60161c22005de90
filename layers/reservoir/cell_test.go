package reservoir_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/celltest"
	"github.com/gobptt/bptt/layers/reservoir"
)

func newReservoir(t *testing.T, o reservoir.Options, rng *rand.Rand) *reservoir.Reservoir {
	t.Helper()
	r, err := reservoir.New(o, rng)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCell(t *testing.T) {
	for name, o := range map[string]reservoir.Options{
		"plain": {Inputs: 3, Units: 5},
		"leaky": {Inputs: 3, Units: 5, Leak: 0.3, BiasScale: 1, SpectralRadius: 1.2},
		"wide":  {Inputs: 1, Units: 67, Leak: 0.6},
	} {
		t.Run(name, func(t *testing.T) {
			celltest.Run(t, o.Inputs, func(rng *rand.Rand) cell.Cell { return newReservoir(t, o, rng).Cell() })
		})
	}
}

// As a layer in a graph, with its readout as a linear layer, a reservoir computes what it does by itself; and it has no
// parameters of its own.
func TestLayer(t *testing.T) {
	const T, inputs, units, outputs = 30, 2, 40, 3
	rng := rand.New(rand.NewPCG(1, 2))
	r := newReservoir(t, reservoir.Options{Inputs: inputs, Units: units, Leak: 0.4, BiasScale: 0.3}, rng)
	normal := func(rows, columns int) *mat.Dense {
		m := mat.NewDense(rows, columns, nil)
		m.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, m)
		return m
	}
	x := normal(T, inputs)
	readout := &reservoir.Readout{Weight: normal(outputs, units), Bias: normal(1, outputs).RawRowView(0)}
	states, err := r.Run(x)
	if err != nil {
		t.Fatal(err)
	}
	want, err := readout.Predict(states)
	if err != nil {
		t.Fatal(err)
	}

	linear := layers.NewLinear(units, outputs, rng)
	model := layers.Sequential{layers.NewRecurrent(r.Cell()), linear}
	graph.SetDType(model.Params(), graph.Float64)
	if n := len(model.Params()); n != 2 {
		t.Fatalf("%d parameters, want those of the linear layer", n)
	}
	copy(linear.Weight.Value.F64, readout.Weight.RawMatrix().Data)
	copy(linear.Bias.Value.F64, readout.Bias)
	b := graph.NewBuilder(graph.Window{T: T, B: 1}, graph.Options{DType: graph.Float64})
	b.Output("y", model.Apply(b, b.Floats("x", T, inputs)))
	program, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.SetFloat64s("x", x.RawMatrix().Data); err != nil {
		t.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		t.Fatal(err)
	}
	for i, v := range program.Output("y").F64 {
		if w := want.RawMatrix().Data[i]; math.Abs(v-w) > 1e-12 {
			t.Fatalf("element %d: got %g, want %g", i, v, w)
		}
	}
}

// An input of another width is an error of the graph.
func TestCellArguments(t *testing.T) {
	c := newReservoir(t, reservoir.Options{Inputs: 2, Units: 4}, rand.New(rand.NewPCG(1, 2))).Cell()
	b := graph.NewBuilder(graph.Window{T: 3, B: 1}, graph.Options{})
	layers.NewRecurrent(c).Apply(b, b.Floats("x", 3, 5))
	if _, ok := b.Err().(*graph.ShapeError); !ok {
		t.Errorf("got %v, want a *graph.ShapeError", b.Err())
	}
}
