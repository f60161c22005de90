package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// MatMul returns x·y for [m, k] and [k, n], or for each of N pairs in [N, m, k] and [N, k, n].
func (b *Builder) MatMul(x, y *Node) *Node { return b.product("MatMul", x, y, false, false) }

// MatMulTransB returns x·yᵀ for [m, k] and [n, k], or batched.
func (b *Builder) MatMulTransB(x, y *Node) *Node { return b.product("MatMulTransB", x, y, false, true) }

// MatMulTransA returns xᵀ·y for [k, m] and [k, n], or batched.
func (b *Builder) MatMulTransA(x, y *Node) *Node { return b.product("MatMulTransA", x, y, true, false) }

func (b *Builder) product(op string, x, y *Node, tx, ty bool) *Node {
	if !b.ok(op, x, y) || !b.floating(op, x, y) {
		return nil
	}
	rank := len(x.shape)
	good := (rank == 2 || rank == 3) && len(y.shape) == rank && (rank == 2 || x.shape[0] == y.shape[0])
	if good {
		_, kx := oriented(x, tx)
		ky, _ := oriented(y, ty)
		good = kx == ky
	}
	if !good {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v and %v", x.shape, y.shape), Want: "two matrices, or two equal stacks of them, with equal inner sizes"})
	}
	m, _ := oriented(x, tx)
	_, w := oriented(y, ty)
	shape := append(slices.Clone(x.shape[:rank-2]), m, w)
	multiply := func(out, x, y *Node, tx, ty, add bool) {
		pick(b.dtype, gemm[float32], gemm[float64])(out, x, y, tx, ty, add)
	}
	n := b.node(op, shape, func(n *Node) error {
		multiply(n, n.in[0], n.in[1], tx, ty, false)
		return nil
	}, x, y)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		// dx = g·op(y)ᵀ, dy = op(x)ᵀ·g, and their transposes where the operand was transposed.
		dx := partial(func(sum *Node, first bool) { multiply(sum, g, y, false, !ty, !first) }, g, y)
		if tx {
			dx = partial(func(sum *Node, first bool) { multiply(sum, y, g, ty, true, !first) }, g, y)
		}
		dy := partial(func(sum *Node, first bool) { multiply(sum, x, g, !tx, false, !first) }, x, g)
		if ty {
			dy = partial(func(sum *Node, first bool) { multiply(sum, g, x, true, tx, !first) }, x, g)
		}
		return []*term{dx, dy}
	}
	return n
}

// oriented returns the rows and columns of a matrix, or of each in a stack, after the transposition.
func oriented(n *Node, trans bool) (rows, cols int) {
	rows, cols = n.Dim(-2), n.Dim(-1)
	if trans {
		return cols, rows
	}
	return rows, cols
}

// gemm computes out = op(x)·op(y), or adds to it, for each matrix of a stack.
func gemm[F kernel.Float](out, x, y *Node, tx, ty, add bool) {
	m, k := oriented(x, tx)
	_, n := oriented(y, ty)
	var beta F
	if add {
		beta = 1
	}
	c, a, w := data[F](out), data[F](x), data[F](y)
	for i := range len(c) / (m * n) {
		kernel.Gemm(out.b.pool, tx, ty, m, n, k, 1, a[i*m*k:], x.Dim(-1), w[i*k*n:], y.Dim(-1), beta, c[i*m*n:], n)
	}
}

// Linear returns x·wᵀ + bias for x [N, in], w [out, in] (PyTorch's layout) and bias [out]; the bias may be nil.
//
// If x is a Gather without padding from a table of at most N/2 rows, as a batch of characters is, Linear multiplies the
// table and gathers rows of the product. The values are the same, bit for bit; the gradients are the same sums in another
// order. Both take fewer operations.
func (b *Builder) Linear(x, w, bias *Node) *Node {
	in := []*Node{x, w}
	if bias != nil {
		in = append(in, bias)
	}
	if !b.ok("Linear", in...) || !b.floating("Linear", in...) {
		return nil
	}
	if len(w.shape) != 2 {
		return b.fail(&ShapeError{Op: "Linear", Got: fmt.Sprintf("weight %v", w.shape), Want: "[out, in]"})
	}
	if len(x.shape) != 2 || x.shape[1] != w.shape[1] {
		return b.fail(&ShapeError{Op: "Linear", Got: fmt.Sprintf("input %v", x.shape), Want: fmt.Sprintf("[N, %d] for weight %v", w.shape[1], w.shape)})
	}
	if bias != nil && !slices.Equal(bias.shape, w.shape[:1]) {
		return b.fail(&ShapeError{Op: "Linear", Got: fmt.Sprintf("bias %v", bias.shape), Want: fmt.Sprintf("[%d]", w.shape[0])})
	}
	if x.lookup && 2*x.in[0].shape[0] <= x.shape[0] {
		y := b.Gather(b.Linear(x.in[0], w, bias), x.in[1], -1)
		if y != nil {
			y.layer = x.layer // for an index out of range
		}
		return y
	}
	n := b.node("Linear", []int{x.shape[0], w.shape[0]}, pick(b.dtype, linearRun[float32], linearRun[float64]), in...)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		multiply := pick(b.dtype, gemm[float32], gemm[float64])
		terms := []*term{
			partial(func(sum *Node, first bool) { multiply(sum, g, w, false, false, !first) }, g, w),
			partial(func(sum *Node, first bool) { multiply(sum, g, x, true, false, !first) }, g, x),
		}
		if bias != nil {
			sums := pick(b.dtype, colSums[float32], colSums[float64])
			terms = append(terms, partial(func(sum *Node, first bool) { sums(sum, g, !first) }, g))
		}
		return terms
	}
	return n
}

func linearRun[F kernel.Float](n *Node) error {
	if len(n.in) < 3 {
		gemm[F](n, n.in[0], n.in[1], false, true, false)
		return nil
	}
	x, w := n.in[0], n.in[1]
	in, out := w.shape[1], w.shape[0]
	kernel.GemmBias(n.b.pool, true, x.shape[0], out, in, data[F](x), in, data[F](w), in, data[F](n.in[2]), data[F](n), out)
	return nil
}

// colSums computes the sums of a matrix's columns, or adds them.
func colSums[F kernel.Float](sum, g *Node, add bool) {
	var beta F
	if add {
		beta = 1
	}
	kernel.ColSums(g.b.pool, g.shape[0], g.shape[1], data[F](g), g.shape[1], beta, data[F](sum))
}
