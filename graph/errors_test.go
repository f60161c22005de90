package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// operation is a method of Builder, and a right use of it.
type operation struct {
	in    shapes // shapes of the operands
	ints  []int  // positions of operands that hold indices
	apply func(b *Builder, in []*Node)
}

// operations has every method of Builder that takes nodes, applied rightly.
var operations = map[string]operation{
	"WeightedCrossEntropy": {in: shapes{{3, 5}, {3}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) {
		b.WeightedCrossEntropy(in[0], in[1], in[2], CrossEntropyOptions{})
	}},
	"NLL":           {in: shapes{{3, 5}, {3}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) { b.NLL(in[0], in[1], in[2], nil) }},
	"PointwiseLoss": {in: shapes{{3, 5}, {3, 5}, {3}}, apply: func(b *Builder, in []*Node) { b.PointwiseLoss("PointwiseLoss", in[0], in[1], in[2], 1, squareLoss) }},
	"WeightedMean":  {in: shapes{{3}, {3}}, apply: func(b *Builder, in []*Node) { b.WeightedMean(in[0], in[1]) }},
	"TargetWeights": {in: shapes{{3}, {3}}, ints: []int{0}, apply: func(b *Builder, in []*Node) { b.TargetWeights(in[0], in[1], 0) }},
	"LengthMask":    {in: shapes{{2}}, ints: []int{0}, apply: func(b *Builder, in []*Node) { b.LengthMask(in[0], 3) }},
	"Contrastive":   {in: shapes{{3, 5}, {3}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) { b.Contrastive(in[0], in[1], in[2], 1) }},
	"Triplet":       {in: shapes{{3, 5}, {3}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) { b.Triplet(in[0], in[1], in[2], 1) }},
	"CTC": {in: shapes{{2, 5}, {4}, {2}, {4}}, ints: []int{1}, apply: func(b *Builder, in []*Node) {
		b.CTC(in[0], in[1], in[2], in[3], CTCOptions{})
	}},
	"AdaptiveSoftmax": {in: shapes{{3, 4}, {3}, {3}, {5, 4}, {2, 4}, {6, 2}}, ints: []int{1}, apply: func(b *Builder, in []*Node) {
		b.AdaptiveSoftmax(in[0], in[1], in[2], in[3], in[4:])
	}},
	"SampledSoftmax": {in: shapes{{3, 4}, {3}, {3}, {6, 4}, {6}}, ints: []int{1}, apply: func(b *Builder, in []*Node) {
		b.SampledSoftmax(in[0], in[1], in[2], in[3], in[4], 5, nil)
	}},
	"SetTargetWeight": {in: shapes{{1}}, apply: func(b *Builder, in []*Node) { b.SetTargetWeight(in[0]) }},

	"Add":       {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.Add(in[0], in[1]) }},
	"Sub":       {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.Sub(in[0], in[1]) }},
	"Mul":       {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.Mul(in[0], in[1]) }},
	"Div":       {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.Div(in[0], in[1]) }},
	"Dropout":   {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.Dropout(in[0], in[1]) }},
	"Neg":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Neg(in[0]) }},
	"Exp":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Exp(in[0]) }},
	"Log":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Log(in[0]) }},
	"Sqrt":      {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Sqrt(in[0]) }},
	"Square":    {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Square(in[0]) }},
	"Abs":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Abs(in[0]) }},
	"Sin":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Sin(in[0]) }},
	"Cos":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Cos(in[0]) }},
	"Sigmoid":   {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Sigmoid(in[0]) }},
	"Tanh":      {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Tanh(in[0]) }},
	"ReLU":      {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.ReLU(in[0]) }},
	"Softplus":  {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Softplus(in[0]) }},
	"GELU":      {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.GELU(in[0]) }},
	"LeakyReLU": {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.LeakyReLU(in[0], 0.1) }},
	"ELU":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.ELU(in[0], 1) }},
	"Pow":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Pow(in[0], 2) }},
	"AddScalar": {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.AddScalar(in[0], 2) }},
	"Scale":     {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Scale(in[0], 2) }},
	"Clamp":     {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Clamp(in[0], -1, 1) }},

	"Floor":        {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Floor(in[0]) }},
	"StopGradient": {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.StopGradient(in[0]) }},
	"MatMul":       {in: shapes{{3, 4}, {4, 2}}, apply: func(b *Builder, in []*Node) { b.MatMul(in[0], in[1]) }},
	"MatMulTransA": {in: shapes{{4, 3}, {4, 2}}, apply: func(b *Builder, in []*Node) { b.MatMulTransA(in[0], in[1]) }},
	"MatMulTransB": {in: shapes{{3, 4}, {2, 4}}, apply: func(b *Builder, in []*Node) { b.MatMulTransB(in[0], in[1]) }},
	"Linear":       {in: shapes{{3, 4}, {2, 4}, {2}}, apply: func(b *Builder, in []*Node) { b.Linear(in[0], in[1], in[2]) }},
	"Sum":          {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Sum(in[0], 1) }},
	"Mean":         {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Mean(in[0], 1) }},
	"Max":          {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Max(in[0], 1) }},
	"Softmax":      {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Softmax(in[0], 1) }},
	"LogSoftmax":   {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.LogSoftmax(in[0], 1) }},
	"LogSumExp":    {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.LogSumExp(in[0], 1) }},
	"ArgMax":       {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.ArgMax(in[0], 1) }},
	"Bernoulli":    {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Bernoulli(in[0]) }},
	"Categorical":  {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Categorical(in[0]) }},
	"ToFloats":     {in: shapes{{3}}, ints: []int{0}, apply: func(b *Builder, in []*Node) { b.ToFloats(in[0]) }},
	"ToInts":       {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.ToInts(in[0]) }},
	"LayerNorm":    {in: shapes{{3, 4}, {4}, {4}}, apply: func(b *Builder, in []*Node) { b.LayerNorm(in[0], in[1], in[2], 1e-5) }},
	"Reshape":      {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Reshape(in[0], 2, 6) }},
	"Transpose":    {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Transpose(in[0]) }},
	"Slice":        {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Slice(in[0], 0, 1, 2) }},
	"Split":        {in: shapes{{3, 4}}, apply: func(b *Builder, in []*Node) { b.Split(in[0], 1, 2) }},
	"Concat":       {in: shapes{{3, 4}, {2, 4}}, apply: func(b *Builder, in []*Node) { b.Concat(0, in...) }},
	"Stack":        {in: shapes{{3, 4}, {3, 4}}, apply: func(b *Builder, in []*Node) { b.Stack(in...) }},
	"Where":        {in: shapes{{3}, {3}, {3}}, apply: func(b *Builder, in []*Node) { b.Where(in[0], in[1], in[2]) }},
	"Mask":         {in: shapes{{3}, {3}}, apply: func(b *Builder, in []*Node) { b.Mask(in[0], in[1]) }},
	"Gather":       {in: shapes{{5, 2}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) { b.Gather(in[0], in[1], -1) }},
	"CrossEntropy": {in: shapes{{3, 5}, {3}}, ints: []int{1}, apply: func(b *Builder, in []*Node) { b.CrossEntropy(in[0], in[1]) }},
	"ObserveGates": {in: shapes{{2, 3}, {4, 3}}, apply: func(b *Builder, in []*Node) { b.ObserveGates([]Gate{{Name: "a"}, {Name: "b"}}, in...) }},
	"ObserveSteps": {in: shapes{{3}, {3}}, apply: func(b *Builder, in []*Node) { b.ObserveSteps(in[0], in[1:]) }},
	"AddCost":      {in: shapes{{1}}, apply: func(b *Builder, in []*Node) { b.AddCost(in[0]) }},
	// The window is T=1, B=2.
	"SetStepMask": {in: shapes{{2}}, apply: func(b *Builder, in []*Node) { b.SetStepMask(in[0]) }},
	"Output":      {in: shapes{{3}}, apply: func(b *Builder, in []*Node) { b.Output("y", in[0]) }},
	"SetState": {in: shapes{{2, 3}}, apply: func(b *Builder, in []*Node) {
		b.State("h", 3)
		b.SetState("h", in[0])
	}},
	"SetLastState": {in: shapes{{2, 3}}, apply: func(b *Builder, in []*Node) {
		b.State("h", 3)
		b.SetLastState("h", in[0])
	}},
	"Recur": {in: shapes{{2, 3}, {3, 3}, {2, 3}}, apply: func(b *Builder, in []*Node) { b.Recur(tanhCell, false, in[0], in[1], nil, in[2:]) }},
	"Compile": {in: shapes{{1}}, apply: func(b *Builder, in []*Node) {
		if b.Exp(b.Floats("made up to have an op", 1)) != nil {
			b.Compile(in[0], Gradients{})
		}
	}},
	"Forward": {in: shapes{{1}}, apply: func(b *Builder, in []*Node) {
		if b.Exp(b.Floats("made up to have an op", 1)) != nil {
			b.Forward(in[0])
		}
	}},

	"MaskedSoftmax":    {in: shapes{{3, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.MaskedSoftmax(in[0], in[1]) }},
	"AttentionScores":  {in: shapes{{6, 4}, {4, 4}}, apply: func(b *Builder, in []*Node) { b.AttentionScores(in[0], in[1], 2, 1) }},
	"AttentionContext": {in: shapes{{2, 2, 3, 5}, {10, 4}}, apply: func(b *Builder, in []*Node) { b.AttentionContext(in[0], in[1]) }},
	"AdditiveScores":   {in: shapes{{6, 4}, {4, 4}, {4}}, apply: func(b *Builder, in []*Node) { b.AdditiveScores(in[0], in[1], in[2]) }},
	"CRF": {in: shapes{{2, 3}, {3, 3}, {3}, {3}, {2}, {2}}, ints: []int{4}, apply: func(b *Builder, in []*Node) {
		b.CRF(in[0], in[1], in[2], in[3], in[4], in[5])
	}},
}

