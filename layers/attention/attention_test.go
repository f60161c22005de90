package attention_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/attention"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/celltest"
)

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// random draws a tensor from N(0, 1).
func random(seed uint64, shape ...int) *graph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 3))
	v := graph.NewTensor(graph.Float64, shape...)
	for i := range v.F64 {
		v.F64[i] = rng.NormFloat64()
	}
	return v
}

// The window has its own T; queries and memory have others.
const (
	batch, queries, keys = 4, 3, 5
	width                = 6
)

var window = graph.Window{T: 2, B: batch, Train: true}

// steps masks the memory: whole, shorter, with holes, and without any step.
var steps = []float64{
	1, 1, 1, 0,
	1, 1, 0, 0,
	1, 0, 1, 0,
	1, 0, 0.5, 0,
	1, 0, 0, 0,
}

// mechanisms are all kinds, for queries and a memory of one width.
func mechanisms() map[string]attention.Mechanism {
	return map[string]attention.Mechanism{
		"Dot":       attention.Dot{},
		"General":   attention.NewGeneral(width, width, source()),
		"Additive":  attention.NewAdditive(width, width, 7, source()),
		"MultiHead": attention.NewMultiHead(width, 3, attention.MultiHeadOptions{}, source()),
	}
}

// reading is what comes of one run.
type reading struct{ context, weights, gradients []float64 }

