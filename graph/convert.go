package graph

import (
	"fmt"

	"github.com/gobptt/bptt/internal/kernel"
)

// ToFloats returns indices as floating-point values, in float32 exactly up to 2²⁴.
func (b *Builder) ToFloats(k *Node) *Node {
	if !b.ok("ToFloats", k) {
		return nil
	}
	if !k.integer {
		return b.fail(&ArgumentError{Op: "ToFloats", Name: "operand", Got: "floating-point values (" + k.op + ")", Want: "indices"})
	}
	return b.node("ToFloats", k.shape, pick(b.dtype, toFloats[float32], toFloats[float64]), k)
}

func toFloats[F kernel.Float](n *Node) error {
	y := data[F](n)
	for i, k := range indices(n.in[0]) {
		y[i] = F(k)
	}
	return nil
}

// ToInts returns values as indices. A value that isn't a whole number of 32 bits is an error of the run. There is no
// gradient.
func (b *Builder) ToInts(x *Node) *Node {
	if !b.ok("ToInts", x) || !b.floating("ToInts", x) {
		return nil
	}
	return b.newIndices("ToInts", x.shape, pick(b.dtype, toInts[float32], toInts[float64]), x)
}

func toInts[F kernel.Float](n *Node) error {
	k := indices(n)
	for i, v := range data[F](n.in[0]) {
		if !(v >= -1<<31 && v < 1<<31) || v != F(int32(v)) {
			return &ArgumentError{Op: n.op, Name: fmt.Sprint("element ", i), Got: fmt.Sprint(v), Want: "a whole number of 32 bits"}
		}
		k[i] = int32(v)
	}
	return nil
}
