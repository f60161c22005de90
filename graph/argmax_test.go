package graph

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestArgMax compares with a search by index, over shapes and axes, in the presence of equals and NaN.
func TestArgMax(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{1}, {7}, {3, 4}, {1, 5}, {5, 1}, {2, 3, 4}, {2, 300, 3}, {3, 2, 260}} {
		for axis := range shape {
			for _, d := range []DType{Float32, Float64} {
				x := NewTensor(Float64, shape...)
				for i := range x.F64 {
					x.F64[i] = float64(rng.IntN(5)) // many equals
					if rng.IntN(40) == 0 {
						x.F64[i] = nan
					}
				}
				got := values(t, d, func(b *Builder, in []*Node) *Node { return b.ToFloats(b.ArgMax(in[0], axis-len(shape)*(axis%2))) }, x)
				rest := append(append([]int{}, shape[:axis]...), shape[axis+1:]...)
				if len(got) != size(rest) {
					t.Fatalf("%v, axis %d: %d elements", shape, axis, len(got))
				}
				for i := range got {
					index := unravel(i, rest)
					best, top := 0, math.Inf(-1)
					for k := range shape[axis] {
						at := append(append(append([]int{}, index[:axis]...), k), index[axis:]...)
						v := x.F64[ravel(at, shape)]
						if math.IsNaN(v) {
							best = k
							break
						}
						if v > top {
							best, top = k, v
						}
					}
					if got[i] != float64(best) {
						t.Errorf("%v, axis %d, element %d: got %v, want %d", shape, axis, i, got[i], best)
					}
				}
			}
		}
	}
}

// TestNoGradientOfIndices: none flows through indices; other ways have theirs, and so has a table that they are looked
// up in.
func TestNoGradientOfIndices(t *testing.T) {
	_, dx := valuesAndGradients(t, Float64, func(b *Builder, in []*Node) *Node {
		k := b.ArgMax(in[0], 1) // 1, 0, 1
		found := b.Add(b.Gather(in[1], k, -1), b.Reshape(b.ToFloats(k), 3, 1))
		return b.Add(found, b.Slice(in[0], 1, 0, 1))
	}, []float64{1, 10, 100}, mat(2, 0, 1, 3, 2, 4, 5), mat(1, 7, 8))
	agree(t, "the table's gradient", 0, dx[1], []float64{10, 101})
	agree(t, "the gradient past the indices", 0, dx[0], []float64{1, 0, 10, 0, 100, 0})
}

// TestConversions: indices and whole values are the same numbers; others are an error of the run.
func TestConversions(t *testing.T) {
	for _, d := range []DType{Float32, Float64} {
		b := NewBuilder(Window{T: 1, B: 1}, Options{DType: d})
		x := b.Floats("x", 3)
		b.Output("y", b.ToFloats(b.ToInts(x)))
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, good := range [][]float64{{0, 1, -1}, {1 << 24, -1 << 24, math.Copysign(0, -1)}, {-1 << 31, 1 << 30, 7}} {
			p.SetFloat64s("x", good)
			run(t, p, 1)
			agree(t, "values", 0, p.Output("y").Floats(), good)
		}
		for _, bad := range []float64{0.5, -1e-3, 1 << 31, -1<<31 - 1<<9, 1e30, nan, math.Inf(1), math.Inf(-1)} {
			p.SetFloat64s("x", []float64{0, bad, 0})
			var e *ArgumentError
			if err := p.Run(1); !errors.As(err, &e) || e.Op != "ToInts" || e.Name != "element 1" {
				t.Errorf("%v of %v: %v", d, bad, err)
			}
		}
	}
	b := NewBuilder(Window{T: 1, B: 1}, Options{DType: Float64})
	b.Output("y", b.ToFloats(b.Ints("k", 2)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.SetInts("k", []int32{math.MaxInt32, math.MinInt32})
	run(t, p, 1)
	agree(t, "extremes", 0, p.Output("y").Floats(), []float64{math.MaxInt32, math.MinInt32})
}
