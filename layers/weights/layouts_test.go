package weights_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/npz"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/weights"
)

// The sizes of testdata/generate.py.
const vocabulary, width, hidden, outputs, B, T = 7, 3, 4, 2, 2, 5

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2)) }

// resetBefore is a GRU whose reset gate comes before the product, in graph ops.
type resetBefore struct{ wih, whh, bias *graph.Param }

func newResetBefore(rng *rand.Rand) resetBefore {
	draw := graph.Normal(0.5)
	return resetBefore{
		graph.NewParam(draw, rng, 3*hidden, width), graph.NewParam(draw, rng, 3*hidden, hidden), graph.NewParam(draw, rng, 3*hidden),
	}
}

func (c resetBefore) States() []cell.StateSpec { return []cell.StateSpec{{Name: "h", Width: hidden}} }

func (c resetBefore) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight_ih", Param: c.wih}, {Name: "weight_hh", Param: c.whh}, {Name: "bias_ih", Param: c.bias}}
}

func (c resetBefore) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	a := b.Split(b.Linear(x, b.Param(c.wih), b.Param(c.bias)), 1, 3)
	u := b.Split(b.Param(c.whh), 0, 3)
	r := b.Sigmoid(b.Add(a[0], b.Linear(s[0], u[0], nil)))
	z := b.Sigmoid(b.Add(a[1], b.Linear(s[0], u[1], nil)))
	n := b.Tanh(b.Add(a[2], b.Linear(b.Mul(r, s[0]), u[2], nil)))
	h := b.Add(n, b.Mul(z, b.Sub(s[0], n)))
	return h, cell.State{h}
}

// norm is layer normalization.
type norm struct {
	gain, shift *graph.Param
	epsilon     float64
}

func newNorm(rng *rand.Rand, epsilon float64) norm {
	return norm{graph.NewParam(graph.Normal(1), rng, hidden), graph.NewParam(graph.Normal(1), rng, hidden), epsilon}
}

func (n norm) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.LayerNorm(x, b.Param(n.gain), b.Param(n.shift), n.epsilon)
}

func (n norm) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: n.gain}, {Name: "bias", Param: n.shift}}
}

// cases are the models of testdata.
var cases = []struct {
	name   string
	layout weights.Layout
	middle func(rng *rand.Rand) []layers.Layer // between embedding and output
	width  int                                 // of what comes out of these
}{
	{"keras_lstm", weights.Keras, recurrent(layers.NewLSTM, layers.RecurrentOptions{Layers: 2}), hidden},
	{"keras_lstm_both", weights.Keras, recurrent(layers.NewLSTM, layers.RecurrentOptions{Layers: 2, Bidirectional: true}), 2 * hidden},
	{"keras_lstm_nobias", weights.Keras, recurrent(layers.NewLSTM, layers.RecurrentOptions{NoBias: true}), hidden},
	{"keras_gru", weights.Keras, recurrent(layers.NewGRU, layers.RecurrentOptions{Layers: 2}), hidden},
	{"keras_gru_both", weights.Keras, recurrent(layers.NewGRU, layers.RecurrentOptions{Bidirectional: true}), 2 * hidden},
	{"keras_gru_nobias", weights.Keras, recurrent(layers.NewGRU, layers.RecurrentOptions{NoBias: true}), hidden},
	{"keras_gru_before", weights.Keras, func(rng *rand.Rand) []layers.Layer {
		return []layers.Layer{layers.NewRecurrent(newResetBefore(rng))}
	}, hidden},
	{"keras_rnn", weights.Keras, normalized(1e-3), hidden},
	{"flax_lstm", weights.Flax, recurrent(layers.NewLSTM, layers.RecurrentOptions{Layers: 2}), hidden},
	{"flax_lstm_both", weights.Flax, recurrent(layers.NewLSTM, layers.RecurrentOptions{Bidirectional: true}), 2 * hidden},
	{"flax_gru", weights.Flax, recurrent(layers.NewGRU, layers.RecurrentOptions{Layers: 2, Bidirectional: true}), 2 * hidden},
	{"flax_rnn", weights.Flax, normalized(1e-6), hidden},
}

type constructor func(input, hidden int, o layers.RecurrentOptions, rng *rand.Rand) *layers.Recurrent

func recurrent(c constructor, o layers.RecurrentOptions) func(rng *rand.Rand) []layers.Layer {
	return func(rng *rand.Rand) []layers.Layer { return []layers.Layer{c(width, hidden, o, rng)} }
}

func normalized(epsilon float64) func(rng *rand.Rand) []layers.Layer {
	return func(rng *rand.Rand) []layers.Layer {
		return []layers.Layer{layers.NewRNN(width, hidden, layers.RNNOptions{}, rng), newNorm(rng, epsilon)}
	}
}

// language is an embedding, layers and a linear output.
func language(seed uint64, d graph.DType, outputWidth int, middle func(rng *rand.Rand) []layers.Layer) layers.Sequential {
	rng := source(seed)
	m := layers.Sequential{layers.NewEmbedding(vocabulary, width, rng)}
	m = append(m, middle(rng)...)
	m = append(m, layers.NewLinear(outputWidth, outputs, rng))
	graph.SetDType(m.Params(), d)
	return m
}

