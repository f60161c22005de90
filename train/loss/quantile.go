package loss

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// Quantile is the pinball loss of quantiles (Koenker and Bassett 1978): the mean over all elements and levels τ of
//
//	max(τ·d, (τ-1)·d),  d = target - output
//
// which is least where the output is the target's τ-quantile. For a target [N, F] and Q levels the output is [N, Q·F],
// first the F columns of the first level; for one level it has the target's shape.
type Quantile struct {
	Levels []float64 // τ, each between 0 and 1; nil means the median, 0.5
}

// Cost writes the loss.
func (l Quantile) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	levels := l.Levels
	if levels == nil {
		levels = []float64{0.5}
	}
	for _, level := range levels {
		if !(level > 0 && level < 1) {
			b.Fail(&graph.ArgumentError{Op: "Quantile", Name: "level", Got: fmt.Sprint(level), Want: "a number between 0 and 1"})
		}
	}
	share := 1 / float64(len(levels))
	return pointwise(b, "Quantile", output, len(levels), func(_ int, x []float64, y float64, slope []float64) float64 {
		sum := 0.0
		for i, level := range levels {
			d := y - x[i]
			if d < 0 {
				level--
			}
			slope[i] = -share * level
			if d == 0 || d != d {
				slope[i] = d
			}
			sum += share * level * d
		}
		return sum
	})
}