// optional are the positions of operands that may be nil.
var optional = map[string][]int{
	"Linear": {2}, "WeightedCrossEntropy": {2}, "NLL": {2}, "PointwiseLoss": {2}, "WeightedMean": {1}, "TargetWeights": {1},
	"MaskedSoftmax": {1}, "CRF": {5}, "Contrastive": {2}, "Triplet": {2}, "CTC": {2, 3}, "AdaptiveSoftmax": {2}, "SampledSoftmax": {2},
}

// squareLoss is (x-y)².
func squareLoss(_ int, x []float64, y float64, slope []float64) float64 {
	d := x[0] - y
	slope[0] = 2 * d
	return d * d
}

// tanhCell is a fused RNN with tanh, whose gradient is written from the formula h' = tanh(a+u).
var tanhCell = Recurrence{
	Name: "tanh cell", Gates: 1, States: 1,
	F32: Arithmetic[float32]{
		Forward: func(r *Row[float32]) {
			for i, a := range r.A[0] {
				r.Next[0][i] = float32(math.Tanh(float64(a)))
			}
		},
		Backward: func(r *Row[float32]) {
			for i, h := range r.Next[0] {
				r.A[0][i] = r.D[0][i] * (1 - h*h)
			}
		},
	},
	F64: Arithmetic[float64]{
		Forward: func(r *Row[float64]) {
			for i, a := range r.A[0] {
				r.Next[0][i] = math.Tanh(a)
			}
		},
		Backward: func(r *Row[float64]) {
			for i, h := range r.Next[0] {
				r.A[0][i] = r.D[0][i] * (1 - h*h)
			}
		},
	},
}

// TestOperationsComplete: a method that takes nodes and isn't in the table above isn't tested for misuse.
func TestOperationsComplete(t *testing.T) {
	builder := reflect.TypeFor[*Builder]()
	node, nodes := reflect.TypeFor[*Node](), reflect.TypeFor[[]*Node]()
	for i := range builder.NumMethod() {
		m := builder.Method(i)
		for k := 1; k < m.Type.NumIn(); k++ {
			in := m.Type.In(k)
			if _, ok := operations[m.Name]; (in == node || in == nodes) && !ok {
				t.Errorf("%s is not in operations", m.Name)
				break
			}
		}
	}
}

