package graph

import "slices"

// plan gives every node without memory of its own a buffer. Nodes that are never alive together share one: a buffer is
// free again after the last node that reads its value, itself or through a view. It returns the bytes allocated.
//
// The order is that of execution. A node's buffer is chosen before its inputs' are freed, so no op writes over what it
// reads. With keep, what the backward pass reads of the forward pass stays to the end.
func plan(d DType, order []*Node, keep bool) int {
	last := make(map[*Node]int, len(order)) // the position after which a value's memory is free
	for i, n := range order {
		if r := n.root(); last[r] < i {
			last[r] = i
		}
		for _, in := range n.in {
			r := in.root()
			last[r] = max(last[r], i)
			if keep && n.backward && !r.backward {
				last[r] = len(order)
			}
		}
	}
	bytes, width := 0, 4
	if d == Float64 {
		width = 8
	}
	var free []any // sorted by length
	for i, n := range order {
		if n.base == nil && n.buf == nil {
			if k := fit(free, n.size()); k >= 0 && !n.pin {
				n.buf = slice(free[k], n.size())
				free = slices.Delete(free, k, k+1)
			} else {
				n.buf = d.make(n.size())
				bytes += width * n.size()
			}
		}
		if n.base != nil {
			n.buf = slice(n.root().buf, n.size())
		}
		for _, r := range append([]*Node{n}, n.in...) {
			r = r.root()
			if last[r] == i && !r.pin {
				last[r] = -1 // an input that comes twice is freed once
				free = insert(free, r.buf)
			}
		}
	}
	return bytes
}

// fit finds the smallest free buffer for n elements that isn't more than twice as large.
func fit(free []any, n int) int {
	k, _ := slices.BinarySearchFunc(free, n, func(buf any, n int) int { return capacity(buf) - n })
	if k < len(free) && capacity(free[k]) <= 2*n {
		return k
	}
	return -1
}

func insert(free []any, buf any) []any {
	k, _ := slices.BinarySearchFunc(free, capacity(buf), func(b any, n int) int { return capacity(b) - n })
	return slices.Insert(free, k, buf)
}

func capacity(buf any) int {
	if f, ok := buf.([]float64); ok {
		return cap(f)
	}
	return cap(buf.([]float32))
}

func slice(buf any, n int) any {
	switch f := buf.(type) {
	case []float64:
		return f[:n]
	case []int32:
		return f[:n]
	}
	return buf.([]float32)[:n]
}
