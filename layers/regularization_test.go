package layers_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// trained runs a layer over x [T*B, width] while training, with the masks of a seed, in float64. The gradients of the
// parameters are those of Σ y.
func trained(t *testing.T, l layers.Layer, w graph.Window, x []float64, seed uint64, states graph.States) []float64 {
	t.Helper()
	w.Train = true
	graph.SetDType(l.Params(), graph.Float64)
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
	y := l.Apply(b, b.Const(&graph.Tensor{Shape: []int{w.T * w.B, len(x) / (w.T * w.B)}, F64: x}))
	b.Output("y", y)
	p, err := b.Compile(b.Sum(y), graph.Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Load(states); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(seed); err != nil {
		t.Fatal(err)
	}
	return p.Output("y").Floats()
}

// repeated is n times a value.
func repeated(value float64, n int) []float64 { return slices.Repeat([]float64{value}, n) }

// dropped is the part of elements that are 0. The others must have the given value.
func dropped(t *testing.T, v []float64, kept float64) float64 {
	t.Helper()
	zeros := 0
	for _, x := range v {
		switch {
		case x == 0:
			zeros++
		case math.Abs(x-kept) > 1e-12:
			t.Errorf("element %v, want 0 or %v", x, kept)
			return math.NaN()
		}
	}
	return float64(zeros) / float64(len(v))
}

// copies is a cell without a state that gives its input back.
type copies struct{}

func (copies) States() []cell.StateSpec   { return nil }
func (copies) Params() []graph.NamedParam { return nil }
func (copies) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	return x, nil
}

// TestVariationalDropout: one mask for all steps, another for every sequence and run; alone, and between stacked layers.
func TestVariationalDropout(t *testing.T) {
	const width, p = 200, 0.25
	w := graph.Window{T: 3, B: 4}
	ones := repeated(1, w.T*w.B*width)
	stacked := func(variational bool) layers.Layer {
		o := layers.RecurrentOptions{Layers: 2, Dropout: p, Variational: variational}
		return layers.NewStack(width, width, o, func(int, int, cell.Options) cell.Cell { return copies{} })
	}
	for name, l := range map[string]layers.Layer{"alone": layers.VariationalDropout(p), "between layers": stacked(true)} {
		y := trained(t, l, w, ones, 1, nil)
		if part := dropped(t, y, 1/(1-p)); !(math.Abs(part-p) < 0.05) {
			t.Errorf("%s: %v of the elements are dropped, want %v", name, part, p)
		}
		step := w.B * width
		if !slices.Equal(y[:step], y[step:2*step]) || !slices.Equal(y[:step], y[2*step:]) {
			t.Errorf("%s: the mask changes from step to step", name)
		}
		if slices.Equal(y[:width], y[width:2*width]) {
			t.Errorf("%s: two sequences have one mask", name)
		}
		if !slices.Equal(trained(t, l, w, ones, 1, nil), y) || slices.Equal(trained(t, l, w, ones, 2, nil), y) {
			t.Errorf("%s: not a function of the seed", name)
		}
		if !slices.Equal(output(t, l, w, ones), ones) {
			t.Errorf("%s: there in evaluation", name)
		}
	}
	if y := trained(t, stacked(false), w, ones, 1, nil); slices.Equal(y[:w.B*width], y[w.B*width:2*w.B*width]) {
		t.Error("plain dropout has one mask for all steps")
	}
}

// TestRecurrentDropout: with the identity as the only weight, a kept unit doubles at every step, and a dropped one is 0
// from the first step on. A GRU whose update gate is open holds its state whatever the mask.
func TestRecurrentDropout(t *testing.T) {
	const hidden, p = 60, 0.5
	w := graph.Window{T: 4, B: 3}
	x := make([]float64, w.T*w.B)
	ones := graph.States{"h_l0": &graph.Tensor{Shape: []int{w.B, hidden}, F64: repeated(1, w.B*hidden)}}

	l := layers.NewReLURNN(1, hidden, layers.RNNOptions{RecurrentDropout: p, NoBias: true}, source())
	set(params(l)["weight_hh_l0"], func(i int) float64 {
		if i%hidden == i/hidden {
			return 1
		}
		return 0
	})
	y := trained(t, l, w, x, 1, ones)
	first := y[:w.B*hidden]
	if part := dropped(t, first, 2); !(math.Abs(part-p) < 0.12) {
		t.Errorf("%v of the units are dropped, want %v", part, p)
	}
	want := slices.Clone(first)
	for k := range w.T {
		near(t, "kept units", 1e-12, y[k*w.B*hidden:][:w.B*hidden], want)
		for i := range want {
			want[i] *= 2
		}
	}
	if slices.Equal(first[:hidden], first[hidden:2*hidden]) {
		t.Error("two sequences have one mask")
	}
	if slices.Equal(trained(t, l, w, x, 2, ones), y) {
		t.Error("two seeds give one mask")
	}

	g := layers.NewGRU(1, hidden, layers.GRUOptions{RecurrentDropout: p}, source())
	for name, q := range params(g) {
		fill(q, 0)
		if name == "bias_ih_l0" {
			set(q, func(i int) float64 { return 100 }) // σ(100) is 1 to the last bit
		}
	}
	near(t, "GRU", 1e-12, trained(t, g, w, x, 1, ones), repeated(1, w.T*w.B*hidden))
}

