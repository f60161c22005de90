package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// AdditiveScores returns Σ vector ⊙ tanh(query + key) for every pair of a query and a key: [B, 1, Tq, Tk], for queries
// [Tq*B, A], keys [Tk*B, A] and a vector [A]. It is the score of additive attention. The hyperbolic tangents, Tq·Tk·B·A
// of them, are not kept: the backward pass computes them again.
func (b *Builder) AdditiveScores(query, key, vector *Node) *Node {
	const op = "AdditiveScores"
	if !b.ok(op, query, key, vector) || !b.floating(op, query, key, vector) || !b.sequences(op, query, key) {
		return nil
	}
	if width := query.shape[1:]; !slices.Equal(key.shape[1:], width) || !slices.Equal(vector.shape, width) {
		got := fmt.Sprintf("queries %v, keys %v and a vector %v", query.shape, key.shape, vector.shape)
		return b.fail(&ShapeError{Op: op, Got: got, Want: "one width"})
	}
	return pick(b.dtype, writeAdditive[float32], writeAdditive[float64])(b, query, key, vector)
}

// additive is what the forward and the backward pass share. The work is divided by sequences.
type additive[F kernel.Float] struct {
	query, key, vector *Node
	scratch            []F // a row for each worker
	scores             *Node
	gradients          *Node // nil in the forward pass
}

func writeAdditive[F kernel.Float](b *Builder, query, key, vector *Node) *Node {
	width := query.shape[1]
	a := &additive[F]{query: query, key: key, vector: vector, scratch: make([]F, b.pool.Threads()*width)}
	shape := []int{b.window.B, 1, query.shape[0] / b.window.B, key.shape[0] / b.window.B}
	n := b.node("AdditiveScores", shape, func(n *Node) error {
		a.scores, a.gradients = n, nil
		b.pool.Run(b.window.B, a)
		return nil
	}, query, key, vector)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		// One below the other: the gradients of the queries, of the keys, and of the vector by sequence.
		queries, keys := query.shape[0], key.shape[0]
		d := b.node("AdditiveScores backward", []int{queries + keys + b.window.B, width}, func(n *Node) error {
			a.scores, a.gradients = g, n
			clear(data[F](n))
			b.pool.Run(b.window.B, a)
			return nil
		}, query, key, vector, g)
		if d == nil {
			return make([]*term, 3)
		}
		block := func(from, to int) *term {
			return partial(func(sum *Node, first bool) {
				s, rows := data[F](sum), data[F](d)[from*width:to*width]
				if first {
					copy(s, rows)
				} else {
					kernel.Add(s, s, rows)
				}
			}, d)
		}
		sums := partial(func(sum *Node, first bool) {
			var beta F
			if !first {
				beta = 1
			}
			kernel.ColSums(b.pool, b.window.B, width, data[F](d)[(queries+keys)*width:], width, beta, data[F](sum))
		}, d)
		return []*term{block(0, queries), block(queries, queries+keys), sums}
	}
	return n
}

// Chunk computes the scores of one sequence, or their gradients.
func (a *additive[F]) Chunk(s, worker int) {
	batch, tq, tk, width := a.scores.shape[0], a.scores.shape[2], a.scores.shape[3], len(data[F](a.vector))
	row := func(n []F, t int) []F { return n[(t*batch+s)*width:][:width] }
	query, key, vector := data[F](a.query), data[F](a.key), data[F](a.vector)
	scores := data[F](a.scores)[s*tq*tk:][:tq*tk]
	h := a.scratch[worker*width:][:width]
	if a.gradients == nil {
		for i := range scores {
			kernel.Add(h, row(query, i/tk), row(key, i%tk))
			kernel.Tanh(h, h)
			scores[i] = F(kernel.Dot(h, vector))
		}
		return
	}
	d := data[F](a.gradients)
	dq, dk, dv := d, d[len(query):], row(d[len(query)+len(key):], 0)
	for i, g := range scores {
		kernel.Add(h, row(query, i/tk), row(key, i%tk))
		kernel.Tanh(h, h)
		kernel.Axpy(g, h, dv)
		to, from := row(dq, i/tk), row(dk, i%tk)
		for j, y := range h {
			x := g * vector[j] * (1 - y*y)
			to[j] += x
			from[j] += x
		}
	}
}
