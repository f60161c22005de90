package loss_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

func distance(x [][]float64, i, j int) float64 {
	sum := 0.0
	for k, v := range x[i] {
		sum += math.Pow(v-x[j][k], 2)
	}
	return math.Sqrt(sum)
}

// contrastive and triplet are the losses by their definitions, over the rows that take part.
func contrastive(x [][]float64, class []int32, margin float64) float64 {
	sum, pairs := 0.0, 0.0
	for i := range x {
		for j := range i {
			d := distance(x, i, j)
			if class[i] != class[j] {
				d = math.Max(0, margin-d)
			}
			sum, pairs = sum+d*d/2, pairs+1
		}
	}
	return sum / pairs
}

func triplet(x [][]float64, class []int32, margin float64) float64 {
	sum, anchors := 0.0, 0.0
	for a := range x {
		worst := math.Inf(-1) // of all triplets, the largest loss is that of the hardest
		for p := range x {
			for n := range x {
				if p != a && class[p] == class[a] && class[n] != class[a] {
					worst = math.Max(worst, distance(x, a, p)-distance(x, a, n)+margin)
				}
			}
		}
		if !math.IsInf(worst, -1) {
			sum, anchors = sum+math.Max(0, worst), anchors+1
		}
	}
	if anchors == 0 {
		return 0
	}
	return sum / anchors
}

// Losses of final states, against their definitions, with the gradient by finite differences of these; a sequence that the
// mask leaves out is in no pair.
func TestLossesOfDistances(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for name, c := range map[string]struct {
		loss coster
		want func(x [][]float64, class []int32) float64
	}{
		"contrastive":         {loss.Contrastive{}, func(x [][]float64, class []int32) float64 { return contrastive(x, class, 1) }},
		"contrastive, margin": {loss.Contrastive{Margin: 3}, func(x [][]float64, class []int32) float64 { return contrastive(x, class, 3) }},
		"triplet":             {loss.Triplet{}, func(x [][]float64, class []int32) float64 { return triplet(x, class, 1) }},
		"triplet, margin":     {loss.Triplet{Margin: 3}, func(x [][]float64, class []int32) float64 { return triplet(x, class, 3) }},
	} {
		for _, batch := range []int{2, 3, 7} {
			for _, masked := range []bool{false, true} {
				const width = 3
				out := graph.NewTensor(graph.Float64, batch, width)
				class, mask := make([]int32, batch), make([]float64, batch)
				for i := range out.F64 {
					out.F64[i] = rng.NormFloat64()
				}
				for i := range class {
					class[i], mask[i] = rng.Int32N(3)-1, 1
				}
				if masked {
					if batch == 2 {
						continue
					}
					mask[1] = 0
				}
				value := func() float64 {
					var x [][]float64
					var y []int32
					for i := range batch {
						if mask[i] != 0 {
							x, y = append(x, out.F64[i*width:][:width]), append(y, class[i])
						}
					}
					return c.want(x, y)
				}
				for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 1e-5} {
					r := newRig(t, d, 1, batch).ints(seqdata.Target, class)
					if masked {
						r.mask(mask...)
					}
					got, gradient := r.run(c.loss, out)
					if !near(got, value(), tolerance) {
						t.Errorf("%s of %d, %v: %v, want %v", name, batch, d, got, value())
					}
					differences := make([]float64, len(gradient))
					for k := range differences {
						const h = 1e-5
						v := out.F64[k]
						out.F64[k] = v + h
						high := value()
						out.F64[k] = v - h
						differences[k] = (high - value()) / (2 * h)
						out.F64[k] = v
					}
					compare(t, name, gradient, differences, math.Max(1e-6, tolerance))
				}
			}
		}
	}
}

// Equal representations have no direction; one alone has no pair; NaN isn't hidden.
func TestLossesOfDistancesAtTheEdge(t *testing.T) {
	for _, l := range []coster{loss.Contrastive{}, loss.Triplet{}} {
		same := &graph.Tensor{Shape: []int{3, 2}, F64: []float64{1, 2, 1, 2, 1, 2}}
		got, gradient := newRig(t, graph.Float64, 5, 3).ints(seqdata.Target, []int32{4, 4, 9}).run(l, same)
		want := map[bool]float64{true: 1. / 3, false: 1}[l == loss.Contrastive{}]
		if !near(got, want, 1e-12) {
			t.Errorf("%T of equal rows: %v, want %v", l, got, want)
		}
		for _, g := range gradient {
			if g != 0 {
				t.Errorf("%T of equal rows: gradient %v", l, gradient)
				break
			}
		}
		one := &graph.Tensor{Shape: []int{1, 2}, F64: []float64{1, 2}}
		r := newRig(t, graph.Float64, 5, 1).ints(seqdata.Target, []int32{4})
		if got, _ := r.run(l, one); got != 0 || r.weight() != 0 {
			t.Errorf("%T of one row: %v of weight %v", l, got, r.weight())
		}
		for i := range 3 {
			same.F64[0], same.F64[2], same.F64[4] = 1, 1, 1
			same.F64[2*i] = math.NaN()
			if got, _ := newRig(t, graph.Float64, 5, 3).ints(seqdata.Target, []int32{4, 4, 9}).run(l, same); !math.IsNaN(got) {
				t.Errorf("%T of a NaN in row %d: %v", l, i, got)
			}
		}
		for name, write := range map[string]func(b *graph.Builder) *graph.Node{
			"no target":     func(b *graph.Builder) *graph.Node { return b.Floats("x", 3, 4) },
			"no output":     func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 3); return nil },
			"other rows":    func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 3); return b.Floats("x", 4, 4) },
			"float targets": func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 3); return b.Floats("x", 3, 4) },
		} {
			b := graph.NewBuilder(graph.Window{T: 3, B: 2}, graph.Options{})
			if cost := l.Cost(b, write(b)); cost != nil || !typed(b.Err()) {
				t.Errorf("%T, %s: %v", l, name, b.Err())
			}
		}
	}
	for _, l := range []coster{loss.Contrastive{Margin: -1}, loss.Contrastive{Margin: math.NaN()}, loss.Triplet{Margin: -1}, loss.Triplet{Margin: math.Inf(1)}} {
		b := graph.NewBuilder(graph.Window{T: 3, B: 2}, graph.Options{})
		b.Ints(seqdata.Target, 2)
		if l.Cost(b, b.Floats("x", 2, 4)) != nil || !typed(b.Err()) {
			t.Errorf("%T%+v: %v", l, l, b.Err())
		}
	}
}
