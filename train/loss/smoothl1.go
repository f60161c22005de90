package loss

import (
	"math"

	"github.com/gobptt/bptt/graph"
)

// SmoothL1 is the mean over all elements of the smooth L1 loss (Girshick 2015) of d = output - target: Huber's, divided
// by its δ, so that it is L1 far from 0:
//
//	½·d²/β      |d| < β
//	|d| - β/2  else
//
// The input "target" has the output's shape.
type SmoothL1 struct {
	Beta float64 // β; 0 means 1
}

// Cost writes the loss.
func (l SmoothL1) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	beta := option(b, "SmoothL1", "Beta", l.Beta, 1)
	return pointwise(b, "SmoothL1", output, 1, func(_ int, x []float64, y float64, slope []float64) float64 {
		d := x[0] - y
		if math.Abs(d) > beta {
			slope[0] = sign(d)
			return math.Abs(d) - beta/2
		}
		slope[0] = d / beta
		return d * d / beta / 2
	})
}
