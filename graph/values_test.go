package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// values runs an expression of inputs, and returns its elements.
func values(t *testing.T, d DType, f func(b *Builder, in []*Node) *Node, in ...*Tensor) []float64 {
	t.Helper()
	y, _ := valuesAndGradients(t, d, f, nil, in...)
	return y
}

// valuesAndGradients also returns the gradients of Σ weight ⊙ y with respect to the inputs, if a weight is given.
func valuesAndGradients(t *testing.T, d DType, f func(b *Builder, in []*Node) *Node, weight []float64, in ...*Tensor) (y []float64, dx [][]float64) {
	t.Helper()
	b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{DType: d})
	var nodes []*Node
	var names []string
	for i, x := range in {
		names = append(names, inputName(i))
		nodes = append(nodes, b.Floats(names[i], x.Shape...))
	}
	n := f(b, nodes)
	b.Output("y", n)
	var p *Program
	var err error
	if weight == nil {
		p, err = b.Forward(nil)
	} else {
		p, err = b.Compile(b.Sum(b.Mul(n, b.Const(&Tensor{Shape: n.Shape(), F64: weight}))), Gradients{Inputs: names})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range in {
		if err := p.SetFloat64s(names[i], x.Floats()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(1); err != nil {
		t.Fatal(err)
	}
	for i, x := range in {
		if got := p.tensor(p.b.inputs[names[i]]); !slices.Equal(bits(got.Floats()), bits(rounded(d, x))) {
			t.Errorf("input %d was changed by the run", i)
		}
		if weight != nil {
			dx = append(dx, p.InputGradient(names[i]).Floats())
		}
	}
	return p.Output("y").Floats(), dx
}

func rounded(d DType, x *Tensor) []float64 {
	c := NewTensor(d, x.Shape...)
	if err := c.Copy(x); err != nil {
		panic(err)
	}
	return c.Floats()
}

func bits(v []float64) []uint64 {
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = math.Float64bits(x)
	}
	return out
}

// vec is a tensor of given elements.
func vec(v ...float64) *Tensor { return &Tensor{Shape: []int{len(v)}, F64: v} }

func mat(cols int, v ...float64) *Tensor { return &Tensor{Shape: []int{len(v) / cols, cols}, F64: v} }

// agree compares elements, to a tolerance relative to 1 or to what is wanted, whichever is larger. NaN agrees with NaN.
func agree(t *testing.T, what string, tolerance float64, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		g := got[i]
		if g == w || math.IsNaN(g) && math.IsNaN(w) || math.Abs(g-w) <= tolerance*math.Max(1, math.Abs(w)) {
			continue
		}
		t.Errorf("%s: element %d is %v, want %v", what, i, g, w)
		return
	}
}

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

