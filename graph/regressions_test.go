package graph

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The tests of this file each hold one fault that was found, and mended, in place.

// quiet runs f, and fails the test if it panics.
func quiet(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	f()
}

// TestIndexViews: indices may be sliced, split and reshaped, as their ops say.
func TestIndexViews(t *testing.T) {
	f := func(b *Builder, in []*Node) *Node {
		k := b.Ints("k", 2, 4)
		copy(indices(k), []int32{0, 1, 2, 0, 2, 2, 1, 1})
		halves := b.Split(k, 1, 2)
		return b.Gather(in[0], b.Reshape(b.Slice(halves[1], 1, 0, 1), -1), -1) // column 2 of k: 2, 1
	}
	agree(t, "views of indices", 0, values(t, Float32, f, mat(2, 10, 11, 20, 21, 30, 31)), []float64{30, 31, 20, 21})
	f = func(b *Builder, in []*Node) *Node {
		k := b.Ints("k", 2, 2)
		copy(indices(k), []int32{2, 0, 1, 1})
		return b.Gather(in[0], b.Reshape(k, 4), -1)
	}
	agree(t, "reshaped indices", 0, values(t, Float32, f, mat(1, 10, 20, 30)), []float64{30, 10, 20, 20})
	f = func(b *Builder, in []*Node) *Node {
		k := b.Ints("k", 4)
		copy(indices(k), []int32{2, 0, 1, 1})
		return b.Gather(in[0], b.Slice(k, 0, 1, 3), -1)
	}
	agree(t, "sliced indices", 0, values(t, Float32, f, mat(1, 10, 20, 30)), []float64{10, 20})
}

// TestOperandSlice: a caller may use its slice of operands again.
func TestOperandSlice(t *testing.T) {
	f := func(b *Builder, in []*Node) *Node {
		pair := []*Node{in[0], in[1]}
		y := b.Concat(0, pair...)
		pair[0], pair[1] = b.Scale(in[0], 100), b.Scale(in[1], 100)
		return b.Concat(0, y, b.Concat(0, pair...))
	}
	y, dx := valuesAndGradients(t, Float32, f, []float64{1, 1, 1, 1}, vec(1), vec(2))
	agree(t, "values", 0, y, []float64{1, 2, 100, 200})
	agree(t, "gradient", 0, dx[0], []float64{101})
}

// recurrent writes tanhCell over x [6, 4] (T=3, B=2), with pre-activations, weight and bias as given by functions.
func recurrent(b *Builder, r Recurrence, x, u, bias *Node) *Node {
	h := b.Const(&Tensor{Shape: []int{2, 4}, F64: []float64{.1, .2, .3, .4, .5, .6, .7, .8}})
	y, _ := b.Recur(r, false, x, u, bias, []*Node{h})
	return y
}