// TestWeightDrop: the gradient of weight_hh shows which weights were dropped in all steps and sequences; a plain layer that
// has only the others, scaled, gives the same output. There are hardly more nodes than without.
func TestWeightDrop(t *testing.T) {
	const input, hidden, p = 2, 12, 0.3
	w := graph.Window{T: 5, B: 3}
	x := random(1, w.T*w.B*input)
	forms := maps.Clone(kinds)
	forms["unrolled LSTM"] = func(input, hidden int, o layers.RecurrentOptions, rng *rand.Rand) *layers.Recurrent {
		return layers.NewStack(input, hidden, o, func(input, hidden int, o cell.Options) cell.Cell {
			return struct{ cell.Cell }{cell.NewLSTM(input, hidden, o, rng)}
		})
	}
	for name, newLayer := range forms {
		l := newLayer(input, hidden, layers.RecurrentOptions{WeightDrop: p}, source())
		plain := newLayer(input, hidden, layers.RecurrentOptions{}, source())
		// Positive numbers, so that no unit of the ReLU is 0 and has no gradient.
		weight := params(l)["weight_hh_l0"]
		set(weight, func(i int) float64 { return math.Abs(weight.Value.At(i)) })
		fill(params(l)["bias_ih_l0"], 2)
		fill(params(plain)["bias_ih_l0"], 2)
		y := trained(t, l, w, x, 1, nil)
		zeros := 0
		fill(params(plain)["weight_hh_l0"], 0)
		graph.SetDType(plain.Params(), graph.Float64)
		for i, g := range weight.Grad.F64 {
			if g == 0 {
				zeros++
				continue
			}
			params(plain)["weight_hh_l0"].Value.F64[i] = weight.Value.F64[i] / (1 - p)
		}
		near(t, name, 1e-12, y, output(t, plain, w, x))
		if part := float64(zeros) / float64(weight.Grad.Len()); !(math.Abs(part-p) < 0.13) {
			t.Errorf("%s: %v of the weights are dropped, want %v", name, part, p)
		}
		if slices.Equal(trained(t, l, w, x, 2, nil), y) {
			t.Errorf("%s: two seeds give one mask", name)
		}
		long := graph.Window{T: 50, B: 1, Train: true}
		with, without := program(t, l, long, input, graph.Float32), program(t, plain, long, input, graph.Float32)
		if more := with.Nodes() - without.Nodes(); more > 10 {
			t.Errorf("%s: %d more nodes than without, of %d", name, more, without.Nodes())
		}
	}
}

// TestZoneout: a state that counts the steps grows at the expected rate in evaluation, and at random while training, with
// that mean. The output that is the state is the one after zoneout, and only the states with a probability are zoned.
func TestZoneout(t *testing.T) {
	const p, batch = 0.3, 3000
	w := graph.Window{T: 4, B: batch}
	l := layers.NewRecurrent(cell.NewZoneout(counters{}, p, 0))
	x := make([]float64, w.T*w.B)
	y := output(t, l, w, x)
	for k := range w.T {
		near(t, "in evaluation", 1e-12, y[k*batch:][:1], []float64{(1 - p) * float64(k+1)})
	}
	y = trained(t, l, w, x, 1, nil)
	sum, moves := 0.0, [2]int{}
	for i, v := range y {
		before := 0.0
		if i >= batch {
			before = y[i-batch]
		}
		if d := v - before; d != 0 && d != 1 {
			t.Fatalf("the state moves by %v", d)
		} else {
			moves[int(d)]++
		}
		if i >= len(y)-batch {
			sum += v
		}
	}
	if mean, want := sum/batch, (1-p)*4.0; math.Abs(mean-want) > 0.06 {
		t.Errorf("mean %v after all steps, want %v", mean, want)
	}
	if kept := float64(moves[0]) / float64(len(y)); math.Abs(kept-p) > 0.02 {
		t.Errorf("%v of the steps keep the state, want %v", kept, p)
	}
	if slices.Equal(trained(t, l, w, x, 2, nil), y) || !slices.Equal(trained(t, l, w, x, 1, nil), y) {
		t.Error("not a function of the seed")
	}

	// The second state isn't zoned.
	b := graph.NewBuilder(graph.Window{T: 3, B: 5, Train: true}, graph.Options{})
	l.Apply(b, b.Const(graph.NewTensor(graph.Float32, 15, 1)))
	program, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, program)
	near(t, "unzoned state", 0, program.LastState("steps_l0").Floats(), repeated(3, 5))
}

// counters count the steps twice, for every sequence; the output is the first.
type counters struct{}

func (counters) States() []cell.StateSpec {
	return []cell.StateSpec{{Name: "count", Width: 1}, {Name: "steps", Width: 1}}
}
func (counters) Params() []graph.NamedParam { return nil }
func (counters) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	count := b.AddScalar(s[0], 1)
	return count, cell.State{count, b.AddScalar(s[1], 1)}
}

