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
	"reflect"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// Run tests a cell for inputs of the given width: gradients against finite differences; the fused form, if there is
// one, against the unrolled step, in values and gradients; one long window against two short ones with carried state;
// the order of sequences in the batch; the direction; masked steps; and that neither the seed nor the number of threads
// leaves a trace that it shouldn't. Gradients are those of training, unless the cell is random there and has none to
// compare with.
func Run(t *testing.T, input int, newCell func(rng *rand.Rand) cell.Cell) {
	s := suite{input: input, newCell: newCell}
	t.Run("parameters", s.parameters)
	t.Run("gradients of the step", s.stepGradients)
	t.Run("gradients of the unrolled sequence", func(t *testing.T) { s.sequenceGradients(t, unrolled) })
	t.Run("two windows are one", func(t *testing.T) { s.windows(t, unrolled) })
	t.Run("batch order", func(t *testing.T) { s.permutation(t, unrolled) })
	t.Run("direction", func(t *testing.T) { s.direction(t, unrolled) })
	t.Run("masks", func(t *testing.T) { s.masks(t, unrolled) })
	t.Run("threads", func(t *testing.T) { s.threads(t, unrolled) })
	if _, ok := s.cell().(cell.Fused); !ok {
		return
	}
	t.Run("gradients of the fused sequence", func(t *testing.T) { s.sequenceGradients(t, fused) })
	t.Run("fused is unrolled", s.fusedIsUnrolled)
	t.Run("recordings", s.recordings)
	t.Run("fused: two windows are one", func(t *testing.T) { s.windows(t, fused) })
	t.Run("fused: batch order", func(t *testing.T) { s.permutation(t, fused) })
	t.Run("fused: direction", func(t *testing.T) { s.direction(t, fused) })
	t.Run("fused: masks", func(t *testing.T) { s.masks(t, fused) })
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
	w := graph.Window{T: 1, B: 3, Train: !s.random(t)}
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
		w := graph.Window{T: 4, B: 2, Train: !s.random(t)}
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

// random reports whether, while training, another seed of the run gives other results.
func (s suite) random(t *testing.T) bool {
	t.Helper()
	c := s.cell()
	w := graph.Window{T: 1, B: 3, Train: true}
	b := graph.NewBuilder(w, graph.Options{})
	var in []*graph.Node
	for _, v := range s.inputs(c, w) {
		in = append(in, b.Const(v))
	}
	y, next := c.Step(b, in[0], in[1:])
	b.Output("results", b.Concat(1, append([]*graph.Node{y}, next...)...))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	var results [2][]float64
	for seed := range results {
		if err := p.Run(uint64(seed)); err != nil {
			t.Fatal(err)
		}
		results[seed] = p.Output("results").Floats()
	}
	return !slices.Equal(results[0], results[1])
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
	gates  []graph.GateRecording
}

// run computes a sequence from states, with the cost Σ y² + Σ last². mask may be nil.
func (s suite) run(t *testing.T, c cell.Cell, f form, o graph.Options, w graph.Window, in []*graph.Tensor, reverse bool, mask []float64) result {
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
	if mask != nil {
		b.SetStepMask(b.Floats("mask", len(mask)))
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
	if mask != nil {
		if err := p.SetFloat64s("mask", mask); err != nil {
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
	for _, seen := range p.Recordings() {
		r.gates = append(r.gates, seen.Gates...)
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
					s.run(t, a, fused, graph.Options{DType: d}, w, in, reverse, nil),
					s.run(t, b, unrolled, graph.Options{DType: d}, w, in, reverse, nil))
			}
		}
	}
}

// recordings: the gates of both forms have the same activations, and those of masked steps don't count.
func (s suite) recordings(t *testing.T) {
	w := graph.Window{T: 3, B: 9}
	o := graph.Options{DType: graph.Float64, Observe: true}
	in := s.inputs(s.cell(), w)
	odd := make([]float64, w.T*w.B)
	for i := range odd {
		odd[i] = float64(i % 2)
	}
	for _, mask := range [][]float64{nil, odd} {
		for _, reverse := range []bool{false, true} {
			got := s.run(t, s.cell(), unrolled, o, w, in, reverse, mask).gates
			want := s.run(t, s.cell(), fused, o, w, in, reverse, mask).gates
			if !reflect.DeepEqual(got, want) {
				t.Errorf("reverse=%v mask=%v:\nunrolled %+v\nfused    %+v", reverse, mask, got, want)
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
	whole := s.run(t, c, f, graph.Options{DType: graph.Float64}, long, in, false, nil)

	cut := first * batch * s.input
	head := append([]*graph.Tensor{rows(in[0], 0, cut, s.input)}, in[1:]...)
	a := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, graph.Window{T: first, B: batch}, head, false, nil)
	tail := []*graph.Tensor{rows(in[0], cut, len(in[0].F64), s.input)}
	for i, v := range c.States() {
		tail = append(tail, &graph.Tensor{Shape: []int{batch, v.Width}, F64: a.last[i]})
	}
	b := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, graph.Window{T: long.T - first, B: batch}, tail, false, nil)
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
	straight := s.run(t, c, f, graph.Options{DType: graph.Float64}, w, in, false, nil)
	var turned []*graph.Tensor
	for _, v := range in {
		turned = append(turned, &graph.Tensor{Shape: v.Shape, F64: turn(v.F64, w.B, v.Shape[1], v.Shape[0]/w.B)})
	}
	other := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, w, turned, false, nil)
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
	backward := s.run(t, c, f, graph.Options{DType: graph.Float64}, w, in, true, nil)
	turned := append([]*graph.Tensor{{Shape: in[0].Shape, F64: turn(in[0].F64, w.T, w.B*s.input, 1)}}, in[1:]...)
	forward := s.run(t, s.cell(), f, graph.Options{DType: graph.Float64}, w, turned, false, nil)
	width := len(forward.y) / w.T
	near(t, "outputs", 1e-12, turn(forward.y, w.T, width, 1), backward.y)
	near(t, "input gradient", 1e-11, turn(forward.dx, w.T, w.B*s.input, 1), backward.dx)
	for i := range forward.dParam {
		near(t, "parameter gradient", 1e-11, forward.dParam[i], backward.dParam[i])
	}
}

// threads: the same bits with one thread, with two, and again.
func (s suite) threads(t *testing.T, f form) {
	for _, batch := range []int{5, 33} { // the engine divides the work in two ways
		w := graph.Window{T: 4, B: batch}
		in := s.inputs(s.cell(), w)
		one := s.run(t, s.cell(), f, graph.Options{Threads: 1}, w, in, false, nil)
		for _, n := range []int{1, 2, 3} {
			same(t, fmt.Sprint(n, " threads"), 0, s.run(t, s.cell(), f, graph.Options{Threads: n}, w, in, false, nil), one)
		}
	}
}

// masks: a sequence with steps that are masked has the results of one without those steps, whatever stands there; y and
// the input's gradient are 0 at them, and a sequence without any step passes its state on.
func (s suite) masks(t *testing.T, f form) {
	w := graph.Window{T: 5, B: 4}
	valid := []string{"11111", "11000", "10110", "00000"} // by sequence
	mask := make([]float64, w.T*w.B)
	for i, steps := range valid {
		for k := range steps {
			mask[k*w.B+i] = float64(steps[k] - '0')
		}
	}
	o := graph.Options{DType: graph.Float64}
	for _, reverse := range []bool{false, true} {
		in := s.inputs(s.cell(), w)
		got := s.run(t, s.cell(), f, o, w, in, reverse, mask)
		other := append([]*graph.Tensor{random(rand.New(rand.NewPCG(7, 8)), w.T*w.B, s.input)}, in[1:]...)
		for k, m := range mask {
			if m != 0 {
				copy(other[0].F64[k*s.input:][:s.input], in[0].F64[k*s.input:])
			}
		}
		same(t, "other values at masked steps", 0, s.run(t, s.cell(), f, o, w, other, reverse, mask), got)

		width := len(got.y) / (w.T * w.B)
		want := result{y: make([]float64, len(got.y)), dx: make([]float64, len(got.dx))}
		for i := range valid {
			var steps []int
			alone := []*graph.Tensor{{}}
			for k := range w.T {
				if mask[k*w.B+i] != 0 {
					steps = append(steps, k*w.B+i)
					alone[0].F64 = append(alone[0].F64, in[0].F64[(k*w.B+i)*s.input:][:s.input]...)
				}
			}
			alone[0].Shape = []int{len(steps), s.input}
			for _, v := range in[1:] {
				n := v.Shape[1]
				alone = append(alone, &graph.Tensor{Shape: []int{1, n}, F64: v.F64[i*n:][:n]})
			}
			r := unmoved(alone[1:])
			if len(steps) > 0 {
				r = s.run(t, s.cell(), f, o, graph.Window{T: len(steps), B: 1}, alone, reverse, nil)
			}
			for j, k := range steps {
				copy(want.y[k*width:], r.y[j*width:][:width])
				copy(want.dx[k*s.input:], r.dx[j*s.input:][:s.input])
			}
			want.add(r)
		}
		same(t, fmt.Sprint("reverse=", reverse), 1e-11, got, want)
	}
}

// unmoved is the result of a sequence without steps: the states go out as they came in, with the gradient of Σ last².
func unmoved(states []*graph.Tensor) result {
	var r result
	for _, s := range states {
		twice := slices.Clone(s.F64)
		for i := range twice {
			twice[i] *= 2
		}
		r.last, r.dState = append(r.last, s.F64), append(r.dState, twice)
	}
	return r
}

// add appends the states of another sequence of the batch, and adds its gradients of the parameters.
func (r *result) add(o result) {
	if r.last == nil {
		r.last, r.dState = make([][]float64, len(o.last)), make([][]float64, len(o.last))
	}
	for i := range o.last {
		r.last[i] = append(r.last[i], o.last[i]...)
		r.dState[i] = append(r.dState[i], o.dState[i]...)
	}
	if r.dParam == nil {
		r.dParam = o.dParam
		return
	}
	for i, p := range o.dParam {
		for k := range p {
			r.dParam[i][k] += p[k]
		}
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
