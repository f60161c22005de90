package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// The binary ops broadcast as NumPy does: shapes are aligned at their last axes, and an axis of size 1, or one that is
// not there, is repeated.

// Add returns x + y.
func (b *Builder) Add(x, y *Node) *Node {
	return b.binary("Add", x, y, pick(b.dtype, zipRun(plus[float32], kernel.Add), zipRun(plus[float64], kernel.Add)),
		func(n, g *Node) *Node { return g },
		func(n, g *Node) *Node { return g })
}

// Sub returns x - y.
func (b *Builder) Sub(x, y *Node) *Node {
	return b.binary("Sub", x, y, pick(b.dtype, zipRun(minus[float32], kernel.Sub), zipRun(minus[float64], kernel.Sub)),
		func(n, g *Node) *Node { return g },
		func(n, g *Node) *Node { return b.Neg(g) })
}

// Mul returns the elementwise product x ⊙ y.
func (b *Builder) Mul(x, y *Node) *Node { return b.mul("Mul", x, y) }

func (b *Builder) mul(op string, x, y *Node) *Node {
	return b.binary(op, x, y, pick(b.dtype, zipRun(times[float32], kernel.Mul), zipRun(times[float64], kernel.Mul)),
		func(n, g *Node) *Node { return b.Mul(g, n.in[1]) },
		func(n, g *Node) *Node { return b.Mul(g, n.in[0]) })
}

// Div returns x / y.
func (b *Builder) Div(x, y *Node) *Node {
	return b.binary("Div", x, y, pick(b.dtype, zipRun(over[float32], nil), zipRun(over[float64], nil)),
		func(n, g *Node) *Node { return b.Div(g, n.in[1]) },
		func(n, g *Node) *Node { return b.Neg(b.Mul(g, b.Div(n, n.in[1]))) })
}

func plus[F kernel.Float](x, y F) F  { return x + y }
func minus[F kernel.Float](x, y F) F { return x - y }
func times[F kernel.Float](x, y F) F { return x * y }
func over[F kernel.Float](x, y F) F  { return x / y }

// binary writes an elementwise op of two operands. dx and dy give the gradients in the result's shape.
func (b *Builder) binary(op string, x, y *Node, run func(*Node) error, dx, dy func(n, g *Node) *Node) *Node {
	if !b.ok(op, x, y) || !b.floating(op, x, y) {
		return nil
	}
	shape, ok := broadcast(x.shape, y.shape)
	if !ok {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v and %v", x.shape, y.shape), Want: "shapes that broadcast"})
	}
	n := b.node(op, shape, run, x, y)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		terms := make([]*term, 2)
		for i, d := range []func(n, g *Node) *Node{dx, dy} {
			if n.wants(i) {
				terms[i] = whole(b.unbroadcast(d(n, g), n.in[i].shape))
			}
		}
		return terms
	}
	return n
}

func broadcast(x, y []int) ([]int, bool) {
	shape := make([]int, max(len(x), len(y)))
	for i := range shape {
		dx, dy := 1, 1
		if k := i - len(shape) + len(x); k >= 0 {
			dx = x[k]
		}
		if k := i - len(shape) + len(y); k >= 0 {
			dy = y[k]
		}
		if dx != dy && dx != 1 && dy != 1 {
			return nil, false
		}
		shape[i] = max(dx, dy)
	}
	return shape, true
}

// broadcastStrides returns the strides by which an operand of shape from is read at each index of shape to.
func broadcastStrides(from, to []int) []int {
	s := make([]int, len(to))
	fs := strides(from)
	for i, d := range from {
		if d > 1 {
			s[len(to)-len(from)+i] = fs[i]
		}
	}
	return s
}

// zipRun runs an op whose elements are f of the operands'; vector does the same to whole slices, or is nil.
func zipRun[F kernel.Float](f func(x, y F) F, vector func(dst, x, y []F)) func(*Node) error {
	if vector == nil {
		vector = func(z, x, y []F) {
			for i := range z {
				z[i] = f(x[i], y[i])
			}
		}
	}
	return func(n *Node) error {
		z, x, y := data[F](n), data[F](n.in[0]), data[F](n.in[1])
		if len(x) == len(z) && len(y) == len(z) {
			vector(z, x, y)
			return nil
		}
		if len(n.shape) == 0 {
			z[0] = f(x[0], y[0])
			return nil
		}
		xs, ys := broadcastStrides(n.in[0].shape, n.shape), broadcastStrides(n.in[1].shape, n.shape)
		last := len(n.shape) - 1
		dx, dy, width := xs[last], ys[last], n.shape[last]
		walk(n.shape[:last], func(row int, index []int) {
			i, j := dot(index, xs), dot(index, ys)
			out := z[row*width:][:width]
			if dx == 1 && dy == 1 {
				vector(out, x[i:][:width], y[j:][:width])
				return
			}
			for k := range out {
				out[k] = f(x[i], y[j])
				i, j = i+dx, j+dy
			}
		})
		return nil
	}
}

// walk calls f for every index of a shape in row-major order, with its position in that order.
func walk(shape []int, f func(position int, index []int)) {
	index := make([]int, len(shape))
	for p := range size(shape) {
		f(p, index)
		for a := len(shape) - 1; a >= 0; a-- {
			index[a]++
			if index[a] < shape[a] {
				break
			}
			index[a] = 0
		}
	}
}

func dot(index, strides []int) int {
	s := 0
	for i, v := range index {
		s += v * strides[i]
	}
	return s
}

// unbroadcast sums a gradient over the axes that were repeated.
func (b *Builder) unbroadcast(g *Node, shape []int) *Node {
	if g == nil || slices.Equal(g.shape, shape) {
		return g
	}
	var axes []int
	extra := len(g.shape) - len(shape)
	for i, d := range g.shape {
		if i < extra || shape[i-extra] != d {
			axes = append(axes, i)
		}
	}
	if len(axes) > 0 {
		g = b.Sum(g, axes...)
	}
	return b.Reshape(g, shape...)
}
