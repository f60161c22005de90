package layers_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// model is a language model over a window with masked steps, whose backward pass reads all kinds of what a forward pass
// leaves: activations, states, dropout masks, the softmax of the cost.
type model struct {
	layers.Sequential
	window graph.Window
}

func newModel(name string) model {
	rng := rand.New(rand.NewPCG(1, 2))
	o := layers.RecurrentOptions{Layers: 2, Dropout: 0.3}
	recurrent := map[string]func(int, int, layers.RecurrentOptions, *rand.Rand) *layers.Recurrent{
		"RNN": layers.NewRNN, "GRU": layers.NewGRU, "LSTM": layers.NewLSTM}[name]
	m := model{layers.Sequential{layers.NewEmbedding(5, 3, rng), recurrent(3, 4, o, rng), layers.NewLinear(4, 5, rng)},
		graph.Window{T: 6, B: 3, Train: true}}
	graph.SetDType(m.Params(), graph.Float64)
	return m
}

// compile compiles the model, with inputs and incoming states set.
func (m model) compile(t *testing.T, masked bool, want graph.Gradients) *graph.Program {
	t.Helper()
	b := graph.NewBuilder(m.window, graph.Options{DType: graph.Float64})
	n := m.window.T * m.window.B
	x, target := b.Ints("x", n), b.Ints("target", n)
	if masked {
		b.SetStepMask(b.Floats("mask", n))
	}
	want.States = true
	p, err := b.Compile(b.CrossEntropy(m.Apply(b, x), target), want)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	ids, mask := make([]int32, n), make([]float64, n)
	for _, name := range []string{"x", "target"} {
		for i := range ids {
			ids[i], mask[i] = int32(rng.IntN(5)), float64(rng.IntN(4))
		}
		if err := p.SetInts(name, ids); err != nil {
			t.Fatal(err)
		}
	}
	if masked {
		if err := p.SetFloat64s("mask", mask); err != nil {
			t.Fatal(err)
		}
	}
	states := graph.States{}
	for _, name := range p.StateNames() {
		states[name] = noise(rng, m.window.B, 4)
		copyTo(t, p.StateSeed(name), noise(rng, m.window.B, 4))
	}
	if err := p.Load(states); err != nil {
		t.Fatal(err)
	}
	return p
}

func noise(rng *rand.Rand, shape ...int) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range t.F64 {
		t.F64[i] = rng.NormFloat64()
	}
	return t
}

// gradients are those of the parameters and of the incoming states.
func (m model) gradients(p *graph.Program) [][]float64 {
	var all [][]float64
	for _, q := range m.Params() {
		all = append(all, q.Grad.Floats())
	}
	for _, name := range p.StateNames() {
		all = append(all, p.StateGradient(name).Floats())
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPhases: a forward pass and then a backward pass are a run; a backward pass that is repeated gives the same bits, and
// others after it, with another weight of the cost and other gradients of the states, are linear in both.
func TestPhases(t *testing.T) {
	for _, name := range []string{"RNN", "GRU", "LSTM"} {
		for _, masked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s masked=%v", name, masked), func(t *testing.T) {
				m := newModel(name)
				once := m.compile(t, masked, graph.Gradients{})
				must(t, once.Run(7))
				want := m.gradients(once)

				p := m.compile(t, masked, graph.Gradients{Repeat: true})
				must(t, p.Forward(7))
				for range 2 {
					must(t, p.Backward())
					equalAll(t, "a backward pass", 0, m.gradients(p), want)
				}
				p.SetCostWeight(0)
				must(t, p.Backward())
				ofStates := m.gradients(p)
				p.SetCostWeight(1)
				for _, s := range p.StateNames() {
					p.StateSeed(s).Zero()
				}
				must(t, p.Backward())
				ofCost := m.gradients(p)
				for i := range ofCost {
					for k := range ofCost[i] {
						ofCost[i][k] += ofStates[i][k]
					}
				}
				equalAll(t, "the sum of two", 1e-12, ofCost, want)

				p.SetCostWeight(-0.5)
				must(t, p.Backward())
				once.SetCostWeight(2)
				must(t, once.Forward(7))
				for _, s := range once.StateNames() {
					once.StateSeed(s).Zero()
				}
				must(t, once.BackwardAdd()) // -0.5 + 2
				for i, q := range m.Params() {
					for k := range ofCost[i] {
						ofCost[i][k] = 1.5 * (ofCost[i][k] - ofStates[i][k])
					}
					equalAll(t, q.Name, 1e-11, [][]float64{q.Grad.Floats()}, ofCost[i:i+1])
				}
			})
		}
	}
}

