package loss

import (
	"math"

	"github.com/gobptt/bptt/graph"
)

// L1 is the mean absolute error: the mean of |output - target| over all elements. Where they are equal the gradient is
// 0. The input "target" has the output's shape.
type L1 struct{}

// Unit is that of the cost.
func (L1) Unit() string { return "absolute error" }

// Cost writes the loss.
func (L1) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return pointwise(b, "L1", output, 1, func(_ int, x []float64, y float64, slope []float64) float64 {
		d := x[0] - y
		slope[0] = sign(d)
		return math.Abs(d)
	})
}

// sign is 0 for 0, and NaN for NaN.
func sign(d float64) float64 {
	if d == 0 || d != d {
		return d
	}
	return math.Copysign(1, d)
}