// smallWindow is the window of misuse tests.
var smallWindow = Window{T: 1, B: 2, Train: true}

// operands writes inputs for an operation; those at position odd hold the other kind of values.
func (o operation) operands(b *Builder, odd int) []*Node {
	var in []*Node
	for i, shape := range o.in {
		if slices.Contains(o.ints, i) == (i == odd) {
			in = append(in, b.Floats(inputName(i), shape...))
		} else {
			in = append(in, b.Ints(inputName(i), shape...))
		}
	}
	return in
}

// mistake runs f, which must neither panic nor succeed, and checks the builder's error: typed, naming the op and what
// was got and wanted, and sticky.
func mistake(t *testing.T, b *Builder, op string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	f()
	err := b.Err()
	var gotOp, got, want string
	var shape *ShapeError
	var argument *ArgumentError
	switch {
	case err == nil:
		t.Error("no error")
		return
	case errors.As(err, &shape):
		gotOp, got, want = shape.Op, shape.Got, shape.Want
	case errors.As(err, &argument):
		gotOp, got, want = argument.Op, argument.Got, argument.Want
	default:
		t.Errorf("error of type %T: %v", err, err)
		return
	}
	if !strings.Contains(gotOp, op) {
		t.Errorf("error %q names op %q, want %q", err, gotOp, op)
	}
	for _, s := range []string{gotOp, got, want} {
		if s == "" || !strings.Contains(err.Error(), s) {
			t.Errorf("error %q doesn't name %q", err, s)
		}
	}
	stuck(t, b)
}

// stuck checks that a builder with an error does nothing more and keeps the error.
func stuck(t *testing.T, b *Builder) {
	t.Helper()
	err, nodes := b.Err(), len(b.nodes)
	x := b.Floats("after the error", 3, 4)
	y := b.Ints("after the error too", 3)
	if x != nil || y != nil || b.Const(NewTensor(Float32, 1)) != nil || b.State("after", 3) != nil || b.DropoutMask(2, 3) != nil ||
		b.Param(NewParam(nil, nil, -1)) != nil || b.Input("no such") != nil {
		t.Error("a node was written after an error")
	}
	for _, o := range operations {
		o.apply(b, make([]*Node, len(o.in)))
	}
	if p, again := b.Compile(nil, Gradients{}); p != nil || again != err {
		t.Errorf("Compile returns %v, want the first error, %v", again, err)
	}
	if p, again := b.Forward(nil); p != nil || again != err {
		t.Errorf("Forward returns %v, want the first error, %v", again, err)
	}
	if b.Err() != err || len(b.nodes) != nodes {
		t.Errorf("after an error: %d new nodes, error %v", len(b.nodes)-nodes, b.Err())
	}
}

// TestBadOperands gives every op, in place of each operand, none, one of another builder, and one of the wrong kind.
func TestBadOperands(t *testing.T) {
	// The wrong kind of values is right for these.
	anyKind := []string{"Reshape", "Slice", "Split"}
	anyKind = append(anyKind, "Output")
	for name, o := range operations {
		op := name
		if other, ok := map[string]string{"Recur": tanhCell.Name, "Forward": "Compile", "WeightedCrossEntropy": "CrossEntropy"}[name]; ok {
			op = other // Dropout and Stack: see TestOpNames
		}
		t.Run(name, func(t *testing.T) {
			b := NewBuilder(smallWindow, Options{})
			if o.apply(b, o.operands(b, -1)); b.Err() != nil {
				t.Fatalf("right use: %v", b.Err())
			}
			for i := range o.in {
				if !slices.Contains(optional[name], i) {
					if name != "Forward" && name != "Compile" { // whose cost may be nil, or gives an error that doesn't stick
						b = NewBuilder(smallWindow, Options{})
						in := o.operands(b, -1)
						in[i] = nil
						mistake(t, b, op, func() { o.apply(b, in) })
					}
				}
				b, other := NewBuilder(smallWindow, Options{}), NewBuilder(smallWindow, Options{})
				in := o.operands(b, -1)
				in[i] = o.operands(other, -1)[i]
				mistake(t, b, op, func() { o.apply(b, in) })

				if !slices.Contains(anyKind, name) {
					b = NewBuilder(smallWindow, Options{})
					in = o.operands(b, i)
					mistake(t, b, op, func() { o.apply(b, in) })
				}
			}
		})
	}
}

// misused is a builder with some nodes: x [3, 4], v [4], cube [2, 3, 4], one (a scalar), and k, indices [3].
type misused struct {
	b                  *Builder
	x, v, cube, one, k *Node
}

// recur writes a recurrence over inputs of the given shapes; bias may be nil.
func (e misused) recur(r Recurrence, a, u, bias []int, states ...[]int) {
	var biased *Node
	if bias != nil {
		biased = e.b.Floats("bias", bias...)
	}
	var s0 []*Node
	for i, shape := range states {
		s0 = append(s0, e.b.Floats(inputName(i), shape...))
	}
	e.b.Recur(r, false, e.b.Scale(e.b.Floats("a", a...), 1), e.b.Floats("u", u...), biased, s0)
}

