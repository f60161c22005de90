package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// ClipAdaptive is adaptive gradient clipping (Brock et al. 2021): the gradient G of every unit is scaled so that its norm
// is at most Factor times that of the unit's weights W,
//
//	G ← Factor·max(‖W‖, Epsilon)/‖G‖ · G    where ‖G‖ > Factor·max(‖W‖, Epsilon)
//
// A unit is a row of a parameter with two axes or more, such as a weight [out, in], and the whole of one with fewer, such
// as a bias.
type ClipAdaptive struct {
	Factor  float64  // λ; 0 means 0.01
	Epsilon float64  // 0 means 1e-3
	Except  []string // patterns of parameters to leave alone, as in Group; the paper's advice is the output layer

	arena           *graph.Arena
	excepted        []bool // by parameter
	factor, epsilon float64
}

// Clip scales the gradients, and returns the Euclidean norm before of all together. One that is not finite leaves them
// alone: the caller must not step.
func (c *ClipAdaptive) Clip(a *graph.Arena) (norm float64, err error) {
	c.factor, c.epsilon = orDefault(c.Factor, 0.01), orDefault(c.Epsilon, 1e-3)
	err = check("ClipAdaptive", option{"Factor", c.factor, positive, inf}, option{"Epsilon", c.epsilon, positive, inf})
	if err == nil && a == nil {
		err = &graph.ArgumentError{Op: "ClipAdaptive", Name: "arena", Got: "nil", Want: "an arena"}
	}
	if err == nil && c.arena != a {
		if c.excepted, err = match("ClipAdaptive", "Except", c.Except, a); err == nil {
			c.arena = a
		}
	}
	if err != nil {
		return 0, err
	}
	if norm = a.GradNorm(); finite(norm) {
		a.Sweep((*adapting)(c))
	}
	return norm, nil
}

// adapting is the sweep of ClipAdaptive. A unit belongs to the range in which it begins.
type adapting ClipAdaptive

func (c *adapting) Sweep(from, to int) {
	for i, r := range c.arena.Ranges {
		if r.To <= from || r.From >= to || c.excepted[i] {
			continue
		}
		size := r.To - r.From
		if shape := c.arena.Params[i].Shape(); len(shape) > 1 {
			size /= shape[0]
		}
		start := max(0, (from-r.From+size-1)/size) // the first unit that begins in the range
		for at := r.From + start*size; at < min(to, r.To); at += size {
			v, g := c.arena.Values, c.arena.Grads
			if v.F64 != nil {
				adapt(c, v.F64[at:at+size], g.F64[at:at+size])
			} else {
				adapt(c, v.F32[at:at+size], g.F32[at:at+size])
			}
		}
	}
}

func adapt[F kernel.Float](c *adapting, weights, grad []F) {
	limit := c.factor * max(math.Sqrt(kernel.SumSquares(weights)), c.epsilon)
	if norm := math.Sqrt(kernel.SumSquares(grad)); norm > limit {
		kernel.Scale(F(limit/norm), grad)
	}
}
