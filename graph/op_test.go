package graph

import (
	"math"
	"math/rand/v2"
	"testing"
)

// in1 and in2 fill tensors with numbers away from the kinks at 0, ±0.5 and ±1 that some ops have.
func randomTensor(rng *rand.Rand, low, high float64, shape ...int) *Tensor {
	t := NewTensor(Float64, shape...)
	for i := range t.F64 {
		v := low + (high-low)*rng.Float64()
		for math.Abs(math.Mod(math.Abs(v), 0.5)) < 1e-3 {
			v += 2e-3
		}
		t.F64[i] = v
	}
	return t
}

type shapes [][]int

// opCases has every differentiable op over every kind of shape that it takes: small ones, sizes past 256, axes of
// size 1 and broadcasts.
var opCases = []struct {
	name      string
	low, high float64
	shapes    []shapes
	f         func(b *Builder, in []*Node) *Node
}{
	{"Neg", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Neg(in[0]) }},
	{"Exp", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Exp(in[0]) }},
	{"Log", 0.5, 3, small, func(b *Builder, in []*Node) *Node { return b.Log(in[0]) }},
	{"Sqrt", 0.5, 3, small, func(b *Builder, in []*Node) *Node { return b.Sqrt(in[0]) }},
	{"Square", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Square(in[0]) }},
	{"Abs", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Abs(in[0]) }},
	{"Sin", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Sin(in[0]) }},
	{"Cos", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Cos(in[0]) }},
	{"Sigmoid", -4, 4, small, func(b *Builder, in []*Node) *Node { return b.Sigmoid(in[0]) }},
	{"Tanh", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Tanh(in[0]) }},
	{"ReLU", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.ReLU(in[0]) }},
	{"LeakyReLU", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.LeakyReLU(in[0], 0.1) }},
	{"ELU", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.ELU(in[0], 0.7) }},
	{"GELU", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.GELU(in[0]) }},
	{"Softplus", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Softplus(in[0]) }},
	{"Pow", 0.5, 3, small, func(b *Builder, in []*Node) *Node { return b.Pow(in[0], 1.7) }},
	{"AddScalar", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.AddScalar(in[0], 3) }},
	{"Scale", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Scale(in[0], -3) }},
	{"Clamp", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Clamp(in[0], -0.5, 1) }},
	{"Floor", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Sub(b.Square(in[0]), b.Floor(in[0])) }},

	{"Add", -2, 2, pairs, func(b *Builder, in []*Node) *Node { return b.Add(in[0], in[1]) }},
	{"Sub", -2, 2, pairs, func(b *Builder, in []*Node) *Node { return b.Sub(in[0], in[1]) }},
	{"Mul", -2, 2, pairs, func(b *Builder, in []*Node) *Node { return b.Mul(in[0], in[1]) }},
	{"Div", 0.5, 2, pairs, func(b *Builder, in []*Node) *Node { return b.Div(in[0], in[1]) }},
	{"square as Mul(x, x)", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Mul(in[0], in[0]) }},
	{"Dropout", -2, 2, small, func(b *Builder, in []*Node) *Node {
		mask := NewTensor(Float64, in[0].Shape()...)
		for i := range mask.F64 {
			mask.F64[i] = float64(i%3) * 0.75
		}
		return b.Dropout(in[0], b.Const(mask))
	}},

	{"MatMul", -1, 1, []shapes{{{3, 4}, {4, 5}}, {{1, 1}, {1, 1}}, {{2, 300}, {300, 3}}, {{3, 2}, {2, 270}}, {{5, 3, 4}, {5, 4, 2}}},
		func(b *Builder, in []*Node) *Node { return b.MatMul(in[0], in[1]) }},
	{"MatMulTransB", -1, 1, []shapes{{{3, 4}, {5, 4}}, {{2, 3}, {260, 3}}, {{5, 3, 4}, {5, 2, 4}}},
		func(b *Builder, in []*Node) *Node { return b.MatMulTransB(in[0], in[1]) }},
	{"MatMulTransA", -1, 1, []shapes{{{4, 3}, {4, 5}}, {{270, 2}, {270, 3}}, {{5, 4, 3}, {5, 4, 2}}},
		func(b *Builder, in []*Node) *Node { return b.MatMulTransA(in[0], in[1]) }},
	{"product of both transposed", -1, 1, []shapes{{{4, 3}, {5, 4}}, {{2, 4, 3}, {2, 5, 4}}},
		func(b *Builder, in []*Node) *Node { return b.product("MatMul", in[0], in[1], true, true) }},
	{"one weight, many products", -1, 1, []shapes{{{6, 4}, {4, 4}}}, func(b *Builder, in []*Node) *Node {
		h := b.Slice(in[0], 0, 0, 2)
		for t := 1; t < 3; t++ {
			h = b.Tanh(b.Add(b.MatMul(h, in[1]), b.Slice(in[0], 0, 2*t, 2*t+2)))
		}
		return h
	}},
	{"Linear", -1, 1, []shapes{{{3, 4}, {5, 4}, {5}}, {{1, 1}, {1, 1}, {1}}, {{2, 3}, {300, 3}, {300}}},
		func(b *Builder, in []*Node) *Node { return b.Linear(in[0], in[1], in[2]) }},
	{"Linear of a lookup", -1, 1, []shapes{{{3, 4}, {5, 4}, {5}}}, func(b *Builder, in []*Node) *Node {
		return b.Linear(b.Gather(in[0], fixedIndices(b, 7, 3), -1), in[1], in[2])
	}},
	{"Linear without bias", -1, 1, []shapes{{{3, 4}, {5, 4}}}, func(b *Builder, in []*Node) *Node { return b.Linear(in[0], in[1], nil) }},

	{"Sum", -1, 1, small, func(b *Builder, in []*Node) *Node { return b.Sum(in[0]) }},
	{"Sum of an axis", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Sum(in[0], 1) }},
	{"Sum of two axes", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Sum(in[0], 0, -1) }},
	{"Mean", -1, 1, small, func(b *Builder, in []*Node) *Node { return b.Mean(in[0]) }},
	{"Mean of an axis", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Mean(in[0], -1) }},
	{"Max", -1, 1, small, func(b *Builder, in []*Node) *Node { return b.Max(in[0]) }},
	{"Max of an axis", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Max(in[0], 1) }},

	{"Reshape", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Square(b.Reshape(in[0], -1)) }},
	{"Reshape and its operand", -1, 1, cubes, func(b *Builder, in []*Node) *Node {
		y := b.Square(in[0])
		return b.Add(b.Reshape(y, -1), b.Reshape(b.Exp(y), -1))
	}},
	{"Transpose", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Transpose(in[0], 2, 0, 1) }},
	{"Transpose reversed", -1, 1, small, func(b *Builder, in []*Node) *Node { return b.Transpose(in[0]) }},
	{"Slice", -1, 1, cubes, func(b *Builder, in []*Node) *Node { return b.Slice(in[0], -1, in[0].Dim(-1)-1, in[0].Dim(-1)) }},
	{"Split", -1, 1, []shapes{{{3, 4}}, {{2, 1024}}, {{2, 4, 3}}}, func(b *Builder, in []*Node) *Node {
		p := b.Split(in[0], 1, 4)
		if p == nil {
			return nil
		}
		return b.Add(b.Mul(p[0], p[1]), b.Mul(p[2], p[3]))
	}},
	{"Concat", -1, 1, []shapes{{{2, 3}, {2, 1}}, {{2, 300}, {2, 200}}}, func(b *Builder, in []*Node) *Node { return b.Concat(1, in[0], in[1], in[0]) }},
	{"Concat of rows", -1, 1, []shapes{{{2, 3}, {1, 3}}}, func(b *Builder, in []*Node) *Node { return b.Concat(0, in[0], in[1]) }},
	{"Stack", -1, 1, []shapes{{{2, 3}, {2, 3}}}, func(b *Builder, in []*Node) *Node { return b.Stack(in[0], in[1], in[0]) }},
	{"Where", -1, 1, []shapes{{{4, 3}, {4, 3}}, {{2, 300}, {2, 300}}}, func(b *Builder, in []*Node) *Node {
		return b.Where(b.StopGradient(b.ReLU(b.AddScalar(b.Exp(in[0]), -1))), in[0], in[1])
	}},
	{"Mask", -1, 1, small, func(b *Builder, in []*Node) *Node { return b.Mask(in[0], b.StopGradient(b.ReLU(in[0]))) }},
	{"Softmax", -2, 2, cubes, func(b *Builder, in []*Node) *Node { return b.Softmax(in[0], 1) }},
	{"Softmax of the last axis", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.Softmax(in[0], -1) }},
	{"LogSoftmax", -2, 2, cubes, func(b *Builder, in []*Node) *Node { return b.LogSoftmax(in[0], 1) }},
	{"LogSumExp", -2, 2, cubes, func(b *Builder, in []*Node) *Node { return b.LogSumExp(in[0], 1) }},
	{"MaskedSoftmax", -2, 2, small, func(b *Builder, in []*Node) *Node { return b.MaskedSoftmax(in[0], nil) }},
	{"MaskedSoftmax of some", -2, 2, cubes, func(b *Builder, in []*Node) *Node {
		mask := NewTensor(Float64, in[0].Dim(1), in[0].Dim(2)) // some rows are masked whole
		for i := range mask.F64 {
			mask.F64[i] = float64(i % 3 * (i / in[0].Dim(2) % 2))
		}
		return b.MaskedSoftmax(in[0], b.Const(mask))
	}},
	{"MaskedSoftmax of whole rows", -2, 2, []shapes{{{3, 4}}, {{2, 5, 300}}}, func(b *Builder, in []*Node) *Node {
		mask := NewTensor(Float64, in[0].Dim(-2), 1)
		mask.F64[1] = 1
		return b.MaskedSoftmax(in[0], b.Const(mask))
	}},
	{"MaskedSoftmax by a mask that depends on the input", -2, 2, small, func(b *Builder, in []*Node) *Node {
		return b.MaskedSoftmax(in[0], b.Exp(in[0]))
	}},
	// The window's B is 1 here; layers/attention has more sequences.
	{"AttentionScores", -1, 1, []shapes{{{3, 4}, {5, 4}}, {{1, 2}, {1, 2}}, {{2, 300}, {3, 300}}, {{2, 6}, {270, 6}}},
		func(b *Builder, in []*Node) *Node { return b.AttentionScores(in[0], in[1], 2, 0.7) }},
	{"AttentionScores of a sequence with itself", -1, 1, []shapes{{{3, 4}}},
		func(b *Builder, in []*Node) *Node { return b.AttentionScores(in[0], in[0], 1, 1) }},
	{"AttentionContext", -1, 1, []shapes{{{1, 2, 3, 5}, {5, 4}}, {{1, 1, 1, 1}, {1, 1}}, {{1, 1, 2, 300}, {300, 3}}},
		func(b *Builder, in []*Node) *Node { return b.AttentionContext(in[0], in[1]) }},
	{"AdditiveScores", -1, 1, []shapes{{{3, 4}, {5, 4}, {4}}, {{1, 1}, {1, 1}, {1}}, {{2, 300}, {3, 300}, {300}}},
		func(b *Builder, in []*Node) *Node { return b.AdditiveScores(in[0], in[1], in[2]) }},
	{"LayerNorm", -2, 2, []shapes{{{3, 4}, {4}, {4}}, {{2, 300}, {300}, {300}}, {{2, 3, 5}, {5}, {5}}},
		func(b *Builder, in []*Node) *Node { return b.LayerNorm(in[0], in[1], in[2], 1e-5) }},
	{"Gather", -1, 1, []shapes{{{5, 3}}, {{300, 2}}}, func(b *Builder, in []*Node) *Node { return b.Gather(in[0], fixedIndices(b, 7, 5), -1) }},
	{"CrossEntropy", -2, 2, []shapes{{{4, 5}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		return b.CrossEntropy(in[0], fixedIndices(b, in[0].Dim(0), 5))
	}},
	{"CRF", -2, 2, []shapes{{{1, 3}, {3, 3}, {3}, {3}}}, func(b *Builder, in []*Node) *Node { // crf_test.go has more steps
		return b.CRF(in[0], in[1], in[2], in[3], fixedIndices(b, 1, 3), nil)
	}},
	{"CRF by a mask that depends on an input", -2, 2, []shapes{{{1, 3}, {3, 3}, {3}, {3}}}, func(b *Builder, in []*Node) *Node {
		return b.CRF(in[0], in[1], in[2], in[3], fixedIndices(b, 1, 3), b.Slice(b.Exp(in[2]), 0, 0, 1))
	}},
	{"WeightedCrossEntropy", -2, 2, []shapes{{{4, 5}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.WeightedCrossEntropy(in[0], fixedIndices(b, in[0].Dim(0), 5), fixedWeights(b, in[0].Dim(0)), CrossEntropyOptions{}))
	}},
	{"smoothed CrossEntropy", -2, 2, []shapes{{{4, 5}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		o := CrossEntropyOptions{Smoothing: 0.2, ClassWeights: make([]float64, in[0].Dim(1))}
		for i := range o.ClassWeights {
			o.ClassWeights[i] = float64(i % 4)
		}
		return cost(b.WeightedCrossEntropy(in[0], fixedIndices(b, in[0].Dim(0), 5), nil, o))
	}},
	{"focused CrossEntropy", -2, 2, []shapes{{{4, 5}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.WeightedCrossEntropy(in[0], fixedIndices(b, in[0].Dim(0), 5), nil, CrossEntropyOptions{Focus: 1.5}))
	}},
	{"NLL", -2, 2, []shapes{{{4, 5}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.NLL(in[0], fixedIndices(b, in[0].Dim(0), 5), fixedWeights(b, in[0].Dim(0)), nil))
	}},
	{"WeightedMean", -2, 2, []shapes{{{4}}, {{300}}, {{1}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.WeightedMean(in[0], fixedWeights(b, in[0].Dim(0))))
	}},
	{"PointwiseLoss", -2, 2, []shapes{{{4, 6}}, {{3, 300}}}, func(b *Builder, in []*Node) *Node {
		target := b.Const(NewTensor(Float64, in[0].Dim(0), in[0].Dim(1)/2))
		return cost(b.PointwiseLoss("product", in[0], target, fixedWeights(b, in[0].Dim(0)), 2, func(j int, x []float64, y float64, slope []float64) float64 {
			slope[0], slope[1] = x[1]+float64(j), x[0]
			return x[0]*x[1] + float64(j)*x[0] - y
		}))
	}},
	{"Contrastive", -2, 2, []shapes{{{4, 5}}, {{6, 300}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.Contrastive(in[0], fixedIndices(b, in[0].Dim(0), 3), fixedWeights(b, in[0].Dim(0)), 3))
	}},
	{"Triplet", -2, 2, []shapes{{{4, 5}}, {{6, 300}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.Triplet(in[0], fixedIndices(b, in[0].Dim(0), 3), fixedWeights(b, in[0].Dim(0)), 3))
	}},
	{"AdaptiveSoftmax", -1, 1, []shapes{{{5, 4}, {4, 4}, {3, 4}, {300, 3}, {2, 4}, {4, 2}}, {{3, 4}, {6, 4}}}, func(b *Builder, in []*Node) *Node {
		return cost(b.AdaptiveSoftmax(in[0], fixedIndices(b, in[0].Dim(0), 5), fixedWeights(b, in[0].Dim(0)), in[1], in[2:]))
	}},
}

var (
	small = []shapes{{{3, 4}}, {{1}}, {{1, 1}}, {{300}}, {{2, 260}}}
	cubes = []shapes{{{2, 3, 4}}, {{1, 1, 1}}, {{2, 1, 3}}, {{2, 270, 2}}, {{3, 2, 300}}}
	pairs = []shapes{{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{4}, {3, 4}}, {{3, 1}, {1, 4}}, {{1}, {2, 3}}, {{2, 1, 3}, {4, 1}}, {{300, 2}, {2}}, {{2, 300}, {2, 1}}}
)

// fixedIndices are n indices below limit, some of them repeated.
func fixedIndices(b *Builder, n, limit int) *Node {
	name := "index"
	if b.inputs[name] != nil {
		return b.inputs[name]
	}
	x := b.Ints(name, n)
	for i := range n {
		indices(x)[i] = int32(i * i % limit)
	}
	return x
}

// fixedWeights are n weights, some of them 0.
func fixedWeights(b *Builder, n int) *Node {
	w := NewTensor(Float64, n)
	for i := range w.F64 {
		w.F64[i] = float64((i+1)%3) / 2
	}
	return b.Const(w)
}

// cost is the first result of a loss.
func cost(cost, _ *Node) *Node { return cost }

func TestGradients(t *testing.T) {
	for _, c := range opCases {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range c.shapes {
				rng := rand.New(rand.NewPCG(1, 2))
				var in []*Tensor
				for _, shape := range s {
					in = append(in, randomTensor(rng, c.low, c.high, shape...))
				}
				if err := CheckGradients(Window{T: 1, B: 1, Train: true}, nil, c.f, in...); err != nil {
					t.Errorf("%v: %v", s, err)
				}
			}
		})
	}
}