// apply returns a model's outputs for ids [T·B].
func apply(t testing.TB, m layers.Layer, ids []int32) []float64 {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: len(ids) / B, B: B}, graph.Options{DType: m.Params()[0].DType()})
	b.Output("y", m.Apply(b, b.Ints("ids", len(ids))))
	p, err := b.Forward(nil)
	if err == nil {
		err = p.SetInts("ids", ids)
	}
	if err == nil {
		err = p.Run(0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Output("y").Floats()
}

// near holds numbers against each other, relative to the largest.
func near(t testing.TB, what string, tolerance float64, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*largest) {
			t.Fatalf("%s[%d] is %.12g, want %.12g", what, i, got[i], want[i])
		}
	}
}

// readArrays reads all of an .npz file, without the conversions of this package.
func readArrays(t testing.TB, path string) map[string]npz.Array {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	arrays, err := npz.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]npz.Array{}
	for _, a := range arrays {
		shape, err := a.Shape()
		if err != nil {
			t.Fatal(err)
		}
		data, err := a.Read()
		if err != nil {
			t.Fatal(err)
		}
		all[a.Name] = npz.Array{Name: a.Name, Shape: shape, Data: data}
	}
	return all
}

// timeMajor turns numbers [B, T, n] into [T, B, n].
func timeMajor(v []float64, n int) []float64 {
	var out []float64
	for t := range T {
		for b := range B {
			out = append(out, v[(b*T+t)*n:][:n]...)
		}
	}
	return out
}

// Models of Keras and Flax compute the same here, and what is written is what was read.
func TestLayouts(t *testing.T) {
	all := readArrays(t, "testdata/cases.npz")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join("testdata", c.name+".npz")
			o := weights.Options{Layout: c.layout}
			var ids []int32
			for _, v := range timeMajor(all[c.name+"/ids"].Data.([]float64), 1) {
				ids = append(ids, int32(v))
			}
			want := timeMajor(all[c.name+"/y"].Data.([]float64), outputs)

			for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 2e-6} {
				m := language(1, d, c.width, c.middle)
				if err := weights.Load(path, m.Params(), o); err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprint("y in ", d), tolerance, apply(t, m, ids), want)
				if d == graph.Float32 {
					continue
				}
				again := filepath.Join(t.TempDir(), "again.npz")
				if err := weights.Save(again, m.Params(), o); err != nil {
					t.Fatal(err)
				}
				got, from := readArrays(t, again), readArrays(t, path)
				for name := range from {
					if !slices.Equal(got[name].Shape, from[name].Shape) || !slices.Equal(got[name].Data.([]float64), from[name].Data.([]float64)) {
						t.Errorf("%s is written otherwise than read", name)
					}
				}
				if len(got) != len(from) {
					t.Errorf("%d tensors, want %d", len(got), len(from))
				}
			}
		})
	}
}

// A model of ours, with all biases, computes the same after a way through any layout, kind of file and precision.
func TestThereAndBack(t *testing.T) {
	ids := []int32{0, 1, 2, 3, 4, 5, 6, 0, 3, 3}
	for _, c := range cases {
		for _, layout := range []weights.Layout{weights.PyTorch, c.layout} {
			for _, extension := range []string{".npz", ".safetensors"} {
				for _, d := range []graph.DType{graph.Float32, graph.Float64} {
					t.Run(fmt.Sprint(c.name, " ", layout, " ", d, extension), func(t *testing.T) {
						from, to := language(1, d, c.width, c.middle), language(2, d, c.width, c.middle)
						path, o := filepath.Join(t.TempDir(), "model"+extension), weights.Options{Layout: layout}
						if err := weights.Save(path, from.Params(), o); err != nil {
							t.Fatal(err)
						}
						if err := weights.Load(path, to.Params(), o); err != nil {
							t.Fatal(err)
						}
						tolerance := map[graph.DType]float64{graph.Float32: 1e-6, graph.Float64: 1e-14}[d]
						near(t, "y", tolerance, apply(t, to, ids), apply(t, from, ids))
						for i, p := range from.Params() {
							if layout == weights.PyTorch && !slices.Equal(p.Value.Floats(), to.Params()[i].Value.Floats()) {
								t.Errorf("%s has changed", p.Name)
							}
						}
					})
				}
			}
		}
	}
}

// Cells of a single unit, where a gate's block looks like a whole tensor.
func TestOneUnit(t *testing.T) {
	for kind, c := range map[string]constructor{"LSTM": layers.NewLSTM, "GRU": layers.NewGRU, "RNN": layers.NewRNN} {
		for _, layout := range []weights.Layout{weights.PyTorch, weights.Keras, weights.Flax} {
			model := func(seed uint64) layers.Sequential {
				return layers.Sequential{layers.NewEmbedding(vocabulary, 1, source(seed)), c(1, 1, layers.RecurrentOptions{}, source(seed))}
			}
			from, to, o := model(1), model(2), weights.Options{Layout: layout}
			if err := decode(encode(t, from.Params(), o), to.Params(), o); err != nil {
				t.Fatal(err)
			}
			ids := []int32{0, 1, 2, 3, 4, 5}
			near(t, fmt.Sprint(kind, " in ", layout), 1e-6, apply(t, to, ids), apply(t, from, ids))
		}
	}
}

