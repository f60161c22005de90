package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSoftmaxOfEqualLargeNumbers: the logarithm of the sum, small beside the numbers, isn't lost.
func TestSoftmaxOfEqualLargeNumbers(t *testing.T) {
	for _, size := range []float64{1e8, 1e30, -1e30} {
		x := mat(3, size, size, size)
		for _, d := range []DType{Float64, Float32} {
			third, y := []float64{1. / 3, 1. / 3, 1. / 3}, []float64{-math.Log(3), -math.Log(3), -math.Log(3)}
			agree(t, "Softmax", 1e-7, values(t, d, func(b *Builder, in []*Node) *Node { return b.Softmax(in[0], 1) }, x), third)
			agree(t, "LogSoftmax", 1e-7, values(t, d, func(b *Builder, in []*Node) *Node { return b.LogSoftmax(in[0], 1) }, x), y)
			agree(t, "CrossEntropy", 1e-7, values(t, d, func(b *Builder, in []*Node) *Node { return b.CrossEntropy(in[0], b.Ints("k", 1)) }, x), []float64{math.Log(3)})
			_, dx := valuesAndGradients(t, d, func(b *Builder, in []*Node) *Node { return b.LogSumExp(in[0], 1) }, []float64{1}, x)
			agree(t, "LogSumExp, gradient", 1e-7, dx[0], third)
		}
	}
}

// TestCTCGradient is by finite differences, also of two uses and in float32; the loss itself is tested in train/loss.
func TestCTCGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	w := Window{T: 6, B: 3, Train: true}
	for _, o := range []CTCOptions{{}, {Blank: 3, Sum: true}} {
		expression := func(b *Builder, in []*Node) *Node {
			target := b.inputs["target"]
			if target == nil {
				target = b.Ints("target", 6)
				copy(indices(target), []int32{1, 2, 4, 1, 1, 2})
			}
			mask := NewTensor(Float64, 18)
			for i := range mask.F64 {
				mask.F64[i] = float64(i % 7)
			}
			return cost(b.CTC(in[0], target, b.Const(mask), nil, o))
		}
		if err := CheckGradients(w, nil, expression, randomTensor(rng, -2, 2, 18, 5)); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestLengthMask: as many ones as a sequence has steps, time-major; a length that can't be is an error.
func TestLengthMask(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 3}, Options{})
	b.Output("mask", b.LengthMask(b.Ints("lengths", 3), 2))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	set := func(lengths ...int32) error {
		if err := p.SetInts("lengths", lengths); err != nil {
			t.Fatal(err)
		}
		return p.Run(1)
	}
	if err := set(1, 0, 2); err != nil {
		t.Fatal(err)
	}
	agree(t, "mask", 0, p.Output("mask").Floats(), []float64{1, 0, 1, 0, 0, 1})
	for _, bad := range []int32{-1, 3, math.MinInt32, math.MaxInt32} {
		err := set(1, bad, 2)
		e, ok := errors.AsType[*IndexError](err)
		if !ok || *e != (IndexError{Op: "LengthMask", Position: 1, Index: int(bad), Limit: 3}) || !strings.Contains(err.Error(), "sequence 1") {
			t.Errorf("length %d: %v", bad, err)
		}
	}
}

func TestTargetWeights(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 4}, Options{})
	target := b.Ints("target", 4)
	b.Output("all", b.TargetWeights(target, nil, -100, 2))
	b.Output("weighted", b.TargetWeights(target, b.Const(vec(5, 6, 7, 8)), 2))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetInts("target", []int32{-100, 0, 2, 1}); err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	agree(t, "all", 0, p.Output("all").Floats(), []float64{0, 1, 0, 1})
	agree(t, "weighted", 0, p.Output("weighted").Floats(), []float64{5, 6, 0, 8})
}