// TestUnary holds the functions to other formulas for them, between -6 and 6.
func TestUnary(t *testing.T) {
	for name, c := range map[string]struct {
		f      func(b *Builder, x *Node) *Node
		want   func(x float64) float64
		domain float64 // smallest argument
	}{
		"Neg":       {(*Builder).Neg, func(x float64) float64 { return 0 - x }, -6},
		"Exp":       {(*Builder).Exp, func(x float64) float64 { return math.Pow(math.E, x) }, -6},
		"Log":       {(*Builder).Log, func(x float64) float64 { return math.Log2(x) * math.Ln2 }, 0.1},
		"Sqrt":      {(*Builder).Sqrt, func(x float64) float64 { return math.Exp(math.Log(x) / 2) }, 0.1},
		"Square":    {(*Builder).Square, func(x float64) float64 { return math.Pow(math.Abs(x), 2) }, -6},
		"Abs":       {(*Builder).Abs, func(x float64) float64 { return math.Max(x, -x) }, -6},
		"Sin":       {(*Builder).Sin, func(x float64) float64 { return math.Cos(x - math.Pi/2) }, -6},
		"Cos":       {(*Builder).Cos, func(x float64) float64 { return 1 - 2*math.Pow(math.Sin(x/2), 2) }, -6},
		"Sigmoid":   {(*Builder).Sigmoid, func(x float64) float64 { return (1 + math.Tanh(x/2)) / 2 }, -6},
		"Tanh":      {(*Builder).Tanh, func(x float64) float64 { return 1 - 2/(math.Exp(2*x)+1) }, -6},
		"ReLU":      {(*Builder).ReLU, func(x float64) float64 { return (x + math.Abs(x)) / 2 }, -6},
		"Softplus":  {(*Builder).Softplus, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }, -6},
		"GELU":      {(*Builder).GELU, func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }, -6},
		"LeakyReLU": {func(b *Builder, x *Node) *Node { return b.LeakyReLU(x, 0.25) }, func(x float64) float64 { return math.Max(x, 0.25*x) }, -6},
		"ELU": {func(b *Builder, x *Node) *Node { return b.ELU(x, 0.5) },
			func(x float64) float64 { return math.Max(x, 0) + math.Min(0, 0.5*(math.Exp(x)-1)) }, -6},
		"Pow":          {func(b *Builder, x *Node) *Node { return b.Pow(x, 2.5) }, func(x float64) float64 { return x * x * math.Sqrt(x) }, 0.1},
		"Pow of 3":     {func(b *Builder, x *Node) *Node { return b.Pow(x, 3) }, func(x float64) float64 { return x * x * x }, -6},
		"AddScalar":    {func(b *Builder, x *Node) *Node { return b.AddScalar(x, -3) }, func(x float64) float64 { return x - 3 }, -6},
		"Scale":        {func(b *Builder, x *Node) *Node { return b.Scale(x, -3) }, func(x float64) float64 { return -x - x - x }, -6},
		"Clamp":        {func(b *Builder, x *Node) *Node { return b.Clamp(x, -1, 2) }, func(x float64) float64 { return math.Max(-1, math.Min(2, x)) }, -6},
		"Floor":        {(*Builder).Floor, func(x float64) float64 { return -math.Ceil(-x) }, -6},
		"StopGradient": {(*Builder).StopGradient, func(x float64) float64 { return x }, -6},
	} {
		var x, want []float64
		for v := c.domain; v <= 6; v += 0.37 {
			x = append(x, v)
		}
		for d, tolerance := range map[DType]float64{Float32: 1e-6, Float64: 1e-13} {
			want = nil
			for _, v := range rounded(d, vec(x...)) {
				want = append(want, c.want(v))
			}
			agree(t, fmt.Sprint(name, " in ", d), tolerance, values(t, d, func(b *Builder, in []*Node) *Node { return c.f(b, in[0]) }, vec(x...)), want)
		}
	}
}