// TestBackwardAdd: for every op, a second backward pass that adds makes the parameters' gradients twice what they were;
// also where two parameters have one gradient.
func TestBackwardAdd(t *testing.T) {
	check := func(t *testing.T, low, high float64, f func(b *Builder, in []*Node) *Node, s shapes, twin bool) {
		t.Helper()
		rng := rand.New(rand.NewPCG(1, 2))
		b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{DType: Float64})
		var params []*Param
		param := func(values *Tensor) *Node {
			p := NewParam(Zeros, nil, values.Shape...)
			p.SetDType(Float64)
			if err := p.Value.Copy(values); err != nil {
				t.Fatal(err)
			}
			params = append(params, p)
			return b.Param(p)
		}
		var in []*Node
		for _, shape := range s {
			in = append(in, param(randomTensor(rng, low, high, shape...)))
		}
		if twin {
			in[0] = b.Add(in[0], param(NewTensor(Float64, s[0]...)))
		}
		p, err := b.Compile(b.Sum(b.Square(f(b, in))), Gradients{Repeat: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(1); err != nil {
			t.Fatal(err)
		}
		var once [][]float64
		for _, q := range params {
			once = append(once, q.Grad.Floats())
		}
		if err := p.BackwardAdd(); err != nil {
			t.Fatal(err)
		}
		for i, q := range params {
			for k, g := range once[i] {
				if got := q.Grad.At(k); math.Abs(got-2*g) > 1e-12*math.Abs(g) {
					t.Fatalf("%v: operand %d, element %d: %v, want twice %v", s, i, k, got, g)
				}
			}
		}
	}
	for _, c := range opCases {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range c.shapes {
				check(t, c.low, c.high, c.f, s, false)
				check(t, c.low, c.high, c.f, s, true)
			}
		})
	}
}