func TestMisuse(t *testing.T) {
	const huge = 1 << 62
	nan := math.NaN()
	bad := NewParam(nil, nil, 3, 0)
	unfilled := NewParam(func(_ []float64, shape []int, _ *rand.Rand) error {
		return &ShapeError{Op: "matrices only", Got: fmt.Sprint(shape), Want: "[N, F]"}
	}, nil, 3)
	param64 := NewParam(Zeros, nil, 3)
	param64.SetDType(Float64)
	for _, c := range []struct {
		name, op string
		f        func(e misused)
	}{
		{"no axes", "input none", func(e misused) { e.b.Floats("none") }},
		{"zero size", "input a", func(e misused) { e.b.Floats("a", 3, 0) }},
		{"negative size", "input a", func(e misused) { e.b.Ints("a", -3) }},
		{"huge size", "input a", func(e misused) { e.b.Floats("a", huge) }},
		{"sizes that overflow to 0", "input a", func(e misused) { e.b.Floats("a", 1<<32, 1<<32) }},
		{"sizes that overflow to 4", "input a", func(e misused) { e.b.Floats("a", 1<<33, 1<<31, 4) }},
		{"two negative sizes", "input a", func(e misused) { e.b.Ints("a", -3, -4) }},
		{"input name twice", "input", func(e misused) { e.b.Ints("x", 3) }},
		{"input not declared", "Input", func(e misused) { e.b.Input("nobody") }},
		{"const shape without values", "Const", func(e misused) { e.b.Const(&Tensor{Shape: []int{3}}) }},
		{"const shape of other size", "Const", func(e misused) { e.b.Const(&Tensor{Shape: []int{3}, F32: make([]float32, 4)}) }},
		{"const empty", "Const", func(e misused) { e.b.Const(&Tensor{}) }},
		{"parameter of bad shape", "NewParam", func(e misused) { e.b.Param(bad) }},
		{"parameter whose initializer fails", "matrices only", func(e misused) { e.b.Param(unfilled) }},
		{"parameter of other precision", "Param", func(e misused) { e.b.Param(param64) }},
		{"state width 0", "State", func(e misused) { e.b.State("h", 0) }},
		{"state width negative", "State", func(e misused) { e.b.State("h", -1) }},
		{"state width huge", "State", func(e misused) { e.b.State("h", huge) }},
		{"state name twice", "State", func(e misused) { e.b.State("h", 3); e.b.State("h", 4) }},
		{"state not begun", "SetState", func(e misused) { e.b.SetState("h", e.x) }},
		{"state set twice", "SetState", func(e misused) { h := e.b.State("h", 3); e.b.SetState("h", h); e.b.SetState("h", h) }},
		{"state of other shape", "SetState", func(e misused) { e.b.State("h", 3); e.b.SetState("h", e.x) }},
		{"state never set", "Compile", func(e misused) { e.b.State("h", 3); e.b.Compile(e.one, Gradients{}) }},
		{"output name twice", "Output", func(e misused) { e.b.Output("y", e.x); e.b.Output("y", e.v) }},
		{"cost not scalar", "Compile", func(e misused) { e.b.Compile(e.x, Gradients{}) }},
		{"forward cost not scalar", "Compile", func(e misused) { e.b.Forward(e.x) }},

		{"shapes that don't broadcast", "Add", func(e misused) { e.b.Add(e.x, e.b.Floats("three", 3)) }},
		{"shapes that broadcast on the wrong side", "Mul", func(e misused) { e.b.Mul(e.cube, e.b.Floats("left", 2, 3)) }},
		{"dropout mask", "", func(e misused) { e.b.Dropout(e.x, e.b.Floats("mask", 3)) }},
		{"broadcast result too large", "Add", func(e misused) { e.b.Add(e.b.Floats("tall", 1<<16, 1), e.b.Floats("wide", 1<<16)) }},
		{"outer product too large", "MatMul", func(e misused) { e.b.MatMul(e.b.Floats("tall", 1<<16, 1), e.b.Floats("wide", 1, 1<<16)) }},

		{"inner sizes", "MatMul", func(e misused) { e.b.MatMul(e.x, e.x) }},
		{"rank 1", "MatMul", func(e misused) { e.b.MatMul(e.x, e.v) }},
		{"rank 0", "MatMulTransA", func(e misused) { e.b.MatMulTransA(e.one, e.one) }},
		{"stacks and matrices", "MatMul", func(e misused) { e.b.MatMul(e.cube, e.b.Floats("w", 4, 2)) }},
		{"stacks of other length", "MatMulTransB", func(e misused) { e.b.MatMulTransB(e.cube, e.b.Floats("w", 3, 3, 4)) }},
		{"rank 4", "MatMul", func(e misused) { q := e.b.Floats("q", 2, 2, 3, 3); e.b.MatMul(q, q) }},
		{"weight width", "Linear", func(e misused) { e.b.Linear(e.x, e.b.Floats("w", 2, 3), nil) }},
		{"weight transposed", "Linear", func(e misused) { e.b.Linear(e.x, e.b.Floats("w", 4, 2), nil) }},
		{"bias width", "Linear", func(e misused) { e.b.Linear(e.x, e.b.Floats("w", 2, 4), e.v) }},
		{"bias of rank 2", "Linear", func(e misused) { e.b.Linear(e.x, e.b.Floats("w", 2, 4), e.b.Floats("bias", 1, 2)) }},
		{"input of rank 3", "Linear", func(e misused) { e.b.Linear(e.cube, e.b.Floats("w", 2, 4), nil) }},

		{"axis too large", "Sum", func(e misused) { e.b.Sum(e.x, 2) }},
		{"axis too small", "Mean", func(e misused) { e.b.Mean(e.x, -3) }},
		{"axis of a scalar", "Max", func(e misused) { e.b.Max(e.one, 0) }},
		{"axis huge", "Max", func(e misused) { e.b.Max(e.x, math.MinInt) }},
		{"axis", "Softmax", func(e misused) { e.b.Softmax(e.x, 2) }},
		{"axis of a scalar", "Softmax", func(e misused) { e.b.Softmax(e.one, -1) }},
		{"axis", "LogSoftmax", func(e misused) { e.b.LogSoftmax(e.x, -3) }},
		{"axis", "LogSumExp", func(e misused) { e.b.LogSumExp(e.x, 5) }},

		{"axis", "ArgMax", func(e misused) { e.b.ArgMax(e.x, 2) }},
		{"axis of a scalar", "ArgMax", func(e misused) { e.b.ArgMax(e.one, 0) }},
		{"logits of rank 1", "Categorical", func(e misused) { e.b.Categorical(e.v) }},
		{"logits of rank 3", "Categorical", func(e misused) { e.b.Categorical(e.cube) }},

		{"nothing to write", "EachStep", func(e misused) { e.b.EachStep(nil) }},
		{"state not set", "EachStep", func(e misused) { e.b.EachStep(func(int) { e.b.State("h", 3) }) }},
		{"state twice in a step", "State", func(e misused) {
			e.b.EachStep(func(int) { e.b.SetState("h", e.b.State("h", 3)); e.b.State("h", 3) })
		}},
		{"state set twice in a step", "SetState", func(e misused) {
			e.b.EachStep(func(int) { h := e.b.State("h", 3); e.b.SetState("h", h); e.b.SetState("h", h) })
		}},
		{"state of before EachStep", "State", func(e misused) {
			e.b.SetState("h", e.b.State("h", 3))
			e.b.EachStep(func(int) { e.b.State("h", 3) })
		}},
		{"state of before EachStep, not set yet", "State", func(e misused) {
			e.b.State("h", 3)
			e.b.EachStep(func(int) { e.b.State("h", 3) })
		}},
		{"state of another EachStep", "State", func(e misused) {
			for range 2 {
				e.b.EachStep(func(int) { e.b.SetState("h", e.b.State("h", 3)) })
			}
		}},
		{"state of EachStep after it", "State", func(e misused) {
			e.b.EachStep(func(int) { e.b.SetState("h", e.b.State("h", 3)) })
			e.b.State("h", 3)
		}},
		{"last state in a step", "SetLastState", func(e misused) {
			e.b.EachStep(func(int) { e.b.SetLastState("h", e.b.State("h", 3)) })
		}},

		{"gain width", "LayerNorm", func(e misused) { e.b.LayerNorm(e.x, e.b.Floats("gain", 3), e.v, 1e-5) }},
		{"shift rank", "LayerNorm", func(e misused) { e.b.LayerNorm(e.x, e.v, e.x, 1e-5) }},
		{"scalar", "LayerNorm", func(e misused) { e.b.LayerNorm(e.one, e.v, e.v, 1e-5) }},
		{"eps negative", "LayerNorm", func(e misused) { e.b.LayerNorm(e.x, e.v, e.v, -1) }},
		{"eps NaN", "LayerNorm", func(e misused) { e.b.LayerNorm(e.x, e.v, e.v, nan) }},

		{"other size", "Reshape", func(e misused) { e.b.Reshape(e.x, 5, 2) }},
		{"rest that doesn't divide", "Reshape", func(e misused) { e.b.Reshape(e.x, -1, 5) }},
		{"two rests", "Reshape", func(e misused) { e.b.Reshape(e.x, -1, -1) }},
		{"three rests", "Reshape", func(e misused) { e.b.Reshape(e.x, -1, -1, -1) }},
		{"zero size", "Reshape", func(e misused) { e.b.Reshape(e.x, 0, -1) }},
		{"negative sizes with the right product", "Reshape", func(e misused) { e.b.Reshape(e.x, -2, -6) }},
		{"sizes that overflow", "Reshape", func(e misused) { e.b.Reshape(e.x, huge, 4, -1) }},
		{"sizes that overflow to the right product", "Reshape", func(e misused) { e.b.Reshape(e.x, 12, 1<<32+1, 1<<32+1, 1<<32+1, 1<<32+1) }},
		{"perm too short", "Transpose", func(e misused) { e.b.Transpose(e.cube, 0, 1) }},
		{"perm too long", "Transpose", func(e misused) { e.b.Transpose(e.x, 0, 1, 2) }},
		{"perm with an axis twice", "Transpose", func(e misused) { e.b.Transpose(e.cube, 0, 1, 1) }},
		{"perm out of range", "Transpose", func(e misused) { e.b.Transpose(e.x, 1, 2) }},
		{"perm negative", "Transpose", func(e misused) { e.b.Transpose(e.x, -1, 0) }},
		{"axis", "Slice", func(e misused) { e.b.Slice(e.x, 2, 0, 1) }},
		{"axis of a scalar", "Slice", func(e misused) { e.b.Slice(e.one, 0, 0, 1) }},
		{"from negative", "Slice", func(e misused) { e.b.Slice(e.x, 0, -1, 2) }},
		{"to too large", "Slice", func(e misused) { e.b.Slice(e.x, 0, 0, 4) }},
		{"empty", "Slice", func(e misused) { e.b.Slice(e.x, 0, 1, 1) }},
		{"backwards", "Slice", func(e misused) { e.b.Slice(e.x, 1, 3, 1) }},
		{"huge", "Slice", func(e misused) { e.b.Slice(e.x, 1, math.MinInt, math.MaxInt) }},
		{"parts that don't divide", "Split", func(e misused) { e.b.Split(e.x, 1, 3) }},
		{"no parts", "Split", func(e misused) { e.b.Split(e.x, 1, 0) }},
		{"negative parts", "Split", func(e misused) { e.b.Split(e.x, 1, -2) }},
		{"more parts than elements", "Split", func(e misused) { e.b.Split(e.x, 1, 8) }},
		{"huge number of parts", "Split", func(e misused) { e.b.Split(e.x, 1, huge) }},
		{"axis", "Split", func(e misused) { e.b.Split(e.x, -3, 2) }},
		{"nothing", "Concat", func(e misused) { e.b.Concat(0) }},
		{"axis", "Concat", func(e misused) { e.b.Concat(2, e.x, e.x) }},
		{"scalars", "Concat", func(e misused) { e.b.Concat(0, e.one, e.one) }},
		{"other sizes", "Concat", func(e misused) { e.b.Concat(0, e.x, e.b.Floats("y", 3, 5)) }},
		{"other ranks", "Concat", func(e misused) { e.b.Concat(0, e.x, e.cube) }},
		{"other ranks, smaller", "Concat", func(e misused) { e.b.Concat(1, e.x, e.v) }},
		{"nothing", "Stack", func(e misused) { e.b.Stack() }},
		{"other shapes", "Stack", func(e misused) { e.b.Stack(e.x, e.v) }},
		{"other shapes", "Where", func(e misused) { e.b.Where(e.v, e.x, e.x) }},
		{"other shapes", "Mask", func(e misused) { e.b.Mask(e.x, e.v) }},

		{"table of rank 1", "Gather", func(e misused) { e.b.Gather(e.v, e.k, -1) }},
		{"indices of rank 2", "Gather", func(e misused) { e.b.Gather(e.x, e.b.Ints("k2", 3, 1), -1) }},
		{"logits of rank 3", "CrossEntropy", func(e misused) { e.b.CrossEntropy(e.cube, e.k) }},
		{"targets of other length", "CrossEntropy", func(e misused) { e.b.CrossEntropy(e.x, e.b.Ints("k4", 4)) }},

		{"logits as steps of another window", "CRF", func(e misused) { e.b.CRF(e.b.Floats("logits", 3, 3), e.b.Floats("a", 3, 3), e.v, e.v, e.k, nil) }},
		{"start of another width", "CRF", func(e misused) {
			e.b.CRF(e.b.Floats("logits", 2, 3), e.b.Floats("a", 3, 3), e.v, e.b.Floats("end", 3), e.b.Ints("tags", 2), nil)
		}},

		{"mask of other shape", "MaskedSoftmax", func(e misused) { e.b.MaskedSoftmax(e.cube, e.b.Floats("mask", 2, 4)) }},
		{"mask larger than the values", "MaskedSoftmax", func(e misused) { e.b.MaskedSoftmax(e.v, e.x) }},
		{"scalar", "MaskedSoftmax", func(e misused) { e.b.MaskedSoftmax(e.one, nil) }},
		{"no heads", "AttentionScores", func(e misused) { q := e.b.Floats("q", 4, 6); e.b.AttentionScores(q, q, 0, 1) }},
		{"heads that don't divide", "AttentionScores", func(e misused) { q := e.b.Floats("q", 4, 6); e.b.AttentionScores(q, q, 4, 1) }},
		{"keys of other width", "AttentionScores", func(e misused) { e.b.AttentionScores(e.b.Floats("q", 4, 6), e.b.Floats("key", 2, 5), 1, 1) }},
		{"a sequence short of the batch", "AttentionScores", func(e misused) { e.b.AttentionScores(e.x, e.x, 1, 1) }},
		{"rank 3", "AttentionScores", func(e misused) { e.b.AttentionScores(e.cube, e.cube, 1, 1) }},
		{"too many scores", "AttentionScores", func(e misused) { q := e.b.Floats("q", 1<<17, 1); e.b.AttentionScores(q, q, 1, 1) }},
		{"weights of rank 3", "AttentionContext", func(e misused) { e.b.AttentionContext(e.cube, e.b.Floats("value", 4, 2)) }},
		{"weights for other steps", "AttentionContext", func(e misused) { e.b.AttentionContext(e.b.Floats("w", 2, 1, 3, 4), e.b.Floats("value", 6, 2)) }},
		{"weights for other heads", "AttentionContext", func(e misused) { e.b.AttentionContext(e.b.Floats("w", 2, 2, 3, 4), e.b.Floats("value", 8, 3)) }},
		{"keys of other width", "AdditiveScores", func(e misused) { e.b.AdditiveScores(e.b.Floats("q", 4, 4), e.b.Floats("key", 2, 5), e.v) }},
		{"vector of other width", "AdditiveScores", func(e misused) { q := e.b.Floats("q", 4, 5); e.b.AdditiveScores(q, q, e.v) }},
		{"weights of other length", "CrossEntropy", func(e misused) { e.b.WeightedCrossEntropy(e.x, e.k, e.v, CrossEntropyOptions{}) }},
		{"weights of rank 2", "NLL", func(e misused) { e.b.NLL(e.x, e.k, e.b.Floats("w", 3, 1), nil) }},
		{"rank 2", "WeightedMean", func(e misused) { e.b.WeightedMean(e.x, nil) }},
		{"weights of other length", "WeightedMean", func(e misused) { e.b.WeightedMean(e.v, e.b.Floats("w", 3)) }},
		{"no function", "PointwiseLoss", func(e misused) { e.b.PointwiseLoss("PointwiseLoss", e.x, e.x, nil, 1, nil) }},
		{"no numbers", "PointwiseLoss", func(e misused) { e.b.PointwiseLoss("PointwiseLoss", e.x, e.x, nil, 0, squareLoss) }},
		{"shapes that would broadcast", "PointwiseLoss", func(e misused) { e.b.PointwiseLoss("PointwiseLoss", e.x, e.v, nil, 1, squareLoss) }},
		{"numbers that don't divide", "PointwiseLoss", func(e misused) { e.b.PointwiseLoss("PointwiseLoss", e.x, e.b.Floats("y", 3, 1), nil, 3, squareLoss) }},
		{"scalars", "PointwiseLoss", func(e misused) { e.b.PointwiseLoss("PointwiseLoss", e.one, e.one, nil, 1, squareLoss) }},
		{"weights of other length", "TargetWeights", func(e misused) { e.b.TargetWeights(e.k, e.v) }},
		{"no steps", "LengthMask", func(e misused) { e.b.LengthMask(e.k, 0) }},
		{"huge", "LengthMask", func(e misused) { e.b.LengthMask(e.k, huge) }},
		{"labels of other length", "Triplet", func(e misused) { e.b.Triplet(e.x, e.b.Ints("k4", 4), nil, 1) }},
		{"weights of other length", "Contrastive", func(e misused) { e.b.Contrastive(e.x, e.k, e.v, 1) }},
		{"steps of another window", "CTC", func(e misused) { e.b.CTC(e.x, e.k, nil, nil, CTCOptions{}) }},
		{"odd tails", "AdaptiveSoftmax", func(e misused) { e.b.AdaptiveSoftmax(e.x, e.k, nil, e.x, []*Node{e.x}) }},
		{"weights of other length", "AdaptiveSoftmax", func(e misused) { e.b.AdaptiveSoftmax(e.x, e.k, e.v, e.x, nil) }},
		{"weights of other length", "SampledSoftmax", func(e misused) { e.b.SampledSoftmax(e.x, e.k, e.v, e.x, e.b.Floats("w", 3), 2, nil) }},
		{"not a scalar", "SetTargetWeight", func(e misused) { e.b.SetTargetWeight(e.v) }},

		{"probability 1", "DropoutMask", func(e misused) { e.b.DropoutMask(1, 3) }},
		{"probability negative", "DropoutMask", func(e misused) { e.b.DropoutMask(-0.1, 3) }},
		{"probability NaN", "DropoutMask", func(e misused) { e.b.DropoutMask(nan, 3) }},
		{"shape", "DropoutMask", func(e misused) { e.b.DropoutMask(0.5, 3, 0) }},
		{"shape that overflows", "DropoutMask", func(e misused) { e.b.DropoutMask(0.5, 1<<32, 1<<32) }},

		{"pre-activations too few", "tanh cell", func(e misused) { e.recur(tanhCell, []int{1, 3}, []int{3, 3}, nil, []int{2, 3}) }},
		{"weight not square", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3, 4}, nil, []int{2, 3}) }},
		{"weight of rank 1", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3}, nil, []int{2, 3}) }},
		{"bias that no cell takes", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3, 3}, []int{3}, []int{2, 3}) }},
		{"state too narrow", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3, 3}, nil, []int{2, 2}) }},
		{"no states", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3, 3}, nil) }},
		{"two states", "tanh cell", func(e misused) { e.recur(tanhCell, []int{2, 3}, []int{3, 3}, nil, []int{2, 3}, []int{2, 3}) }},
		{"activation without a gate", "tanh cell", func(e misused) {
			cell := tanhCell
			cell.Activations = []Gate{{Name: "h", Next: true}, {Name: "gate"}}
			e.recur(cell, []int{2, 3}, []int{3, 3}, nil, []int{2, 3})
		}},
	} {
		t.Run(c.op+" "+c.name, func(t *testing.T) {
			b := NewBuilder(smallWindow, Options{})
			e := misused{b: b, x: b.Floats("x", 3, 4), v: b.Floats("v", 4), cube: b.Floats("cube", 2, 3, 4), k: b.Ints("k", 3)}
			e.one = b.Sum(e.x)
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			mistake(t, b, c.op, func() { c.f(e) })
		})
	}
}

