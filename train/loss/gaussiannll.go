package loss

import (
	"math"

	"github.com/gobptt/bptt/graph"
)

// GaussianNLL is the negative log-likelihood of the target under normal distributions that the model predicts: the mean
// over all elements of the target of
//
//	½·(log v + (m - y)²/v)
//
// For a target y [N, F] the output is [N, 2·F]: first the means m, then the logarithms of the variances v (Nix and
// Weigend 1994). A variance below Eps counts as Eps; as in PyTorch, its gradient is the one that the loss has at Eps,
// so that it can grow again.
type GaussianNLL struct {
	Eps  float64 // the least variance; 0 means 1e-6
	Full bool    // adds the constant ½·log 2π
}

// Unit is that of the cost.
func (GaussianNLL) Unit() string { return "nats per element" }

// Cost writes the loss.
func (l GaussianNLL) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	eps := option(b, "GaussianNLL", "Eps", l.Eps, 1e-6)
	constant := 0.0
	if l.Full {
		constant = math.Log(2*math.Pi) / 2
	}
	return pointwise(b, "GaussianNLL", output, 2, func(_ int, x []float64, y float64, slope []float64) float64 {
		d, variance := x[0]-y, math.Exp(x[1])
		v := math.Max(variance, eps)
		slope[0] = d / v
		slope[1] = variance * (1 - d*d/v) / v / 2
		return (math.Log(v)+d*d/v)/2 + constant
	})
}
