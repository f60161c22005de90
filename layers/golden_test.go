package layers_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/layers"
)

// TestGolden holds layers against PyTorch: outputs, last states, and the gradients with respect to everything.
func TestGolden(t *testing.T) {
	golden.Run(t, "../internal/golden/testdata", []string{"recurrent", "layer"}, func(t *testing.T, c *golden.Case) {
		if c.Op == "recurrent" {
			goldenRecurrent(t, c)
		} else {
			goldenLayer(t, c)
		}
	})
}

func goldenRecurrent(t *testing.T, c *golden.Case) {
	var s struct {
		Kind, Nonlinearity          string
		Layers, Proj                int
		Input, Hidden, Steps, Batch int
		Bidirectional, Bias, Ragged bool
	}
	c.Decode(t, &s)
	rng := rand.New(rand.NewPCG(1, 2))
	o := layers.RecurrentOptions{Layers: s.Layers, Bidirectional: s.Bidirectional, NoBias: !s.Bias, Projection: s.Proj}
	var l *layers.Recurrent
	switch s.Kind + s.Nonlinearity {
	case "RNNtanh":
		l = layers.NewRNN(s.Input, s.Hidden, o, rng)
	case "RNNrelu":
		l = layers.NewReLURNN(s.Input, s.Hidden, o, rng)
	case "LSTM":
		l = layers.NewLSTM(s.Input, s.Hidden, o, rng)
	case "GRU":
		l = layers.NewGRU(s.Input, s.Hidden, o, rng)
	default:
		t.Fatalf("unknown kind %s %s", s.Kind, s.Nonlinearity)
	}
	graph.SetDType(l.Params(), c.Precision())
	c.SetParams(t, l.Params())

	// The cost Σ y⊙wy + Σ hN⊙wh + Σ cN⊙wc: the first part in the graph, the others as seeds of the states.
	w := graph.Window{T: s.Steps, B: s.Batch, Train: true}
	b := graph.NewBuilder(w, graph.Options{DType: c.Precision()})
	if s.Ragged {
		b.SetStepMask(b.Floats("mask", s.Steps*s.Batch))
	}
	y := l.Apply(b, b.Floats("x", s.Steps*s.Batch, s.Input))
	weights := c.Tensor(t, "wy")
	weights.Shape = y.Shape()
	b.Output("y", y)
	p, err := b.Compile(b.Sum(b.Mul(y, b.Const(weights))), graph.Gradients{Inputs: []string{"x"}, States: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFloat64s("x", c.Tensor(t, "x").F64); err != nil {
		t.Fatal(err)
	}
	if s.Ragged {
		if err := p.SetFloats("mask", stepMask(s.Steps, c.Ints(t, "lengths"))); err != nil {
			t.Fatal(err)
		}
	}
	states := graph.States{}
	for i, name := range stateOrder(p, "h") {
		states[name] = block(c.Tensor(t, "h0"), i)
		copyTo(t, p.StateSeed(name), block(c.Tensor(t, "wh"), i))
	}
	for i, name := range stateOrder(p, "c") {
		states[name] = block(c.Tensor(t, "c0"), i)
		copyTo(t, p.StateSeed(name), block(c.Tensor(t, "wc"), i))
	}
	if err := p.Load(states); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(0); err != nil {
		t.Fatal(err)
	}

	c.Compare(t, "y", p.Output("y"))
	c.Compare(t, "grad.x", p.InputGradient("x"))
	for _, kind := range []string{"h", "c"} {
		names := stateOrder(p, kind)
		if len(names) == 0 {
			continue
		}
		last, gradient := graph.NewTensor(graph.Float64, 0), graph.NewTensor(graph.Float64, 0)
		for _, name := range names {
			last.F64 = append(last.F64, p.LastState(name).Floats()...)
			gradient.F64 = append(gradient.F64, p.StateGradient(name).Floats()...)
		}
		c.Compare(t, kind+"N", last)
		c.Compare(t, "grad."+kind+"0", gradient)
	}
	for _, q := range l.Params() {
		c.Compare(t, "grad."+q.Name, q.Grad)
	}
}

// stepMask is 1 within the sequences' lengths.
func stepMask(steps int, lengths []int32) []float32 {
	mask := make([]float32, steps*len(lengths))
	for i, n := range lengths {
		for t := range n {
			mask[int(t)*len(lengths)+i] = 1
		}
	}
	return mask
}

// stateOrder returns the names of the states of one kind, in PyTorch's order: by layer, then direction.
func stateOrder(p *graph.Program, kind string) []string {
	var names []string
	for _, name := range p.StateNames() {
		if strings.HasPrefix(name, kind+"_") {
			names = append(names, name)
		}
	}
	return names
}

// block returns t[i] of a tensor [n, B, H].
func block(t *graph.Tensor, i int) *graph.Tensor {
	n := t.Shape[1] * t.Shape[2]
	return &graph.Tensor{Shape: t.Shape[1:], F64: t.F64[i*n:][:n]}
}

func copyTo(t *testing.T, dst, src *graph.Tensor) {
	t.Helper()
	if err := dst.Copy(src); err != nil {
		t.Fatal(err)
	}
}

func goldenLayer(t *testing.T, c *golden.Case) {
	var s struct {
		Layer         string
		Vocab, Dim    int
		PaddingIdx    int `json:"padding_idx"`
		Eps           float64
		Input, Output int
	}
	c.Decode(t, &s)
	rng := rand.New(rand.NewPCG(1, 2))
	switch s.Layer {
	case "Embedding":
		l := layers.NewPaddedEmbedding(s.Vocab, s.Dim, s.PaddingIdx, rng)
		index := c.Ints(t, "x")
		runLayer(t, c, l, func(b *graph.Builder) *graph.Node { return b.Ints("x", len(index)) },
			func(p *graph.Program) error { return p.SetInts("x", index) })
	case "Linear":
		x := c.Tensor(t, "x")
		p := runLayer(t, c, layers.NewLinear(s.Input, s.Output, rng),
			func(b *graph.Builder) *graph.Node { return b.Floats("x", x.Len()/s.Input, s.Input) },
			func(p *graph.Program) error { return p.SetFloat64s("x", x.F64) }, "x")
		c.Compare(t, "grad.x", p.InputGradient("x"))
	case "LayerNorm":
		x := c.Tensor(t, "x")
		l := layers.NewLayerNorm(s.Dim)
		if l.Epsilon != s.Eps {
			t.Errorf("Epsilon is %v, PyTorch's %v", l.Epsilon, s.Eps)
		}
		p := runLayer(t, c, l, func(b *graph.Builder) *graph.Node { return b.Floats("x", x.Len()/s.Dim, s.Dim) },
			func(p *graph.Program) error { return p.SetFloat64s("x", x.F64) }, "x")
		c.Compare(t, "grad.x", p.InputGradient("x"))
	default:
		t.Fatalf("unknown layer %q", s.Layer)
	}
}

func runLayer(t *testing.T, c *golden.Case, l layers.Layer, input func(b *graph.Builder) *graph.Node, set func(p *graph.Program) error, wanted ...string) *graph.Program {
	graph.SetDType(l.Params(), c.Precision())
	c.SetParams(t, l.Params())
	b := graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{DType: c.Precision()})
	y := l.Apply(b, input(b))
	weights := c.Tensor(t, "wy")
	weights.Shape = y.Shape()
	b.Output("y", y)
	p, err := b.Compile(b.Sum(b.Mul(y, b.Const(weights))), graph.Gradients{Inputs: wanted})
	if err != nil {
		t.Fatal(err)
	}
	if err := set(p); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(0); err != nil {
		t.Fatal(err)
	}
	c.Compare(t, "y", p.Output("y"))
	for _, q := range l.Params() {
		c.Compare(t, "grad."+q.Name, q.Grad)
	}
	return p
}
