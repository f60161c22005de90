package graph

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestFirstNonFinite plants a NaN or an infinity in one place and asks for its name.
func TestFirstNonFinite(t *testing.T) {
	w := fixedParam([]int{2, 2}, 1, 2, 3, 4)
	b := NewBuilder(Window{T: 1, B: 2, Train: true}, Options{})
	x := b.Floats("x", 2, 2)
	b.Enter("first")
	a := b.Linear(x, b.Param(w), nil)
	b.Leave()
	b.Enter("second")
	e := b.Exp(a)
	d := b.Div(e, x)
	b.Leave()
	// The gradient at 0 is infinite, the value is not.
	root := b.Sqrt(b.Floats("r", 2))
	cost := b.Add(b.Mean(b.Log(b.AddScalar(b.Square(d), 1))), b.Sum(root))
	b.Output("y", b.Neg(d))
	p, err := b.Compile(cost, Gradients{Inputs: []string{"x", "r"}})
	if err != nil {
		t.Fatal(err)
	}
	ones := []float64{1, 1, 1, 1}
	kind := func(v float64) string {
		switch {
		case math.IsNaN(v):
			return "NaN"
		case v > 0:
			return "+Inf"
		}
		return "-Inf"
	}
	for _, c := range []struct {
		name    string
		x, w, r []float64
		want    string // the op; "": nothing is found
		layer   string
		value   string
		back    bool
		from    string
	}{
		{"nothing", ones, []float64{1, 2, 3, 4}, ones[:2], "", "", "", false, ""},
		{"NaN in a parameter", ones, []float64{1, nan, 3, 4}, ones[:2], "Linear", "first", "NaN", false, "its parameter of shape [2 2] holds NaN in element 1"},
		{"infinity in a parameter", ones, []float64{1, 2, -inf, 4}, ones[:2], "Linear", "first", "-Inf", false, "its parameter of shape [2 2] holds -Inf in element 2"},
		{"NaN in a parameter with a name", ones, []float64{1, nan, 3, 4}, ones[:2], "Linear", "first", "NaN", false, "its parameter first.weight of shape [2 2] holds NaN in element 1"},
		{"NaN in the input", []float64{1, 1, nan, 1}, ones, ones[:2], "Linear", "first", "NaN", false, `the array "x" holds NaN in sequence 1`},
		{"overflow of Exp", ones, []float64{60, 60, 1, 1}, ones[:2], "Exp", "second", "+Inf", false, ""},
		{"division by zero", []float64{1, 0, 1, 1}, ones, ones[:2], "Div", "second", "+Inf", false, ""},
		{"square that overflows", []float64{1, 1e-30, 1, 1}, ones, ones[:2], "Square", "", "+Inf", false, ""},
		{"root of a negative number", ones, ones, []float64{1, -1}, "Sqrt", "", "NaN", false, ""},
		{"backward pass only", ones, ones, []float64{1, 0}, "Sqrt backward", "", "+Inf", true, ""},
		{"nothing again", ones, []float64{1, 2, 3, 4}, ones[:2], "", "", "", false, ""},
	} {
		w.Value.SetFloats(c.w)
		if err := errors.Join(p.SetFloat64s("x", c.x), p.SetFloat64s("r", c.r)); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		cost, grad := p.Cost(), w.Grad.Floats()
		var names []NamedParam
		if strings.HasSuffix(c.name, "with a name") {
			names = []NamedParam{{"other", fixedParam([]int{2, 2}, 1, 2, 3, 4)}, {"nil", nil}, {"first.weight", w}}
		}
		err := p.FirstNonFinite(names...)
		var e *NonFiniteError
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: got %v", c.name, err)
			}
		} else if !errors.As(err, &e) || e.Op != c.want || e.Layer != c.layer || kind(e.Value) != c.value || e.Backward != c.back {
			t.Errorf("%s: got %v, want %s first produced by %s in layer %q, backward: %v", c.name, err, c.value, c.want, c.layer, c.back)
		} else if e.From != c.from || !strings.Contains(err.Error(), c.from) {
			t.Errorf("%s: %q, want it from %q", c.name, err, c.from)
		} else if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.layer) {
			t.Errorf("%s: the message %q doesn't name the op and the layer", c.name, err)
		}
		// The check leaves nothing behind.
		run(t, p, 1)
		agree(t, c.name+": cost", 0, []float64{p.Cost()}, []float64{cost})
		agree(t, c.name+": gradient", 0, w.Grad.Floats(), grad)
	}
}

