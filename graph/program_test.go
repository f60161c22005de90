package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// fixedParam is a parameter with given values.
func fixedParam(shape []int, values ...float64) *Param {
	return NewParam(func(v []float64, _ []int, _ *rand.Rand) error { copy(v, values); return nil }, nil, shape...)
}

// compiled compiles a cost that f writes.
func compiled(t *testing.T, want Gradients, f func(b *Builder) *Node) *Program {
	t.Helper()
	b := NewBuilder(Window{T: 2, B: 2, Train: true}, Options{})
	p, err := b.Compile(f(b), want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *Program, seed uint64) {
	t.Helper()
	if err := p.Run(seed); err != nil {
		t.Fatal(err)
	}
}

// TestParameterGradients: each case has parameters v [3] and w [3], and gives their gradients by hand.
func TestParameterGradients(t *testing.T) {
	v0, w0 := []float64{1, 2, 3}, []float64{4, 5, 6}
	for _, c := range []struct {
		name   string
		f      func(b *Builder, v, w *Node) *Node
		dv, dw []float64
	}{
		{"product", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Mul(v, w)) }, w0, v0},
		{"unused", func(b *Builder, v, w *Node) *Node { return b.Sum(v) }, []float64{1, 1, 1}, []float64{0, 0, 0}},
		{"neither", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Const(vec(1, 2))) }, []float64{0, 0, 0}, []float64{0, 0, 0}},
		{"used beside the cost", func(b *Builder, v, w *Node) *Node { b.Exp(w); return b.Sum(v) }, []float64{1, 1, 1}, []float64{0, 0, 0}},
		{"stopped", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Mul(v, b.StopGradient(w))) }, w0, []float64{0, 0, 0}},
		{"stopped on one of two ways", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Mul(b.StopGradient(w), w)) }, []float64{0, 0, 0}, w0},
		{"same gradient node", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Add(v, w)) }, []float64{1, 1, 1}, []float64{1, 1, 1}},
		{"same gradient node, twice used", func(b *Builder, v, w *Node) *Node {
			s := b.Add(v, w)
			return b.Sum(b.Add(s, b.Scale(s, 2)))
		}, []float64{3, 3, 3}, []float64{3, 3, 3}},
		{"same gradient node through a view", func(b *Builder, v, w *Node) *Node {
			return b.Sum(b.Square(b.Add(b.Reshape(v, 3, 1), b.Reshape(w, 3, 1))))
		}, []float64{10, 14, 18}, []float64{10, 14, 18}},
		{"several places", func(b *Builder, v, w *Node) *Node {
			// Σ v² + Σ v·w + v₁·Σ w
			return b.Add(b.Add(b.Sum(b.Square(v)), b.Sum(b.Mul(v, w))), b.Sum(b.Mul(b.Slice(v, 0, 1, 2), w)))
		}, []float64{2 + 4, 4 + 5 + 15, 6 + 6}, []float64{1 + 2, 2 + 2, 3 + 2}},
		{"both sides of an op", func(b *Builder, v, w *Node) *Node { return b.Sum(b.Div(v, v)) }, []float64{0, 0, 0}, []float64{0, 0, 0}},
		{"view of a view", func(b *Builder, v, w *Node) *Node {
			return b.Sum(b.Mul(b.Reshape(b.Reshape(v, 3, 1), 1, 3), b.Reshape(w, 1, 1, 3)))
		}, w0, v0},
		{"outer product", func(b *Builder, v, w *Node) *Node {
			return b.Sum(b.MatMul(b.Reshape(v, 3, 1), b.Reshape(w, 1, 3)))
		}, []float64{15, 15, 15}, []float64{6, 6, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, w := fixedParam([]int{3}, v0...), fixedParam([]int{3}, w0...)
			p := compiled(t, Gradients{}, func(b *Builder) *Node { return c.f(b, b.Param(v), b.Param(w)) })
			for range 3 { // gradients are overwritten, not added to, whatever they held
				v.Grad.SetFloats([]float64{nan, 7, inf})
				w.Grad.SetFloats([]float64{nan, 7, inf})
				run(t, p, 1)
				agree(t, "gradient of v", 1e-6, v.Grad.Floats(), c.dv)
				agree(t, "gradient of w", 1e-6, w.Grad.Floats(), c.dw)
			}
			agree(t, "v", 0, v.Value.Floats(), v0)
			agree(t, "w", 0, w.Value.Floats(), w0)
		})
	}
}