// read runs a mechanism with the cost Σ context². The mask may be nil.
func read(t *testing.T, m attention.Mechanism, o graph.Options, query, memory *graph.Tensor, mask []float64) reading {
	t.Helper()
	graph.SetDType(m.Params(), o.DType)
	b := graph.NewBuilder(window, o)
	q, x := b.Floats("query", query.Shape...), b.Floats("memory", memory.Shape...)
	var valid *graph.Node
	if mask != nil {
		valid = b.Floats("steps", len(mask))
	}
	context, weights := m.Over(b, x, valid)(b, q)
	b.Output("context", context)
	b.Output("weights", weights)
	p, err := b.Compile(b.Sum(b.Square(context)), graph.Gradients{Inputs: []string{"query", "memory"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetFloat64s("query", query.F64), p.SetFloat64s("memory", memory.F64)); err != nil {
		t.Fatal(err)
	}
	if mask != nil {
		if err := p.SetFloat64s("steps", mask); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second run finds what the first has left in memory
		if err := p.Run(1); err != nil {
			t.Fatal(err)
		}
	}
	r := reading{p.Output("context").Floats(), p.Output("weights").Floats(), p.InputGradient("query").Floats()}
	r.gradients = append(r.gradients, p.InputGradient("memory").Floats()...)
	for _, q := range m.Params() {
		r.gradients = append(r.gradients, q.Grad.Floats()...)
	}
	return r
}

func (r reading) equal(o reading) bool {
	return slices.Equal(r.context, o.context) && slices.Equal(r.weights, o.weights) && slices.Equal(r.gradients, o.gradients)
}

// TestMasks: what stands at masked steps has no effect on anything; the weights of a query add up to 1, or are all 0
// where there is nothing to read.
func TestMasks(t *testing.T) {
	for name, m := range mechanisms() {
		t.Run(name, func(t *testing.T) {
			o := graph.Options{DType: graph.Float64}
			query, memory := random(1, queries*batch, width), random(2, keys*batch, width)
			want := read(t, m, o, query, memory, steps)
			for i, valid := range steps {
				if valid == 0 {
					copy(memory.F64[i*width:], []float64{math.NaN(), math.Inf(1), 1e300, 0, -1, math.Inf(-1)})
				}
			}
			if !read(t, m, o, query, memory, steps).equal(want) {
				t.Error("masked steps have an effect")
			}
			heads := len(want.weights) / (batch * queries * keys)
			for i, w := range want.weights {
				s, step := i/(heads*queries*keys), i%keys
				if valid := steps[step*batch+s] != 0; valid != (w > 0) {
					t.Errorf("sequence %d, step %d: weight %v", s, step, w)
				}
				if step == 0 {
					sum := 0.0
					for _, v := range want.weights[i:][:keys] {
						sum += v
					}
					if s == 3 && sum != 0 || s != 3 && math.Abs(sum-1) > 1e-12 {
						t.Errorf("sequence %d: weights add up to %v", s, sum)
					}
				}
			}
			for q := range queries { // the last sequence's; the bias of MultiHead is 0
				if c := want.context[(q*batch+3)*width:][:width]; !slices.Equal(c, make([]float64, width)) {
					t.Errorf("context %v of nothing", c)
				}
			}
		})
	}
}

// TestSequences: each sequence of a batch is read by itself, and the steps that it has are as good as all.
func TestSequences(t *testing.T) {
	for name, m := range mechanisms() {
		o := graph.Options{DType: graph.Float64}
		query, memory := random(1, queries*batch, width), random(2, keys*batch, width)
		got := read(t, m, o, query, memory, steps)
		for s := range batch - 1 {
			alone, remembered := &graph.Tensor{}, &graph.Tensor{}
			var want []float64
			for q := range queries {
				i := q*batch + s
				alone.F64 = append(alone.F64, query.F64[i*width:][:width]...)
				want = append(want, got.context[i*width:][:width]...)
			}
			for i := s; i < len(steps); i += batch {
				if steps[i] != 0 {
					remembered.F64 = append(remembered.F64, memory.F64[i*width:][:width]...)
				}
			}
			for _, v := range []*graph.Tensor{alone, remembered} {
				v.Shape = []int{len(v.F64) / width * batch, width}
				v.F64 = repeated(v.F64, width)
			}
			r := read(t, m, o, alone, remembered, nil)
			var context []float64
			for q := range queries {
				context = append(context, r.context[q*batch*width:][:width]...)
			}
			near(t, fmt.Sprint(name, " of sequence ", s), 1e-12, context, want)
		}
	}
}

// repeated makes a batch of equal sequences.
func repeated(v []float64, width int) []float64 {
	var out []float64
	for row := range slices.Chunk(v, width) {
		for range batch {
			out = append(out, row...)
		}
	}
	return out
}

func TestThreads(t *testing.T) {
	for name, m := range mechanisms() {
		query, memory := random(1, queries*batch, width), random(2, keys*batch, width)
		one := read(t, m, graph.Options{Threads: 1}, query, memory, steps)
		for threads := 1; threads <= 3; threads++ {
			if !read(t, m, graph.Options{Threads: threads}, query, memory, steps).equal(one) {
				t.Errorf("%s: other bits with %d threads", name, threads)
			}
		}
	}
}

func TestGradients(t *testing.T) {
	for name, m := range mechanisms() {
		for _, masked := range []bool{false, true} {
			err := graph.CheckGradients(window, m.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
				var valid *graph.Node
				if masked {
					valid = b.Const(&graph.Tensor{Shape: []int{keys * batch}, F64: steps})
				}
				context, weights := m.Over(b, in[1], valid)(b, in[0])
				return b.Concat(0, b.Reshape(context, -1), b.Reshape(weights, -1))
			}, random(1, queries*batch, width), random(2, keys*batch, width))
			if err != nil {
				t.Errorf("%s, masked %v: %v", name, masked, err)
			}
		}
	}
}

// selfAttend runs a MultiHead as a layer over five steps, and returns the result and the gradient of the input.
func selfAttend(t *testing.T, m *attention.MultiHead, w graph.Window, seed uint64, x, mask []float64) (y, dx []float64) {
	t.Helper()
	graph.SetDType(m.Params(), graph.Float64)
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
	if mask != nil {
		b.SetStepMask(b.Const(&graph.Tensor{Shape: []int{len(mask)}, F64: mask}))
	}
	node := m.Apply(b, b.Floats("x", w.T*w.B, width))
	b.Output("y", node)
	p, err := b.Compile(b.Sum(b.Square(node)), graph.Gradients{Inputs: []string{"x"}})
	if err == nil {
		err = p.SetFloat64s("x", x)
	}
	if err == nil {
		err = p.Run(seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Output("y").Floats(), p.InputGradient("x").Floats()
}

// TestSelfAttention: a causal layer doesn't look ahead, a step that isn't valid isn't read and gives 0, and valid steps
// have the results of a shorter sequence.
func TestSelfAttention(t *testing.T) {
	w := graph.Window{T: keys, B: batch, Train: true}
	x := random(1, keys*batch, width).F64
	for _, causal := range []bool{false, true} {
		m := attention.NewMultiHead(width, 2, attention.MultiHeadOptions{Causal: causal}, source())
		y, _ := selfAttend(t, m, w, 1, x, nil)
		other := slices.Clone(x)
		for i := 3 * batch * width; i < len(other); i++ {
			other[i]++
		}
		y2, _ := selfAttend(t, m, w, 1, other, nil)
		if same := slices.Equal(y2[:3*batch*width], y[:3*batch*width]); same != causal {
			t.Errorf("causal %v: later steps have an effect: %v", causal, !same)
		}

		y, dx := selfAttend(t, m, w, 1, x, steps)
		junk := slices.Clone(x)
		for i, valid := range steps {
			if valid == 0 {
				junk[i*width] = math.NaN()
				if row := append(slices.Clone(y[i*width:][:width]), dx[i*width:][:width]...); !slices.Equal(row, make([]float64, 2*width)) {
					t.Errorf("row %d isn't valid, and has %v", i, row)
				}
			}
		}
		y2, dx2 := selfAttend(t, m, w, 1, junk, steps)
		if !slices.Equal(y, y2) || !slices.Equal(dx, dx2) {
			t.Error("steps that aren't valid have an effect")
		}
		var valid, want []float64 // the third sequence
		for i := 2; i < len(steps); i += batch {
			if steps[i] != 0 {
				valid, want = append(valid, x[i*width:][:width]...), append(want, y[i*width:][:width]...)
			}
		}
		alone, _ := selfAttend(t, m, graph.Window{T: 3, B: 1}, 1, valid, nil)
		near(t, fmt.Sprint("causal ", causal), 1e-12, alone, want)
	}
}

// TestDropout: the weights that are used change while training, and those that are returned don't.
func TestDropout(t *testing.T) {
	w := graph.Window{T: keys, B: batch, Train: true}
	x := random(1, keys*batch, width).F64
	plain := attention.NewMultiHead(width, 2, attention.MultiHeadOptions{}, source())
	m := attention.NewMultiHead(width, 2, attention.MultiHeadOptions{Dropout: 0.4}, source())
	want, _ := selfAttend(t, plain, w, 1, x, nil)
	one, _ := selfAttend(t, m, w, 1, x, nil)
	again, _ := selfAttend(t, m, w, 1, x, nil)
	two, _ := selfAttend(t, m, w, 2, x, nil)
	if slices.Equal(one, want) || !slices.Equal(one, again) || slices.Equal(one, two) {
		t.Error("in training, dropout is not a function of the seed, or not there")
	}
	w.Train = false
	if y, _ := selfAttend(t, m, w, 1, x, nil); !slices.Equal(y, want) {
		t.Error("dropout in evaluation")
	}
	query, memory := random(1, queries*batch, width), random(2, keys*batch, width)
	if a, b := read(t, m, graph.Options{}, query, memory, nil), read(t, plain, graph.Options{}, query, memory, nil); !slices.Equal(a.weights, b.weights) {
		t.Error("the weights returned are those after dropout")
	}
}

// decoder makes cells that read a memory.
type decoder interface {
	Over(b *graph.Builder, memory, mask *graph.Node) *attention.Decoder
	Params() []graph.NamedParam
}

// decoders are both kinds, for inputs of width 3, with cells of width 5 and a memory of width 4.
var decoders = map[string]func(rng *rand.Rand) decoder{
	"Bahdanau": func(rng *rand.Rand) decoder {
		return &attention.Bahdanau{Cell: cell.NewGRU(3+4, 5, cell.Options{}, rng), Attention: attention.NewAdditive(5, 4, 6, rng)}
	},
	"Luong": func(rng *rand.Rand) decoder {
		return attention.NewLuong(cell.NewLSTM(3+2, 5, cell.Options{}, rng), attention.NewGeneral(5, 4, rng), 4, 5, 2, rng)
	},
}

// remembering is a decoder as a cell for any builder, over a memory that is the same for all sequences of all batches.
type remembering struct{ decoder }

func (r remembering) over(b *graph.Builder) *attention.Decoder {
	n := b.Window().B
	memory := b.Once(r.decoder, func() *graph.Node {
		v := graph.NewTensor(b.DType(), keys*n, 4)
		for i := range v.Len() {
			v.SetAt(i, math.Sin(float64(i/(4*n)*4+i%4)))
		}
		return b.Const(v)
	})
	return r.Over(b, memory, nil)
}

func (r remembering) States() []cell.StateSpec {
	return r.over(graph.NewBuilder(window, graph.Options{DType: r.Params()[0].DType()})).States()
}

func (r remembering) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	return r.over(b).Step(b, x, s)
}

// TestDecoders puts the decoders through the conformance suite for cells.
func TestDecoders(t *testing.T) {
	for name, newDecoder := range decoders {
		t.Run(name, func(t *testing.T) {
			celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return remembering{newDecoder(rng)} })
		})
	}
}

