package layers_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

// holes is a mask of 4 steps by 5 sequences: whole, shorter, with a hole, beginning late, and without any step.
var holes = []float64{
	1, 1, 1, 0, 0,
	1, 1, 0, 0, 0,
	1, 0, 1, -0.5, 0,
	1, 0, 0, -1, 0,
}

const poolT, poolB, poolF = 4, 5, 3

// pooled are the pooling layers with the plain computation of each, over the valid steps of one sequence.
func pooled() map[string]struct {
	layer layers.Layer
	plain func(steps [][]float64) []float64
} {
	type c = struct {
		layer layers.Layer
		plain func(steps [][]float64) []float64
	}
	attention := layers.NewAttentionOverTime(poolF, 6, source())
	return map[string]c{
		"LastStep": {layers.LastStep{}, func(steps [][]float64) []float64 { return steps[len(steps)-1] }},
		"MeanOverTime": {layers.MeanOverTime{}, func(steps [][]float64) []float64 {
			y := make([]float64, poolF)
			for _, x := range steps {
				for k, v := range x {
					y[k] += v / float64(len(steps))
				}
			}
			return y
		}},
		"MaxOverTime": {layers.MaxOverTime{}, func(steps [][]float64) []float64 {
			y := slices.Clone(steps[0])
			for _, x := range steps {
				for k, v := range x {
					y[k] = math.Max(y[k], v)
				}
			}
			return y
		}},
		"AttentionOverTime": {attention, func(steps [][]float64) []float64 {
			y, total := make([]float64, poolF), 0.0
			for _, x := range steps {
				e := 0.0
				for u := range 6 {
					a := attention.Bias.Value.At(u)
					for k, v := range x {
						a += v * attention.Weight.Value.At(u*poolF+k)
					}
					e += attention.Query.Value.At(u) * math.Tanh(a)
				}
				total += math.Exp(e)
				for k, v := range x {
					y[k] += math.Exp(e) * v
				}
			}
			for k := range y {
				y[k] /= total
			}
			return y
		}},
	}
}

// pool runs a layer; the cost is Σ weight ⊙ y² as in program. mask may be nil.
func pool(t *testing.T, l layers.Layer, x, mask []float64) (y, dx, dParams []float64) {
	t.Helper()
	graph.SetDType(l.Params(), graph.Float64)
	b := graph.NewBuilder(graph.Window{T: poolT, B: poolB, Train: true}, graph.Options{DType: graph.Float64})
	if mask != nil {
		b.SetStepMask(b.Floats("mask", poolT*poolB))
	}
	node := l.Apply(b, b.Floats("x", poolT*poolB, poolF))
	b.Output("y", node)
	p, err := b.Compile(b.Sum(b.Square(node)), graph.Gradients{Inputs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFloat64s("x", x); err != nil {
		t.Fatal(err)
	}
	if mask != nil {
		if err := p.SetFloat64s("mask", mask); err != nil {
			t.Fatal(err)
		}
	}
	run(t, p)
	if y := p.Output("y"); !slices.Equal(y.Shape, []int{poolB, poolF}) {
		t.Errorf("shape %v", y.Shape)
	}
	if err := p.FirstNonFinite(); mask == nil && err != nil {
		t.Error(err)
	}
	return p.Output("y").Floats(), p.InputGradient("x").Floats(), gradients(l)
}

// TestPooling: values over the valid steps, zeros where there are none, and whatever stands elsewhere has no effect.
func TestPooling(t *testing.T) {
	for name, c := range pooled() {
		t.Run(name, func(t *testing.T) {
			for _, mask := range [][]float64{nil, holes} {
				x := random(1, poolT*poolB*poolF)
				y, dx, dParams := pool(t, c.layer, x, mask)
				var want []float64
				for s := range poolB {
					var steps [][]float64
					for i := s; i < poolT*poolB; i += poolB {
						if mask == nil || mask[i] != 0 {
							steps = append(steps, x[i*poolF:][:poolF])
						}
					}
					one := make([]float64, poolF)
					if len(steps) > 0 {
						one = c.plain(steps)
					}
					want = append(want, one...)
				}
				near(t, "values", 1e-12, y, want)

				if mask == nil {
					continue
				}
				junk := slices.Clone(x)
				for i, m := range mask {
					if m == 0 {
						copy(junk[i*poolF:], []float64{math.NaN(), math.Inf(1), 1e300})
					}
				}
				y2, dx2, dParams2 := pool(t, c.layer, junk, mask)
				near(t, "values with junk at masked steps", 0, y2, y)
				near(t, "gradients with junk at masked steps", 0, append(dx2, dParams2...), append(dx, dParams...))
				for i, m := range mask {
					if m == 0 && !slices.Equal(dx[i*poolF:][:poolF], make([]float64, poolF)) {
						t.Errorf("gradient at masked row %d", i)
					}
				}
			}
		})
	}
}

func TestPoolingGradients(t *testing.T) {
	w := graph.Window{T: poolT, B: poolB, Train: true}
	for name, c := range pooled() {
		for _, masked := range []bool{false, true} {
			err := graph.CheckGradients(w, c.layer.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
				if masked {
					b.SetStepMask(b.Const(&graph.Tensor{Shape: []int{poolT * poolB}, F64: holes}))
				}
				return c.layer.Apply(b, in[0])
			}, &graph.Tensor{Shape: []int{poolT * poolB, poolF}, F64: random(2, poolT*poolB*poolF)})
			if err != nil {
				t.Errorf("%s, masked %v: %v", name, masked, err)
			}
		}
	}
}
