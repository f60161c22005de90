package optim

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// norms takes the norms of the parameters' gradients, of one order.
type norms struct {
	layout
	order   float64
	byPiece []float64 // sums of |g|ᵖ, or the largest |g|
	byParam []float64 // norms
}

func (n *norms) prepare(op string, a *graph.Arena, max, order float64) error {
	switch {
	case !(max > 0):
		return &graph.ArgumentError{Op: op, Name: "Max", Got: fmt.Sprint(max), Want: "above 0"}
	case !(order >= 0):
		return &graph.ArgumentError{Op: op, Name: "Order", Got: fmt.Sprint(order), Want: "above 0, or 0 for 2"}
	}
	if err := n.divide(op, a, nil); err != nil {
		return err
	}
	if len(n.byPiece) != len(n.pieces) || len(n.byParam) != len(a.Params) {
		n.byPiece, n.byParam = make([]float64, len(n.pieces)), make([]float64, len(a.Params))
	}
	n.order = orDefault(order, 2)
	return nil
}

// measure takes the norm of every parameter's gradient, and returns that of all together. NaN makes NaN.
func (n *norms) measure() float64 {
	n.arena.Sweep((*measuring)(n))
	clear(n.byParam)
	total := 0.0
	for i, v := range n.byPiece {
		p := &n.byParam[n.pieces[i].param]
		*p = n.join(*p, v)
		total = n.join(total, v)
	}
	for i, v := range n.byParam {
		n.byParam[i] = n.root(v)
	}
	return n.root(total)
}

// join is the sum of two sums, or the larger one of two maxima.
func (n *norms) join(x, y float64) float64 {
	if math.IsInf(n.order, 1) {
		return max(x, y)
	}
	return x + y
}

func (n *norms) root(sum float64) float64 {
	switch {
	case math.IsInf(n.order, 1), n.order == 1:
		return sum
	case n.order == 2:
		return math.Sqrt(sum)
	}
	return math.Pow(sum, 1/n.order)
}

// measuring is a sweep of norms.
type measuring norms

func (n *measuring) Sweep(from, to int) {
	for i := n.first(from); i < len(n.pieces) && n.pieces[i].from < to; i++ {
		p, g := n.pieces[i], n.arena.Grads
		if g.F64 != nil {
			n.byPiece[i] = powers(n.order, g.F64[p.from:p.to])
		} else {
			n.byPiece[i] = powers(n.order, g.F32[p.from:p.to])
		}
	}
}

// powers is the sum of |x|ᵖ, or the largest |x|.
func powers[F kernel.Float](order float64, x []F) float64 {
	if order == 2 {
		return kernel.SumSquares(x)
	}
	sum := 0.0
	for _, v := range x {
		switch v := math.Abs(float64(v)); {
		case math.IsInf(order, 1):
			sum = max(sum, v)
		case order == 1:
			sum += v
		default:
			sum += math.Pow(v, order)
		}
	}
	return sum
}
