// Package celltest is the conformance suite for recurrent cells. A cell that passes may be used wherever one is wanted:
//
//	func TestElman(t *testing.T) {
//		celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return NewElman(3, 5, rng) })
//	}
package celltest

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

// Run tests a cell for inputs of the given width: gradients against finite differences; the fused form, if there is
// one, against the unrolled step, in values and gradients; one long window against two short ones with carried state;
// the order of sequences in the batch; the direction; and that neither the seed nor the number of threads leaves a
// trace that it shouldn't.
func Run(t *testing.T, input int, newCell func(rng *rand.Rand) cell.Cell) {
	s := suite{input: input, newCell: newCell}
	t.Run("parameters", s.parameters)
	t.Run("gradients of the step", s.stepGradients)
	t.Run("gradients of the unrolled sequence", func(t *testing.T) { s.sequenceGradients(t, unrolled) })
	t.Run("two windows are one", func(t *testing.T) { s.windows(t, unrolled) })
	t.Run("batch order", func(t *testing.T) { s.permutation(t, unrolled) })
	t.Run("direction", func(t *testing.T) { s.direction(t, unrolled) })
	t.Run("threads", func(t *testing.T) { s.threads(t, unrolled) })
	if _, ok := s.cell().(cell.Fused); !ok {
		return
	}
	t.Run("gradients of the fused sequence", func(t *testing.T) { s.sequenceGradients(t, fused) })
	t.Run("fused is unrolled", s.fusedIsUnrolled)
	t.Run("fused: two windows are one", func(t *testing.T) { s.windows(t, fused) })
	t.Run("fused: batch order", func(t *testing.T) { s.permutation(t, fused) })
	t.Run("fused: direction", func(t *testing.T) { s.direction(t, fused) })
	t.Run("fused: threads", func(t *testing.T) { s.threads(t, fused) })
}

type suite struct {
	input   int
	newCell func(rng *rand.Rand) cell.Cell
}

// form writes a sequence of one cell.
type form func(b *graph.Builder, c cell.Cell, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State)

func unrolled(b *graph.Builder, c cell.Cell, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State) {
	return layers.Unroll(b, c, x, s, reverse)
}

func fused(b *graph.Builder, c cell.Cell, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State) {
	return c.(cell.Fused).Sequence(b, x, s, reverse)
}

func (s suite) cell() cell.Cell { return s.newCell(rand.New(rand.NewPCG(1, 2))) }

// parameters: the same source gives the same values, another source others; names differ.
func (s suite) parameters(t *testing.T) {
	a, b := s.cell().Params(), s.cell().Params()
	other := s.newCell(rand.New(rand.NewPCG(3, 4))).Params()
	names := map[string]bool{}
	changed := len(a) == 0
	for i, p := range a {
		if names[p.Name] {
			t.Errorf("two parameters named %q", p.Name)
		}
		names[p.Name] = true
		if p.Name != b[i].Name || !slices.Equal(p.Value.F32, b[i].Value.F32) {
			t.Errorf("%s: the same source gave another value", p.Name)
		}
		changed = changed || !slices.Equal(p.Value.F32, other[i].Value.F32)
	}
	if !changed {
		t.Error("another source gave the same values")
	}
}

func (s suite) stepGradients(t *testing.T) {
	c := s.cell()
	w := graph.Window{T: 1, B: 3, Train: true}
	inputs := s.inputs(c, w)
	err := graph.CheckGradients(w, c.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
		y, next := c.Step(b, in[0], in[1:])
		return b.Concat(1, append([]*graph.Node{y}, next...)...)
	}, inputs...)
	if err != nil {
		t.Error(err)
	}
}

func (s suite) sequenceGradients(t *testing.T, f form) {
	for _, reverse := range []bool{false, true} {
		c := s.cell()
		w := graph.Window{T: 4, B: 2, Train: true}
		err := graph.CheckGradients(w, c.Params(), func(b *graph.Builder, in []*graph.Node) *graph.Node {
			y, last := f(b, c, in[0], in[1:], reverse)
			parts := []*graph.Node{b.Reshape(y, -1)}
			for _, n := range last {
				parts = append(parts, b.Reshape(n, -1))
			}
			return b.Concat(0, parts...)
		}, s.inputs(c, w)...)
		if err != nil {
			t.Errorf("reverse=%v: %v", reverse, err)
		}
	}
}

