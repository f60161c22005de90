package layers_test

import (
	"fmt"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

// TestFrozen: freezing any one parameter of a model leaves the gradients of all others, and of the input, as they are.
func TestFrozen(t *testing.T) {
	const steps, batch, in, out = 4, 3, 3, 2
	for name, newLayer := range kinds {
		model := layers.Sequential{
			layers.NewLinear(in, 4, source()),
			newLayer(4, 5, layers.RecurrentOptions{Layers: 2}, source()),
			layers.NewLinear(5, out, source()),
		}
		// all are the gradients of the parameters in order, and of the input, but not of the i-th parameter.
		all := func(i int) []float64 {
			p := program(t, model, graph.Window{T: steps, B: batch, Train: true}, in, graph.Float64)
			feed(t, p, random(1, steps*batch*in), random(2, steps*batch*out))
			run(t, p)
			var g []float64
			for k, q := range model.Params() {
				if k != i {
					g = append(g, q.Grad.Floats()...)
				}
			}
			return append(g, p.InputGradient("x").Floats()...)
		}
		for i, q := range model.Params() {
			want := all(i)
			q.Frozen = true
			near(t, fmt.Sprint(name, " with ", q.Name, " frozen"), 1e-14, all(i), want)
			q.Frozen = false
		}
	}
}