// TestWeightedMean: elements of weight 0 aren't looked at, and nothing at all has the mean 0.
func TestWeightedMean(t *testing.T) {
	for _, c := range []struct {
		x, weight   []float64
		mean, total float64
		dx          []float64
	}{
		{x: []float64{1, 2, 6}, weight: []float64{1, 0, 3}, mean: 4.75, total: 4, dx: []float64{0.25, 0, 0.75}},
		{x: []float64{1, nan, inf}, weight: []float64{2, 0, 0}, mean: 1, total: 2, dx: []float64{1, 0, 0}},
		{x: []float64{1, nan, inf}, weight: []float64{0, 0, 0}, mean: 0, total: 0, dx: []float64{0, 0, 0}},
		{x: []float64{1, nan, 3}, weight: []float64{1, 1, 0}, mean: nan, total: 2, dx: []float64{0.5, 0.5, 0}},
		{x: []float64{1, 2, 3}, weight: []float64{1, nan, 0}, mean: nan, total: nan, dx: []float64{nan, nan, 0}},
		{x: []float64{1, 2, 6}, weight: nil, mean: 3, total: 3, dx: []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		for _, d := range []DType{Float64, Float32} {
			b := NewBuilder(Window{T: 3, B: 1, Train: true}, Options{DType: d})
			var weight *Node
			if c.weight != nil {
				weight = b.Const(vec(c.weight...))
			}
			mean, total := b.WeightedMean(b.Floats("x", 3), weight)
			b.SetTargetWeight(total)
			p, err := b.Compile(mean, Gradients{Inputs: []string{"x"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SetFloat64s("x", c.x); err != nil {
				t.Fatal(err)
			}
			run(t, p, 1)
			got, ok := p.TargetWeight()
			what := fmt.Sprint(c.x, c.weight, d)
			agree(t, what, 1e-7, []float64{p.Cost(), got}, []float64{c.mean, c.total})
			agree(t, what+", gradient", 1e-7, p.InputGradient("x").Floats(), c.dx)
			if !ok {
				t.Errorf("%s: the weight isn't known", what)
			}
		}
	}
	p := trainingProgram(t, 3, 1)
	if w, ok := p.TargetWeight(); ok || w != 0 {
		t.Errorf("a program whose loss tells no weight has %v", w)
	}
}

// TestLossesRepeat: a program may go back any number of times, with the gradient in the same ratio to the cost's weight.
func TestLossesRepeat(t *testing.T) {
	for _, c := range opCases {
		if !strings.Contains(c.name, "CrossEntropy") && !slices.Contains([]string{"NLL", "PointwiseLoss", "AdaptiveSoftmax", "Triplet"}, c.name) {
			continue
		}
		b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{DType: Float64})
		rng := rand.New(rand.NewPCG(1, 2))
		var in []*Node
		var tensors []*Tensor
		for i, shape := range c.shapes[0] {
			in = append(in, b.Floats(inputName(i), shape...))
			tensors = append(tensors, randomTensor(rng, c.low, c.high, shape...))
		}
		p, err := b.Compile(c.f(b, in), Gradients{Inputs: []string{inputName(0)}, Repeat: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range tensors {
			if err := p.SetFloat64s(inputName(i), x.F64); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Forward(1); err != nil {
			t.Fatal(err)
		}
		var first []float64
		for _, weight := range []float64{1, 3, 0, -2} {
			p.SetCostWeight(weight)
			if err := p.Backward(); err != nil {
				t.Fatal(err)
			}
			got := p.InputGradient(inputName(0)).Floats()
			if weight == 1 {
				first = slices.Clone(got)
			}
			for i := range got {
				got[i] -= weight * first[i]
			}
			agree(t, fmt.Sprint(c.name, " of weight ", weight), 1e-14, got, make([]float64, len(got)))
		}
	}
}

// TestSampledClasses: classes are drawn as often as the proposal says.
func TestSampledClasses(t *testing.T) {
	const samples = 40000
	for _, weights := range [][]float64{nil, {1, 2, 0.5, 4}, {1e-9, 1, 1e9, 1}} {
		b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{})
		q, err := newProposal(4, weights)
		if err != nil {
			t.Fatal(err)
		}
		ids := b.draw(b.Ints("target", 1), nil, samples, q)
		b.Output("y", b.Gather(b.Floats("w", 4, 1), ids, none))
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		run(t, p, 7)
		var count [4]float64
		for _, k := range indices(ids)[1:] {
			count[k]++
		}
		for k, c := range count {
			want := math.Exp(q.logs[k])
			if spread := 5 * math.Sqrt(want*(1-want)/samples); math.Abs(c/samples-want) > spread+1e-9 {
				t.Errorf("%v: class %d is %v of the samples, want %v", weights, k, c/samples, want)
			}
		}
	}
}

// TestLossesAllocateLittle: what a run of a loss allocates doesn't grow with the rows.
func TestLossesAllocateLittle(t *testing.T) {
	const rows = 4000
	b := NewBuilder(Window{T: rows / 4, B: 4, Train: true}, Options{Threads: 2})
	x, k := b.Floats("x", rows, 8), b.Ints("k", rows)
	weight := b.TargetWeights(k, nil, 7)
	all := []*Node{
		cost(b.WeightedCrossEntropy(x, k, weight, CrossEntropyOptions{Smoothing: 0.1})),
		cost(b.NLL(x, k, weight, nil)),
		cost(b.PointwiseLoss("square", x, b.Const(NewTensor(Float32, rows, 8)), weight, 1, squareLoss)),
		cost(b.CTC(x, b.Ints("labels", 8), nil, nil, CTCOptions{Blank: 1, ZeroInfinity: true})),
		cost(b.AdaptiveSoftmax(x, k, weight, b.Slice(x, 0, 0, 5), []*Node{b.Slice(x, 0, 3, 6), b.Slice(b.Slice(x, 1, 0, 3), 0, 9, 13)})),
	}
	total := all[0]
	for _, c := range all[1:] {
		total = b.Add(total, c)
	}
	p, err := b.Compile(total, Gradients{Inputs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	if n := testing.AllocsPerRun(5, func() { run(t, p, 1) }); n > 100 { // about 20, and the race detector's own
		t.Errorf("%v allocations a run of %d nodes", n, p.Nodes())
	}
}
