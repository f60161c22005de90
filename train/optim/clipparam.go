package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// ClipParamNorm scales the gradient of every parameter by itself so that its norm is at most Max, with the formula of
// [ClipNorm].
type ClipParamNorm struct {
	Max   float64 // required, above 0
	Order float64 // as in ClipGlobalNorm

	norms
	factors []float64 // by parameter
}

// Clip scales the gradients, and returns the norm before of all together. One that is not finite leaves them alone: the
// caller must not step.
func (c *ClipParamNorm) Clip(a *graph.Arena) (norm float64, err error) {
	if err := c.prepare("ClipParamNorm", a, c.Max, c.Order); err != nil {
		return 0, err
	}
	norm = c.measure()
	if !finite(norm) {
		return norm, nil
	}
	if len(c.factors) != len(c.byParam) {
		c.factors = make([]float64, len(c.byParam))
	}
	for i, n := range c.byParam {
		c.factors[i] = ClipFactor(n, c.Max)
	}
	a.Sweep((*scaleParams)(c))
	return norm, nil
}

// scaleParams is the sweep that multiplies each gradient by its factor.
type scaleParams ClipParamNorm

func (c *scaleParams) Sweep(from, to int) {
	for i := c.first(from); i < len(c.pieces) && c.pieces[i].from < to; i++ {
		p, g := c.pieces[i], c.arena.Grads
		factor := c.factors[p.param]
		switch {
		case factor == 1:
		case g.F64 != nil:
			kernel.Scale(factor, g.F64[p.from:p.to])
		default:
			kernel.Scale(float32(factor), g.F32[p.from:p.to])
		}
	}
}
