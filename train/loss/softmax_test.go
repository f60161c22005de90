package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

var (
	_ layers.Layer = (*loss.AdaptiveSoftmax)(nil)
	_ layers.Layer = (*loss.SampledSoftmax)(nil)
)

// moment is Σ i·vᵢ, a number that tells one array from others.
func moment(v []float64) float64 {
	sum := 0.0
	for i, x := range v {
		sum += float64(i) * x
	}
	return sum
}

// The numbers are those of PyTorch's AdaptiveLogSoftmaxWithLoss(16, 12, [3, 7]) with weights sin(0.7·i + k) in its k-th
// parameter, on the input cos(0.3·i).
func TestAdaptiveSoftmaxAsPyTorch(t *testing.T) {
	l := loss.NewAdaptiveSoftmax(16, 12, []int{3, 7}, rand.New(rand.NewPCG(1, 2)))
	graph.SetDType(l.Params(), graph.Float64)
	names := ""
	for k, p := range l.Params() {
		names += fmt.Sprint(p.Name, p.Shape())
		for i := range p.Value.F64 {
			p.Value.F64[i] = math.Sin(0.7*float64(i) + float64(k))
		}
	}
	if want := "head.weight[5 16]tail.0.0.weight[4 16]tail.0.1.weight[4 4]tail.1.0.weight[1 16]tail.1.1.weight[5 1]"; names != want {
		t.Fatalf("parameters %s, want %s", names, want)
	}
	x := graph.NewTensor(graph.Float64, 5, 16)
	for i := range x.F64 {
		x.F64[i] = math.Cos(0.3 * float64(i))
	}
	r := newRig(t, graph.Float64, 5, 1).ints(seqdata.Target, []int32{1, 5, 11, 3, 7})
	got, gradient := r.run(layered{l}, x)
	compare(t, "loss", []float64{got}, []float64{3.25449018520373}, 1e-13)
	moments := []float64{moment(gradient)}
	for _, p := range l.Params() {
		moments = append(moments, moment(p.Grad.F64))
	}
	compare(t, "gradients", moments, []float64{6.07693251802, 6.03263196267, -43.4143121258, 0.978940437095, -8.89782910225, -0.523383922226}, 1e-11)

	// Without a target the layer gives the logarithms of all probabilities.
	b := graph.NewBuilder(graph.Window{T: 5, B: 1}, graph.Options{DType: graph.Float64})
	b.Output("y", l.Apply(b, b.Floats("x", 5, 16)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFloat64s("x", x.F64); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(0); err != nil {
		t.Fatal(err)
	}
	compare(t, "log probabilities", p.Output("y").F64[2*12:3*12], []float64{-2.76516160813, -1.67605050332, -0.777431014887, -5.76508580476,
		-1.90023173496, -5.3324106413, -2.72951342564, -4.72459205509, -4.9468798804, -4.73918626955, -4.19919277302, -3.58086676985}, 1e-11)
}

// More rows than a block of scores holds give the same as one by one, and no row in a cluster no gradient to it.
func TestAdaptiveSoftmaxInBlocks(t *testing.T) {
	const rows, classes, in = 70, 70000, 4 // a block of the cluster has 64 rows
	rng := rand.New(rand.NewPCG(1, 2))
	l := loss.NewAdaptiveSoftmax(in, classes, []int{10, 20}, rng)
	x, target := graph.NewTensor(graph.Float64, rows, in), make([]int32, rows)
	for i := range x.F64 {
		x.F64[i] = float64(float32(rng.NormFloat64()))
	}
	for i := range target {
		target[i] = 20 + rng.Int32N(classes-20)
	}
	whole, gradient := newRig(t, graph.Float32, rows, 1).ints(seqdata.Target, target).run(layered{l}, x)
	weights := l.Tails[1][1].Grad.Floats()
	if g := l.Tails[0][1].Grad.Floats(); slices.Max(g) != 0 || slices.Min(g) != 0 {
		t.Errorf("a cluster without targets has a gradient")
	}
	sum, summed := 0.0, make([]float64, len(weights))
	var dx []float64
	for from := 0; from < rows; from += 35 {
		part := &graph.Tensor{Shape: []int{35, in}, F64: x.F64[from*in:][:35*in]}
		v, g := newRig(t, graph.Float32, 35, 1).ints(seqdata.Target, target[from:][:35]).run(layered{l}, part)
		sum += v / 2
		for i, v := range l.Tails[1][1].Grad.Floats() {
			summed[i] += v / 2
		}
		for _, v := range g {
			dx = append(dx, v/2)
		}
	}
	compare(t, "loss", []float64{whole}, []float64{sum}, 1e-6)
	compare(t, "gradient of the input", gradient, dx, 1e-5)
	compare(t, "gradient of the weight", weights, summed, 1e-5)
}

// With many samples the cost and its gradient come near the whole softmax's, whatever the proposal; in evaluation it is
// that.
func TestSampledSoftmaxConverges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rows, in, classes = 6, 4, 9
	x, target := graph.NewTensor(graph.Float64, rows, in), []int32{0, 3, 8, 3, 1, 5}
	for i := range x.F64 {
		x.F64[i] = rng.NormFloat64()
	}
	for _, frequencies := range [][]float64{nil, {9, 8, 7, 6, 5, 4, 3, 2, 1}, {1, 1, 1, 1, 50, 1, 1, 1, 1}} {
		l := loss.NewSampledSoftmax(in, classes, 20000, rng)
		l.Frequencies = frequencies
		graph.SetDType(l.Params(), graph.Float64)
		got, gradient := newRig(t, graph.Float64, rows, 1).ints(seqdata.Target, target).run(layered{l}, x)

		full := layers.Linear{Weight: l.Weight, Bias: l.Bias}
		whole := costFunc(func(b *graph.Builder, output *graph.Node) *graph.Node {
			return loss.CrossEntropy{}.Cost(b, full.Apply(b, output))
		})
		grad := l.Weight.Grad.Floats()
		want, wantGradient := newRig(t, graph.Float64, rows, 1).ints(seqdata.Target, target).run(whole, x)
		compare(t, "cost", []float64{got}, []float64{want}, 0.02)
		compare(t, "gradient", gradient, wantGradient, 0.05)
		compare(t, "gradient of the weight", grad, l.Weight.Grad.Floats(), 0.05)

		b := graph.NewBuilder(graph.Window{T: rows, B: 1}, graph.Options{DType: graph.Float64})
		b.Ints(seqdata.Target, rows)
		p, err := b.Forward(l.Cost(b, l.Apply(b, b.Floats("x", rows, in))))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetFloat64s("x", x.F64); err != nil {
			t.Fatal(err)
		}
		if err := p.SetInts(seqdata.Target, target); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(0); err != nil {
			t.Fatal(err)
		}
		if p.Cost() != want {
			t.Errorf("in evaluation %v, want %v", p.Cost(), want)
		}
	}
}

type costFunc func(b *graph.Builder, output *graph.Node) *graph.Node

func (f costFunc) Cost(b *graph.Builder, output *graph.Node) *graph.Node { return f(b, output) }

// Each run draws anew, and the same seed the same; a search for the first NaN finds none.
func TestSampledSoftmaxDraws(t *testing.T) {
	l := loss.NewSampledSoftmax(4, 1000, 10, rand.New(rand.NewPCG(1, 2)))
	r := newRig(t, graph.Float32, 2, 1).ints(seqdata.Target, []int32{7, 999})
	x := &graph.Tensor{Shape: []int{2, 4}, F64: []float64{1, 2, 3, 4, 5, 6, 7, 8}}
	first, _ := r.run(layered{l}, x)
	var seen []float64
	for _, seed := range []uint64{1, 2, 3, 2} {
		if err := r.program.Run(seed); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, r.program.Cost())
	}
	if seen[0] != first || seen[1] != seen[3] || seen[0] == seen[1] || seen[1] == seen[2] {
		t.Errorf("costs by seeds 1, 1, 2, 3, 2: %v, %v", first, seen)
	}
	few := loss.NewSampledSoftmax(4, 2, 10, rand.New(rand.NewPCG(1, 2))) // most of what is drawn is the target
	r = newRig(t, graph.Float32, 2, 1).ints(seqdata.Target, []int32{0, 1})
	if got, _ := r.run(layered{few}, x); !(got > 0) {
		t.Errorf("cost %v", got)
	}
	if err := r.program.FirstNonFinite(); err != nil {
		t.Error(err)
	}
}

