package optim

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// ClipNorm scales all gradients together so that their Euclidean norm is at most max (Pascanu et al. 2013; the formula
// is PyTorch's: the factor is max/(norm + 1e-6) where that is below 1). It returns the norm before. A norm that is not
// finite leaves the gradients alone: the caller must not step.
func ClipNorm(a *graph.Arena, max float64) (norm float64, err error) {
	if a == nil {
		return 0, &graph.ArgumentError{Op: "ClipNorm", Name: "arena", Got: "nil", Want: "an arena"}
	}
	if !(max > 0) {
		return 0, &graph.ArgumentError{Op: "ClipNorm", Name: "max", Got: fmt.Sprint(max), Want: "above 0"}
	}
	norm = a.GradNorm()
	if factor := ClipFactor(norm, max); factor < 1 {
		a.ScaleGrads(factor)
	}
	return norm, nil
}

// ClipFactor is what ClipNorm multiplies gradients of this norm by, for optimizers that do so in their own pass: 1, or less.
func ClipFactor(norm, max float64) float64 {
	factor := max / (norm + 1e-6)
	if factor < 1 && finite(norm) {
		return factor
	}
	return 1
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
