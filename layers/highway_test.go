package layers_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

// TestHighway: the formula, with the gate computed by hand, around a recurrent layer; and the gradients.
func TestHighway(t *testing.T) {
	const width = 3
	w := graph.Window{T: 4, B: 2}
	inner := layers.NewGRU(width, width, layers.GRUOptions{}, source())
	l := layers.NewHighway(inner, width, source())
	for _, v := range l.Gate.Bias.Value.Floats() {
		if v != -2 {
			t.Errorf("the gate's bias begins at %v", v)
		}
	}
	x := random(1, w.T*w.B*width)
	y, through := output(t, l, w, x), output(t, inner, w, x)
	want := make([]float64, len(y))
	for i := range want {
		row, unit := i/width, i%width
		a := l.Gate.Bias.Value.At(unit)
		for j := range width {
			a += l.Gate.Weight.Value.At(unit*width+j) * x[row*width+j]
		}
		gate := 1 / (1 + math.Exp(-a))
		want[i] = gate*through[i] + (1-gate)*x[i]
	}
	near(t, "output", 1e-12, y, want)

	var names []string
	for _, p := range l.Params() {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"layer.weight_ih_l0", "layer.weight_hh_l0", "layer.bias_ih_l0", "layer.bias_hh_l0", "gate.weight", "gate.bias"}) {
		t.Errorf("parameters %q", names)
	}
	if got := program(t, l, w, width, graph.Float64).StateNames(); !slices.Equal(got, []string{"layer.h_l0"}) {
		t.Errorf("states %q", got)
	}
	graph.SetDType(l.Params(), graph.Float32)
	err := graph.CheckGradients(w, l.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
		return l.Apply(b, in[0])
	}, &graph.Tensor{Shape: []int{w.T * w.B, width}, F64: x})
	if err != nil {
		t.Error(err)
	}
}
