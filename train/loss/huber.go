package loss

import (
	"math"

	"github.com/gobptt/bptt/graph"
)

// Huber is the mean over all elements of Huber's loss (1964) of d = output - target, which is quadratic near 0 and
// linear beyond:
//
//	½·d²          |d| ≤ δ
//	δ·(|d| - δ/2)  else
//
// The input "target" has the output's shape.
type Huber struct {
	Delta float64 // δ; 0 means 1
}

// Cost writes the loss.
func (l Huber) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	delta := option(b, "Huber", "Delta", l.Delta, 1)
	return pointwise(b, "Huber", output, 1, func(_ int, x []float64, y float64, slope []float64) float64 {
		d := x[0] - y
		if math.Abs(d) > delta {
			slope[0] = delta * sign(d)
			return delta * (math.Abs(d) - delta/2)
		}
		slope[0] = d
		return d * d / 2
	})
}
