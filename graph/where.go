package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// Where returns x where the mask isn't 0, else y. x and y have one shape; the mask has that shape or its first dimensions
// only, and then speaks for whole rows. The mask has no gradient. A NaN on the side that isn't taken doesn't spread: its
// value isn't used, and its gradient is 0 (a NaN may still come of that 0 further back, where an op's derivative is
// infinite).
func (b *Builder) Where(mask, x, y *Node) *Node {
	if !b.ok("Where", mask, x, y) || !b.floating("Where", mask, x, y) || !b.sameShape("Where", x, y) || !b.masks("Where", mask, x) {
		return nil
	}
	n := b.node("Where", x.shape, pick(b.dtype, whereRun[float32], whereRun[float64]), mask, x, y)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		terms := make([]*term, 3)
		if n.wants(1) {
			terms[1] = whole(b.Mask(g, mask))
		}
		if n.wants(2) {
			terms[2] = whole(b.node("Where backward", g.shape, pick(b.dtype, unmaskedRun[float32], unmaskedRun[float64]), g, mask))
		}
		return terms
	}
	n.fixed = []int{0}
	return n
}

// Mask returns x where the mask isn't 0, else 0. The mask has the shape of x or its first dimensions only, and no
// gradient.
func (b *Builder) Mask(x, mask *Node) *Node {
	if !b.ok("Mask", x, mask) || !b.floating("Mask", x, mask) || !b.masks("Mask", mask, x) {
		return nil
	}
	n := b.node("Mask", x.shape, pick(b.dtype, maskRun[float32], maskRun[float64]), x, mask)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term { return []*term{whole(b.Mask(g, mask)), nil} }
	n.fixed = []int{1}
	return n
}

// masks checks the shape of a mask.
func (b *Builder) masks(op string, mask, x *Node) bool {
	if len(mask.shape) > len(x.shape) || !slices.Equal(mask.shape, x.shape[:len(mask.shape)]) {
		b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("a mask %v for %v", mask.shape, x.shape), Want: "a mask of the same shape or of its first dimensions"})
		return false
	}
	return true
}

// rows calls f with whether the mask holds for each run of elements from ≤ i < to.
func rows[F kernel.Float](mask []F, n int, f func(held bool, from, to int)) {
	width := n / max(len(mask), 1)
	for i, m := range mask {
		f(m != 0, i*width, (i+1)*width)
	}
}

func whereRun[F kernel.Float](n *Node) error {
	z, mask, x, y := data[F](n), data[F](n.in[0]), data[F](n.in[1]), data[F](n.in[2])
	rows(mask, len(z), func(held bool, from, to int) {
		if held {
			copy(z[from:to], x[from:to])
		} else {
			copy(z[from:to], y[from:to])
		}
	})
	return nil
}

func maskRun[F kernel.Float](n *Node) error {
	z, x, mask := data[F](n), data[F](n.in[0]), data[F](n.in[1])
	rows(mask, len(z), func(held bool, from, to int) {
		if held {
			copy(z[from:to], x[from:to])
		} else {
			clear(z[from:to])
		}
	})
	return nil
}

func unmaskedRun[F kernel.Float](n *Node) error {
	z, x, mask := data[F](n), data[F](n.in[0]), data[F](n.in[1])
	rows(mask, len(z), func(held bool, from, to int) {
		if held {
			clear(z[from:to])
		} else {
			copy(z[from:to], x[from:to])
		}
	})
	return nil
}
