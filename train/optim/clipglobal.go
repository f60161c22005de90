package optim

import "github.com/gobptt/bptt/graph"

// ClipGlobalNorm scales all gradients together so that their norm of any order is at most Max, with the formula of
// [ClipNorm].
type ClipGlobalNorm struct {
	Max   float64 // required, above 0
	Order float64 // p of the norm (Σ|g|ᵖ)^(1/p); 0 means 2, the Euclidean norm; math.Inf(1) is the largest |g|

	norms
}

// Clip scales the gradients, and returns their norm before. One that is not finite leaves them alone: the caller must not
// step.
func (c *ClipGlobalNorm) Clip(a *graph.Arena) (norm float64, err error) {
	if err := c.prepare("ClipGlobalNorm", a, c.Max, c.Order); err != nil {
		return 0, err
	}
	if c.order == 2 {
		return ClipNorm(a, c.Max)
	}
	norm = c.measure()
	if factor := ClipFactor(norm, c.Max); factor < 1 {
		a.ScaleGrads(factor)
	}
	return norm, nil
}
