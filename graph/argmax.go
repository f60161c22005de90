package graph

import "github.com/gobptt/bptt/internal/kernel"

// ArgMax returns where along an axis the maximum is, as indices; the axis is dropped. Of several that are the largest it
// is the first. NaN is larger than any number.
func (b *Builder) ArgMax(x *Node, axis int) *Node {
	r := b.reduction("ArgMax", x, []int{axis})
	if r == nil {
		return nil
	}
	k, _ := b.axis("ArgMax", x, axis)
	stride := strides(x.shape)[k]
	return b.newIndices("ArgMax", r.shape, pick(b.dtype, argMaxRun[float32], argMaxRun[float64])(r, stride, x.shape[k]), x)
}

// argMaxRun finds indices along an axis of the given stride and length.
func argMaxRun[F kernel.Float](r *reduction, stride, length int) func(*Node) error {
	return func(n *Node) error {
		at := indices(n)
		findMax(r, data[F](n.in[0]), at)
		for i, k := range at {
			at[i] = int32(int(k) / stride % length)
		}
		return nil
	}
}