func equalAll(t *testing.T, what string, tolerance float64, got, want [][]float64) {
	t.Helper()
	for i := range want {
		for k, w := range want[i] {
			if !(math.Abs(got[i][k]-w) <= tolerance*(1+math.Abs(w))) {
				t.Fatalf("%s: gradient %d, element %d: got %v, want %v", what, i, k, got[i][k], w)
			}
		}
	}
}

// stopped are cells whose step doesn't let a gradient pass through the recurrent weight.
type stopped struct{ cell.Cell }

func (s stopped) Step(b *graph.Builder, x *graph.Node, state cell.State) (*graph.Node, cell.State) {
	switch c := s.Cell.(type) {
	case *cell.RNN:
		_, next := c.Step(b, x, cell.State{b.StopGradient(state[0])})
		return next[0], next
	case *cell.LSTM:
		_, next := c.Step(b, x, cell.State{b.StopGradient(state[0]), state[1]})
		return next[0], next
	}
	c := s.Cell.(*cell.GRU) // h = n + z⊙(h-n), where the h in the product is a constant
	_, next := c.Step(b, x, cell.State{b.StopGradient(state[0])})
	h := state[0]
	kept := b.Sub(h, b.StopGradient(h)) // zero, with the gradient of h
	a, u := b.Split(b.Linear(x, b.Param(c.WeightIH), b.Param(c.BiasIH)), 1, 3), b.Split(b.Linear(b.StopGradient(h), b.Param(c.WeightHH), b.Param(c.BiasHH)), 1, 3)
	z := b.StopGradient(b.Sigmoid(b.Add(a[1], u[1])))
	y := b.Add(next[0], b.Mul(z, kept))
	return y, cell.State{y}
}

// TestLocal: the local gradient of a fused recurrence is that of a cell whose recurrent product is a constant.
func TestLocal(t *testing.T) {
	for _, newCell := range []func() cell.Cell{
		func() cell.Cell { return cell.NewRNN(3, 4, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
		func() cell.Cell { return cell.NewLSTM(3, 4, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
		func() cell.Cell { return cell.NewGRU(3, 4, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
	} {
		for _, masked := range []bool{false, true} {
			var results [2][][]float64
			for i, local := range []bool{true, false} {
				c := newCell()
				w := graph.Window{T: 5, B: 2}
				graph.SetDType(c.Params(), graph.Float64)
				b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
				if masked {
					b.SetStepMask(b.Const(&graph.Tensor{Shape: []int{10}, F64: []float64{1, 1, 0, 1, 1, 1, 1, 0, 1, 1}}))
				}
				rng := rand.New(rand.NewPCG(5, 6))
				x := b.Const(noise(rng, 10, 3))
				l := layers.NewRecurrent(c)
				if !local {
					l = layers.NewRecurrent(stopped{c})
				}
				p, err := b.Compile(b.Sum(b.Square(l.Apply(b, x))), graph.Gradients{States: true, Local: local})
				if err != nil {
					t.Fatal(err)
				}
				must(t, p.Run(0))
				for _, q := range c.Params() {
					results[i] = append(results[i], q.Grad.Floats())
				}
				for _, name := range p.StateNames() {
					results[i] = append(results[i], p.StateGradient(name).Floats())
				}
			}
			equalAll(t, fmt.Sprintf("%T masked=%v", newCell(), masked), 1e-12, results[0], results[1])
			if slices.Max(results[0][0]) == 0 {
				t.Error("no gradient")
			}
		}
	}
}

// TestLocalRefused: an unrolled cell can't leave out what isn't marked in its graph.
func TestLocalRefused(t *testing.T) {
	c := cell.NewRNN(3, 4, cell.Options{}, rand.New(rand.NewPCG(1, 2)))
	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	y := layers.NewRecurrent(stopped{c}).Apply(b, b.Floats("x", 2, 3))
	_, err := b.Compile(b.Sum(y), graph.Gradients{Local: true})
	if e, ok := err.(*graph.ArgumentError); !ok || e.Name != "state h_l0" {
		t.Errorf("got %v", err)
	}
}
