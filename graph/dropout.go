package graph

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/internal/kernel"
)

// Dropout returns x ⊙ mask. The mask holds 0 for what is dropped and 1/(1-p) for what is kept, as DropoutMask draws it.
// The mask broadcasts and has no gradient.
func (b *Builder) Dropout(x, mask *Node) *Node {
	n := b.mul("Dropout", x, mask)
	if n != nil {
		n.fixed = []int{1}
	}
	return n
}

// DropoutMask draws a new mask in every run: each element is 0 with probability p, else 1/(1-p) (inverted dropout,
// Srivastava et al. 2014). The mask is a function of the seed that Program.Run is given and of the node's place in the
// graph, so a window that is computed again with the same seed has the same mask. p is in [0, 1).
func (b *Builder) DropoutMask(p float64, shape ...int) *Node {
	if !b.ok("DropoutMask") {
		return nil
	}
	if !(p >= 0 && p < 1) {
		return b.fail(&ArgumentError{Op: "DropoutMask", Name: "probability", Got: fmt.Sprint(p), Want: "0 ≤ p < 1"})
	}
	// Gorgonia knows no op without inputs.
	source := b.leaf("random source", b.dtype.gorgonia(), []int{1}, b.dtype.make(1))
	return b.node("DropoutMask", shape, pick(b.dtype, maskDraw[float32](p), maskDraw[float64](p)), source)
}

func maskDraw[F kernel.Float](p float64) func(*Node) error {
	keep := F(1 / (1 - p))
	// A 32-bit draw decides an element: below the threshold it is dropped.
	threshold := uint64(p * (1 << 32))
	return func(n *Node) error {
		rng := rand.NewPCG(n.b.noise, uint64(n.id))
		mask := data[F](n)
		for i := 0; i < len(mask); i += 2 {
			bits := rng.Uint64()
			for k := i; k < min(i+2, len(mask)); k++ {
				mask[k] = keep
				if bits&(1<<32-1) < threshold {
					mask[k] = 0
				}
				bits >>= 32
			}
		}
		return nil
	}
}