func TestBadWindow(t *testing.T) {
	for _, w := range []Window{{T: 0, B: 1}, {T: 1, B: 0}, {T: -1, B: -1}, {}} {
		b := NewBuilder(w, Options{})
		mistake(t, b, "NewBuilder", func() {})
	}
}

// TestErrorNamesLayer: the layer in which the mistake was made stands in the message, also when it is nested.
func TestErrorNamesLayer(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	x := b.Floats("x", 3)
	b.Enter("encoder")
	b.Enter("1")
	b.Tanh(x)
	b.Leave()
	b.Enter("2")
	b.Slice(x, 1, 0, 1)
	b.Leave()
	b.Leave()
	var e *ArgumentError
	if !errors.As(b.Err(), &e) || e.Layer != "encoder.2" || !strings.HasPrefix(e.Error(), "encoder.2: Slice: ") {
		t.Errorf("got %v, want an error of Slice in encoder.2", b.Err())
	}
}

// TestFail: a layer's own error is kept if it is the first, and is otherwise dropped.
func TestFail(t *testing.T) {
	own, second := errors.New("the layer's own"), errors.New("second")
	b := NewBuilder(smallWindow, Options{})
	b.Fail(own)
	b.Fail(second)
	if b.Err() != own {
		t.Errorf("Err is %v, want %v", b.Err(), own)
	}
	if _, err := b.Forward(nil); err != own {
		t.Errorf("Forward returns %v, want %v", err, own)
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(b *Builder, cost *Node) (*Program, error)
	}{
		{"no cost", func(b *Builder, _ *Node) (*Program, error) { return b.Compile(nil, Gradients{}) }},
		{"twice", func(b *Builder, cost *Node) (*Program, error) {
			if _, err := b.Compile(cost, Gradients{}); err != nil {
				t.Error(err)
			}
			return b.Compile(cost, Gradients{})
		}},
		{"Compile after Forward", func(b *Builder, cost *Node) (*Program, error) {
			if _, err := b.Forward(cost); err != nil {
				t.Error(err)
			}
			return b.Compile(cost, Gradients{})
		}},
		{"unknown wanted input", func(b *Builder, cost *Node) (*Program, error) {
			return b.Compile(cost, Gradients{Inputs: []string{"nobody"}})
		}},
		{"wanted input of indices", func(b *Builder, cost *Node) (*Program, error) {
			return b.Compile(cost, Gradients{Inputs: []string{"k"}})
		}},
		{"no ops", func(*Builder, *Node) (*Program, error) {
			b := NewBuilder(smallWindow, Options{})
			b.Floats("x", 3)
			return b.Forward(nil)
		}},
		{"nothing", func(*Builder, *Node) (*Program, error) { return NewBuilder(smallWindow, Options{}).Forward(nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBuilder(smallWindow, Options{})
			b.Ints("k", 3)
			p, err := c.f(b, b.Sum(b.Floats("x", 3)))
			var e *ArgumentError
			if p != nil || !errors.As(err, &e) || e.Op != "Compile" || e.Got == "" || e.Want == "" {
				t.Errorf("got program %v and error %v, want an *ArgumentError of Compile", p, err)
			}
		})
	}
}

// TestProgramErrors: wrong data is refused, and the program runs with the data that it had.
func TestProgramErrors(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	h := b.State("h", 2)
	b.SetState("h", h)
	x, k := b.Floats("x", 2, 3), b.Ints("k", 2)
	p, err := b.Forward(b.Sum(b.Add(b.Gather(x, k, -1), b.Slice(x, 0, 0, 1))))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetFloats("x", []float32{1, 2, 3, 4, 5, 6}), p.SetInts("k", []int32{0, 1})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
		want any
		text []string
	}{
		{"too few", p.SetFloats("x", make([]float32, 5)), new(*ShapeError), []string{"x", "5", "6", "[2 3]"}},
		{"too many", p.SetFloat64s("x", make([]float64, 7)), new(*ShapeError), []string{"x", "7", "6"}},
		{"none", p.SetFloats("x", nil), new(*ShapeError), []string{"x", "0", "6"}},
		{"indices too few", p.SetInts("k", []int32{1}), new(*ShapeError), []string{"k", "1", "2"}},
		{"indices for values", p.SetInts("x", make([]int32, 6)), new(*ArgumentError), []string{"x", "indices", "floating"}},
		{"values for indices", p.SetFloats("k", make([]float32, 2)), new(*ArgumentError), []string{"k", "indices", "floating"}},
		{"float64 values for indices", p.SetFloat64s("k", make([]float64, 2)), new(*ArgumentError), []string{"k", "indices", "floating"}},
		{"unknown", p.SetFloats("y", nil), new(*ArgumentError), []string{`"y"`}},
		{"unknown indices", p.SetInts("", nil), new(*ArgumentError), []string{`""`}},
		{"a state isn't an input", p.SetFloats("h", make([]float32, 4)), new(*ArgumentError), []string{`"h"`}},
		{"state of wrong width", p.Load(States{"h": NewTensor(Float32, 2, 3)}), new(*ShapeError), []string{"h", "[2 3]", "[2 2]"}},
		{"state of wrong rank", p.Load(States{"h": NewTensor(Float32, 4)}), new(*ShapeError), []string{"h", "[4]", "[2 2]"}},
		{"state without values", p.Load(States{"h": {Shape: []int{2, 2}}}), new(*ShapeError), []string{"[2 2]"}},
	} {
		if !errors.As(c.err, c.want) {
			t.Errorf("%s: got %T %v, want %T", c.name, c.err, c.err, c.want)
			continue
		}
		for _, s := range c.text {
			if !strings.Contains(c.err.Error(), s) {
				t.Errorf("%s: %q doesn't name %s", c.name, c.err, s)
			}
		}
	}
	if err := p.Run(1); err != nil || p.Cost() != 1+2+3+4+5+6+2*(1+2+3) {
		t.Errorf("after the errors: cost %v, error %v", p.Cost(), err)
	}
	if p.Output("y") != nil || p.InputGradient("x") != nil || p.InputGradient("y") != nil || p.StateSeed("h") != nil || p.StateGradient("h") != nil {
		t.Error("a forward program has what wasn't asked for")
	}
}

