package graph

import (
	"fmt"

	"github.com/gobptt/bptt/internal/kernel"
)

// Gather returns rows of a table [V, E] by indices [N]: [N, E]. It is an embedding's lookup. Rows whose index is
// padding (none if negative) keep no gradient. An index out of range is an error of the run.
func (b *Builder) Gather(table, index *Node, padding int) *Node {
	if !b.ok("Gather", table, index) || !b.floating("Gather", table) {
		return nil
	}
	if len(table.shape) != 2 || len(index.shape) != 1 || !index.integer {
		return b.fail(&ShapeError{Op: "Gather", Got: fmt.Sprintf("%v and %v", table, index), Want: "a table [V, E] and indices [N]"})
	}
	n := b.node("Gather", []int{index.shape[0], table.shape[1]}, pick(b.dtype, gatherRun[float32], gatherRun[float64]), table, index)
	if n == nil {
		return nil
	}
	n.lookup = padding < 0
	n.grad = func(n, g *Node) []*term {
		add := pick(b.dtype, addRows[float32](g, index, padding), addRows[float64](g, index, padding))
		return []*term{partial(add, g, index), nil}
	}
	return n
}

func gatherRun[F kernel.Float](n *Node) error {
	y, table := data[F](n), data[F](n.in[0])
	rows, width := n.in[0].shape[0], n.shape[1]
	for i, k := range indices(n.in[1]) {
		if k < 0 || int(k) >= rows {
			return &IndexError{Op: "Gather", Position: i, Index: int(k), Limit: rows}
		}
	}
	kernel.CopyRows(n.b.pool, width, table, indices(n.in[1]), y)
	return nil
}

func addRows[F kernel.Float](g, index *Node, padding int) func(sum *Node, first bool) {
	return func(sum *Node, first bool) {
		s, width := data[F](sum), g.shape[1]
		if first {
			clear(s)
		}
		kernel.AddRows(sum.b.pool, width, s, indices(index), padding, data[F](g))
	}
}