// TestParameterIsCost: nothing but a copy lies between the parameter and the cost.
func TestParameterIsCost(t *testing.T) {
	for _, shape := range [][]int{{1}, {1, 1}, {}} {
		w := fixedParam(shape, 2.5)
		p := compiled(t, Gradients{}, func(b *Builder) *Node { return b.Param(w) })
		w.Grad.SetAt(0, nan)
		run(t, p, 1)
		if p.Cost() != 2.5 || w.Grad.At(0) != 1 {
			t.Errorf("shape %v: cost %v with gradient %v, want 2.5 with 1", shape, p.Cost(), w.Grad.At(0))
		}
		w.Value.SetAt(0, -4)
		run(t, p, 1)
		if p.Cost() != -4 || w.Grad.At(0) != 1 {
			t.Errorf("shape %v: cost %v with gradient %v after an update, want -4 with 1", shape, p.Cost(), w.Grad.At(0))
		}
	}
}

// TestOutputs: values of every kind of node are readable after a run that goes on with them.
func TestOutputs(t *testing.T) {
	w := fixedParam([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	x := b.Floats("x", 2, 3)
	y := b.Mul(x, b.Param(w))
	view := b.Reshape(y, 3, 2)
	z := b.Exp(b.Scale(view, 0.1))
	unused := b.Neg(x)
	for _, o := range []struct {
		name string
		node *Node
	}{{"x", x}, {"w", b.Param(w)}, {"y", y}, {"y again", y}, {"view", view}, {"z", z}, {"unused", unused}, {"constant", b.Const(vec(7))}, {"scalar", b.Sum(x)}} {
		b.Output(o.name, o.node)
	}
	p, err := b.Compile(b.Sum(b.Square(z)), Gradients{Inputs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float64{1, -2} {
		in := []float64{1 * scale, 0, 2 * scale, 0, 1, 1}
		if err := p.SetFloat64s("x", in); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		product := []float64{1 * scale, 0, 6 * scale, 0, 5, 6}
		var exp, negative, dx []float64
		cost, sum := 0.0, 0.0
		for i, v := range product {
			exp = append(exp, math.Exp(v/10))
			negative = append(negative, -in[i])
			dx = append(dx, 0.2*math.Exp(v/5)*float64(i+1))
			cost += math.Exp(v / 5)
			sum += in[i]
		}
		for name, want := range map[string][]float64{"x": in, "w": {1, 2, 3, 4, 5, 6}, "y": product, "y again": product, "view": product,
			"z": exp, "unused": negative, "constant": {7}, "scalar": {sum}} {
			agree(t, name, 1e-6, p.Output(name).Floats(), want)
		}
		agree(t, "cost", 1e-6, []float64{p.Cost()}, []float64{cost})
		agree(t, "input gradient", 1e-6, p.InputGradient("x").Floats(), dx)
		if got := p.Output("view").Shape; !slices.Equal(got, []int{3, 2}) {
			t.Errorf("the view's shape is %v", got)
		}
	}
}

// TestInputGradients: wanted inputs only, also when the gradient is the parameter's node, or there is none.
func TestInputGradients(t *testing.T) {
	w := fixedParam([]int{2}, 3, 4)
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	x, y, z := b.Floats("x", 2), b.Floats("y", 2), b.Floats("z", 2)
	b.Exp(z)
	p, err := b.Compile(b.Sum(b.Add(b.Add(x, y), b.Param(w))), Gradients{Inputs: []string{"y", "z", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	agree(t, "x", 0, p.InputGradient("x").Floats(), []float64{1, 1})
	agree(t, "y", 0, p.InputGradient("y").Floats(), []float64{1, 1})
	agree(t, "w", 0, w.Grad.Floats(), []float64{1, 1})
	if p.InputGradient("z") != nil {
		t.Error("an input without part in the cost has a gradient")
	}
}

// TestTwoPrograms: windows of different length share the parameters, run by turns, and each gives its own gradient.
func TestTwoPrograms(t *testing.T) {
	w, u := NewParam(ramp, nil, 4, 3), NewParam(ramp, nil, 4, 4)
	arena, err := NewArena([]NamedParam{{"w", w}, {"u", u}})
	if err != nil {
		t.Fatal(err)
	}
	build := func(steps int) *Program {
		b := NewBuilder(Window{T: steps, B: 2, Train: true}, Options{})
		x, s := b.Floats("x", steps*2, 3), b.State("h", 4)
		y, last := b.Recur(tanhCell, false, b.Linear(x, b.Param(w), nil), b.Param(u), nil, []*Node{s})
		b.SetState("h", last[0])
		p, err := b.Compile(b.Mean(b.Square(y)), Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		values := make([]float64, steps*2*3)
		ramp(values, nil, nil)
		if err := p.SetFloat64s("x", values); err != nil {
			t.Fatal(err)
		}
		return p
	}
	programs := []*Program{build(2), build(7), build(1)}
	var want [][]float64
	for _, p := range programs {
		run(t, p, 1)
		want = append(want, append(arena.Grads.Floats(), p.Cost()))
	}
	for round := range 3 {
		for i, p := range programs {
			run(t, p, 1)
			agree(t, fmt.Sprintf("program %d, round %d", i, round), 0, append(arena.Grads.Floats(), p.Cost()), want[i])
		}
	}
	for i := range u.Value.F32 {
		u.Value.F32[i] *= -1
	}
	for i, p := range programs {
		run(t, p, 1)
		if i != 2 && p.Cost() == want[i][len(want[i])-1] { // one step from a zero state doesn't read u
			t.Errorf("program %d doesn't see the new value", i)
		}
	}
}

// TestMovedParameter: a program compiled before its parameter moved would train the old memory; it says so.
func TestMovedParameter(t *testing.T) {
	for name, move := range map[string]func(w *Param){
		"NewArena": func(w *Param) { NewArena([]NamedParam{{"w", w}}) },
		"SetDType": func(w *Param) { w.SetDType(Float64) },
	} {
		w := fixedParam([]int{2}, 3, 4)
		p := compiled(t, Gradients{}, func(b *Builder) *Node { return b.Sum(b.Param(w)) })
		run(t, p, 1)
		move(w)
		if err := p.Run(1); err == nil {
			t.Errorf("after %s a run gives no error", name)
		}
	}
}

// TestSeeds: the mask is a function of the seed, in forward and backward, and of nothing else.
func TestSeeds(t *testing.T) {
	w := NewParam(ramp, nil, 64)
	build := func() *Program {
		return compiled(t, Gradients{}, func(b *Builder) *Node {
			x := b.Param(w)
			y := b.Dropout(x, b.DropoutMask(0.5, 64))
			b.Output("y", y)
			return b.Sum(b.Square(y))
		})
	}
	p, other := build(), build()
	get := func(p *Program, seed uint64) []float64 {
		run(t, p, seed)
		y := p.Output("y").Floats()
		for i, g := range w.Grad.Floats() {
			if scale := w.Value.At(i); math.Abs(g-4*y[i]) > 1e-6 || y[i] != 0 && y[i] != 2*scale {
				t.Fatalf("element %d of value %v: output %v with gradient %v", i, scale, y[i], g)
			}
		}
		return y
	}
	one, two := get(p, 1), get(p, 2)
	if slices.Equal(one, two) {
		t.Error("two seeds give the same mask")
	}
	if !slices.Equal(one, get(p, 1)) || !slices.Equal(one, get(other, 1)) {
		t.Error("the same seed gives another mask")
	}
	if err := p.FirstNonFinite(); err != nil || !slices.Equal(one, p.Output("y").Floats()) {
		t.Errorf("FirstNonFinite ran with another seed, or failed: %v", err)
	}
}

// TestForwardOnly: without a backward pass the gradients are left alone.
func TestForwardOnly(t *testing.T) {
	w := fixedParam([]int{2}, 3, 4)
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	b.Output("y", b.Square(b.Param(w)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Grad.SetFloats([]float64{5, 6})
	run(t, p, 1)
	agree(t, "output", 0, p.Output("y").Floats(), []float64{9, 16})
	agree(t, "gradient", 0, w.Grad.Floats(), []float64{5, 6})
	if p.Cost() != 0 {
		t.Errorf("cost %v of a program without one", p.Cost())
	}
}

// TestStates: states go out to where they are loaded from, also if they cross, and a run doesn't change what came in.
func TestStates(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 2}, Options{})
	b.Enter("net")
	h, c := b.State("h", 1), b.State("c", 1)
	b.SetState("h", c)
	b.SetState("c", b.Add(h, c))
	b.Leave()
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.StateNames(); !slices.Equal(got, []string{"net.h", "net.c"}) {
		t.Fatalf("states %v", got)
	}
	s := States{"net.h": mat(1, 0, 10), "net.c": mat(1, 1, 20)} // float64; the program computes in float32
	for _, want := range [][2][]float64{{{1, 20}, {1, 30}}, {{1, 30}, {2, 50}}, {{2, 50}, {3, 80}}} {
		if err := p.Load(s); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		run(t, p, 1)
		p.Store(s)
		agree(t, "h", 0, s["net.h"].Floats(), want[0])
		agree(t, "c", 0, s["net.c"].Floats(), want[1])
	}
	if err := p.Load(nil); err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	s = States{}
	p.Store(s)
	agree(t, "h from zeros", 0, s["net.h"].Floats(), []float64{0, 0})
	// What was stored is a copy.
	if err := p.Load(States{"net.c": mat(1, 1, 2)}); err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	agree(t, "stored state after another run", 0, s["net.h"].Floats(), []float64{0, 0})
}

// TestStateGradients: cost Σ h·x and h' = 3h + 2c, c' = c, with seeds for both.
func TestStateGradients(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	h, c, x := b.State("h", 2), b.State("c", 2), b.Floats("x", 2)
	b.SetState("h", b.Add(b.Scale(h, 3), b.Scale(c, 2)))
	b.SetState("c", c)
	p, err := b.Compile(b.Sum(b.Mul(h, x)), Gradients{States: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFloats("x", []float32{5, 7}); err != nil {
		t.Fatal(err)
	}
	run(t, p, 1)
	agree(t, "h without seed", 0, p.StateGradient("h").Floats(), []float64{5, 7})
	agree(t, "c without seed", 0, p.StateGradient("c").Floats(), []float64{0, 0})
	p.StateSeed("h").SetFloats([]float64{1, 10})
	p.StateSeed("c").SetFloats([]float64{100, 1000})
	for range 2 {
		run(t, p, 1)
		agree(t, "h", 0, p.StateGradient("h").Floats(), []float64{5 + 3, 7 + 30})
		agree(t, "c", 0, p.StateGradient("c").Floats(), []float64{2 + 100, 20 + 1000})
		agree(t, "the seed itself", 0, p.StateSeed("c").Floats(), []float64{100, 1000})
	}
	if p.Cost() != 0 {
		t.Errorf("the seeds' part is in the cost, %v", p.Cost())
	}
}

// TestParallelPrograms builds, compiles and runs in several goroutines at once, which nothing but the package's own
// code has to make safe.
func TestParallelPrograms(t *testing.T) {
	const routines, rounds = 6, 4
	var results [routines][]float64
	var group sync.WaitGroup
	for k := range routines {
		group.Go(func() {
			for range rounds {
				w, u, e := NewParam(ramp, nil, 40, 8), NewParam(ramp, nil, 40, 40), NewParam(ramp, nil, 5, 8)
				b := NewBuilder(Window{T: 6, B: 4, Train: true}, Options{Threads: 1 + k%3})
				x := b.Dropout(b.Gather(b.Param(e), b.Ints("k", 24), -1), b.DropoutMask(0.2, 24, 8))
				y, last := b.Recur(tanhCell, false, b.Linear(x, b.Param(w), nil), b.Param(u), nil, []*Node{b.State("h", 40)})
				b.SetState("h", last[0])
				p, err := b.Compile(b.CrossEntropy(b.Slice(y, 1, 0, 5), b.Ints("target", 24)), Gradients{States: true})
				if err != nil {
					t.Error(err)
					return
				}
				for seed := range uint64(5) {
					if err := p.Run(seed); err != nil {
						t.Error(err)
						return
					}
				}
				results[k] = append(append(w.Grad.Floats(), u.Grad.Floats()...), p.Cost())
			}
		})
	}
	group.Wait()
	for k := range routines {
		agree(t, fmt.Sprintf("goroutine %d", k), 0, results[k], results[0])
	}
}