// TestIndexErrors: an index out of range stops the run, whatever its place, and the program is usable afterwards.
func TestIndexErrors(t *testing.T) {
	for _, op := range []string{"Gather", "CrossEntropy"} {
		b := NewBuilder(smallWindow, Options{})
		w := NewParam(func(v []float64, _ []int, _ *rand.Rand) error {
			copy(v, []float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3})
			return nil
		}, nil, 2, 5)
		b.Enter("text")
		limit := 5
		var cost *Node
		if op == "Gather" {
			limit = 2
			cost = b.Mean(b.Gather(b.Param(w), b.Ints("k", 2), -1))
		} else {
			cost = b.CrossEntropy(b.Param(w), b.Ints("k", 2))
		}
		b.Leave()
		p, err := b.Compile(cost, Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		run := func(k ...int32) error {
			if err := p.SetInts("k", k); err != nil {
				t.Fatal(err)
			}
			return p.Run(1)
		}
		if err := run(1, 0); err != nil {
			t.Fatal(err)
		}
		cost1, grad := p.Cost(), w.Grad.Floats()
		for _, bad := range []int32{int32(limit), -1, math.MaxInt32, math.MinInt32} {
			for position := range 2 {
				k := []int32{0, 0}
				k[position] = bad
				err := run(k...)
				var e *IndexError
				if !errors.As(err, &e) || *e != (IndexError{Op: op, Position: position, Index: int(bad), Limit: limit}) {
					t.Errorf("%s of %v: got %v", op, k, err)
				}
				var o *OpError
				if !errors.As(err, &o) || o.Layer != "text" {
					t.Errorf("%s: error %v doesn't name the layer", op, err)
				}
			}
		}
		if err := run(1, 0); err != nil || p.Cost() != cost1 || !slices.Equal(w.Grad.Floats(), grad) {
			t.Errorf("%s after errors: %v, cost %v, want %v", op, err, p.Cost(), cost1)
		}
	}
}