// inputs are a random sequence and random states.
func (s suite) inputs(c cell.Cell, w graph.Window) []*graph.Tensor {
	rng := rand.New(rand.NewPCG(5, 6))
	in := []*graph.Tensor{random(rng, w.T*w.B, s.input)}
	for _, v := range c.States() {
		in = append(in, random(rng, w.B, v.Width))
	}
	return in
}

func random(rng *rand.Rand, shape ...int) *graph.Tensor {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range t.F64 {
		t.F64[i] = rng.NormFloat64()
	}
	return t
}

// result is what one run of a sequence gives.
type result struct {
	y      []float64   // [T*B, width]
	last   [][]float64 // the states at the end
	dx     []float64
	dState [][]float64
	dParam [][]float64
}

// run computes a sequence from states, with the cost Σ y² + Σ last².
func (s suite) run(t *testing.T, c cell.Cell, f form, o graph.Options, w graph.Window, in []*graph.Tensor, reverse bool) result {
	t.Helper()
	graph.SetDType(c.Params(), o.DType)
	b := graph.NewBuilder(w, o)
	x := b.Floats("x", in[0].Shape...)
	names := []string{"x"}
	var states cell.State
	for i, v := range c.States() {
		names = append(names, fmt.Sprint("s", i))
		states = append(states, b.Floats(names[i+1], w.B, v.Width))
	}
	y, last := f(b, c, x, states, reverse)
	cost := b.Sum(b.Square(y))
	b.Output("y", y)
	for i, n := range last {
		cost = b.Add(cost, b.Sum(b.Square(n)))
		b.Output(fmt.Sprint("last", i), n)
	}
	p, err := b.Compile(cost, graph.Gradients{Inputs: names})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range in {
		if err := p.SetFloat64s(names[i], v.Floats()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(1); err != nil {
		t.Fatal(err)
	}
	r := result{y: p.Output("y").Floats(), dx: p.InputGradient("x").Floats()}
	for i := range last {
		r.last = append(r.last, p.Output(fmt.Sprint("last", i)).Floats())
		r.dState = append(r.dState, p.InputGradient(names[i+1]).Floats())
	}
	for _, q := range c.Params() {
		r.dParam = append(r.dParam, q.Grad.Floats())
	}
	return r
}

func (s suite) fusedIsUnrolled(t *testing.T) {
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		for _, w := range []graph.Window{{T: 1, B: 1}, {T: 5, B: 3}, {T: 12, B: 7}} {
			for _, reverse := range []bool{false, true} {
				a, b := s.cell(), s.cell()
				in := s.inputs(a, w)
				tolerance := 1e-11
				if d == graph.Float32 {
					tolerance = 1e-4
				}
				same(t, fmt.Sprintf("%v %+v reverse=%v", d, w, reverse), tolerance,
					s.run(t, a, fused, graph.Options{DType: d}, w, in, reverse),
					s.run(t, b, unrolled, graph.Options{DType: d}, w, in, reverse))
			}
		}
	}
}

// windows runs 6 steps at once, and 2 and 4 with the state carried between.
func (s suite) windows(t *testing.T, f form) {
	const batch, first = 3, 2
	long := graph.Window{T: 6, B: batch}
	c := s.cell()
	in := s.inputs(c, long)
	whole := s.run(t, c, f, graph.Options{DType: graph.Float64}, long, in, false)

	cut := first * batch * s.input
	head := append([]*graph.Tensor{rows(in[0], 0, cut, s.input)}, in[1:]...)
	a := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, graph.Window{T: first, B: batch}, head, false)
	tail := []*graph.Tensor{rows(in[0], cut, len(in[0].F64), s.input)}
	for i, v := range c.States() {
		tail = append(tail, &graph.Tensor{Shape: []int{batch, v.Width}, F64: a.last[i]})
	}
	b := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, graph.Window{T: long.T - first, B: batch}, tail, false)
	near(t, "outputs", 1e-12, append(a.y, b.y...), whole.y)
	for i := range b.last {
		near(t, "last state", 1e-12, b.last[i], whole.last[i])
	}
}

