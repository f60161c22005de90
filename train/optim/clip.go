package optim

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// ClipNorm scales all gradients together so that their Euclidean norm is at most max (Pascanu et al. 2013; the formula
// is PyTorch's: the factor is max/(norm + 1e-6) where that is below 1). It returns the norm before. A norm that is not
// finite leaves the gradients alone: the caller must not step.
func ClipNorm(a *graph.Arena, max float64) (norm float64, err error) {
	if !(max > 0) {
		return 0, &graph.ArgumentError{Op: "ClipNorm", Name: "max", Got: fmt.Sprint(max), Want: "above 0"}
	}
	norm = Norm(a)
	if factor := max / (norm + 1e-6); factor < 1 && !math.IsInf(norm, 0) {
		if g := a.Grads; g.F64 != nil {
			kernel.Scale(factor, g.F64)
		} else {
			kernel.Scale(float32(factor), g.F32)
		}
	}
	return norm, nil
}

// Norm returns the Euclidean norm of all gradients together.
func Norm(a *graph.Arena) float64 {
	if g := a.Grads; g.F64 != nil {
		return math.Sqrt(kernel.SumSquares(g.F64))
	}
	return math.Sqrt(kernel.SumSquares(a.Grads.F32))
}
