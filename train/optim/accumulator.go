package optim

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Accumulator adds up the gradients of several batches for one update, as if they were one batch. The zero value is
// ready for use: an Add after the gradient of each batch, then Mean, then clipping and the optimizer's Step.
type Accumulator struct {
	sum    *graph.Tensor // of weight times gradient
	weight float64       // of all together

	// Of the present sweep.
	grads *graph.Tensor
	share float64
	mean  bool
}

// Add adds weight times the arena's gradients. The weight is what their loss is a mean of, such as a number of targets.
func (c *Accumulator) Add(a *graph.Arena, weight float64) error {
	if err := check("Accumulator", option{"weight", weight, 0, inf}); err != nil {
		return err
	}
	if err := c.fit(a); err != nil {
		return err
	}
	c.weight += weight
	c.sweep(a, weight, false)
	return nil
}

// Mean sets the arena's gradients to the weighted mean of those added, to zeros if the weights are or none was added, and
// begins anew.
func (c *Accumulator) Mean(a *graph.Arena) error {
	if err := c.fit(a); err != nil {
		return err
	}
	share := 0.0
	if c.weight > 0 {
		share = 1 / c.weight
	}
	c.weight = 0
	c.sweep(a, share, true)
	return nil
}

// fit makes the sum for an arena, or checks that it is one for it.
func (c *Accumulator) fit(a *graph.Arena) error {
	switch {
	case a == nil:
		return &graph.ArgumentError{Op: "Accumulator", Name: "arena", Got: "nil", Want: "an arena"}
	case c.sum == nil:
		c.sum = graph.NewTensor(a.Grads.DType(), a.Grads.Len())
	case c.sum.Len() != a.Grads.Len() || c.sum.DType() != a.Grads.DType():
		return &graph.ShapeError{Op: "Accumulator", Got: fmt.Sprintf("%d gradients of %v", a.Grads.Len(), a.Grads.DType()),
			Want: fmt.Sprintf("%d of %v, as before", c.sum.Len(), c.sum.DType())}
	}
	return nil
}

func (c *Accumulator) sweep(a *graph.Arena, share float64, mean bool) {
	c.grads, c.share, c.mean = a.Grads, share, mean
	a.Sweep((*accumulation)(c))
}

// accumulation is a sweep of an Accumulator.
type accumulation Accumulator

func (c *accumulation) Sweep(from, to int) {
	if c.sum.F64 != nil {
		accumulate(c, c.sum.F64[from:to], c.grads.F64[from:to])
	} else {
		accumulate(c, c.sum.F32[from:to], c.grads.F32[from:to])
	}
}

func accumulate[F kernel.Float](c *accumulation, sum, grad []F) {
	share := F(c.share)
	if c.mean {
		for i, s := range sum {
			grad[i], sum[i] = share*s, 0
		}
		return
	}
	for i, g := range grad {
		sum[i] += share * g
	}
}