// A layer that isn't in the model would never be trained.
func TestSoftmaxLayersMisuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	bad := loss.NewSampledSoftmax(4, 3, 5, rng)
	bad.Frequencies = []float64{1, 2}
	zero := loss.NewSampledSoftmax(4, 3, 5, rng)
	zero.Frequencies = []float64{1, 0, 2}
	for name, l := range map[string]coster{
		"sampled, not in the model":  loss.NewSampledSoftmax(4, 3, 5, rng),
		"adaptive, not in the model": loss.NewAdaptiveSoftmax(4, 9, []int{3}, rng),
		"no samples":                 layered{loss.NewSampledSoftmax(4, 3, 0, rng)},
		"too many samples":           layered{loss.NewSampledSoftmax(4, 3, math.MaxInt, rng)},
		"frequencies of others":      layered{bad},
		"a class that is not drawn":  layered{zero},
		"other width":                layered{loss.NewSampledSoftmax(5, 3, 5, rng)},
		"no classes":                 layered{loss.NewSampledSoftmax(4, 0, 5, rng)},
		"cutoffs that fall":          layered{loss.NewAdaptiveSoftmax(4, 9, []int{5, 3}, rng)},
		"cutoff at the end":          layered{loss.NewAdaptiveSoftmax(4, 9, []int{9}, rng)},
		"cutoff at 0":                layered{loss.NewAdaptiveSoftmax(4, 9, []int{0, 3}, rng)},
		"a negative cutoff":          layered{loss.NewAdaptiveSoftmax(4, 9, []int{-5}, rng)},
		"adaptive, other width":      layered{loss.NewAdaptiveSoftmax(5, 9, []int{3}, rng)},
		"adaptive, no width":         layered{loss.NewAdaptiveSoftmax(0, 9, []int{3}, rng)},
	} {
		b := graph.NewBuilder(graph.Window{T: 2, B: 1, Train: true}, graph.Options{})
		b.Ints(seqdata.Target, 2)
		if l.Cost(b, b.Floats("x", 2, 4)) != nil || !typed(b.Err()) {
			t.Errorf("%s: %v", name, b.Err())
		}
	}
	if l := loss.NewAdaptiveSoftmax(4, 9, nil, rng); len(l.Params()) != 1 {
		t.Error("without cutoffs there is a head only")
	}
}
