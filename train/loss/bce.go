package loss

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// BCEWithLogits is binary cross-entropy: the mean over all elements of
//
//	-p·y·log σ(x) - (1-y)·log σ(-x)
//
// where x is the output, a logit, y the target, a probability, and p the weight of its column. The input "target" has
// the output's shape.
type BCEWithLogits struct {
	PosWeight []float64 // p, how much positive targets count, by column; nil means 1 each
}

// Unit is that of the cost.
func (BCEWithLogits) Unit() string { return "nats per element" }

// Cost writes the loss.
func (l BCEWithLogits) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target).Shape()
	if columns := product(target[min(1, len(target)):]); l.PosWeight != nil && len(l.PosWeight) != columns {
		b.Fail(&graph.ArgumentError{Op: "BCEWithLogits", Name: "PosWeight", Got: fmt.Sprint(len(l.PosWeight), " numbers"), Want: fmt.Sprintf("none or %d, one for each column of the target", columns)})
	}
	return pointwise(b, "BCEWithLogits", output, 1, func(column int, x []float64, y float64, slope []float64) float64 {
		p := 1.0
		if l.PosWeight != nil {
			p = l.PosWeight[column]
		}
		slope[0] = (1-y)*sigmoid(x[0]) - p*y*sigmoid(-x[0])
		return p*y*softplus(-x[0]) + (1-y)*softplus(x[0])
	})
}

func product(sizes []int) int {
	n := 1
	for _, d := range sizes {
		n *= d
	}
	return n
}

func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// softplus is log(1+e^x) = -log σ(-x).
func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
