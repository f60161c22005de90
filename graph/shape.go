package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// Reshape returns the same elements in another shape. One size may be -1: it is what the others leave. The result
// shares the operand's memory.
func (b *Builder) Reshape(x *Node, shape ...int) *Node {
	if !b.ok("Reshape", x) {
		return nil
	}
	given := fmt.Sprint(shape)
	shape = slices.Clone(shape)
	if i := slices.Index(shape, -1); i >= 0 {
		shape[i] = 1
		if rest := size(shape); rest > 0 {
			shape[i] = x.size() / rest
		}
	}
	if checkShape(shape) != "" || size(shape) != x.size() {
		return b.fail(&ShapeError{Op: "Reshape", Got: fmt.Sprintf("%v to %s", x.shape, given), Want: "a shape of as many elements"})
	}
	if slices.Equal(shape, x.shape) {
		return x
	}
	write := b.node
	if x.integer {
		write = b.indexNode
	}
	n := write("Reshape", shape, func(*Node) error { return nil }, x)
	if n == nil {
		return nil
	}
	n.base = x
	n.grad = func(n, g *Node) []*term { return []*term{whole(b.Reshape(g, x.shape...))} }
	return n
}

// Transpose permutes the axes: axis i of the result is axis perm[i] of x. Without perm the order is reversed.
func (b *Builder) Transpose(x *Node, perm ...int) *Node {
	if !b.ok("Transpose", x) || !b.floating("Transpose", x) {
		return nil
	}
	if len(perm) == 0 {
		for i := range x.shape {
			perm = append(perm, len(x.shape)-1-i)
		}
	}
	shape, back := make([]int, len(perm)), make([]int, len(perm))
	sorted := slices.Sorted(slices.Values(perm))
	for i, p := range sorted {
		if p != i || len(perm) != len(x.shape) {
			return b.fail(&ArgumentError{Op: "Transpose", Name: "perm", Got: fmt.Sprint(perm), Want: fmt.Sprintf("a permutation of the axes of %v", x.shape)})
		}
	}
	step := make([]int, len(perm))
	for i, p := range perm {
		shape[i], back[p], step[i] = x.shape[p], i, strides(x.shape)[p]
	}
	n := b.node("Transpose", shape, pick(b.dtype, permuteRun[float32](step), permuteRun[float64](step)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term { return []*term{whole(b.Transpose(g, back...))} }
	return n
}

func permuteRun[F kernel.Float](step []int) func(*Node) error {
	return func(n *Node) error {
		y, x := data[F](n), data[F](n.in[0])
		walk(n.shape, func(i int, index []int) { y[i] = x[dot(index, step)] })
		return nil
	}
}

// Slice returns elements from ≤ i < to of one axis. The axis stays, also when one element is left.
func (b *Builder) Slice(x *Node, axis, from, to int) *Node {
	if !b.ok("Slice", x) {
		return nil
	}
	axis, ok := b.axis("Slice", x, axis)
	if !ok {
		return nil
	}
	if from < 0 || to > x.shape[axis] || from >= to {
		return b.fail(&ArgumentError{Op: "Slice", Name: "range", Got: fmt.Sprintf("%d to %d", from, to), Want: fmt.Sprintf("a range in 0 to %d", x.shape[axis])})
	}
	shape := slices.Clone(x.shape)
	shape[axis] = to - from
	p := newPart(x.shape, axis, from, to)
	if x.integer {
		return b.newIndices("Slice", shape, sliceIndices(p), x)
	}
	n := b.node("Slice", shape, pick(b.dtype, sliceRun[float32](p), sliceRun[float64](p)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		return []*term{partial(pick(b.dtype, addPart[float32](p, g), addPart[float64](p, g)), g)}
	}
	return n
}

// part is the block of an array that a range of one axis covers: runs of length width, stride apart, from offset on.
type part struct{ runs, stride, offset, width int }

func newPart(shape []int, axis, from, to int) part {
	inner := size(shape[axis+1:])
	return part{runs: size(shape[:axis]), stride: shape[axis] * inner, offset: from * inner, width: (to - from) * inner}
}

// of returns run i of the block in an array.
func of[E any](p part, i int, array []E) []E {
	return array[i*p.stride+p.offset:][:p.width]
}

func sliceRun[F kernel.Float](p part) func(*Node) error {
	return func(n *Node) error {
		for i := range p.runs {
			copy(data[F](n)[i*p.width:], of(p, i, data[F](n.in[0])))
		}
		return nil
	}
}

func sliceIndices(p part) func(*Node) error {
	return func(n *Node) error {
		for i := range p.runs {
			copy(indices(n)[i*p.width:], of(p, i, indices(n.in[0])))
		}
		return nil
	}
}

// addPart adds a slice's gradient into its block of the operand's gradient.
func addPart[F kernel.Float](p part, g *Node) func(sum *Node, first bool) {
	return func(sum *Node, first bool) {
		s := data[F](sum)
		if first {
			clear(s)
		}
		for i := range p.runs {
			block := of(p, i, s)
			kernel.Add(block, block, data[F](g)[i*p.width:][:p.width])
		}
	}
}

// Split cuts an axis into parts of equal size. After an error, too, it returns as many nodes, all nil (up to a limit no
// network comes near), so that a caller may index them.
func (b *Builder) Split(x *Node, axis, parts int) []*Node {
	const limit = 1 << 20
	out := make([]*Node, max(0, min(parts, limit)))
	if !b.ok("Split", x) {
		return out
	}
	axis, ok := b.axis("Split", x, axis)
	if !ok {
		return out
	}
	if parts < 1 || parts > limit || x.shape[axis]%parts != 0 {
		b.fail(&ArgumentError{Op: "Split", Name: "parts", Got: fmt.Sprint(parts), Want: fmt.Sprintf("a divisor of %d", x.shape[axis])})
		return out
	}
	width := x.shape[axis] / parts
	for i := range out {
		out[i] = b.Slice(x, axis, i*width, (i+1)*width)
	}
	return out
}

// Concat joins operands along an axis; their other sizes must agree.
func (b *Builder) Concat(axis int, xs ...*Node) *Node { return b.concat("Concat", axis, xs) }

func (b *Builder) concat(op string, axis int, xs []*Node) *Node {
	if len(xs) == 0 {
		return b.fail(&ArgumentError{Op: op, Name: "operands", Got: "none", Want: "at least one"})
	}
	if !b.ok(op, xs...) || !b.floating(op, xs...) {
		return nil
	}
	axis, ok := b.axis(op, xs[0], axis)
	if !ok {
		return nil
	}
	shape := slices.Clone(xs[0].shape)
	shape[axis] = 0
	for _, x := range xs {
		other := slices.Clone(x.shape)
		if len(other) == len(shape) {
			shape[axis] += other[axis]
			other[axis] = shape[axis]
		}
		if !slices.Equal(other, shape) {
			return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v and %v on axis %d", xs[0].shape, x.shape, axis), Want: "shapes that agree on the other axes"})
		}
	}
	parts := make([]part, len(xs))
	at := 0
	for i, x := range xs {
		parts[i] = newPart(shape, axis, at, at+x.shape[axis])
		at += x.shape[axis]
	}
	n := b.node(op, shape, pick(b.dtype, concatRun[float32](parts), concatRun[float64](parts)), xs...)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		terms := make([]*term, len(n.in))
		for i, p := range parts {
			if n.wants(i) {
				run := pick(b.dtype, sliceRun[float32](p), sliceRun[float64](p))
				terms[i] = whole(b.node(op+" backward", n.in[i].shape, run, g))
			}
		}
		return terms
	}
	return n
}

func concatRun[F kernel.Float](parts []part) func(*Node) error {
	return func(n *Node) error {
		for k, p := range parts {
			x := data[F](n.in[k])
			for i := range p.runs {
				copy(of(p, i, data[F](n)), x[i*p.width:][:p.width])
			}
		}
		return nil
	}
}

// Stack joins operands of one shape along a new axis in front.
func (b *Builder) Stack(xs ...*Node) *Node {
	if len(xs) == 0 {
		return b.fail(&ArgumentError{Op: "Stack", Name: "operands", Got: "none", Want: "at least one"})
	}
	if !b.ok("Stack", xs...) || !b.floating("Stack", xs...) || !b.sameShape("Stack", xs[0], xs...) {
		return nil
	}
	rows := make([]*Node, len(xs))
	for i, x := range xs {
		rows[i] = b.Reshape(x, append([]int{1}, x.shape...)...)
	}
	return b.concat("Stack", 0, rows)
}