func rows(t *graph.Tensor, from, to, width int) *graph.Tensor {
	return &graph.Tensor{Shape: []int{(to - from) / width, width}, F64: t.F64[from:to]}
}

// permutation reverses the order of the sequences in the batch.
func (s suite) permutation(t *testing.T, f form) {
	w := graph.Window{T: 4, B: 5}
	c := s.cell()
	in := s.inputs(c, w)
	straight := s.run(t, c, f, graph.Options{DType: graph.Float64}, w, in, false)
	var turned []*graph.Tensor
	for _, v := range in {
		turned = append(turned, &graph.Tensor{Shape: v.Shape, F64: turn(v.F64, w.B, v.Shape[1], v.Shape[0]/w.B)})
	}
	other := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, w, turned, false)
	width := len(straight.y) / (w.T * w.B)
	near(t, "outputs", 1e-12, turn(other.y, w.B, width, w.T), straight.y)
	near(t, "input gradient", 1e-11, turn(other.dx, w.B, s.input, w.T), straight.dx)
	for i := range straight.dParam {
		near(t, "parameter gradient", 1e-11, other.dParam[i], straight.dParam[i])
	}
}

// turn reverses the rows of each of n blocks of the given number of rows.
func turn(v []float64, rows, width, n int) []float64 {
	out := make([]float64, 0, len(v))
	for k := range n {
		for i := rows - 1; i >= 0; i-- {
			out = append(out, v[(k*rows+i)*width:][:width]...)
		}
	}
	return out
}

// direction: reading backwards is reading the reversed sequence forwards.
func (s suite) direction(t *testing.T, f form) {
	w := graph.Window{T: 5, B: 2}
	c := s.cell()
	in := s.inputs(c, w)
	backward := s.run(t, c, f, graph.Options{DType: graph.Float64}, w, in, true)
	turned := append([]*graph.Tensor{{Shape: in[0].Shape, F64: turn(in[0].F64, w.T, w.B*s.input, 1)}}, in[1:]...)
	forward := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, w, turned, false)
	width := len(forward.y) / w.T
	near(t, "outputs", 1e-12, turn(forward.y, w.T, width, 1), backward.y)
	near(t, "input gradient", 1e-11, turn(forward.dx, w.T, w.B*s.input, 1), backward.dx)
	for i := range forward.dParam {
		near(t, "parameter gradient", 1e-11, forward.dParam[i], backward.dParam[i])
	}
}

// threads: the same bits with one thread, with two, and again.
func (s suite) threads(t *testing.T, f form) {
	w := graph.Window{T: 4, B: 33}
	in := s.inputs(s.cell(), w)
	one := s.run(t, s.cell(), f, graph.Options{Threads: 1}, w, in, false)
	for _, n := range []int{1, 2, 3} {
		same(t, fmt.Sprint(n, " threads"), 0, s.run(t, s.cell(), f, graph.Options{Threads: n}, w, in, false), one)
	}
}

// same compares all of two results.
func same(t *testing.T, what string, tolerance float64, a, b result) {
	t.Helper()
	near(t, what+": outputs", tolerance, a.y, b.y)
	near(t, what+": input gradient", tolerance, a.dx, b.dx)
	for i := range a.last {
		near(t, what+": last state", tolerance, a.last[i], b.last[i])
		near(t, what+": state gradient", tolerance, a.dState[i], b.dState[i])
	}
	for i := range a.dParam {
		near(t, what+": parameter gradient", tolerance, a.dParam[i], b.dParam[i])
	}
}

// near compares relative to the largest element.
func near(t *testing.T, what string, tolerance float64, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", what, len(got), len(want))
		return
	}
	largest := 1e-3
	for _, v := range want {
		largest = math.Max(largest, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*largest) {
			t.Errorf("%s: element %d: got %.12g, want %.12g", what, i, got[i], want[i])
			return
		}
	}
}