// TestFirstNonFiniteInRecurrence has a cell h' = (a+u)² that overflows for a = 1e20 in the forward pass. For a = 1 and
// a weight just below the largest float32 only the gradient, 2a times the weight, overflows.
func TestFirstNonFiniteInRecurrence(t *testing.T) {
	const steps, batch = 5, 2
	square := Recurrence{Name: "square cell", Gates: 1, States: 1, F32: Arithmetic[float32]{
		Forward: func(r *Row[float32]) {
			for i, a := range r.A[0] {
				r.Next[0][i] = a * a
			}
		},
		Backward: func(r *Row[float32]) {
			for i, a := range r.A[0] {
				r.A[0][i] = 2 * a * r.D[0][i]
			}
		},
	}}
	for _, reverse := range []bool{false, true} {
		b := NewBuilder(Window{T: steps, B: batch, Train: true}, Options{})
		b.Enter("rnn")
		x := b.Floats("x", steps*batch, 1)
		u := fixedParam([]int{1, 1}, 1e-20)
		y, _ := b.Recur(square, reverse, b.Scale(x, 1), b.Param(u), nil, []*Node{b.Const(mat(1, 0, 0))})
		b.Leave()
		weight := b.Floats("weight", steps*batch, 1)
		p, err := b.Compile(b.Sum(b.Mul(y, weight)), Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			for _, back := range []bool{false, true} {
				values, weights := make([]float64, steps*batch), make([]float64, steps*batch)
				want := fmt.Sprintf("square cell step %d", step)
				values[step*batch+1] = 1e20
				if back {
					want += " backward"
					values[step*batch+1], weights[step*batch+1] = 1, 3e38
				}
				if err := errors.Join(p.SetFloat64s("x", values), p.SetFloat64s("weight", weights)); err != nil {
					t.Fatal(err)
				}
				run(t, p, 1)
				var e *NonFiniteError
				if err := p.FirstNonFinite(); !errors.As(err, &e) || e.Op != want || e.Layer != "rnn" || e.Backward != back {
					t.Errorf("reverse=%v: got %v, want it produced by %s", reverse, err, want)
				}
			}
		}
	}
}

// TestFirstNonFiniteOfAStep: ops that are written for a time step say which, in both passes, and so does a state that the
// window begins with.
func TestFirstNonFiniteOfAStep(t *testing.T) {
	const steps, batch = 4, 2
	for _, each := range []bool{false, true} {
		b := NewBuilder(Window{T: steps, B: batch, Train: true}, Options{})
		x := b.Floats("x", steps*batch, 1)
		weight := b.Floats("weight", steps*batch, 1)
		w := b.Param(fixedParam([]int{1, 1}, 1e-20))
		var costs []*Node
		write := func(step int) {
			rows := func(n *Node) *Node { return b.Slice(n, 0, step*batch, (step+1)*batch) }
			y := b.Square(b.Add(rows(x), w))
			costs = append(costs, b.Sum(b.Mul(y, rows(weight))))
		}
		b.Enter("layer")
		h := b.State("h", 1)
		if each {
			b.EachStep(func(step int) { b.AtStep(0, func() { write(step) }) }) // the outer step counts
		} else {
			for step := range steps {
				b.AtStep(step, func() { write(step) })
			}
		}
		b.SetState("h", b.Scale(h, 2))
		b.Leave()
		total := b.Sum(h)
		for _, c := range costs {
			total = b.Add(total, c)
		}
		p, err := b.Compile(total, Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			for _, back := range []bool{false, true} {
				values, weights := make([]float64, steps*batch), make([]float64, steps*batch)
				values[step*batch+1] = 1e20
				want := "Square"
				if back {
					want += " backward"
					values[step*batch+1], weights[step*batch+1] = 1, 3e38
				}
				want += fmt.Sprint(" step ", step)
				if err := errors.Join(p.SetFloat64s("x", values), p.SetFloat64s("weight", weights)); err != nil {
					t.Fatal(err)
				}
				run(t, p, 1)
				var e *NonFiniteError
				if err := p.FirstNonFinite(); !errors.As(err, &e) || e.Op != want || e.Layer != "layer" || e.Backward != back || e.From != "" {
					t.Errorf("each=%v: got %v, want it produced by %s", each, err, want)
				}
			}
		}
		values := make([]float64, steps*batch)
		if err := errors.Join(p.SetFloat64s("x", values), p.Load(States{"layer.h": mat(1, 0, inf)})); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		var e *NonFiniteError
		if err := p.FirstNonFinite(); !errors.As(err, &e) || e.From != "the state layer.h before the window holds +Inf in sequence 1" {
			t.Errorf("got %v", err)
		}
	}
	b := NewBuilder(smallWindow, Options{})
	b.AtStep(0, nil)
	var e *ArgumentError
	if !errors.As(b.Err(), &e) {
		t.Errorf("got %v", b.Err())
	}
}

// TestFirstNonFiniteFails: what stops the run for another reason is returned as it is.
func TestFirstNonFiniteFails(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	table := NewParam(Zeros, nil, 3, 2)
	p, err := b.Forward(b.Sum(b.Gather(b.Param(table), b.Ints("k", 2), -1)))
	if err != nil {
		t.Fatal(err)
	}
	p.SetInts("k", []int32{0, 3})
	var e *IndexError
	if err := p.FirstNonFinite(); !errors.As(err, &e) {
		t.Errorf("got %v, want an *IndexError", err)
	}
	p.SetInts("k", []int32{0, 2})
	if err := p.FirstNonFinite(); err != nil {
		t.Error(err)
	}
}