// TestLimits is about the arguments at which naive formulas overflow or lose NaN, and about derivatives at kinks.
func TestLimits(t *testing.T) {
	one := func(f func(b *Builder, x *Node) *Node) func(b *Builder, in []*Node) *Node {
		return func(b *Builder, in []*Node) *Node { return f(b, in[0]) }
	}
	softmax := one(func(b *Builder, x *Node) *Node { return b.Softmax(x, -1) })
	logSoftmax := one(func(b *Builder, x *Node) *Node { return b.LogSoftmax(x, -1) })
	logSumExp := one(func(b *Builder, x *Node) *Node { return b.LogSumExp(x, -1) })
	for _, c := range []struct {
		name  string
		f     func(b *Builder, in []*Node) *Node
		x     []float64
		y, dx []float64 // dx: the gradient of Σ y; nil: not looked at
	}{
		{"Sigmoid", one((*Builder).Sigmoid), []float64{-1000, -inf, 0, 1000, inf, nan}, []float64{0, 0, 0.5, 1, 1, nan}, []float64{0, 0, 0.25, 0, 0, nan}},
		{"Tanh", one((*Builder).Tanh), []float64{-1000, 0, 1000, inf, nan}, []float64{-1, 0, 1, 1, nan}, []float64{0, 1, 0, 0, nan}},
		{"Softplus", one((*Builder).Softplus), []float64{-1000, 0, 1000, inf, nan}, []float64{0, math.Ln2, 1000, inf, nan}, []float64{0, 0.5, 1, 1, nan}},
		{"ReLU", one((*Builder).ReLU), []float64{-inf, -1, 0, 1, inf, nan}, []float64{0, 0, 0, 1, inf, nan}, []float64{0, 0, 0, 1, 1, 0}},
		{"Abs", one((*Builder).Abs), []float64{-inf, -1, 0, 1, nan}, []float64{inf, 1, 0, 1, nan}, []float64{-1, -1, 0, 1, 0}},
		{"ELU", one(func(b *Builder, x *Node) *Node { return b.ELU(x, 2) }), []float64{-inf, -1000, 0, 1000}, []float64{-2, -2, 0, 1000}, []float64{0, 0, 2, 1}},
		{"Clamp", one(func(b *Builder, x *Node) *Node { return b.Clamp(x, -1, 1) }), []float64{-inf, -2, -1, 0, 1, 2, inf, nan},
			[]float64{-1, -1, -1, 0, 1, 1, 1, nan}, []float64{0, 0, 1, 1, 1, 0, 0, 1}},
		{"Sqrt", one((*Builder).Sqrt), []float64{0, 4, -1}, []float64{0, 2, nan}, []float64{inf, 0.25, nan}},
		{"Log", one((*Builder).Log), []float64{0, 1, -1}, []float64{-inf, 0, nan}, []float64{inf, 1, -1}},
		{"Pow of 1 at 0", one(func(b *Builder, x *Node) *Node { return b.Pow(x, 1) }), []float64{0, 2}, []float64{0, 2}, []float64{1, 1}},

		{"Softmax of large numbers", softmax, []float64{1000, 1000}, []float64{0.5, 0.5}, []float64{0, 0}},
		{"Softmax of far apart numbers", softmax, []float64{-1e30, 0, 1e30}, []float64{0, 0, 1}, []float64{0, 0, 0}},
		{"Softmax with -Inf", softmax, []float64{-inf, 3, 3}, []float64{0, 0.5, 0.5}, []float64{0, 0, 0}},
		{"Softmax with NaN", softmax, []float64{1, nan}, []float64{nan, nan}, nil},
		{"Softmax of one", softmax, []float64{-7}, []float64{1}, []float64{0}},
		{"LogSoftmax of large numbers", logSoftmax, []float64{1000, 1000}, []float64{-math.Ln2, -math.Ln2}, []float64{0, 0}},
		{"LogSoftmax with -Inf", logSoftmax, []float64{-inf, 3}, []float64{-inf, 0}, []float64{1, -1}},
		{"LogSumExp of large numbers", logSumExp, []float64{1000, 1000}, []float64{1000 + math.Ln2}, nil},
		{"LogSumExp of small numbers", logSumExp, []float64{-1000, -1000}, []float64{-1000 + math.Ln2}, nil},
		{"LogSumExp with -Inf", logSumExp, []float64{-inf, 2, -inf}, []float64{2}, []float64{0, 1, 0}},
		{"LogSumExp of -Inf only", logSumExp, []float64{-inf, -inf}, []float64{-inf}, nil},
		{"LogSumExp with Inf", logSumExp, []float64{1, inf}, []float64{inf}, nil},
		{"LogSumExp with NaN", logSumExp, []float64{1, nan, 3}, []float64{nan}, nil},

		{"Max", one(func(b *Builder, x *Node) *Node { return b.Max(x) }), []float64{-3, -1, -1, -2}, []float64{-1}, []float64{0, 1, 0, 0}},
		{"Max of -Inf", one(func(b *Builder, x *Node) *Node { return b.Max(x) }), []float64{-inf, -inf}, []float64{-inf}, []float64{1, 0}},
		{"Max with NaN", one(func(b *Builder, x *Node) *Node { return b.Max(x) }), []float64{1, nan, 7, nan}, []float64{nan}, []float64{0, 1, 0, 0}},
		{"Max with NaN first", one(func(b *Builder, x *Node) *Node { return b.Max(x) }), []float64{nan, inf}, []float64{nan}, []float64{1, 0}},
	} {
		for d, tolerance := range map[DType]float64{Float32: 1e-6, Float64: 1e-12} {
			ones := slices.Repeat([]float64{1}, len(c.y))
			y, dx := valuesAndGradients(t, d, c.f, ones, vec(c.x...))
			agree(t, fmt.Sprint(c.name, " in ", d), tolerance, y, c.y)
			if c.dx != nil {
				agree(t, fmt.Sprint(c.name, " in ", d, ", gradient"), tolerance, dx[0], c.dx)
			}
		}
	}
}

// TestNotTaken: what Where and Mask don't take doesn't reach the result or the gradient of the other side.
func TestNotTaken(t *testing.T) {
	mask, x, y := vec(1, 0, -2, 0), vec(1, nan, 3, inf), vec(nan, 6, inf, 8)
	where := func(b *Builder, in []*Node) *Node { return b.Where(in[0], in[1], in[2]) }
	got := values(t, Float32, where, mask, x, y)
	agree(t, "Where", 0, got, []float64{1, 6, 3, 8})
	masked := func(b *Builder, in []*Node) *Node { return b.Mask(in[0], b.Const(mask)) }
	got, dx := valuesAndGradients(t, Float32, masked, []float64{5, nan, 7, inf}, x)
	agree(t, "Mask", 0, got, []float64{1, 0, 3, 0})
	agree(t, "Mask, gradient", 0, dx[0], []float64{5, 0, 7, 0})

	// The gradient that comes in is NaN at two places, once on each side.
	fixed := func(b *Builder, in []*Node) *Node { return b.Where(b.Const(mask), in[0], in[1]) }
	_, dx = valuesAndGradients(t, Float32, fixed, []float64{5, nan, nan, 8}, x, y)
	agree(t, "Where, gradient of the first", 0, dx[0], []float64{5, 0, nan, 0})
	agree(t, "Where, gradient of the second", 0, dx[1], []float64{0, nan, 0, 8})
}