// TestDecoderGradients: with respect to the memory too, over several steps and a ragged memory.
func TestDecoderGradients(t *testing.T) {
	for name, newDecoder := range decoders {
		d := newDecoder(source())
		err := graph.CheckGradients(window, d.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
			c := d.Over(b, in[1], b.Const(&graph.Tensor{Shape: []int{keys * batch}, F64: steps}))
			y := layers.NewRecurrent(c).Apply(b, in[0])
			return b.Concat(0, b.Reshape(y, -1), b.Reshape(c.Weights(b), -1))
		}, random(1, window.T*batch, 3), random(2, keys*batch, 4))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	names := func(params []graph.NamedParam) string {
		var s []string
		for _, p := range params {
			s = append(s, fmt.Sprint(p.Name, p.Shape()))
		}
		return strings.Join(s, " ")
	}
	for _, c := range []struct{ got, want string }{
		{names(attention.NewMultiHead(6, 2, attention.MultiHeadOptions{}, source()).Params()),
			"in_proj_weight[18 6] in_proj_bias[18] out_proj.weight[6 6] out_proj.bias[6]"},
		{names(decoders["Bahdanau"](source()).Params()), "cell.weight_ih[15 7] cell.weight_hh[15 5] cell.bias_ih[15] cell.bias_hh[15] " +
			"attention.query.weight[6 5] attention.key.weight[6 4] attention.score.weight[1 6]"},
		{names(decoders["Luong"](source()).Params()), "cell.weight_ih[20 5] cell.weight_hh[20 5] cell.bias_ih[20] cell.bias_hh[20] " +
			"attention.weight[5 4] weight[2 9]"},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

// TestInitialization: the bounds of PyTorch's MultiheadAttention.
func TestInitialization(t *testing.T) {
	const e = 100
	m := attention.NewMultiHead(e, 4, attention.MultiHeadOptions{}, source())
	for i, bound := range []float64{math.Sqrt(6. / (4 * e)), 0, 0.1, 0} {
		largest := 0.0
		for _, v := range m.Params()[i].Value.Floats() {
			largest = math.Max(largest, math.Abs(v))
		}
		if largest > bound || largest < 0.99*bound {
			t.Errorf("%s goes up to %v, want %v", m.Params()[i].Name, largest, bound)
		}
	}
}

// TestMisuse: mistakes are errors of the builder, never panics.
func TestMisuse(t *testing.T) {
	multi := func(width, heads int, o attention.MultiHeadOptions) *attention.MultiHead {
		return attention.NewMultiHead(width, heads, o, source())
	}
	over := func(m attention.Mechanism) func(b *graph.Builder, q, memory *graph.Node) {
		return func(b *graph.Builder, q, memory *graph.Node) { m.Over(b, memory, nil)(b, q) }
	}
	unroll := func(d decoder) func(b *graph.Builder, q, memory *graph.Node) {
		return func(b *graph.Builder, q, memory *graph.Node) { layers.NewRecurrent(d.Over(b, memory, nil)).Apply(b, q) }
	}
	lstm := cell.NewLSTM(6+6, 5, cell.Options{}, source())
	for name, c := range map[string]struct {
		op string
		f  func(b *graph.Builder, q, memory *graph.Node) // both [8, 6]
	}{
		"dot, other width":        {"AttentionScores", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, b.Slice(m, 1, 0, 3), nil)(b, q) }},
		"dot, no memory":          {"AttentionScores", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, nil, nil)(b, q) }},
		"dot, no query":           {"AttentionScores", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, m, nil)(b, nil) }},
		"dot, indices":            {"AttentionScores", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, b.Ints("k", 8, 6), nil)(b, q) }},
		"mask of other length":    {"Mask", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, m, b.Floats("s", 4))(b, q) }},
		"mask of rank 2":          {"KeyMask", func(b *graph.Builder, q, m *graph.Node) { attention.Dot{}.Over(b, m, b.Floats("s", 8, 6))(b, q) }},
		"key mask short of batch": {"KeyMask", func(b *graph.Builder, q, m *graph.Node) { attention.KeyMask(b, b.Floats("s", 7)) }},
		"causal mask of nothing":  {"CausalMask", func(b *graph.Builder, q, m *graph.Node) { attention.CausalMask(b, 0) }},
		"causal mask too large":   {"CausalMask", func(b *graph.Builder, q, m *graph.Node) { attention.CausalMask(b, 1<<40) }},
		"general, other query":    {"AttentionScores", over(attention.NewGeneral(5, 6, source()))},
		"general, other memory":   {"Linear", over(attention.NewGeneral(6, 5, source()))},
		"general, no width":       {"NewParam", over(attention.NewGeneral(0, 6, source()))},
		"additive, other query":   {"Linear", over(attention.NewAdditive(5, 6, 3, source()))},
		"additive, other memory":  {"Linear", over(attention.NewAdditive(6, 5, 3, source()))},
		"additive, no units":      {"NewParam", over(attention.NewAdditive(6, 6, 0, source()))},
		"heads that don't divide": {"AttentionScores", over(multi(6, 4, attention.MultiHeadOptions{}))},
		"no heads":                {"AttentionScores", over(multi(6, 0, attention.MultiHeadOptions{}))},
		"negative heads":          {"AttentionScores", over(multi(6, -1, attention.MultiHeadOptions{}))},
		"multihead, other width":  {"Linear", over(multi(8, 2, attention.MultiHeadOptions{}))},
		"multihead, no width":     {"NewParam", over(multi(0, 1, attention.MultiHeadOptions{}))},
		"multihead, overflow":     {"NewParam", over(multi(1<<62, 1, attention.MultiHeadOptions{}))},
		"multihead, dropout of 1": {"Dropout", over(multi(6, 2, attention.MultiHeadOptions{Dropout: 1}))},
		"multihead, zero value":   {"Param", over(&attention.MultiHead{})},
		"multihead, other mask": {"MaskedSoftmax", func(b *graph.Builder, q, m *graph.Node) {
			multi(6, 2, attention.MultiHeadOptions{}).Attend(b, q, m, m, b.Floats("s", 3, 4))
		}},
		"multihead as a layer, nil": {"Linear", func(b *graph.Builder, q, m *graph.Node) {
			multi(6, 2, attention.MultiHeadOptions{}).Apply(b, nil)
		}},
		"multihead as a causal layer, nil": {"", func(b *graph.Builder, q, m *graph.Node) {
			multi(6, 2, attention.MultiHeadOptions{Causal: true}).Apply(b, nil)
		}},
		"decoder without a cell":        {"decoder", unroll(&attention.Bahdanau{Attention: attention.Dot{}})},
		"decoder without a mechanism":   {"decoder", unroll(&attention.Luong{Cell: lstm, Weight: graph.NewParam(graph.Zeros, nil, 2, 3)})},
		"decoder without a weight":      {"Param", unroll(&attention.Luong{Cell: lstm, Attention: attention.Dot{}})},
		"decoder, other query":          {"AttentionScores", unroll(&attention.Bahdanau{Cell: lstm, Attention: attention.Dot{}})},
		"decoder, other cell":           {"Linear", unroll(&attention.Bahdanau{Cell: cell.NewGRU(6, 5, cell.Options{}, source()), Attention: attention.NewGeneral(5, 6, source())})},
		"decoder, other weight":         {"Linear", unroll(attention.NewLuong(lstm, attention.NewGeneral(5, 6, source()), 5, 5, 6, source()))},
		"decoder's weights before time": {"Concat", func(b *graph.Builder, q, m *graph.Node) { (&attention.Decoder{}).Weights(b) }},
		"decoder's zero value":          {"decoder", func(b *graph.Builder, q, m *graph.Node) { (&attention.Decoder{}).Step(b, q, nil) }},
		"decoder's state missing": {"decoder", func(b *graph.Builder, q, m *graph.Node) {
			(&attention.Bahdanau{Cell: lstm, Attention: attention.Dot{}}).Over(b, m, nil).Step(b, q, cell.State{q})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := graph.NewBuilder(window, graph.Options{})
			b.Enter("layer")
			c.f(b, b.Floats("query", 8, 6), b.Floats("memory", 8, 6))
			var shape *graph.ShapeError
			var argument *graph.ArgumentError
			if !errors.As(b.Err(), &shape) && !errors.As(b.Err(), &argument) {
				t.Fatalf("got error %T %v", b.Err(), b.Err())
			}
			if text := b.Err().Error(); !strings.HasPrefix(text, "layer: ") || !strings.Contains(text, c.op) {
				t.Errorf("the message %q doesn't name %q in layer", text, c.op)
			}
		})
	}
	for _, w := range []graph.Window{{}, {T: 1}} { // a batch of none
		b := graph.NewBuilder(w, graph.Options{})
		multi(6, 2, attention.MultiHeadOptions{Causal: true}).Apply(b, nil)
		attention.KeyMask(b, b.Floats("s", 3))
		if b.Err() == nil {
			t.Error("no error")
		}
	}
}
