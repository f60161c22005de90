package optim

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// ClipValue limits every element of the gradients to [-Max, Max]. That changes the gradient's direction, unlike a limit
// to its norm.
type ClipValue struct {
	Max float64 // required, above 0

	grads *graph.Tensor
}

// Clip limits the gradients, and returns the Euclidean norm before of all together. One that is not finite leaves them
// alone: the caller must not step.
func (c *ClipValue) Clip(a *graph.Arena) (norm float64, err error) {
	if a == nil {
		return 0, &graph.ArgumentError{Op: "ClipValue", Name: "arena", Got: "nil", Want: "an arena"}
	}
	if !(c.Max > 0) {
		return 0, &graph.ArgumentError{Op: "ClipValue", Name: "Max", Got: fmt.Sprint(c.Max), Want: "above 0"}
	}
	if norm = a.GradNorm(); finite(norm) {
		c.grads = a.Grads
		a.Sweep((*clamping)(c))
	}
	return norm, nil
}

// clamping is the sweep of ClipValue.
type clamping ClipValue

func (c *clamping) Sweep(from, to int) {
	if c.grads.F64 != nil {
		clamp(c.grads.F64[from:to], c.Max)
	} else {
		clamp(c.grads.F32[from:to], float32(c.Max))
	}
}

func clamp[F kernel.Float](x []F, limit F) {
	for i, v := range x {
		x[i] = min(max(v, -limit), limit)
	}
}
