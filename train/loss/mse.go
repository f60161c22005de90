package loss

import "github.com/gobptt/bptt/graph"

// MSE is the mean squared error: the mean of (output - target)² over all elements. The input "target" has the output's
// shape.
type MSE struct{}

// Unit is that of the cost.
func (MSE) Unit() string { return "squared error" }

// Cost writes the loss.
func (MSE) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return pointwise(b, "MSE", output, 1, func(_ int, x []float64, y float64, slope []float64) float64 {
		d := x[0] - y
		slope[0] = 2 * d
		return d * d
	})
}
