package loss

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// KL is the Kullback-Leibler divergence of the output from the target, for an output of logarithms of probabilities
// [N, C] and the input "target" of probabilities [N, C]: the mean over all elements of
//
//	target·(log target - output)
//
// where a target of 0 gives 0. That is PyTorch's default; the divergence itself is C times as large.
type KL struct {
	Rows bool // the mean over rows of each row's divergence, PyTorch's "batchmean", in place of that over all elements
}

// Unit is that of the cost.
func (l KL) Unit() string {
	if l.Rows {
		return "nats per row"
	}
	return "nats per element"
}

// Cost writes the loss.
func (l KL) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	scale := 1.0
	if l.Rows {
		scale = float64(b.Input(seqdata.Target).Dim(-1))
	}
	return pointwise(b, "KL", output, 1, func(_ int, x []float64, y float64, slope []float64) float64 {
		slope[0] = -scale * y
		if y == 0 && x[0] == x[0] {
			return 0
		}
		return scale * y * (math.Log(y) - x[0])
	})
}