// TestOpPanic: a panic inside an op, in the forward or the backward pass, here or in a worker, is an error of the run.
func TestOpPanic(t *testing.T) {
	wide := Window{T: 3, B: 4, Train: true}
	const h = 128 // wide enough that several workers share a step
	bad := false
	cell := tanhCell
	cell.F32.Forward = func(r *Row[float32]) {
		if bad {
			panic("planted in the cell")
		}
		tanhCell.F32.Forward(r)
	}
	b := NewBuilder(wide, Options{Threads: 2})
	w := NewParam(ramp, nil, h, h)
	x, s := b.Floats("x", wide.T*wide.B, h), b.State("h", h)
	b.Enter("net")
	y, last := b.Recur(cell, false, b.Linear(x, b.Param(w), nil), b.Param(w), nil, []*Node{s})
	b.Leave()
	b.SetState("h", last[0])
	p, err := b.Compile(b.Mean(b.Square(y)), Gradients{Inputs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float64, wide.T*wide.B*h)
	ramp(values, nil, nil)
	if err := p.SetFloat64s("x", values); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(1); err != nil {
		t.Fatal(err)
	}
	cost, grad := p.Cost(), w.Grad.Floats()
	check := func(what, op string) {
		t.Helper()
		err := p.Run(1)
		var e *OpError
		if !errors.As(err, &e) || !strings.Contains(e.Op, op) || !strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: got %v, want an *OpError of %s", what, err, op)
		}
	}
	healthy := func() {
		t.Helper()
		if err := p.Run(1); err != nil || p.Cost() != cost || !slices.Equal(w.Grad.Floats(), grad) {
			t.Errorf("after a panic: %v, cost %v, want %v", err, p.Cost(), cost)
		}
	}
	bad = true
	check("in a cell", "tanh cell step")
	bad = false
	healthy()
	for _, n := range b.nodes {
		if n.run == nil {
			continue
		}
		run := n.run
		n.run = func(*Node) error { panic(errors.New("planted")) }
		check(n.String(), n.op)
		n.run = func(*Node) error { return errors.New("planted") }
		check(n.String(), n.op)
		n.run = run
	}
	healthy()
}

// ramp fills a tensor with different numbers of moderate size.
func ramp(values []float64, _ []int, _ *rand.Rand) error {
	for i := range values {
		values[i] = float64(i*7%23-11) / 40
	}
	return nil
}
