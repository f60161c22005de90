package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// Sum returns the sum over the given axes, which are dropped; over all of them, giving a scalar, if none are given.
// Negative axes count from the end. Sums are taken in float64.
func (b *Builder) Sum(x *Node, axes ...int) *Node { return b.total("Sum", x, axes, false) }

// Mean returns the mean over the given axes, as Sum.
func (b *Builder) Mean(x *Node, axes ...int) *Node { return b.total("Mean", x, axes, true) }

func (b *Builder) total(op string, x *Node, axes []int, mean bool) *Node {
	r := b.reduction(op, x, axes)
	if r == nil {
		return nil
	}
	factor := 1.0
	if mean {
		factor = float64(size(r.shape)) / float64(x.size())
	}
	n := b.node(op, r.shape, pick(b.dtype, sumRun[float32](r, factor), sumRun[float64](r, factor)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		spread := pick(b.dtype, spreadRun[float32](r, factor), spreadRun[float64](r, factor))
		return []*term{whole(b.node(op+" backward", x.shape, spread, g))}
	}
	return n
}

// Max returns the maximum over the given axes, as Sum. Where several elements are the largest, the first one has the
// gradient. NaN is larger than any number.
func (b *Builder) Max(x *Node, axes ...int) *Node {
	r := b.reduction("Max", x, axes)
	if r == nil {
		return nil
	}
	at := make([]int32, size(r.shape)) // where in x each maximum was found
	n := b.node("Max", r.shape, pick(b.dtype, maxRun[float32](r, at), maxRun[float64](r, at)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		return []*term{partial(pick(b.dtype, addAt[float32](g, at), addAt[float64](g, at)), g, n)}
	}
	return n
}

// reduction maps the elements of an array to those of one with some axes dropped.
type reduction struct {
	shape []int // of the result
	from  []int // of the operand
	step  []int // per axis of the operand, the stride in the result, 0 if dropped
}

func (b *Builder) reduction(op string, x *Node, axes []int) *reduction {
	if !b.ok(op, x) || !b.floating(op, x) {
		return nil
	}
	dropped := make([]bool, len(x.shape))
	for _, a := range axes {
		k, ok := b.axis(op, x, a)
		if !ok {
			return nil
		}
		if dropped[k] {
			b.fail(&ArgumentError{Op: op, Name: "axes", Got: fmt.Sprint(axes), Want: "each axis once"})
			return nil
		}
		dropped[k] = true
	}
	if len(axes) == 0 {
		for i := range dropped {
			dropped[i] = true
		}
	}
	r := &reduction{from: x.shape, shape: []int{}, step: make([]int, len(x.shape))}
	for i, d := range x.shape {
		if !dropped[i] {
			r.shape = append(r.shape, d)
		}
	}
	s := strides(r.shape)
	for i := range x.shape {
		if !dropped[i] {
			r.step[i], s = s[0], s[1:]
		}
	}
	return r
}

// eachRow calls f for every row, the last axis, of the operand: with the position of its first element, with that of the
// result's element which this goes to, and with the row's length.
func (r *reduction) eachRow(f func(from, to, width int)) {
	last := len(r.from) - 1
	if last < 0 {
		f(0, 0, 1)
		return
	}
	width := r.from[last]
	walk(r.from[:last], func(row int, index []int) { f(row*width, dot(index, r.step), width) })
}

// stride is the distance of the result's elements that the elements of a row go to, 0 or 1.
func (r *reduction) stride() int {
	if len(r.step) == 0 {
		return 0
	}
	return r.step[len(r.step)-1]
}

func sumRun[F kernel.Float](r *reduction, factor float64) func(*Node) error {
	acc := make([]float64, size(r.shape))
	return func(n *Node) error {
		clear(acc)
		x := data[F](n.in[0])
		whole := r.stride() == 0
		r.eachRow(func(from, to, width int) {
			row := x[from:][:width]
			if whole {
				acc[to] += kernel.Sum(row)
				return
			}
			out := acc[to:][:width]
			for k, v := range row {
				out[k] += float64(v)
			}
		})
		y := data[F](n)
		for i, s := range acc {
			y[i] = F(s * factor)
		}
		return nil
	}
}

func spreadRun[F kernel.Float](r *reduction, factor float64) func(*Node) error {
	return func(n *Node) error {
		dx, g := data[F](n), data[F](n.in[0])
		stride := r.stride()
		r.eachRow(func(from, to, width int) {
			row := dx[from:][:width]
			for k := range row {
				row[k] = g[to+k*stride] * F(factor)
			}
		})
		return nil
	}
}

func maxRun[F kernel.Float](r *reduction, at []int32) func(*Node) error {
	return func(n *Node) error {
		x, y := data[F](n.in[0]), data[F](n)
		findMax(r, x, at)
		for i, k := range at {
			y[i] = x[k]
		}
		return nil
	}
}

// findMax sets at to where in x each maximum is, as for Max.
func findMax[F kernel.Float](r *reduction, x []F, at []int32) {
	for i := range at {
		at[i] = -1
	}
	stride := r.stride()
	r.eachRow(func(from, to, width int) {
		for k, v := range x[from:][:width] {
			i := to + k*stride
			if at[i] < 0 {
				at[i] = int32(from + k)
			} else if top := x[at[i]]; v > top || v != v && top == top {
				at[i] = int32(from + k)
			}
		}
	})
}

func addAt[F kernel.Float](g *Node, at []int32) func(sum *Node, first bool) {
	return func(sum *Node, first bool) {
		s := data[F](sum)
		if first {
			clear(s)
		}
		for i, v := range data[F](g) {
			s[at[i]] += v
		}
	}
}

// axis resolves an axis that may be negative.
func (b *Builder) axis(op string, x *Node, a int) (int, bool) {
	k := a
	if k < 0 {
		k += len(x.shape)
	}
	if k < 0 || k >= len(x.shape) {
		b.fail(&ArgumentError{Op: op, Name: "axis", Got: fmt.Sprint(a), Want: fmt.Sprintf("an axis of %v", x.shape)})
		return 0, false
	}
	return k, true
}

// sameShape reports whether all operands have one shape.
func (b *Builder) sameShape(op string, x *Node, others ...*Node) bool {
	for _, y := range others {
		if !slices.Equal(x.shape, y.shape) {
			b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v and %v", x.shape, y.shape), Want: "equal shapes"})
			return false
		}
	}
	return true
}
