package graph

import "github.com/gobptt/bptt/internal/kernel"

// Where returns x where the mask isn't 0, else y. All three have one shape; a broadcast mask is the caller's to expand.
// The mask has no gradient. A NaN on the side that isn't taken doesn't spread: its value isn't used, and its gradient is
// 0 (a NaN may still come of that 0 further back, where an op's derivative is infinite).
func (b *Builder) Where(mask, x, y *Node) *Node {
	if !b.ok("Where", mask, x, y) || !b.floating("Where", mask, x, y) || !b.sameShape("Where", mask, x, y) {
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

// Mask returns x where the mask isn't 0, else 0. The mask has the shape of x and no gradient.
func (b *Builder) Mask(x, mask *Node) *Node {
	if !b.ok("Mask", x, mask) || !b.floating("Mask", x, mask) || !b.sameShape("Mask", x, mask) {
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

func whereRun[F kernel.Float](n *Node) error {
	z, mask, x, y := data[F](n), data[F](n.in[0]), data[F](n.in[1]), data[F](n.in[2])
	for i := range z {
		if mask[i] != 0 {
			z[i] = x[i]
		} else {
			z[i] = y[i]
		}
	}
	return nil
}

func maskRun[F kernel.Float](n *Node) error {
	z, x, mask := data[F](n), data[F](n.in[0]), data[F](n.in[1])
	for i := range z {
		z[i] = 0
		if mask[i] != 0 {
			z[i] = x[i]
		}
	}
	return nil
}

func unmaskedRun[F kernel.Float](n *Node) error {
	z, x, mask := data[F](n), data[F](n.in[0]), data[F](n.in[1])
	for i := range z {
		z[i] = 0
		if mask[i] == 0 {
			z[i] = x[i]
		}
	}
	return nil
}
