package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// TargetWeights returns the weights [N] of targets [N]: 0 where the target is one of those to ignore, else its element
// of weight [N], or 1 if weight is nil.
func (b *Builder) TargetWeights(target, weight *Node, ignore ...int) *Node {
	in := []*Node{target}
	if weight != nil {
		in = append(in, weight)
	}
	if !b.ok("TargetWeights", in...) || !b.floating("TargetWeights", in[1:]...) {
		return nil
	}
	if !target.integer || len(target.shape) != 1 || weight != nil && !slices.Equal(weight.shape, target.shape) {
		return b.fail(&ShapeError{Op: "TargetWeights", Got: fmt.Sprint(in), Want: "target indices [N] and weights [N]"})
	}
	ignore = slices.Clone(ignore)
	return b.node("TargetWeights", target.shape, pick(b.dtype, targetWeightsRun[float32](ignore), targetWeightsRun[float64](ignore)), in...)
}

func targetWeightsRun[F kernel.Float](ignore []int) func(*Node) error {
	return func(n *Node) error {
		y := data[F](n)
		for i, k := range indices(n.in[0]) {
			switch {
			case slices.Contains(ignore, int(k)):
				y[i] = 0
			case len(n.in) == 1:
				y[i] = 1
			default:
				y[i] = data[F](n.in[1])[i]
			}
		}
		return nil
	}
}