// TestAccumulation has sums, in float32, that only a float64 accumulator gets right.
func TestAccumulation(t *testing.T) {
	n := 1 << 16
	small := make([]float64, n)
	for i := range small {
		small[i] = 1.0 / 1024 // below half a unit in the last place of 2¹⁵, so float32 sums stop short of it
	}
	small[0] = 1 << 15
	want := 1<<15 + float64(n-1)/1024
	sum := func(b *Builder, in []*Node) *Node { return b.Sum(in[0]) }
	mean := func(b *Builder, in []*Node) *Node { return b.Mean(in[0]) }
	agree(t, "Sum", 1e-7, values(t, Float32, sum, vec(small...)), []float64{want})
	agree(t, "Mean", 1e-7, values(t, Float32, mean, vec(small...)), []float64{want / float64(n)})
	axis := func(b *Builder, in []*Node) *Node { return b.Sum(b.Reshape(in[0], -1, 1), 0) }
	agree(t, "Sum of an axis", 1e-7, values(t, Float32, axis, vec(small...)), []float64{want})
	agree(t, "cancellation", 0, values(t, Float32, sum, vec(1e8, 1, -1e8)), []float64{1})

	// The mean of 2¹⁶ rows' losses, all equal: float32 accumulation would be off in the fourth digit.
	logits := func(b *Builder, in []*Node) *Node {
		return b.CrossEntropy(b.Add(in[0], b.Const(NewTensor(Float64, n, 2))), b.Ints("k", n))
	}
	agree(t, "CrossEntropy", 1e-7, values(t, Float32, logits, mat(2, 0, 0.5)), []float64{math.Log(1 + math.Exp(0.5))})

	// A large common offset: the variance as a difference of squares would be lost.
	norm := func(b *Builder, in []*Node) *Node {
		return b.LayerNorm(in[0], b.Const(vec(1, 1, 1)), b.Const(vec(0, 0, 0)), 0)
	}
	r := math.Sqrt(1.5)
	agree(t, "LayerNorm", 1e-6, values(t, Float32, norm, mat(3, 4095, 4096, 4097)), []float64{-r, 0, r})
}

