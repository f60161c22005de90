package attention_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/attention"
	"github.com/gobptt/bptt/layers/cell"
)

// reference is a case of testdata/pytorch.json, which generate.py beside it has made.
type reference struct {
	Name    string
	Tensors map[string]struct {
		Shape []int
		Data  []float64
	}
}

func (r reference) compare(t *testing.T, name string, got *graph.Tensor) {
	t.Helper()
	want, ok := r.Tensors[name]
	if !ok || got == nil {
		t.Errorf("%s: got %v, and a reference: %v", name, got, ok)
		return
	}
	near(t, name, 1e-9, got.Floats(), want.Data)
}

// set gives parameters the reference's values; all of those must be used.
func (r reference) set(t *testing.T, params []graph.NamedParam) {
	t.Helper()
	graph.SetDType(params, graph.Float64)
	names := map[string]bool{}
	for _, p := range params {
		v := r.Tensors["param."+p.Name]
		if !slices.Equal(v.Shape, p.Shape()) {
			t.Fatalf("%s has shape %v, PyTorch's %v", p.Name, p.Shape(), v.Shape)
		}
		if err := p.Value.SetFloats(v.Data); err != nil {
			t.Fatal(err)
		}
		names["param."+p.Name] = true
	}
	for name := range r.Tensors {
		if strings.HasPrefix(name, "param.") && !names[name] {
			t.Errorf("PyTorch's %s is not a parameter here", name)
		}
	}
}

// model writes the result and the weights of a case. input declares one of its sequences.
type model func(b *graph.Builder, input func(name string) *graph.Node) (y, weights *graph.Node)

// TestPyTorch: results, weights and all gradients are PyTorch's.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var references []reference
	if err := json.Unmarshal(text, &references); err != nil {
		t.Fatal(err)
	}
	const width, memory, hidden, units = 4, 5, 3, 6
	heads := func(o attention.MultiHeadOptions, causal bool, keys ...string) (model, func() []graph.NamedParam) {
		m := attention.NewMultiHead(width, 2, o, source())
		return func(b *graph.Builder, input func(string) *graph.Node) (y, weights *graph.Node) {
			q := input("query")
			k, v := q, q
			if !causal {
				k, v = input("key"), input("value")
			}
			var mask *graph.Node
			for _, steps := range keys {
				mask = attention.KeyMask(b, input(steps))
			}
			if causal && mask == nil {
				mask = attention.CausalMask(b, 4)
			} else if causal {
				mask = b.Mul(mask, attention.CausalMask(b, 4))
			}
			return m.Attend(b, q, k, v, mask)
		}, m.Params
	}
	over := func(m attention.Mechanism) (model, func() []graph.NamedParam) {
		return func(b *graph.Builder, input func(string) *graph.Node) (y, weights *graph.Node) {
			return m.Over(b, input("memory"), input("steps"))(b, input("query"))
		}, m.Params
	}
	decode := func(d interface {
		Over(b *graph.Builder, memory, mask *graph.Node) *attention.Decoder
		Params() []graph.NamedParam
	}) (model, func() []graph.NamedParam) {
		return func(b *graph.Builder, input func(string) *graph.Node) (y, weights *graph.Node) {
			c := d.Over(b, input("memory"), input("steps"))
			y = layers.NewRecurrent(c).Apply(b, input("x"))
			return y, c.Weights(b)
		}, d.Params
	}
	for _, r := range references {
		var write model
		var params func() []graph.NamedParam
		switch r.Name {
		case "multihead plain":
			write, params = heads(attention.MultiHeadOptions{}, false)
		case "multihead keys":
			write, params = heads(attention.MultiHeadOptions{}, false, "steps")
		case "multihead causal":
			write, params = heads(attention.MultiHeadOptions{NoBias: true}, true)
		case "multihead causal keys":
			write, params = heads(attention.MultiHeadOptions{}, true, "steps")
		case "dot":
			write, params = over(attention.Dot{})
		case "general":
			write, params = over(attention.NewGeneral(hidden, memory, source()))
		case "additive":
			write, params = over(attention.NewAdditive(hidden, memory, units, source()))
		case "bahdanau":
			write, params = decode(&attention.Bahdanau{
				Cell:      cell.NewGRU(2+memory, hidden, cell.Options{}, source()),
				Attention: attention.NewAdditive(hidden, memory, units, source()),
			})
		case "luong":
			const result = 4
			c := cell.NewLSTM(2+result, hidden, cell.Options{}, source())
			write, params = decode(attention.NewLuong(c, attention.NewGeneral(hidden, memory, source()), memory, hidden, result, source()))
		}
		t.Run(r.Name, func(t *testing.T) {
			if write == nil {
				t.Fatal("unknown case")
			}
			r.set(t, params())
			b := graph.NewBuilder(graph.Window{T: 3, B: 2, Train: true}, graph.Options{DType: graph.Float64})
			var inputs []string
			y, weights := write(b, func(name string) *graph.Node {
				inputs = append(inputs, name)
				shape := r.Tensors[name].Shape
				return b.Floats(name, append([]int{shape[0] * shape[1]}, shape[2:]...)...)
			})
			b.Output("y", y)
			b.Output("weights", weights)
			wanted := slices.DeleteFunc(slices.Clone(inputs), func(name string) bool { return name == "steps" })
			cost := b.Sum(b.Mul(y, b.Const(&graph.Tensor{Shape: y.Shape(), F64: r.Tensors["wy"].Data})))
			p, err := b.Compile(cost, graph.Gradients{Inputs: wanted})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range inputs {
				if err := p.SetFloat64s(name, r.Tensors[name].Data); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second run finds what the first has left in memory
				if err := p.Run(1); err != nil {
					t.Fatal(err)
				}
			}
			r.compare(t, "y", p.Output("y"))
			r.compare(t, "weights", p.Output("weights"))
			if got := p.Output("weights").Shape; !slices.Equal(got, r.Tensors["weights"].Shape) {
				t.Errorf("weights have shape %v, want %v", got, r.Tensors["weights"].Shape)
			}
			for _, name := range wanted {
				r.compare(t, "grad."+name, p.InputGradient(name))
			}
			for _, q := range params() {
				r.compare(t, "grad.param."+q.Name, q.Grad)
			}
		})
	}
	if len(references) != 9 {
		t.Errorf("%d cases", len(references))
	}
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
