package graph

import (
	"fmt"

	"github.com/gobptt/bptt/internal/kernel"
)

// Attention reads one sequence, of Tk steps, at every step of another, of Tq. Both are matrices [T*B, width] with the
// window's B; their T may differ from the window's. The rows of one sequence, and the columns of one head, are read
// where they lie, by strides: nothing is transposed.

// AttentionScores returns scale times the inner products of queries [Tq*B, heads*D] with keys [Tk*B, heads*D]:
// [B, heads, Tq, Tk]. Head i has the columns from i*D on.
func (b *Builder) AttentionScores(query, key *Node, heads int, scale float64) *Node {
	const op = "AttentionScores"
	if !b.ok(op, query, key) || !b.floating(op, query, key) || !b.sequences(op, query, key) {
		return nil
	}
	width := query.shape[1]
	if key.shape[1] != width {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("queries %v and keys %v", query.shape, key.shape), Want: "one width"})
	}
	if heads < 1 || width%heads != 0 {
		return b.fail(&ArgumentError{Op: op, Name: "heads", Got: fmt.Sprint(heads), Want: fmt.Sprintf("a divisor of the width %d", width)})
	}
	multiply := pick(b.dtype, headProducts[float32](scale), headProducts[float64](scale))
	shape := []int{b.window.B, heads, query.shape[0] / b.window.B, key.shape[0] / b.window.B}
	n := b.node(op, shape, func(n *Node) error {
		multiply(headScores, n, query, key, false)
		return nil
	}, query, key)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		return []*term{
			partial(func(sum *Node, first bool) { multiply(headQueries, g, sum, key, !first) }, g, key),
			partial(func(sum *Node, first bool) { multiply(headKeys, g, query, sum, !first) }, g, query),
		}
	}
	return n
}

// AttentionContext returns sums of values [Tk*B, heads*D], each value by its weight: [Tq*B, heads*D], for weights
// [B, heads, Tq, Tk].
func (b *Builder) AttentionContext(weights, value *Node) *Node {
	const op = "AttentionContext"
	if !b.ok(op, weights, value) || !b.floating(op, weights, value) || !b.sequences(op, value) {
		return nil
	}
	batch, shape := b.window.B, weights.shape
	if len(shape) != 4 || shape[0] != batch || shape[3]*batch != value.shape[0] || value.shape[1]%shape[1] != 0 {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("weights %v for values %v", shape, value.shape),
			Want: fmt.Sprintf("weights [%d, heads, Tq, Tk] and values [Tk*%d, heads*D]", batch, batch)})
	}
	multiply := pick(b.dtype, headProducts[float32](1), headProducts[float64](1))
	n := b.node(op, []int{shape[2] * batch, value.shape[1]}, func(n *Node) error {
		multiply(headQueries, weights, n, value, false)
		return nil
	}, weights, value)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		return []*term{
			partial(func(sum *Node, first bool) { multiply(headScores, sum, g, value, !first) }, g, value),
			partial(func(sum *Node, first bool) { multiply(headKeys, weights, g, sum, !first) }, weights, g),
		}
	}
	return n
}

// sequences checks that all operands are sequences of any length, [T*B, width].
func (b *Builder) sequences(op string, in ...*Node) bool {
	for _, n := range in {
		if len(n.shape) != 2 || n.shape[0]%b.window.B != 0 {
			b.fail(&ShapeError{Op: op, Got: fmt.Sprint(n.shape), Want: fmt.Sprintf("a sequence [T*B, width] with B = %d", b.window.B)})
			return false
		}
	}
	return true
}

// headPart is one of the three matrices that every sequence and head has: scores W [Tq, Tk], queries Q [Tq, D] and keys
// K [Tk, D]. Each can be made from the other two: W = Q·Kᵀ, Q = W·K, K = Wᵀ·Q.
type headPart int

const (
	headScores headPart = iota
	headQueries
	headKeys
)

// headProducts returns a function that computes one of the parts, times scale, or adds to it.
func headProducts[F kernel.Float](scale float64) func(result headPart, w, q, k *Node, add bool) {
	p := &headProduct[F]{scale: F(scale)}
	return func(result headPart, w, q, k *Node, add bool) {
		p.result, p.beta = result, 0
		if add {
			p.beta = 1
		}
		p.w, p.q, p.k = data[F](w), data[F](q), data[F](k)
		p.tq, p.tk = w.shape[2], w.shape[3]
		p.count, p.width, p.ld = w.shape[0]*w.shape[1], k.shape[1]/w.shape[1], w.shape[0]*k.shape[1]
		p.chunks = min(p.count, 2*w.b.pool.Threads())
		w.b.pool.Run(p.chunks, p)
	}
}

// headProduct is a product for each of count pairs of a sequence and a head, in row-major order.
type headProduct[F kernel.Float] struct {
	result        headPart
	scale, beta   F
	w, q, k       []F
	tq, tk, width int
	ld            int // from step to step of q and k
	count, chunks int
}

func (p *headProduct[F]) Chunk(chunk, _ int) {
	from, to := kernel.Split(p.count, 1, chunk, p.chunks)
	for i := from; i < to; i++ {
		w, q, k := p.w[i*p.tq*p.tk:], p.q[i*p.width:], p.k[i*p.width:]
		switch p.result {
		case headScores:
			kernel.Gemm(nil, false, true, p.tq, p.tk, p.width, p.scale, q, p.ld, k, p.ld, p.beta, w, p.tk)
		case headQueries:
			kernel.Gemm(nil, false, false, p.tq, p.width, p.tk, p.scale, w, p.tk, k, p.ld, p.beta, q, p.ld)
		case headKeys:
			kernel.Gemm(nil, true, false, p.tk, p.width, p.tq, p.scale, w, p.tk, q, p.ld, p.beta, k, p.ld)
		}
	}
}