// TestReductions sums small arrays by hand.
func TestReductions(t *testing.T) {
	x := &Tensor{Shape: []int{2, 3, 2}, F64: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	for _, c := range []struct {
		name string
		f    func(b *Builder, x *Node) *Node
		want []float64
	}{
		{"Sum", func(b *Builder, x *Node) *Node { return b.Sum(x) }, []float64{78}},
		{"Sum 0", func(b *Builder, x *Node) *Node { return b.Sum(x, 0) }, []float64{8, 10, 12, 14, 16, 18}},
		{"Sum 1", func(b *Builder, x *Node) *Node { return b.Sum(x, 1) }, []float64{9, 12, 27, 30}},
		{"Sum -1", func(b *Builder, x *Node) *Node { return b.Sum(x, -1) }, []float64{3, 7, 11, 15, 19, 23}},
		{"Sum 0 2", func(b *Builder, x *Node) *Node { return b.Sum(x, 0, 2) }, []float64{18, 26, 34}},
		{"Sum 2 0", func(b *Builder, x *Node) *Node { return b.Sum(x, 2, 0) }, []float64{18, 26, 34}},
		{"Mean 1", func(b *Builder, x *Node) *Node { return b.Mean(x, 1) }, []float64{3, 4, 9, 10}},
		{"Mean 0 1 2", func(b *Builder, x *Node) *Node { return b.Mean(x, 0, 1, 2) }, []float64{6.5}},
		{"Max 0", func(b *Builder, x *Node) *Node { return b.Max(x, 0) }, []float64{7, 8, 9, 10, 11, 12}},
		{"Max 1 2", func(b *Builder, x *Node) *Node { return b.Max(x, 1, 2) }, []float64{6, 12}},
		{"Sum of a scalar", func(b *Builder, x *Node) *Node { return b.Sum(b.Max(x)) }, []float64{12}},
		{"LogSumExp 1", func(b *Builder, x *Node) *Node { return b.LogSumExp(b.Log(x), 1) }, []float64{math.Log(9), math.Log(12), math.Log(27), math.Log(30)}},
		{"Softmax 0", func(b *Builder, x *Node) *Node { return b.Softmax(b.Log(x), 0) },
			[]float64{1. / 8, 2. / 10, 3. / 12, 4. / 14, 5. / 16, 6. / 18, 7. / 8, 8. / 10, 9. / 12, 10. / 14, 11. / 16, 12. / 18}},
	} {
		agree(t, c.name, 1e-12, values(t, Float64, func(b *Builder, in []*Node) *Node { return c.f(b, in[0]) }, x), c.want)
	}
}

func TestShapesByHand(t *testing.T) {
	x := mat(3, 1, 2, 3, 4, 5, 6)
	for _, c := range []struct {
		name string
		f    func(b *Builder, x *Node) *Node
		want []float64
	}{
		{"Slice of rows", func(b *Builder, x *Node) *Node { return b.Slice(x, 0, 1, 2) }, []float64{4, 5, 6}},
		{"Slice of columns", func(b *Builder, x *Node) *Node { return b.Slice(x, 1, 1, 3) }, []float64{2, 3, 5, 6}},
		{"Split", func(b *Builder, x *Node) *Node { p := b.Split(x, -1, 3); return b.Sub(p[2], p[0]) }, []float64{2, 2}},
		{"Concat of rows", func(b *Builder, x *Node) *Node { return b.Concat(0, b.Slice(x, 0, 1, 2), x) }, []float64{4, 5, 6, 1, 2, 3, 4, 5, 6}},
		{"Concat of columns", func(b *Builder, x *Node) *Node { return b.Concat(-1, b.Slice(x, 1, 2, 3), x) }, []float64{3, 1, 2, 3, 6, 4, 5, 6}},
		{"Concat of one", func(b *Builder, x *Node) *Node { return b.Concat(1, x) }, []float64{1, 2, 3, 4, 5, 6}},
		{"Stack", func(b *Builder, x *Node) *Node { return b.Stack(x, b.Neg(x)) }, []float64{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}},
		{"Stack of scalars", func(b *Builder, x *Node) *Node { return b.Stack(b.Sum(x), b.Max(x)) }, []float64{21, 6}},
		{"Reshape", func(b *Builder, x *Node) *Node { return b.Slice(b.Reshape(x, -1, 2), 1, 0, 1) }, []float64{1, 3, 5}},
		{"Reshape to a scalar", func(b *Builder, x *Node) *Node { return b.Reshape(b.Slice(b.Slice(x, 0, 1, 2), 1, 1, 2)) }, []float64{5}},
		{"Transpose", func(b *Builder, x *Node) *Node { return b.Transpose(x) }, []float64{1, 4, 2, 5, 3, 6}},
		{"MatMul", func(b *Builder, x *Node) *Node { return b.MatMul(x, b.Transpose(x)) }, []float64{14, 32, 32, 77}},
		{"MatMulTransB", func(b *Builder, x *Node) *Node { return b.MatMulTransB(x, x) }, []float64{14, 32, 32, 77}},
		{"MatMulTransA", func(b *Builder, x *Node) *Node { return b.MatMulTransA(x, x) }, []float64{17, 22, 27, 22, 29, 36, 27, 36, 45}},
		{"MatMul of stacks", func(b *Builder, x *Node) *Node {
			s := b.Stack(x, b.Scale(x, 2))
			return b.MatMulTransB(s, s)
		}, []float64{14, 32, 32, 77, 56, 128, 128, 308}},
		{"Linear", func(b *Builder, x *Node) *Node {
			return b.Linear(x, b.Const(mat(3, 1, 0, -1, 2, 1, 0)), b.Const(vec(10, 20)))
		},
			[]float64{8, 24, 8, 33}},
	} {
		agree(t, c.name, 1e-12, values(t, Float64, func(b *Builder, in []*Node) *Node { return c.f(b, in[0]) }, x), c.want)
	}
}

// TestLayerNorm: a row's mean is the shift's and its mean square distance from it the gain's, and one row by hand.
func TestLayerNorm(t *testing.T) {
	f := func(b *Builder, in []*Node) *Node { return b.LayerNorm(in[0], in[1], in[2], 0) }
	got := values(t, Float64, f, mat(4, 1, 3, 5, 7, -2, -2, 2, 2), vec(1, 1, 2, 2), vec(0, 1, 0, 1))
	s := math.Sqrt(5)
	agree(t, "LayerNorm", 1e-12, got, []float64{-3 / s, 1 - 1/s, 2 / s, 1 + 6/s, -1, 0, 2, 3})
	// With eps the constant row is 0, not NaN.
	f = func(b *Builder, in []*Node) *Node { return b.LayerNorm(in[0], in[1], in[2], 3) }
	got = values(t, Float64, f, mat(2, 5, 5, 4, 6), vec(1, 1), vec(0, 0))
	agree(t, "LayerNorm with eps", 1e-12, got, []float64{0, 0, -0.5, 0.5})
}

// TestGather: rows by index, an index's gradients summed, the padding's dropped.
func TestGather(t *testing.T) {
	for padding, want := range map[int][]float64{
		-1: {4 + 16, 5 + 32, 0, 0, 1 + 64, 2 + 128},
		0:  {0, 0, 0, 0, 1 + 64, 2 + 128},
		2:  {4 + 16, 5 + 32, 0, 0, 0, 0},
		9:  {4 + 16, 5 + 32, 0, 0, 1 + 64, 2 + 128},
	} {
		f := func(b *Builder, in []*Node) *Node {
			k := b.Ints("k", 4)
			copy(indices(k), []int32{2, 0, 0, 2})
			return b.Gather(in[0], k, padding)
		}
		y, dx := valuesAndGradients(t, Float32, f, []float64{1, 2, 4, 5, 16, 32, 64, 128}, mat(2, 10, 11, 20, 21, 30, 31))
		agree(t, "Gather", 0, y, []float64{30, 31, 10, 11, 10, 11, 30, 31})
		agree(t, fmt.Sprint("Gather, gradient with padding ", padding), 0, dx[0], want)
	}
}

// TestLinearOfLookup: a table that is multiplied before its rows are gathered gives what the gathered rows give.
func TestLinearOfLookup(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	draw := func(rows, cols int) *Tensor {
		x := NewTensor(Float64, rows, cols)
		for i := range x.F64 {
			x.F64[i] = rng.NormFloat64()
		}
		return x
	}
	for _, c := range []struct {
		rows, width, out, n, padding int
		lookup                       bool
	}{{3, 4, 5, 6, -1, true}, {3, 4, 5, 5, -1, false}, {7, 70, 90, 600, -1, true}, {1, 1, 1, 2, -1, true}, {3, 4, 5, 9, 1, false}} {
		lookup := false
		linear := func(split bool) func(b *Builder, in []*Node) *Node {
			return func(b *Builder, in []*Node) *Node {
				x := b.Gather(in[0], fixedIndices(b, c.n, c.rows), c.padding)
				if split {
					x = b.Reshape(x, c.n, c.width)
				}
				y := b.Linear(x, in[1], b.Reshape(in[2], -1))
				lookup = y.op == "Gather"
				return y
			}
		}
		in, seed := []*Tensor{draw(c.rows, c.width), draw(c.out, c.width), draw(1, c.out)}, draw(c.n, c.out).F64
		want, wantGrads := valuesAndGradients(t, Float64, linear(true), seed, in...)
		got, grads := valuesAndGradients(t, Float64, linear(false), seed, in...)
		if lookup != c.lookup {
			t.Errorf("%+v: the table comes first: %t", c, lookup)
		}
		agree(t, "values", 0, got, want)
		for i := range grads {
			agree(t, fmt.Sprint("gradient ", i), 1e-12, grads[i], wantGrads[i])
		}
	}
}

// TestCrossEntropy is against -log of the plain quotient.
func TestCrossEntropy(t *testing.T) {
	logits := mat(3, 1, 2, 3, 0, 0, 0, -1, 4, 0.5, 2, 2, -2)
	target := []int32{0, 2, 1, 2}
	cost := 0.0
	var want []float64
	for i, k := range target {
		row := logits.F64[3*i:][:3]
		total := math.Exp(row[0]) + math.Exp(row[1]) + math.Exp(row[2])
		cost -= math.Log(math.Exp(row[k])/total) / 4
		for j, v := range row {
			g := math.Exp(v) / total / 4
			if j == int(k) {
				g -= 0.25
			}
			want = append(want, 3*g)
		}
	}
	f := func(b *Builder, in []*Node) *Node {
		k := b.Ints("k", 4)
		copy(indices(k), target)
		return b.CrossEntropy(in[0], k)
	}
	y, dx := valuesAndGradients(t, Float64, f, []float64{3}, logits)
	agree(t, "CrossEntropy", 1e-14, y, []float64{cost})
	agree(t, "CrossEntropy, gradient", 1e-14, dx[0], want)

	// Large logits, and a class that can't be.
	f = func(b *Builder, in []*Node) *Node { return b.CrossEntropy(in[0], b.Ints("k", 2)) }
	y, dx = valuesAndGradients(t, Float32, f, []float64{1}, mat(2, 1e4, 1e4, 0, -inf))
	agree(t, "CrossEntropy of large logits", 1e-6, y, []float64{math.Ln2 / 2})
	agree(t, "CrossEntropy of large logits, gradient", 1e-6, dx[0], []float64{-0.25, 0.25, 0, 0})
}

// TestTranspose tries all permutations of two shapes against an index loop.
func TestTranspose(t *testing.T) {
	for _, shape := range [][]int{{2, 3, 5}, {2, 3, 1, 4}} {
		x := NewTensor(Float64, shape...)
		ramp(x.F64, nil, nil)
		for _, perm := range permutations(len(shape)) {
			var to []int
			for _, a := range perm {
				to = append(to, shape[a])
			}
			want := make([]float64, x.Len())
			weight := make([]float64, x.Len())
			back := make([]float64, x.Len())
			for i := range want {
				at := unravel(i, to)
				from := make([]int, len(shape))
				for k, a := range perm {
					from[a] = at[k]
				}
				want[i] = x.F64[ravel(from, shape)]
				weight[i] = float64(i + 1)
				back[ravel(from, shape)] = weight[i]
			}
			y, dx := valuesAndGradients(t, Float64, func(b *Builder, in []*Node) *Node { return b.Transpose(in[0], perm...) }, weight, x)
			agree(t, fmt.Sprint("Transpose ", shape, perm), 0, y, want)
			agree(t, fmt.Sprint("Transpose ", shape, perm, ", gradient"), 0, dx[0], back)
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// unravel and ravel convert between a position in an array and its index, the last axis fastest.
func unravel(i int, shape []int) []int {
	index := make([]int, len(shape))
	for a := len(shape) - 1; a >= 0; a-- {
		index[a], i = i%shape[a], i/shape[a]
	}
	return index
}

func ravel(index, shape []int) int {
	i := 0
	for a, v := range index {
		i = i*shape[a] + v
	}
	return i
}

// TestBroadcast holds random shapes against an index loop, forward and backward.
func TestBroadcast(t *testing.T) {
	ops := map[string]struct {
		f              func(b *Builder, in []*Node) *Node
		want           func(x, y float64) float64
		wantDX, wantDY func(x, y float64) float64
	}{
		"Add": {func(b *Builder, in []*Node) *Node { return b.Add(in[0], in[1]) },
			func(x, y float64) float64 { return x + y }, func(x, y float64) float64 { return 1 }, func(x, y float64) float64 { return 1 }},
		"Sub": {func(b *Builder, in []*Node) *Node { return b.Sub(in[0], in[1]) },
			func(x, y float64) float64 { return x - y }, func(x, y float64) float64 { return 1 }, func(x, y float64) float64 { return -1 }},
		"Mul": {func(b *Builder, in []*Node) *Node { return b.Mul(in[0], in[1]) },
			func(x, y float64) float64 { return x * y }, func(x, y float64) float64 { return y }, func(x, y float64) float64 { return x }},
		"Div": {func(b *Builder, in []*Node) *Node { return b.Div(in[0], in[1]) },
			func(x, y float64) float64 { return x / y }, func(x, y float64) float64 { return 1 / y }, func(x, y float64) float64 { return -x / y / y }},
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var shape []int // of the result
		for range 1 + rng.IntN(4) {
			shape = append(shape, 1+rng.IntN(4))
		}
		// An operand lacks some leading axes, and has size 1 on others; the other operand then has the full size.
		x, y := slices.Clone(shape), slices.Clone(shape)
		for i := range shape {
			switch rng.IntN(3) {
			case 0:
				x[i] = 1
			case 1:
				y[i] = 1
			}
		}
		cut := rng.IntN(len(shape)) // at least one axis, which inputs must have
		if rng.IntN(2) == 0 {
			x = x[cut:]
		} else {
			y = y[cut:]
		}
		// What both lack is no part of the result.
		for i := range shape {
			dx, dy := 1, 1
			if k := i - len(shape) + len(x); k >= 0 {
				dx = x[k]
			}
			if k := i - len(shape) + len(y); k >= 0 {
				dy = y[k]
			}
			shape[i] = dx * dy
			if dx > 1 && dy > 1 {
				shape[i] = dx
			}
		}
		a, b := randomTensor(rng, 0.5, 2, x...), randomTensor(rng, 0.5, 2, y...)
		weight := randomTensor(rng, -1, 1, shape...).F64
		position := func(index, operand []int) int {
			tail := slices.Clone(index[len(index)-len(operand):])
			for i, d := range operand {
				tail[i] = min(tail[i], d-1)
			}
			return ravel(tail, operand)
		}
		for name, op := range ops {
			z, da, db := make([]float64, len(weight)), make([]float64, a.Len()), make([]float64, b.Len())
			for i := range z {
				index := unravel(i, shape)
				p, q := position(index, x), position(index, y)
				z[i] = op.want(a.F64[p], b.F64[q])
				da[p] += weight[i] * op.wantDX(a.F64[p], b.F64[q])
				db[q] += weight[i] * op.wantDY(a.F64[p], b.F64[q])
			}
			got, dx := valuesAndGradients(t, Float64, op.f, weight, a, b)
			what := fmt.Sprintf("%s of %v and %v, seed %d", name, x, y, seed)
			agree(t, what, 1e-13, got, z)
			agree(t, what+", gradient of the first", 1e-12, dx[0], da)
			agree(t, what+", gradient of the second", 1e-12, dx[1], db)
		}
	}
}

// TestDropoutMask: kept elements are scaled by 1/(1-p), their share is right, and elements, nodes and seeds differ.
func TestDropoutMask(t *testing.T) {
	const n = 1 << 14
	for _, p := range []float64{0, 0.1, 0.5, 0.9, 0.999} {
		b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{DType: Float64})
		b.Output("one", b.DropoutMask(p, n))
		b.Output("two", b.DropoutMask(p, n))
		program, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		var masks [][]float64
		for seed := range uint64(4) {
			if err := program.Run(seed); err != nil {
				t.Fatal(err)
			}
			masks = append(masks, program.Output("one").Floats(), program.Output("two").Floats())
		}
		spread := 5 * math.Sqrt(p*(1-p)/n) // five standard deviations of a share
		for i, m := range masks {
			share := dropped(t, p, m)
			if math.Abs(share-p) > spread {
				t.Errorf("p=%v: %v of mask %d is dropped", p, share, i)
			}
			// Two independent masks drop the same element with probability p².
			for j := range i {
				both := 0
				for k := range m {
					if m[k] == 0 && masks[j][k] == 0 {
						both++
					}
				}
				if got := float64(both) / n; math.Abs(got-p*p) > 5*math.Sqrt(p*p*(1-p*p)/n) {
					t.Errorf("p=%v: masks %d and %d agree in %v of the elements, want %v", p, i, j, got, p*p)
				}
			}
		}
	}
}

// dropped is the share of zeros in a mask; the rest must be 1/(1-p).
func dropped(t *testing.T, p float64, mask []float64) float64 {
	t.Helper()
	zeros := 0
	for _, v := range mask {
		switch v {
		case 0:
			zeros++
		case 1 / (1 - p):
		default:
			t.Fatalf("p=%v: the mask holds %v", p, v)
		}
	}
	return float64(zeros) / float64(len(mask))
}

// TestDropoutFirstElement: over many seeds the first element of two neighboring masks is dropped as often as it should,
// and independently. Generators seeded with neighboring numbers are often alike at the start.
func TestDropoutFirstElement(t *testing.T) {
	const runs, p = 4000, 0.5
	b := NewBuilder(Window{T: 1, B: 1, Train: true}, Options{})
	b.Output("one", b.DropoutMask(p, 1))
	b.Output("two", b.DropoutMask(p, 1))
	program, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	var count [4]float64
	for seed := range uint64(runs) {
		if err := program.Run(seed); err != nil {
			t.Fatal(err)
		}
		k := 0
		if program.Output("one").At(0) == 0 {
			k++
		}
		if program.Output("two").At(0) == 0 {
			k += 2
		}
		count[k]++
	}
	for k, c := range count {
		if math.Abs(c/runs-0.25) > 5*math.Sqrt(0.25*0.75/runs) {
			t.Errorf("the first elements of two masks take combination %d in %v of the runs, want about 0.25", k, c/runs)
		}
	}
}
