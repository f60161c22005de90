package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// MaskedSoftmax returns e^x / Σ e^x along the last axis over the elements where the mask isn't 0, and 0 elsewhere, also
// where the mask leaves nothing of a row. The mask broadcasts to the shape of x and has no gradient; nil leaves all.
// Values that are masked aren't used, whatever they are.
func (b *Builder) MaskedSoftmax(x, mask *Node) *Node {
	const op = "MaskedSoftmax"
	in := []*Node{x}
	if mask != nil {
		in = append(in, mask)
	}
	if !b.ok(op, in...) || !b.floating(op, in...) {
		return nil
	}
	if len(x.shape) == 0 {
		return b.fail(&ShapeError{Op: op, Got: "a scalar", Want: "at least one axis"})
	}
	if mask != nil {
		if shape, ok := broadcast(x.shape, mask.shape); !ok || !slices.Equal(shape, x.shape) {
			got := fmt.Sprintf("a mask %v for %v", mask.shape, x.shape)
			return b.fail(&ShapeError{Op: op, Got: got, Want: "a mask that broadcasts to the shape"})
		}
	}
	return pick(b.dtype, writeMaskedSoftmax[float32], writeMaskedSoftmax[float64])(b, in)
}

func writeMaskedSoftmax[F kernel.Float](b *Builder, in []*Node) *Node {
	x := in[0]
	s := &maskedSoftmax[F]{rows: x.size() / x.Dim(-1), width: x.Dim(-1), shape: x.shape}
	if len(in) > 1 {
		s.strides = broadcastStrides(in[1].shape, x.shape)
	}
	n := b.node("MaskedSoftmax", x.shape, func(n *Node) error {
		s.y, s.x, s.g = data[F](n), data[F](x), nil
		if len(in) > 1 {
			s.mask = data[F](in[1])
		}
		s.run(n)
		return nil
	}, in...)
	if n == nil {
		return nil
	}
	n.fixed = []int{1}
	n.grad = func(n, g *Node) []*term {
		d := b.node("MaskedSoftmax backward", x.shape, func(d *Node) error {
			s.x, s.y, s.g = data[F](d), data[F](n), data[F](g)
			s.run(d)
			return nil
		}, n, g)
		return []*term{whole(d), nil}[:len(in)]
	}
	return n
}

// maskedSoftmax works on rows, forward and backward.
type maskedSoftmax[F kernel.Float] struct {
	rows, width, chunks int
	shape, strides      []int // of x, and by its axes those of the mask; no strides without a mask
	x, y, g, mask       []F   // with g, x is the result: the gradient
}

func (s *maskedSoftmax[F]) run(n *Node) {
	s.chunks = min(s.rows, 2*n.b.pool.Threads())
	n.b.pool.Run(s.chunks, s)
}

func (s *maskedSoftmax[F]) Chunk(chunk, _ int) {
	from, to := kernel.Split(s.rows, 1, chunk, s.chunks)
	for i := from; i < to; i++ {
		x, y := s.x[i*s.width:][:s.width], s.y[i*s.width:][:s.width]
		switch {
		case s.g != nil:
			g := s.g[i*s.width:][:s.width]
			mean := F(kernel.Dot(y, g))
			for k, v := range y {
				x[k] = v * (g[k] - mean)
			}
		case s.strides == nil:
			kernel.SoftmaxRow(y, x)
		case s.masked(i, y, x):
			kernel.SoftmaxRow(y, y)
		default:
			clear(y)
		}
	}
}

// masked copies row i of x, with -Inf where it is masked, and reports whether anything is left.
func (s *maskedSoftmax[F]) masked(i int, y, x []F) bool {
	last := len(s.shape) - 1
	at, step := 0, s.strides[last]
	for a := last - 1; a >= 0; a-- {
		at += i % s.shape[a] * s.strides[a]
		i /= s.shape[a]
	}
	left := false
	for k := range y {
		if s.mask[at+k*step] != 0 {
			y[k], left = x[k], true
		} else {
			y[k] = F(math.Inf(-1))
		}
	}
	return left
}
