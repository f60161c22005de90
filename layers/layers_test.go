package layers_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// kinds are the constructors of recurrent layers.
var kinds = map[string]func(input, hidden int, o layers.RecurrentOptions, rng *rand.Rand) *layers.Recurrent{
	"LSTM": layers.NewLSTM, "GRU": layers.NewGRU, "RNN": layers.NewRNN, "ReLURNN": layers.NewReLURNN,
}

// random draws n numbers from N(0, 1).
func random(seed uint64, n int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

// program compiles a layer over an input "x" of the given width, with cost Σ weight ⊙ y², output "y", and gradients of
// states and input.
func program(t *testing.T, l layers.Layer, w graph.Window, width int, d graph.DType) *graph.Program {
	t.Helper()
	graph.SetDType(l.Params(), d)
	b := graph.NewBuilder(w, graph.Options{DType: d, Threads: 2})
	y := l.Apply(b, b.Floats("x", w.T*w.B, width))
	b.Output("y", y)
	cost := b.Sum(b.Mul(b.Floats("weight", y.Shape()...), b.Square(y)))
	p, err := b.Compile(cost, graph.Gradients{Inputs: []string{"x"}, States: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// feed fills the inputs of a program.
func feed(t *testing.T, p *graph.Program, x, weight []float64) {
	t.Helper()
	if err := errors.Join(p.SetFloat64s("x", x), p.SetFloat64s("weight", weight)); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, p *graph.Program) {
	t.Helper()
	if err := p.Run(1); err != nil {
		t.Fatal(err)
	}
}

func gradients(l layers.Layer) []float64 {
	var g []float64
	for _, p := range l.Params() {
		g = append(g, p.Grad.Floats()...)
	}
	return g
}

// near compares to a tolerance relative to the largest element.
func near(t *testing.T, what string, tolerance float64, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	largest := 0.0
	for _, v := range want {
		largest = math.Max(largest, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= tolerance*largest) {
			t.Errorf("%s: element %d is %.12g, want %.12g", what, i, got[i], v)
			return
		}
	}
}

// TestChainedWindows: windows run forward one after the other, then backward from the last to the first with the
// gradient of the carried states handed on, give the values and gradients of one long window.
func TestChainedWindows(t *testing.T) {
	const batch, input, hidden = 3, 4, 5
	for name, newLayer := range kinds {
		for _, steps := range [][]int{{3, 4}, {1, 1, 2}, {5, 1, 3}} {
			l := newLayer(input, hidden, layers.RecurrentOptions{Layers: 2}, source())
			total := 0
			for _, n := range steps {
				total += n
			}
			x, weight := random(1, total*batch*input), random(2, total*batch*hidden)
			first := graph.States{} // what the sequence begins with
			long := program(t, l, graph.Window{T: total, B: batch, Train: true}, input, graph.Float64)
			for i, n := range long.StateNames() {
				first[n] = &graph.Tensor{Shape: []int{batch, hidden}, F64: random(uint64(10+i), batch*hidden)}
			}
			if err := long.Load(first); err != nil {
				t.Fatal(err)
			}
			feed(t, long, x, weight)
			run(t, long)
			want := append(gradients(l), long.InputGradient("x").Floats()...)
			wantLast := graph.States{}
			long.Store(wantLast)
			var wantFirst []float64
			for _, n := range long.StateNames() {
				wantFirst = append(wantFirst, long.StateGradient(n).Floats()...)
			}

			// Forward, keeping the states that each window begins with.
			var programs []*graph.Program
			carried := []graph.States{first}
			cost, at := 0.0, 0
			for i, n := range steps {
				p := program(t, l, graph.Window{T: n, B: batch, Train: true}, input, graph.Float64)
				if err := p.Load(carried[i]); err != nil {
					t.Fatal(err)
				}
				feed(t, p, x[at*batch*input:][:n*batch*input], weight[at*batch*hidden:][:n*batch*hidden])
				run(t, p)
				cost += p.Cost()
				out := graph.States{}
				p.Store(out)
				programs, carried = append(programs, p), append(carried, out)
				at += n
			}
			near(t, name+" cost", 1e-12, []float64{cost}, []float64{long.Cost()})
			for n, s := range wantLast {
				near(t, name+" "+n, 1e-12, carried[len(steps)][n].Floats(), s.Floats())
			}

			// Backward.
			var sum []float64
			dx := make([][]float64, len(steps))
			seeds := graph.States{}
			for i := len(steps) - 1; i >= 0; i-- {
				p := programs[i]
				for n, s := range seeds {
					if err := p.StateSeed(n).Copy(s); err != nil {
						t.Fatal(err)
					}
				}
				run(t, p)
				if sum == nil {
					sum = make([]float64, len(gradients(l)))
				}
				for k, g := range gradients(l) {
					sum[k] += g
				}
				dx[i] = p.InputGradient("x").Floats()
				for _, n := range p.StateNames() {
					g := p.StateGradient(n)
					seeds[n] = &graph.Tensor{Shape: g.Shape, F64: g.Floats()}
				}
			}
			near(t, fmt.Sprint(name, steps, " gradients"), 1e-10, append(sum, slices.Concat(dx...)...), want)
			var gotFirst []float64
			for _, n := range long.StateNames() {
				gotFirst = append(gotFirst, seeds[n].Floats()...)
			}
			near(t, fmt.Sprint(name, steps, " gradient of the first state"), 1e-10, gotFirst, wantFirst)
		}
	}
}

// reversed is a layer that reads the window from its end. Its windows chain from the last to the first.
type reversed struct{ cell.Fused }

func (r reversed) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	var s cell.State
	for _, v := range r.States() {
		s = append(s, b.State(v.Name, v.Width))
	}
	y, last := r.Sequence(b, x, s, true)
	for i, n := range last {
		b.SetState(r.States()[i].Name, n)
	}
	return y
}

func TestChainedReversedWindows(t *testing.T) {
	const batch, input, hidden, steps = 2, 3, 4, 3
	l := reversed{cell.NewLSTM(input, hidden, cell.Options{}, source())}
	x, weight := random(1, 2*steps*batch*input), random(2, 2*steps*batch*hidden)
	long := program(t, l, graph.Window{T: 2 * steps, B: batch}, input, graph.Float64)
	feed(t, long, x, weight)
	run(t, long)
	want, wantY := append(gradients(l), long.InputGradient("x").Floats()...), long.Output("y").Floats()

	w := graph.Window{T: steps, B: batch}
	head, tail := program(t, l, w, input, graph.Float64), program(t, l, w, input, graph.Float64)
	feed(t, head, x[:steps*batch*input], weight[:steps*batch*hidden])
	feed(t, tail, x[steps*batch*input:], weight[steps*batch*hidden:])
	run(t, tail)
	s := graph.States{}
	tail.Store(s)
	if err := head.Load(s); err != nil {
		t.Fatal(err)
	}
	run(t, head)
	near(t, "outputs", 1e-12, append(head.Output("y").Floats(), tail.Output("y").Floats()...), wantY)
	sum := gradients(l)
	for _, n := range tail.StateNames() {
		if err := tail.StateSeed(n).Copy(head.StateGradient(n)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, tail)
	for i, g := range gradients(l) {
		sum[i] += g
	}
	near(t, "gradients", 1e-10, append(append(sum, head.InputGradient("x").Floats()...), tail.InputGradient("x").Floats()...), want)
}

// TestBidirectional: each half of the output is that of a layer in one direction with the same weights, which reads the
// sequence or the reversed sequence; in two layers the second reads both halves of the first.
func TestBidirectional(t *testing.T) {
	const steps, batch, input, hidden = 4, 2, 3, 5
	w := graph.Window{T: steps, B: batch}
	for name, newLayer := range kinds {
		both := newLayer(input, hidden, layers.RecurrentOptions{Layers: 2, Bidirectional: true}, source())
		graph.SetDType(both.Params(), graph.Float64)
		byName := map[string]*graph.Param{}
		for _, p := range both.Params() {
			byName[p.Name] = p.Param
		}
		x := random(1, steps*batch*input)
		// one runs a single layer with the weights of one of the four.
		one := func(x []float64, width int, suffix string) []float64 {
			l := newLayer(width, hidden, layers.RecurrentOptions{}, source())
			graph.SetDType(l.Params(), graph.Float64)
			for _, p := range l.Params() {
				if err := p.Value.Copy(byName[strings.TrimSuffix(p.Name, "_l0")+suffix].Value); err != nil {
					t.Fatal(err)
				}
			}
			p := program(t, l, w, width, graph.Float64)
			feed(t, p, x, make([]float64, steps*batch*hidden))
			run(t, p)
			return p.Output("y").Floats()
		}
		for layer, width := range []int{input, 2 * hidden} {
			forward := one(x, width, fmt.Sprintf("_l%d", layer))
			backward := turned(one(turned(x, batch*width), width, fmt.Sprintf("_l%d_reverse", layer)), batch*hidden)
			x = nil
			for i := range steps * batch {
				x = append(append(x, forward[i*hidden:][:hidden]...), backward[i*hidden:][:hidden]...)
			}
		}
		p := program(t, both, w, input, graph.Float64)
		feed(t, p, random(1, steps*batch*input), make([]float64, len(x)))
		run(t, p)
		near(t, name, 1e-12, p.Output("y").Floats(), x)
	}
}

// turned reverses the order of blocks.
func turned(v []float64, block int) []float64 {
	var out []float64
	for at := len(v) - block; at >= 0; at -= block {
		out = append(out, v[at:at+block]...)
	}
	return out
}

// TestNames are those of PyTorch's state_dict, with its shapes.
func TestNames(t *testing.T) {
	model := layers.Sequential{
		layers.NewEmbedding(7, 3, source()),
		layers.Dropout(0.5),
		layers.Named{Name: "rnn", Layer: layers.NewGRU(3, 4, layers.GRUOptions{Layers: 2, Bidirectional: true}, source())},
		layers.NewLSTM(8, 2, layers.LSTMOptions{NoBias: true}, source()),
		layers.NewLinear(2, 7, source()),
	}
	want := []string{"0.weight [7 3]"}
	for _, s := range []string{"_l0", "_l0_reverse", "_l1", "_l1_reverse"} {
		width := 3
		if strings.HasPrefix(s, "_l1") {
			width = 8
		}
		want = append(want, fmt.Sprintf("rnn.weight_ih%s [12 %d]", s, width), fmt.Sprintf("rnn.weight_hh%s [12 4]", s),
			fmt.Sprintf("rnn.bias_ih%s [12]", s), fmt.Sprintf("rnn.bias_hh%s [12]", s))
	}
	want = append(want, "3.weight_ih_l0 [8 8]", "3.weight_hh_l0 [8 2]", "4.weight [7 2]", "4.bias [7]")
	var got []string
	for _, p := range model.Params() {
		got = append(got, fmt.Sprint(p.Name, " ", p.Shape()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("parameters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	p, err := b.Forward(b.Sum(model.Apply(b, b.Ints("x", 2))))
	if err != nil {
		t.Fatal(err)
	}
	states := []string{"rnn.h_l0", "rnn.h_l0_reverse", "rnn.h_l1", "rnn.h_l1_reverse", "3.h_l0", "3.c_l0"}
	if got := p.StateNames(); !slices.Equal(got, states) {
		t.Errorf("states %q, want %q", got, states)
	}
}

// TestInitialization: bounds and moments of the default initialization.
func TestInitialization(t *testing.T) {
	moments := func(p *graph.Param) (largest, mean, deviation float64) {
		v := p.Value.Floats()
		for _, x := range v {
			largest = math.Max(largest, math.Abs(x))
			mean += x / float64(len(v))
			deviation += x * x / float64(len(v))
		}
		return largest, mean, math.Sqrt(deviation)
	}
	uniform := func(name string, p *graph.Param, bound float64) {
		largest, mean, deviation := moments(p)
		if largest > bound || largest < 0.98*bound || math.Abs(mean) > 0.1*bound || math.Abs(deviation-bound/math.Sqrt(3)) > 0.1*bound {
			t.Errorf("%s: largest %v, mean %v, deviation %v, want uniform in ±%v", name, largest, mean, deviation, bound)
		}
	}
	linear := layers.NewLinear(100, 400, source())
	uniform("Linear weight", linear.Weight, 0.1)
	uniform("Linear bias", linear.Bias, 0.1)
	for name, newLayer := range kinds {
		for _, p := range newLayer(30, 400, layers.RecurrentOptions{}, source()).Params() {
			uniform(name+" "+p.Name, p.Param, 0.05)
		}
	}
	if _, mean, deviation := moments(layers.NewEmbedding(100, 100, source()).Weight); math.Abs(mean) > 0.05 || math.Abs(deviation-1) > 0.03 {
		t.Errorf("Embedding: mean %v, deviation %v, want 0 and 1", mean, deviation)
	}
}

// TestDropout: in evaluation the layer is not there, in training it works between stacked layers and not behind the last.
func TestDropout(t *testing.T) {
	const steps, batch, width = 3, 4, 6
	x, weight := random(1, steps*batch*width), random(2, steps*batch*width)
	get := func(o layers.RecurrentOptions, train bool, seed uint64) []float64 {
		p := program(t, layers.NewGRU(width, width, o, source()), graph.Window{T: steps, B: batch, Train: train}, width, graph.Float32)
		feed(t, p, x, weight)
		if err := p.Run(seed); err != nil {
			t.Fatal(err)
		}
		return p.Output("y").Floats()
	}
	stacked := layers.RecurrentOptions{Layers: 2}
	dropping := layers.RecurrentOptions{Layers: 2, Dropout: 0.5}
	plain := get(stacked, true, 1)
	if !slices.Equal(get(dropping, false, 1), plain) {
		t.Error("dropout in evaluation")
	}
	one := get(dropping, true, 1)
	if slices.Equal(one, plain) || !slices.Equal(get(dropping, true, 1), one) || slices.Equal(get(dropping, true, 2), one) {
		t.Error("dropout in training is not a function of the seed, or not there")
	}
	if slices.Contains(one, 0) {
		t.Error("dropout behind the last layer")
	}
	single := layers.RecurrentOptions{Dropout: 0.5}
	if !slices.Equal(get(single, true, 1), get(layers.RecurrentOptions{}, true, 1)) {
		t.Error("dropout in a single layer")
	}
}

// TestSharedLayer: one layer at two places of a model has one set of parameters and two states.
func TestSharedLayer(t *testing.T) {
	shared := layers.NewRNN(3, 3, layers.RNNOptions{}, source())
	model := layers.Sequential{shared, shared}
	err := graph.CheckGradients(graph.Window{T: 3, B: 2, Train: true}, shared.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
		return model.Apply(b, in[0])
	}, &graph.Tensor{Shape: []int{6, 3}, F64: random(4, 18)})
	if err != nil {
		t.Error(err)
	}
}

// counter is a cell in graph ops with a closed form: its state counts the steps and its output is x·count.
type counter struct{}

func (counter) States() []cell.StateSpec   { return []cell.StateSpec{{Name: "count", Width: 1}} }
func (counter) Params() []graph.NamedParam { return nil }
func (counter) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	n := b.AddScalar(s[0], 1)
	return b.Mul(x, n), cell.State{n}
}

// TestUnroll: the order of the steps in both directions, and the state over three windows.
func TestUnroll(t *testing.T) {
	const steps, batch = 4, 2
	for _, reverse := range []bool{false, true} {
		b := graph.NewBuilder(graph.Window{T: steps, B: batch}, graph.Options{})
		y, last := layers.Unroll(b, counter{}, b.Floats("x", steps*batch, 2), cell.State{b.State("count", 1)}, reverse)
		b.SetState("count", last[0])
		b.Output("y", y)
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		x := random(1, steps*batch*2)
		if err := p.SetFloat64s("x", x); err != nil {
			t.Fatal(err)
		}
		s := graph.States{}
		for window := range 3 {
			if err := p.Load(s); err != nil {
				t.Fatal(err)
			}
			run(t, p)
			p.Store(s)
			var want []float64
			for i, v := range x {
				step := i / (batch * 2)
				if reverse {
					step = steps - 1 - step
				}
				want = append(want, v*float64(window*steps+step+1))
			}
			near(t, fmt.Sprintf("outputs of window %d, reverse=%v", window, reverse), 1e-6, p.Output("y").Floats(), want)
			count := float64((window + 1) * steps)
			near(t, "count", 0, s["count"].Floats(), []float64{count, count})
		}
	}
	b := graph.NewBuilder(graph.Window{T: steps, B: batch}, graph.Options{})
	model := layers.Sequential{layers.NewRecurrent(counter{})}
	p, err := b.Forward(b.Sum(model.Apply(b, b.Floats("x", steps*batch, 2))))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.StateNames(); !slices.Equal(got, []string{"0.count_l0"}) {
		t.Errorf("states %q", got)
	}
}

// TestMisuse: wrong sizes are errors that name the layer, never panics.
func TestMisuse(t *testing.T) {
	const steps, batch, width = 3, 2, 4
	w := graph.Window{T: steps, B: batch, Train: true}
	rnn := func(input, hidden int, o layers.RecurrentOptions) layers.Layer {
		return layers.NewLSTM(input, hidden, o, source())
	}
	for name, c := range map[string]struct {
		layer layers.Layer
		x     func(b *graph.Builder) *graph.Node
		op    string // named in the message; the layer's place is "layer"
	}{
		"linear, other width":        {layers.NewLinear(3, 2, source()), nil, "Linear"},
		"linear, no input width":     {layers.NewLinear(0, 2, source()), nil, "NewParam"},
		"linear, negative":           {layers.NewLinear(4, -2, source()), nil, "NewParam"},
		"linear, overflow":           {layers.NewLinear(1<<40, 1<<40, source()), nil, "NewParam"},
		"linear, nil":                {layers.NewLinear(4, 2, source()), func(*graph.Builder) *graph.Node { return nil }, "Linear"},
		"linear of indices":          {layers.NewLinear(4, 2, source()), func(b *graph.Builder) *graph.Node { return b.Ints("x", 3, 4) }, "Linear"},
		"embedding of values":        {layers.NewEmbedding(5, 2, source()), nil, "Gather"},
		"embedding, no rows":         {layers.NewEmbedding(0, 2, source()), nil, "NewParam"},
		"embedding, nil":             {layers.NewEmbedding(5, 2, source()), func(*graph.Builder) *graph.Node { return nil }, "Gather"},
		"embedding, bad padding":     {layers.NewPaddedEmbedding(5, 2, 5, source()), func(b *graph.Builder) *graph.Node { return b.Ints("x", 3) }, "Padding"},
		"embedding, nil table":       {layers.NewPretrainedEmbedding(nil), func(b *graph.Builder) *graph.Node { return b.Ints("x", 3) }, "ParamOf"},
		"embedding, table of rank 1": {layers.NewPretrainedEmbedding(graph.NewTensor(graph.Float32, 3)), func(b *graph.Builder) *graph.Node { return b.Ints("x", 3) }, "Gather"},
		"layer norm, other width":    {layers.NewLayerNorm(3), nil, "LayerNorm"},
		"layer norm, no width":       {layers.NewLayerNorm(0), nil, "NewParam"},
		"last step, too short":       {layers.LastStep{}, func(b *graph.Builder) *graph.Node { return b.Floats("x", 5, 4) }, "LastStep"},
		"mean, of rank 1":            {layers.MeanOverTime{}, func(b *graph.Builder) *graph.Node { return b.Floats("x", 6) }, "MeanOverTime"},
		"max, nil":                   {layers.MaxOverTime{}, func(*graph.Builder) *graph.Node { return nil }, "MaxOverTime"},
		"max of indices":             {layers.MaxOverTime{}, func(b *graph.Builder) *graph.Node { return b.Ints("x", 6, 4) }, ""},
		"attention, other width":     {layers.NewAttentionOverTime(3, 2, source()), nil, "Linear"},
		"attention, no units":        {layers.NewAttentionOverTime(4, 0, source()), nil, "NewParam"},
		"dropout of 1":               {layers.Dropout(1), nil, "Dropout"},
		"dropout negative":           {layers.Dropout(-0.5), nil, "Dropout"},
		"dropout NaN":                {layers.Dropout(math.NaN()), nil, "Dropout"},
		"dropout of indices":         {layers.Dropout(0.5), func(b *graph.Builder) *graph.Node { return b.Ints("x", 3) }, ""},
		"LSTM, other width":          {rnn(3, 5, layers.RecurrentOptions{}), nil, "Linear"},
		"LSTM, no units":             {rnn(4, 0, layers.RecurrentOptions{}), nil, "hidden width"},
		"LSTM, negative":             {rnn(4, -5, layers.RecurrentOptions{}), nil, "hidden width"},
		"LSTM, units that overflow":  {rnn(4, 1<<61, layers.RecurrentOptions{}), nil, ""},
		"LSTM, no input width":       {rnn(0, 5, layers.RecurrentOptions{}), nil, "NewParam"},
		"LSTM, nil":                  {rnn(4, 5, layers.RecurrentOptions{Bidirectional: true}), func(*graph.Builder) *graph.Node { return nil }, "Linear"},
		"LSTM, too short":            {rnn(4, 5, layers.RecurrentOptions{Bidirectional: true, Layers: 2}), func(b *graph.Builder) *graph.Node { return b.Floats("x", 5, 4) }, "LSTM"},
		"LSTM, time in its own axis": {rnn(4, 5, layers.RecurrentOptions{}), func(b *graph.Builder) *graph.Node { return b.Floats("x", 3, 2, 4) }, "Linear"},
		"LSTM, bad dropout":          {rnn(4, 5, layers.RecurrentOptions{Layers: 2, Dropout: 2}), nil, "Dropout"},
		"GRU, other width":           {layers.NewGRU(3, 5, layers.GRUOptions{}, source()), nil, "Linear"},
		"RNN, other width":           {layers.NewRNN(3, 5, layers.RNNOptions{}, source()), nil, "Linear"},
		"cell, too short":            {layers.NewRecurrent(counter{}), func(b *graph.Builder) *graph.Node { return b.Floats("x", 5, 4) }, "Unroll"},
		"cell, nil":                  {layers.NewRecurrent(counter{}), func(*graph.Builder) *graph.Node { return nil }, "Unroll"},
		"cell of indices":            {layers.NewRecurrent(counter{}), func(b *graph.Builder) *graph.Node { return b.Ints("x", 6, 4) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := graph.NewBuilder(w, graph.Options{})
			var x *graph.Node
			if c.x == nil {
				x = b.Floats("x", steps*batch, width)
			} else {
				x = c.x(b)
			}
			// The layers after the mistake, and a second use of the same layer, do nothing.
			model := layers.Sequential{layers.Named{Name: "layer", Layer: c.layer}, rnn(4, 4, layers.RecurrentOptions{}), c.layer}
			y := model.Apply(b, x)
			var shape *graph.ShapeError
			var argument *graph.ArgumentError
			if y != nil || !errors.As(b.Err(), &shape) && !errors.As(b.Err(), &argument) {
				t.Fatalf("got node %v and error %T %v", y, b.Err(), b.Err())
			}
			if text := b.Err().Error(); !strings.HasPrefix(text, "layer: ") || !strings.Contains(text, c.op) {
				t.Errorf("the message %q doesn't name %q in layer", text, c.op)
			}
			if _, err := b.Compile(nil, graph.Gradients{}); err != b.Err() {
				t.Errorf("Compile returns %v", err)
			}
		})
	}
}

// TestLoadShapes: states of another width, batch or rank are refused by name.
func TestLoadShapes(t *testing.T) {
	l := layers.NewLSTM(3, 4, layers.LSTMOptions{}, source())
	p := program(t, l, graph.Window{T: 2, B: 5}, 3, graph.Float32)
	for _, shape := range [][]int{{5, 3}, {4, 4}, {20}, {1, 5, 4}, {4, 5}} {
		err := p.Load(graph.States{"c_l0": graph.NewTensor(graph.Float32, shape...)})
		var e *graph.ShapeError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "c_l0") || !strings.Contains(err.Error(), "[5 4]") {
			t.Errorf("shape %v: got %v", shape, err)
		}
	}
	if err := p.Load(graph.States{"c_l0": graph.NewTensor(graph.Float64, 5, 4)}); err != nil {
		t.Errorf("the right shape in another precision: %v", err)
	}
}

// TestNonFiniteStep: a NaN that comes up in one time step of a fused layer is found there, under the layer's name.
func TestNonFiniteStep(t *testing.T) {
	const steps, batch, width = 6, 2, 3
	l := layers.NewReLURNN(width, 4, layers.RNNOptions{NoBias: true}, source())
	for _, p := range l.Params() {
		for i := range p.Value.Len() {
			p.Value.SetAt(i, 1)
		}
	}
	model := layers.Sequential{layers.Dropout(0), layers.Named{Name: "encoder", Layer: l}}
	p := program(t, model, graph.Window{T: steps, B: batch}, width, graph.Float32)
	for step := range steps {
		// The step's input is large but finite, the state that it makes is, and the product with the weight isn't.
		x := make([]float64, steps*batch*width)
		x[step*batch*width] = 3e38
		feed(t, p, x, make([]float64, steps*batch*4))
		run(t, p)
		err := p.FirstNonFinite()
		var e *graph.NonFiniteError
		want := fmt.Sprintf("RNN step %d", step+1)
		if step == steps-1 {
			want = "Square" // of the cost; there is no next step
		}
		if !errors.As(err, &e) || e.Op != want || e.Backward || want != "Square" && e.Layer != "encoder" {
			t.Errorf("step %d: got %v, want %s", step, err, want)
		}
	}
}

// TestCompileTime: a fused recurrence of a thousand steps compiles at once. What a cell in graph ops takes, with sixteen
// times the nodes, is logged.
func TestCompileTime(t *testing.T) {
	compile := func(steps int, apply func(b *graph.Builder, x *graph.Node) *graph.Node) (time.Duration, *graph.Program) {
		start := time.Now()
		b := graph.NewBuilder(graph.Window{T: steps, B: 1, Train: true}, graph.Options{})
		y := apply(b, b.Floats("x", steps, 4))
		p, err := b.Compile(b.Mean(b.Square(y)), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		return time.Since(start), p
	}
	fused := layers.NewLSTM(4, 8, layers.LSTMOptions{}, source())
	took, p := compile(1000, fused.Apply)
	t.Logf("fused LSTM, T=1000: %d nodes compile in %v", p.Nodes(), took)
	if took > 5*time.Second {
		t.Errorf("compiling took %v", took)
	}
	run(t, p)
	for _, steps := range []int{25, 50, 100, 200} {
		if steps > 100 && testing.Short() {
			continue
		}
		c := cell.NewLSTM(4, 8, cell.Options{}, source())
		took, p := compile(steps, func(b *graph.Builder, x *graph.Node) *graph.Node {
			zero := b.Const(graph.NewTensor(graph.Float32, 1, 8))
			y, _ := layers.Unroll(b, c, x, cell.State{zero, zero}, false)
			return y
		})
		t.Logf("unrolled LSTM, T=%d: %d nodes compile in %v", steps, p.Nodes(), took)
	}
}
