package graph

import (
	"fmt"

	"github.com/gobptt/bptt/internal/kernel"
)

// LengthMask returns the mask [steps*B] of sequences with lengths [B]: 1 for the first steps of each, as many as its
// length, and 0 for the others. A length below 0 or above steps is an error of the run.
func (b *Builder) LengthMask(lengths *Node, steps int) *Node {
	if !b.ok("LengthMask", lengths) {
		return nil
	}
	if !lengths.integer || len(lengths.shape) != 1 {
		return b.fail(&ShapeError{Op: "LengthMask", Got: fmt.Sprint(lengths), Want: "indices [B]"})
	}
	batch := lengths.shape[0]
	if steps < 1 || steps > maxElements/batch {
		return b.fail(&ArgumentError{Op: "LengthMask", Name: "steps", Got: fmt.Sprint(steps), Want: fmt.Sprintf("1 to %d", maxElements/batch)})
	}
	return b.node("LengthMask", []int{steps * batch}, pick(b.dtype, lengthMaskRun[float32], lengthMaskRun[float64]), lengths)
}

func lengthMaskRun[F kernel.Float](n *Node) error {
	mask, lengths := data[F](n), indices(n.in[0])
	steps := len(mask) / len(lengths)
	for i, length := range lengths {
		if length < 0 || int(length) > steps {
			return fmt.Errorf("sequence %d: %w", i, &IndexError{Op: "LengthMask", Position: i, Index: int(length), Limit: steps + 1})
		}
		for t := range steps {
			mask[t*len(lengths)+i] = truth[F](t < int(length))
		}
	}
	return nil
}

func truth[F kernel.Float](v bool) F {
	if v {
		return 1
	}
	return 0
}