// Names in the file, for all ways to say them.
func TestNames(t *testing.T) {
	rng := source(1)
	model := layers.Sequential{
		layers.Named{Name: "encoder", Layer: layers.Sequential{
			layers.NewEmbedding(vocabulary, width, rng),
			layers.NewLSTM(width, hidden, layers.LSTMOptions{Bidirectional: true}, rng),
		}},
		layers.NewGRU(2*hidden, hidden, layers.GRUOptions{NoBias: true}, rng),
		layers.NewLinear(hidden, outputs, rng),
	}
	lone := layers.NewRNN(width, hidden, layers.RNNOptions{}, rng)
	for _, c := range []struct {
		params []graph.NamedParam
		o      weights.Options
		want   string
	}{
		{model.Params(), weights.Options{Layout: weights.Keras}, `
			1/l0/kernel 1/l0/recurrent_kernel 2/bias 2/kernel encoder/0/embeddings
			encoder/1/l0/backward/bias encoder/1/l0/backward/kernel encoder/1/l0/backward/recurrent_kernel
			encoder/1/l0/forward/bias encoder/1/l0/forward/kernel encoder/1/l0/forward/recurrent_kernel`},
		{model.Params(), weights.Options{Layout: weights.Keras, Names: map[string]string{
			"encoder": "e", "encoder.1.l0.backward": "lstm/back", "1.l0": "gru", "2": "",
		}}, `
			bias e/0/embeddings e/1/l0/forward/bias e/1/l0/forward/kernel e/1/l0/forward/recurrent_kernel
			gru/kernel gru/recurrent_kernel kernel lstm/back/bias lstm/back/kernel lstm/back/recurrent_kernel`},
		{model.Params(), weights.Options{Names: map[string]string{"": "model", "encoder": "e", "1": "rnn"}}, `
			e.0.weight e.1.bias_hh_l0 e.1.bias_hh_l0_reverse e.1.bias_ih_l0 e.1.bias_ih_l0_reverse
			e.1.weight_hh_l0 e.1.weight_hh_l0_reverse e.1.weight_ih_l0 e.1.weight_ih_l0_reverse
			model.2.bias model.2.weight rnn.weight_hh_l0 rnn.weight_ih_l0`},
		{lone.Params(), weights.Options{}, "bias_hh_l0 bias_ih_l0 weight_hh_l0 weight_ih_l0"},
		{lone.Params(), weights.Options{Layout: weights.Keras}, "l0/bias l0/kernel l0/recurrent_kernel"},
		{lone.Params(), weights.Options{Layout: weights.Flax, Names: map[string]string{"l0": "cell"}}, "cell/h/kernel cell/i/bias cell/i/kernel"},
		{cell.NewLSTM(2, 3, cell.Options{}, rng).Params(), weights.Options{Layout: weights.Keras}, "bias kernel recurrent_kernel"},
	} {
		path := filepath.Join(t.TempDir(), "model.npz")
		if err := weights.Save(path, c.params, c.o); err != nil {
			t.Fatal(err)
		}
		var got []string
		for name := range readArrays(t, path) {
			got = append(got, name)
		}
		slices.Sort(got)
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%+v:\n%v\n%v", c.o, got, want)
		}
		if err := weights.Load(path, c.params, c.o); err != nil {
			t.Error(err)
		}
	}
}

// A matrix without a bias is an embedding when it is written, and may be a kernel when it is read.
func TestKernelWithoutBias(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	for layout, embedding := range map[weights.Layout]string{weights.Keras: "embeddings", weights.Flax: "embedding"} {
		p := []graph.NamedParam{{Name: "0.weight", Param: graph.NewParam(graph.Normal(1), source(1), 2, 3)}}
		for name, want := range map[string][]float32{embedding: values, "kernel": {1, 3, 5, 2, 4, 6}} {
			shape := []int{2, 3}
			if name == "kernel" {
				shape = []int{3, 2}
			}
			path := writeNPZ(t, temporary(t), npz.Array{Name: "0/" + name, Shape: shape, Data: values})
			if err := weights.Load(path, p, weights.Options{Layout: layout}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p[0].Value.F32, want) {
				t.Errorf("%s's %s: %v, want %v", layout, name, p[0].Value.F32, want)
			}
		}
	}
}

func temporary(t testing.TB) string { return filepath.Join(t.TempDir(), "file.npz") }

// writeNPZ writes a file and returns its path.
func writeNPZ(t testing.TB, path string, tensors ...npz.Array) string {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		err = npz.Write(f, tensors)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