// TestEmbeddingDropout: a word is dropped wherever it occurs or nowhere, and then its row has no gradient.
func TestEmbeddingDropout(t *testing.T) {
	const vocabulary, n, width, p = 400, 1200, 3, 0.25
	e := layers.NewEmbedding(vocabulary, width, source())
	e.Dropout = p
	fill(e.Weight, 1)
	words := make([]int32, n)
	for i := range words {
		words[i] = int32(i * 7 % vocabulary) // each three times
	}
	get := func(train bool, seed uint64) []float64 {
		b := graph.NewBuilder(graph.Window{T: n, B: 1, Train: train}, graph.Options{})
		y := e.Apply(b, b.Ints("x", n))
		b.Output("y", y)
		p, err := b.Compile(b.Sum(y), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetInts("x", words); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(seed); err != nil {
			t.Fatal(err)
		}
		return p.Output("y").Floats()
	}
	y := get(true, 1)
	byWord := make([]float64, vocabulary)
	for i, k := range words {
		row := y[i*width:][:width]
		if i >= vocabulary && row[0] != byWord[k] || row[1] != row[0] || row[2] != row[0] {
			t.Fatalf("word %d is %v at position %d, and %v before", k, row, i, byWord[k])
		}
		byWord[k] = row[0]
	}
	keep := float64(float32(1 / (1 - p)))
	if part := dropped(t, byWord, keep); !(math.Abs(part-p) < 0.07) {
		t.Errorf("%v of the words are dropped, want %v", part, p)
	}
	for k, v := range byWord {
		if g := e.Weight.Grad.At(k * width); math.Abs(g-3*v) > 1e-5 {
			t.Errorf("gradient of word %d is %v, want %v", k, g, 3*v)
			break
		}
	}
	if slices.Equal(get(true, 2), y) || !slices.Equal(get(true, 1), y) {
		t.Error("not a function of the seed")
	}
	if !slices.Equal(get(false, 1), repeated(1, n*width)) {
		t.Error("there in evaluation")
	}
}

// TestActivationRegularization: the gradient that the penalty adds to an input is that of its formula, with and without
// masked steps; the reported cost is without it, and so is evaluation.
func TestActivationRegularization(t *testing.T) {
	const width, alpha, beta = 3, 2.0, 1.5
	w := graph.Window{T: 4, B: 2}
	n := w.T * w.B * width
	x := random(1, n)
	// penalty sums over valid steps, one number after the other.
	penalty := func(x, mask []float64) float64 {
		ar, tar, steps, pairs := 0.0, 0.0, 0.0, 0.0
		for b := range w.B {
			for k := range w.T {
				if mask[k*w.B+b] == 0 {
					continue
				}
				steps += width
				next := k+1 < w.T && mask[(k+1)*w.B+b] != 0
				if next {
					pairs += width
				}
				for j := range width {
					v := x[(k*w.B+b)*width+j]
					ar += v * v
					if next {
						tar += math.Pow(x[((k+1)*w.B+b)*width+j]-v, 2)
					}
				}
			}
		}
		return alpha*ar/math.Max(steps, 1) + beta*tar/math.Max(pairs, 1)
	}
	for name, mask := range map[string][]float64{
		"all valid": nil, "masked": {1, 1, 1, 0, 0, 1, 1, 0}, "without pairs": {0, 1, 0, 0, 0, 0, 1, 0}, "none valid": make([]float64, 8),
	} {
		for _, train := range []bool{true, false} {
			w.Train = train
			b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
			if mask != nil {
				b.SetStepMask(b.Const(&graph.Tensor{Shape: []int{len(mask)}, F64: mask}))
			}
			y := layers.ActivationRegularization{Alpha: alpha, Beta: beta}.Apply(b, b.Floats("x", w.T*w.B, width))
			p, err := b.Compile(b.Sum(y), graph.Gradients{Inputs: []string{"x"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SetFloat64s("x", x); err != nil {
				t.Fatal(err)
			}
			run(t, p)
			sum, valid := 0.0, mask
			if mask == nil {
				valid = repeated(1, w.T*w.B)
			}
			want := repeated(1, n)
			for i, v := range x {
				sum += v
				if train {
					x[i] = v + 1e-3
					high := penalty(x, valid)
					x[i] = v - 1e-3
					want[i] += (high - penalty(x, valid)) / 2e-3
					x[i] = v
				}
			}
			near(t, name+" cost", 1e-12, []float64{p.Cost()}, []float64{sum})
			near(t, name+" gradient", 1e-9, p.InputGradient("x").Floats(), want)
		}
	}
	one := graph.NewBuilder(graph.Window{T: 1, B: 2, Train: true}, graph.Options{})
	layers.ActivationRegularization{Beta: beta}.Apply(one, one.Floats("x", 2, width))
	if one.Err() != nil {
		t.Errorf("a window of one step: %v", one.Err())
	}
}
