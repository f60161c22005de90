package graph

import "github.com/gobptt/bptt/internal/kernel"

// linearNLL returns -log softmax(x·wᵀ)[class] for the rows of x [N, H] and w [C, H], and 0 for rows without a class. It
// computes only rows that have one, a block of them at a time, and computes them again for the backward pass: their
// scores are never all in memory.
func (b *Builder) linearNLL(x, w, class *Node) *Node {
	if b.err != nil {
		return nil
	}
	return pick(b.dtype, writeLinearNLL[float32], writeLinearNLL[float64])(b, x, w, class)
}

// Limits of a block of scores, in elements and in rows.
const (
	blockElements = 1 << 22
	blockRows     = 64
)

type linearNLL[F kernel.Float] struct {
	x, w, class    *Node
	width, classes int
	picked         []int // rows that have a class
	rows, scores   []F   // of a block: [rows, H] of x, and [rows, C]

	block  []int // the part of picked that is in the block
	losses []F   // [N]
	g      []F   // [N], in the backward pass, else nil
}

func writeLinearNLL[F kernel.Float](b *Builder, x, w, class *Node) *Node {
	l := &linearNLL[F]{x: x, w: w, class: class, width: x.shape[1], classes: w.shape[0]}
	count := x.shape[0]
	block := min(count, max(blockRows, blockElements/l.classes))
	l.picked = make([]int, 0, count)
	l.rows, l.scores = memory[F](b, block*l.width), memory[F](b, block*l.classes)
	n := b.node("linear NLL", []int{count}, func(n *Node) error {
		l.pick()
		l.losses, l.g = data[F](n), nil
		clear(l.losses)
		l.blocks(func() {})
		return nil
	}, x, w, class)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		dRows, dw := memory[F](b, len(l.rows)), memory[F](b, w.size())
		dx := b.node("linear NLL backward", x.shape, func(n *Node) error {
			l.g = data[F](g)
			l.back(data[F](n), dRows, dw)
			return nil
		}, x, w, class, g, n)
		return []*term{whole(dx), partial(func(sum *Node, first bool) {
			s := data[F](sum)
			if first {
				copy(s, dw)
				return
			}
			kernel.Add(s, s, dw)
		}, dx), nil}
	}
	return n
}

// pick collects the rows that have a class.
func (l *linearNLL[F]) pick() {
	l.picked = l.picked[:0]
	for i, k := range indices(l.class) {
		if k != none {
			l.picked = append(l.picked, i)
		}
	}
}

// blocks computes the rows block by block, and calls f after each.
func (l *linearNLL[F]) blocks(f func()) {
	pool, x := l.x.b.pool, data[F](l.x)
	for left := l.picked; len(left) > 0; {
		l.block = left[:min(len(left), len(l.rows)/l.width)]
		left = left[len(l.block):]
		for i, row := range l.block {
			copy(l.rows[i*l.width:][:l.width], x[row*l.width:])
		}
		kernel.Gemm(pool, false, true, len(l.block), l.classes, l.width, 1, l.rows, l.width, data[F](l.w), l.width, 0, l.scores, l.classes)
		pool.Run(l.chunks(), l)
		f()
	}
}

func (l *linearNLL[F]) chunks() int { return min(len(l.block), 2*l.x.b.pool.Threads()) }

// Chunk computes the losses of some rows of the block, or the gradients of their scores.
func (l *linearNLL[F]) Chunk(chunk, _ int) {
	from, to := kernel.Split(len(l.block), 1, chunk, l.chunks())
	for i := from; i < to; i++ {
		row, k := l.scores[i*l.classes:][:l.classes], indices(l.class)[l.block[i]]
		score := row[k]
		top, logSum := kernel.SoftmaxRow(row, row)
		if l.g == nil {
			l.losses[l.block[i]] = F((float64(top) - float64(score)) + logSum)
			continue
		}
		g := l.g[l.block[i]]
		kernel.Scale(g, row)
		row[k] -= g
	}
}

// back writes the gradients with respect to x and w.
func (l *linearNLL[F]) back(dx, dRows, dw []F) {
	pool := l.x.b.pool
	clear(dx)
	clear(dw)
	l.blocks(func() {
		kernel.Gemm(pool, false, false, len(l.block), l.width, l.classes, 1, l.scores, l.classes, data[F](l.w), l.width, 0, dRows, l.width)
		for i, row := range l.block {
			copy(dx[row*l.width:][:l.width], dRows[i*l.width:])
		}
		kernel.Gemm(pool, true, false, l.classes, l.width, len(l.block), 1, l.scores, l.classes, l.rows, l.width, 1, dw, l.width)
	})
}
