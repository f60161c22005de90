package layers_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// params are a layer's parameters by name.
func params(l layers.Layer) map[string]*graph.Param {
	m := map[string]*graph.Param{}
	for _, p := range l.Params() {
		m[p.Name] = p.Param
	}
	return m
}

// set gives a parameter values that depend on its place, or one value for all.
func set(p *graph.Param, value func(i int) float64) {
	for i := range p.Value.Len() {
		p.Value.SetAt(i, value(i))
	}
}

func fill(p *graph.Param, value float64) { set(p, func(int) float64 { return value }) }

// scatter gives all parameters random values, also those that begin at 0.
func scatter(l layers.Layer) {
	for k, p := range l.Params() {
		v := random(uint64(100+k), p.Value.Len())
		set(p.Param, func(i int) float64 { return 0.5 * v[i] })
	}
}

// output runs a layer over x in evaluation, in float64.
func output(t *testing.T, l layers.Layer, w graph.Window, x []float64) []float64 {
	t.Helper()
	width := len(x) / (w.T * w.B)
	graph.SetDType(l.Params(), graph.Float64)
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
	b.Output("y", l.Apply(b, b.Floats("x", w.T*w.B, width)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFloat64s("x", x); err != nil {
		t.Fatal(err)
	}
	run(t, p)
	return p.Output("y").Floats()
}

// part is a GRU of one layer and one direction, with the weights of one of a stack's, by their suffix.
func part(t *testing.T, of layers.Layer, suffix string) *layers.Recurrent {
	t.Helper()
	from := params(of)
	shape := from["weight_ih"+suffix].Shape()
	l := layers.NewGRU(shape[1], shape[0]/3, layers.GRUOptions{}, source())
	graph.SetDType(l.Params(), graph.Float64)
	for _, p := range l.Params() {
		copyTo(t, p.Value, from[strings.TrimSuffix(p.Name, "_l0")+suffix].Value)
	}
	return l
}

// TestMerge: both directions of both layers, each by itself, merged by hand.
func TestMerge(t *testing.T) {
	const input, hidden = 3, 5
	w := graph.Window{T: 4, B: 2}
	for merge, join := range map[layers.Merge]func(f, r float64) float64{
		layers.MergeSum:     func(f, r float64) float64 { return f + r },
		layers.MergeMean:    func(f, r float64) float64 { return (f + r) / 2 },
		layers.MergeProduct: func(f, r float64) float64 { return f * r },
	} {
		l := layers.NewGRU(input, hidden, layers.GRUOptions{Layers: 2, Bidirectional: true, Merge: merge}, source())
		graph.SetDType(l.Params(), graph.Float64)
		y := random(1, w.T*w.B*input)
		for k := range 2 {
			width := len(y) / (w.T * w.B)
			forward := output(t, part(t, l, fmt.Sprintf("_l%d", k)), w, y)
			backward := turned(output(t, part(t, l, fmt.Sprintf("_l%d_reverse", k)), w, turned(y, w.B*width)), w.B*hidden)
			y = make([]float64, len(forward))
			for i := range y {
				y[i] = join(forward[i], backward[i])
			}
		}
		near(t, fmt.Sprint("merge ", merge), 1e-12, output(t, l, w, random(1, w.T*w.B*input)), y)
	}
}

// TestReverse: a stack that goes backwards over the sequence is one that goes forwards over the reversed sequence, with
// its output reversed; nothing is carried on.
func TestReverse(t *testing.T) {
	const input, hidden = 3, 4
	w := graph.Window{T: 5, B: 2}
	forward := layers.NewLSTM(input, hidden, layers.LSTMOptions{Layers: 2}, source())
	backward := layers.NewLSTM(input, hidden, layers.LSTMOptions{Layers: 2, Reverse: true}, source())
	x := random(1, w.T*w.B*input)
	want := turned(output(t, forward, w, turned(x, w.B*input)), w.B*hidden)
	near(t, "output", 1e-12, output(t, backward, w, x), want)

	p := program(t, backward, w, input, graph.Float64)
	run(t, p)
	s := graph.States{}
	p.Store(s)
	if len(s) > 0 || len(p.StateNames()) != 4 {
		t.Errorf("carries %v of the states %q", s, p.StateNames())
	}
}

// TestResidual: what comes into a layer, before dropout, is added to what comes out of it, but for the first.
func TestResidual(t *testing.T) {
	const width = 4
	w := graph.Window{T: 4, B: 2}
	l := layers.NewGRU(width, width, layers.GRUOptions{Layers: 3, Residual: true}, source())
	graph.SetDType(l.Params(), graph.Float64)
	x := random(1, w.T*w.B*width)
	want := output(t, part(t, l, "_l0"), w, x)
	for _, suffix := range []string{"_l1", "_l2"} {
		for i, v := range output(t, part(t, l, suffix), w, want) {
			want[i] += v
		}
	}
	near(t, "output", 1e-12, output(t, l, w, x), want)

	o := layers.RecurrentOptions{Layers: 2, Residual: true, Dropout: 0.5}
	copying := layers.NewStack(width, width, o, func(int, int, cell.Options) cell.Cell { return copies{} })
	y := trained(t, copying, w, repeated(1, len(x)), 1, nil)
	for i := range y {
		y[i]--
	}
	if part := dropped(t, y, 2); part == 0 || part == 1 {
		t.Error("no dropout beside the residual connection")
	}
}

// TestStackNames: what the parameters of stacks of every form are, and how wide the output is.
func TestStackNames(t *testing.T) {
	leaky := func(input, hidden int, o cell.Options) cell.Cell {
		return leakyCell{layers.NewLinear(input+hidden, hidden, source()), hidden, 0.3}
	}
	for _, c := range []struct {
		layer *layers.Recurrent
		width int
		want  string
	}{
		{layers.NewRNN(3, 0, layers.RNNOptions{Widths: []int{5, 2}, NoBias: true}, source()), 2,
			"weight_ih_l0 [5 3] weight_hh_l0 [5 5] weight_ih_l1 [2 5] weight_hh_l1 [2 2]"},
		{layers.NewRNN(3, 9, layers.RNNOptions{Layers: 2, Widths: []int{5, 2}, NoBias: true, Bidirectional: true}, source()), 4,
			"weight_ih_l0 [5 3] weight_hh_l0 [5 5] weight_ih_l0_reverse [5 3] weight_hh_l0_reverse [5 5] " +
				"weight_ih_l1 [2 10] weight_hh_l1 [2 2] weight_ih_l1_reverse [2 10] weight_hh_l1_reverse [2 2]"},
		{layers.NewStack(3, 4, layers.RecurrentOptions{Layers: 2, Bidirectional: true, Merge: layers.MergeMean}, leaky), 4,
			"weight_l0 [4 7] bias_l0 [4] weight_l0_reverse [4 7] bias_l0_reverse [4] " +
				"weight_l1 [4 8] bias_l1 [4] weight_l1_reverse [4 8] bias_l1_reverse [4]"},
		{layers.NewStack(3, 4, layers.RecurrentOptions{LearnedState: true}, leaky), 4, "weight_l0 [4 7] bias_l0 [4] h0_l0 [4]"},
		{layers.NewLSTM(3, 4, layers.LSTMOptions{LearnedState: true, NoBias: true, Bidirectional: true}, source()), 8,
			"weight_ih_l0 [16 3] weight_hh_l0 [16 4] h0_l0 [4] c0_l0 [4] " +
				"weight_ih_l0_reverse [16 3] weight_hh_l0_reverse [16 4] h0_l0_reverse [4] c0_l0_reverse [4]"},
	} {
		var got []string
		for _, p := range c.layer.Params() {
			got = append(got, fmt.Sprint(p.Name, " ", p.Shape()))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("parameters %q, want %s", got, c.want)
		}
		if y := output(t, c.layer, graph.Window{T: 2, B: 3}, make([]float64, 2*3*3)); len(y) != 2*3*c.width {
			t.Errorf("%s: output of width %d, want %d", c.want, len(y)/6, c.width)
		}
	}
}

// TestForgetBias: of all parameters, only the forget gate's biases are others than without the option.
func TestForgetBias(t *testing.T) {
	const hidden = 3
	plain := layers.NewLSTM(2, hidden, layers.LSTMOptions{Layers: 2, Bidirectional: true}, source()).Params()
	for i, p := range layers.NewLSTM(2, hidden, layers.LSTMOptions{Layers: 2, Bidirectional: true, ForgetBias: 1.5}, source()).Params() {
		want := plain[i].Value.Floats()
		for k := hidden; k < 2*hidden; k++ {
			switch {
			case strings.HasPrefix(p.Name, "bias_ih"):
				want[k] = 1.5
			case strings.HasPrefix(p.Name, "bias_hh"):
				want[k] = 0
			}
		}
		if !slices.Equal(p.Value.Floats(), want) {
			t.Errorf("%s is %v, want %v", p.Name, p.Value, want)
		}
	}
}

// checkOwnGradients compares a program's parameter gradients with differences of its cost, with the masks of one seed.
func checkOwnGradients(t *testing.T, p *graph.Program, params []graph.NamedParam) {
	t.Helper()
	run(t, p)
	var gradients [][]float64
	for _, q := range params {
		gradients = append(gradients, q.Grad.Floats())
	}
	for k, q := range params {
		want := make([]float64, q.Value.Len())
		for i := range want {
			const step = 1e-5
			v := q.Value.At(i)
			q.Value.SetAt(i, v+step)
			run(t, p)
			high := p.Cost()
			q.Value.SetAt(i, v-step)
			run(t, p)
			q.Value.SetAt(i, v)
			want[i] = (high - p.Cost()) / (2 * step)
		}
		near(t, q.Name, 1e-6, gradients[k], want)
	}
}

// TestAllOptions: the gradient of a stack with everything at once that is differentiable and of all that is random.
func TestAllOptions(t *testing.T) {
	const width = 3
	w := graph.Window{T: 4, B: 3, Train: true}
	for _, o := range []layers.RecurrentOptions{
		{Bidirectional: true, Merge: layers.MergeProduct, Variational: true, WeightDrop: 0.3},
		{Reverse: true, RecurrentDropout: 0.3, WeightDrop: 0.3, Zoneout: []float64{0.3, 0.3}},
	} {
		o.Layers, o.Residual, o.Dropout, o.LearnedState, o.ForgetBias = 2, true, 0.3, true, 1
		l := layers.NewLSTM(width, width, o, source())
		scatter(l)
		p := program(t, l, w, width, graph.Float64)
		feed(t, p, random(1, w.T*w.B*width), random(2, w.T*w.B*width))
		checkOwnGradients(t, p, l.Params())
	}
}

// TestLearnedState: two windows after one another, and their gradients chained, are one long window; alone, the second
// window gives the learned state no gradient.
func TestLearnedState(t *testing.T) {
	const batch, input, hidden, first, second = 3, 2, 4, 2, 3
	for name, newLayer := range kinds {
		l := newLayer(input, hidden, layers.RecurrentOptions{Layers: 2, LearnedState: true}, source())
		scatter(l)
		x, weight := random(1, (first+second)*batch*input), random(2, (first+second)*batch*hidden)
		long := program(t, l, graph.Window{T: first + second, B: batch}, input, graph.Float64)
		feed(t, long, x, weight)
		checkOwnGradients(t, long, l.Params())
		run(t, long)
		want := gradients(l)
		byName := params(l)
		if near := byName["h0_l1"].Grad.Floats(); slices.Max(near) == 0 && slices.Min(near) == 0 {
			t.Fatalf("%s: no gradient of the learned state", name)
		}

		head := program(t, l, graph.Window{T: first, B: batch}, input, graph.Float64)
		tail := program(t, l, graph.Window{T: second, B: batch}, input, graph.Float64)
		feed(t, head, x[:first*batch*input], weight[:first*batch*hidden])
		feed(t, tail, x[first*batch*input:], weight[first*batch*hidden:])
		run(t, head)
		s := graph.States{}
		head.Store(s)
		if err := tail.Load(s); err != nil {
			t.Fatal(err)
		}
		run(t, tail)
		near(t, name+" outputs", 1e-12, append(head.Output("y").Floats(), tail.Output("y").Floats()...), long.Output("y").Floats())
		for _, n := range []string{"h0_l0", "h0_l1"} {
			near(t, name+" "+n+" in the second window", 0, byName[n].Grad.Floats(), make([]float64, hidden))
		}
		sum := gradients(l)
		for _, n := range head.StateNames() {
			copyTo(t, head.StateSeed(n), tail.StateGradient(n))
		}
		run(t, head)
		for i, g := range gradients(l) {
			sum[i] += g
		}
		near(t, name+" gradients", 1e-10, sum, want)
	}
}

// TestLearnedStateBegins: rows whose states are set to zero begin anew, the others go on; states that are loaded as begun
// are used as they are; a sequence without a valid step is still to begin; and a direction that goes backwards begins with
// every window.
func TestLearnedStateBegins(t *testing.T) {
	const hidden = 2
	w := graph.Window{T: 1, B: 2}
	// The output is the sum of the inputs since the beginning, and 10 or 20 from the learned state.
	sum := func(input, hidden int, o cell.Options) cell.Cell { return sums{} }
	l := layers.NewStack(hidden, hidden, layers.RecurrentOptions{LearnedState: true}, sum)
	set(params(l)["h0_l0"], func(i int) float64 { return 10 * float64(i+1) })
	build := func(l layers.Layer, mask []float64) *graph.Program {
		graph.SetDType(l.Params(), graph.Float64)
		b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
		if mask != nil {
			b.SetStepMask(b.Const(&graph.Tensor{Shape: []int{w.B}, F64: mask}))
		}
		b.Output("y", l.Apply(b, b.Const(&graph.Tensor{Shape: []int{w.B, hidden}, F64: []float64{1, 1, 1, 1}})))
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, s := build(l, nil), graph.States{}
	step := func(p *graph.Program, what string, want ...float64) {
		t.Helper()
		if err := p.Load(s); err != nil {
			t.Fatal(err)
		}
		run(t, p)
		p.Store(s)
		near(t, what, 0, p.Output("y").Floats(), want)
	}
	step(p, "first window", 11, 21, 11, 21)
	step(p, "second window", 12, 22, 12, 22)
	clear(s["h_l0"].F64[:hidden])
	clear(s["begun_l0"].F64[:1])
	step(p, "a reset row", 11, 21, 13, 23)

	s = graph.States{"h_l0": &graph.Tensor{Shape: []int{2, 2}, F64: []float64{1, 2, 3, 4}}, "begun_l0": &graph.Tensor{Shape: []int{2, 1}, F64: []float64{1, 1}}}
	step(p, "loaded states", 2, 3, 4, 5)

	s = graph.States{}
	step(build(l, []float64{1, 0}), "masked", 11, 21, 0, 0)
	near(t, "begun", 0, s["begun_l0"].F64, []float64{1, 0})
	near(t, "state that hasn't begun", 0, s["h_l0"].F64, []float64{11, 21, 10, 20})
	step(p, "after the masked window", 12, 22, 11, 21)
	step(build(l, []float64{1, 0}), "masked later", 13, 23, 0, 0)
	near(t, "begun", 0, s["begun_l0"].F64, []float64{1, 1})

	l = layers.NewStack(hidden, hidden, layers.RecurrentOptions{LearnedState: true, Reverse: true}, sum)
	fill(params(l)["h0_l0"], 5)
	p, s = build(l, nil), graph.States{}
	step(p, "first window, reverse", 6, 6, 6, 6)
	step(p, "second window, reverse", 6, 6, 6, 6)
}

// sums is a cell that adds up its inputs of width 2.
type sums struct{ sumCell }

func (sums) States() []cell.StateSpec { return []cell.StateSpec{{Name: "h", Width: 2}} }

// TestBadOptions: each is an ArgumentError that names the option, where the layer is used and not before.
func TestBadOptions(t *testing.T) {
	lstm := func(o layers.LSTMOptions) layers.Layer { return layers.NewLSTM(4, 5, o, source()) }
	for want, l := range map[string]layers.Layer{
		"LSTM: Layers is -1":                     lstm(layers.LSTMOptions{Layers: -1}),
		"LSTM: Layers is 4611686018427387904":    lstm(layers.LSTMOptions{Layers: 1 << 62}),
		"LSTM: Widths is for 2 layers":           lstm(layers.LSTMOptions{Layers: 3, Widths: []int{4, 5}}),
		"LSTM: Widths is for 5000 layers":        lstm(layers.LSTMOptions{Widths: make([]int, 5000)}),
		"LSTM: Widths is [4 0]":                  lstm(layers.LSTMOptions{Widths: []int{4, 0}}),
		"LSTM: Merge is 4":                       lstm(layers.LSTMOptions{Merge: 4}),
		"LSTM: Merge is -1":                      lstm(layers.LSTMOptions{Merge: -1}),
		"LSTM: Reverse is true":                  lstm(layers.LSTMOptions{Reverse: true, Bidirectional: true}),
		"LSTM: Dropout is 1":                     lstm(layers.LSTMOptions{Dropout: 1}),
		"LSTM: ForgetBias is NaN":                lstm(layers.LSTMOptions{ForgetBias: math.NaN()}),
		"LSTM: ForgetBias is 1":                  lstm(layers.LSTMOptions{ForgetBias: 1, NoBias: true}),
		"GRU: ForgetBias is 1":                   layers.NewGRU(4, 5, layers.GRUOptions{ForgetBias: 1}, source()),
		"RNN: Projection is 2":                   layers.NewRNN(4, 5, layers.RNNOptions{Projection: 2}, source()),
		"ProjectedLSTM: projection is 5":         lstm(layers.LSTMOptions{Projection: 5}),
		"RecurrentDropout is 1":                  lstm(layers.LSTMOptions{RecurrentDropout: 1}),
		"WeightDrop is NaN":                      lstm(layers.LSTMOptions{WeightDrop: math.NaN()}),
		"Zoneout: probabilities is [0.1]":        lstm(layers.LSTMOptions{Zoneout: []float64{0.1}}),
		"Zoneout is 1.5":                         lstm(layers.LSTMOptions{Zoneout: []float64{0.1, 1.5}}),
		"Stack: cell is nil":                     layers.NewStack(4, 5, layers.RecurrentOptions{}, nil),
		"Recurrent: cell is nil":                 layers.NewRecurrent(nil),
		"Zoneout: probabilities is []":           layers.NewRecurrent(cell.NewZoneout(nil)),
		"residual connection: got [6 3] and [6":  lstm(layers.LSTMOptions{Widths: []int{5, 3}, Residual: true}),
		"VariationalDropout: got [6 4], want [8": layers.Sequential{other{}, layers.VariationalDropout(0.5)},
		"Dropout: probability is 2":              layers.VariationalDropout(2),
		"Dropout: probability is -1":             layers.Sequential{tokens{}, &layers.Embedding{Weight: layers.NewEmbedding(3, 2, source()).Weight, Dropout: -1}},
		"ActivationRegularization: Alpha is -1":  layers.ActivationRegularization{Alpha: -1},
		"ActivationRegularization: Beta is +Inf": layers.ActivationRegularization{Beta: math.Inf(1)},
		"Highway: got [6 3] and [6 4]":           layers.NewHighway(layers.NewLinear(4, 3, source()), 4, source()),
		"gate: Linear: got input [6 4], want [N": layers.NewHighway(layers.Dropout(0), 5, source()),
		"Linear: got input [6 4], want [N, 3]":   layers.NewTied(layers.NewEmbedding(7, 3, source())),
	} {
		for _, train := range []bool{false, true} {
			b := graph.NewBuilder(graph.Window{T: 3, B: 2, Train: train}, graph.Options{})
			if strings.Contains(want, "[8") {
				b = graph.NewBuilder(graph.Window{T: 4, B: 2, Train: true}, graph.Options{})
			}
			l.Params()
			layers.Sequential{layers.Named{Name: "layer", Layer: l}}.Apply(b, b.Floats("x", 6, 4))
			var argument *graph.ArgumentError
			var shape *graph.ShapeError
			if err := b.Err(); !errors.As(err, &argument) && !errors.As(err, &shape) ||
				!strings.HasPrefix(err.Error(), "layer") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", want, err)
			}
		}
	}
	refused(t, graph.Window{T: 2, B: 1}, func(b *graph.Builder) {
		layers.Unroll(b, cell.NewLSTM(2, 3, cell.Options{}, source()), b.Floats("x", 2, 2), nil, false)
	})
	refused(t, graph.Window{T: 2, B: 1}, func(b *graph.Builder) { layers.Unroll(b, nil, b.Floats("x", 2, 2), nil, false) })
	refused(t, graph.Window{T: 2, B: 2}, func(b *graph.Builder) {
		layers.NewRecurrent(wrongStates{count: 0}).Apply(b, b.Floats("x", 4, 2))
	})
}

// other passes its input on; tokens gives indices in its place.
type (
	other  struct{ layers.Dropout }
	tokens struct{ layers.Dropout }
)

func (tokens) Apply(b *graph.Builder, x *graph.Node) *graph.Node { return b.Ints("tokens", 6) }

// TestWrongWidth: the message for a layer that doesn't fit the one before it names the layer, what comes and what it wants.
func TestWrongWidth(t *testing.T) {
	for want, l := range map[string]layers.Layer{
		"output: Linear: got input [6 5], want [N, 7] for weight [2 7]": layers.NewLinear(7, 2, source()),
		"output: Linear: got input [6 5], want [N, 7] for weight [8 7]": layers.NewLSTM(7, 2, layers.LSTMOptions{}, source()),
	} {
		b := graph.NewBuilder(graph.Window{T: 3, B: 2}, graph.Options{})
		layers.Sequential{layers.NewGRU(4, 5, layers.GRUOptions{}, source()), layers.Named{Name: "output", Layer: l}}.Apply(b, b.Floats("x", 6, 4))
		if b.Err() == nil || b.Err().Error() != want {
			t.Errorf("got %v, want %s", b.Err(), want)
		}
	}
}