// recurrenceIsPlain compares a recurrence with the same steps in graph ops, in cost, gradients, and a second run.
// Memory is lost as soon as the plan may give it away, so the result doesn't depend on who gets it.
func recurrenceIsPlain(t *testing.T, r Recurrence, pre, weight, bias func(b *Builder, n *Node) *Node) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	x, u, d := randomTensor(rng, -1, 1, 6, 4), randomTensor(rng, -1, 1, 4, 4), randomTensor(rng, -1, 1, 4)
	get := func(fused bool) []float64 {
		b := NewBuilder(Window{T: 3, B: 2, Train: true}, Options{DType: Float64})
		a, w := pre(b, b.Floats("x", 6, 4)), weight(b, b.Floats("u", 4, 4))
		var c *Node
		if bias != nil {
			c = bias(b, b.Floats("d", 4))
		} else {
			b.Floats("d", 4)
		}
		var y *Node
		if fused {
			y = recurrent(b, r, a, w, c)
		} else {
			h := b.Const(&Tensor{Shape: []int{2, 4}, F64: []float64{.1, .2, .3, .4, .5, .6, .7, .8}})
			var ys []*Node
			for k := range 3 {
				h = b.Tanh(b.Add(b.Slice(a, 0, 2*k, 2*k+2), b.Linear(h, w, c)))
				ys = append(ys, h)
			}
			y = b.Concat(0, ys...)
		}
		p, err := b.Compile(b.Sum(b.Square(y)), Gradients{Inputs: []string{"x", "u", "d"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.SetFloat64s("x", x.F64), p.SetFloat64s("u", u.F64), p.SetFloat64s("d", d.F64)); err != nil {
			t.Fatal(err)
		}
		mortal(t, p)
		var out []float64
		for range 2 {
			run(t, p, 1)
			out = append(append(append(out, p.Cost()), p.InputGradient("x").Floats()...), p.InputGradient("u").Floats()...)
			if bias != nil {
				out = append(out, p.InputGradient("d").Floats()...)
			}
		}
		return out
	}
	agree(t, "cost and gradients, two runs", 1e-12, get(true), get(false))
}

// tanhApart is tanhCell with the recurrent products apart, and so with a bias.
var tanhApart = Recurrence{
	Name: "tanh cell apart", Gates: 1, States: 1, Apart: true,
	F64: Arithmetic[float64]{
		Forward: func(r *Row[float64]) {
			for i, a := range r.A[0] {
				r.Next[0][i] = math.Tanh(a + r.U[0][i])
			}
		},
		Backward: func(r *Row[float64]) {
			for i, h := range r.Next[0] {
				r.A[0][i] = r.D[0][i] * (1 - h*h)
				r.U[0][i] = r.A[0][i]
			}
		},
	},
}

func same(_ *Builder, n *Node) *Node { return n }

// TestRecurrenceOperands: the operands of a recurrence may be computed, the plain case first.
func TestRecurrenceOperands(t *testing.T) {
	scaled := func(b *Builder, n *Node) *Node { return b.Scale(n, 0.7) }
	recurrenceIsPlain(t, tanhCell, scaled, same, nil)
	recurrenceIsPlain(t, tanhApart, scaled, same, same)
}

func TestRecurrenceWeight(t *testing.T) {
	scaled := func(b *Builder, n *Node) *Node { return b.Scale(n, 0.7) }
	recurrenceIsPlain(t, tanhCell, scaled, scaled, nil)
}

func TestRecurrenceBias(t *testing.T) {
	scaled := func(b *Builder, n *Node) *Node { return b.Scale(n, 0.7) }
	recurrenceIsPlain(t, tanhApart, scaled, same, scaled)
}

func TestRecurrenceLeaf(t *testing.T) {
	recurrenceIsPlain(t, tanhCell, same, same, nil)
}

func TestRecurrenceView(t *testing.T) {
	x := randomTensor(rand.New(rand.NewPCG(1, 2)), -1, 1, 6, 4)
	get := func(view bool) []float64 {
		b := NewBuilder(Window{T: 3, B: 2}, Options{DType: Float64})
		a := b.Scale(b.Floats("x", 6, 4), 0.7)
		if view {
			a = b.Reshape(b.Reshape(a, 24), 6, 4)
		}
		b.Output("y", recurrent(b, tanhCell, a, b.Slice(b.Const(x), 0, 0, 4), nil))
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		mortal(t, p)
		if err := p.SetFloat64s("x", x.F64); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		return p.Output("y").Floats()
	}
	agree(t, "outputs", 0, get(true), get(false))
}

func TestRecurrenceOverTanh(t *testing.T) {
	recurrenceIsPlain(t, tanhCell, func(b *Builder, n *Node) *Node { return b.Tanh(n) }, same, nil)
}

// TestRecurrenceFields: what a Recurrence says it can't be is refused.
func TestRecurrenceFields(t *testing.T) {
	for name, change := range map[string]func(r *Recurrence){
		"five gates":       func(r *Recurrence) { r.Gates = 5 },
		"no state":         func(r *Recurrence) { r.States = 0 },
		"three states":     func(r *Recurrence) { r.States = 3 },
		"two kept":         func(r *Recurrence) { r.Keep = 2 },
		"negative kept":    func(r *Recurrence) { r.Keep = -1 },
		"no float32 cell":  func(r *Recurrence) { r.F32 = Arithmetic[float32]{} },
		"no backward cell": func(r *Recurrence) { r.F32.Backward = nil },
	} {
		r := tanhCell
		change(&r)
		b := NewBuilder(smallWindow, Options{})
		e := misused{b: b}
		states := slices.Repeat([][]int{{2, 3}}, r.States)
		t.Run(name, func(t *testing.T) {
			mistake(t, b, r.Name, func() { e.recur(r, []int{2, 3 * r.Gates}, []int{3 * r.Gates, 3}, nil, states...) })
		})
	}
}

// TestIndices: indices where floating-point values are wanted are refused when the node is written.
func TestIndices(t *testing.T) {
	for _, name := range []string{"Output", "SetState", "Compile", "Forward"} {
		t.Run(name, func(t *testing.T) {
			o := operations[name]
			b := NewBuilder(smallWindow, Options{})
			in := o.operands(b, 0)
			op := name
			if name == "Forward" {
				op = "Compile"
			}
			mistake(t, b, op, func() { o.apply(b, in) })
		})
	}
}

// TestOpNames: the message names the method that was called.
func TestOpNames(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	x := b.Floats("x", 3, 4)
	mistake(t, b, "Dropout", func() { b.Dropout(x, nil) })
	b = NewBuilder(smallWindow, Options{})
	k := b.Ints("k", 3, 4)
	mistake(t, b, "Stack", func() { b.Stack(k, k) })
}

// TestNil: nil operands that are no nodes.
func TestNil(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	mistake(t, b, "Param", func() { b.Param(nil) })
	b = NewBuilder(smallWindow, Options{})
	mistake(t, b, "Const", func() { b.Const(nil) })
	quiet(t, "NewArena", func() {
		if _, err := NewArena([]NamedParam{{Name: "w"}}); err == nil {
			t.Error("NewArena takes a nil parameter")
		}
	})
	b = NewBuilder(smallWindow, Options{})
	b.SetState("h", b.State("h", 1))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	quiet(t, "Load", func() {
		if err := p.Load(States{"h": nil}); err != nil { // as documented: zero
			t.Error(err)
		}
	})
}

// TestLeave: a Leave too many is the fault of a layer of the user's.
func TestLeave(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	quiet(t, "Leave", func() { b.Enter("a"); b.Leave(); b.Leave() })
	if b.Err() == nil {
		t.Error("no error")
	}
}

// TestSplitAfterError: a cell that doesn't look at Err between its ops indexes what Split returns.
func TestSplitAfterError(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	quiet(t, "Split", func() {
		gates := b.Split(b.Tanh(nil), 1, 4)
		b.Mul(gates[0], gates[3])
	})
}

// TestAfterCompile: the builder is closed, whichever way it was compiled.
func TestAfterCompile(t *testing.T) {
	for _, backward := range []bool{false, true} {
		b := NewBuilder(smallWindow, Options{})
		x := b.Floats("x", 3)
		var p *Program
		var err error
		if backward {
			p, err = b.Compile(b.Sum(x), Gradients{})
		} else {
			p, err = b.Forward(b.Sum(x))
		}
		if err != nil {
			t.Fatal(err)
		}
		nodes := p.Nodes()
		quiet(t, "an op", func() { b.Tanh(x) })
		quiet(t, "Output", func() { b.Output("late", x) })
		quiet(t, "State", func() { b.State("late", 3) })
		if b.Err() == nil || p.Nodes() != nodes || p.Output("late") != nil || len(p.StateNames()) > 0 {
			t.Errorf("backward=%v: error %v, %d new nodes, output %v, states %v", backward, b.Err(), p.Nodes()-nodes, p.Output("late"), p.StateNames())
		}
		quiet(t, "Store", func() { p.Store(States{}) })
		run(t, p, 1)
	}
}

// TestStateGradient: with Gradients.States every state has a gradient, zero if it has no part in the cost.
func TestStateGradient(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	h, c := b.State("h", 1), b.State("c", 1)
	b.SetState("h", b.Tanh(h))
	b.SetState("c", b.StopGradient(c))
	p, err := b.Compile(b.Sum(h), Gradients{States: true})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	for _, name := range p.StateNames() {
		if p.StateGradient(name) == nil {
			t.Errorf("state %s has no gradient", name)
		}
	}
}

// TestBytes: a recurrence's own memory is most of a program's.
func TestBytes(t *testing.T) {
	const steps, slab = 100, 101 * 4 * 16 * 4 // the states of tanhCell
	p := trainingProgram(t, steps, 1)
	seen := map[*float32]int{} // the plan's buffers, which several nodes may share
	for _, n := range p.b.nodes {
		if buf, ok := n.buf.([]float32); ok && n.base == nil && n.run != nil && !strings.HasPrefix(n.op, tanhCell.Name) {
			seen[&buf[0]] = 4 * cap(buf)
		}
	}
	for _, bp := range p.params {
		delete(seen, &bp.p.Grad.F32[0])
	}
	plan := 0
	for _, bytes := range seen {
		plan += bytes
	}
	if p.Bytes() < plan+slab {
		t.Errorf("%d bytes; the plan's buffers are %d, the recurrence's states %d", p.Bytes(), plan, slab)
	}
}

// TestLogSumExp: the gradient in float32 for large numbers.
func TestLogSumExp(t *testing.T) {
	f := func(b *Builder, in []*Node) *Node { return b.LogSumExp(in[0], 0) }
	_, dx := valuesAndGradients(t, Float32, f, []float64{1}, vec(1000, 1000))
	agree(t, "gradient", 1e-6, dx[0], []float64{0.5, 0.5})
}

// TestPow: the derivative of x⁰ is 0, also at 0.
func TestPow(t *testing.T) {
	f := func(b *Builder, in []*Node) *Node { return b.Pow(in[0], 0) }
	_, dx := valuesAndGradients(t, Float32, f, []float64{1, 1}, vec(0, 2))
	agree(t, "gradient", 0, dx[0], []float64{0, 0})
}

// TestArguments: numbers that can't be meant.
func TestArguments(t *testing.T) {
	for name, f := range map[string]func(b *Builder, x *Node){
		"Clamp":      func(b *Builder, x *Node) { b.Clamp(x, 1, -1) },
		"Clamp ":     func(b *Builder, x *Node) { b.Clamp(x, nan, 1) },
		"Sum":        func(b *Builder, x *Node) { b.Sum(x, 0, -1) },
		"NewBuilder": nil,
	} {
		b := NewBuilder(smallWindow, Options{})
		if f == nil {
			b = NewBuilder(Window{T: 1 << 40, B: 1 << 40}, Options{})
		}
		x := b.Floats("x", 3)
		t.Run(name, func(t *testing.T) {
			mistake(t, b, "", func() {
				if f != nil {
					f(b, x)
				}
			})
		})
	}
	quiet(t, "NewBuilder with many threads", func() { NewBuilder(smallWindow, Options{Threads: 1 << 60}) })
}
