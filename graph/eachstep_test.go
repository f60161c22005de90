package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// feedback writes a network whose input is, besides x_t, what it gave at the step before:
// h' = tanh(x·W + y·V + h·U), y = h'·O. In steps it knows no time; else it is unrolled by hand.
func feedback(b *Builder, x *Node, p []*Param, inSteps bool) *Node {
	w := b.Window()
	ys := make([]*Node, w.T)
	step := func(x, h, y *Node) (*Node, *Node) {
		h = b.Tanh(b.Add(b.Add(b.MatMul(x, b.Param(p[0])), b.MatMul(y, b.Param(p[1]))), b.MatMul(h, b.Param(p[2]))))
		return h, b.MatMul(h, b.Param(p[3]))
	}
	if inSteps {
		b.EachStep(func(t int) {
			b.Enter("net")
			h, y := step(b.Slice(x, 0, t*w.B, (t+1)*w.B), b.State("h", 4), b.State("y", 2))
			b.SetState("h", h)
			b.SetState("y", y)
			b.Leave()
			ys[t] = y
		})
	} else {
		b.Enter("net")
		h, y := b.State("h", 4), b.State("y", 2)
		for t := range w.T {
			h, y = step(b.Slice(x, 0, t*w.B, (t+1)*w.B), h, y)
			ys[t] = y
		}
		b.SetState("h", h)
		b.SetState("y", y)
		b.Leave()
	}
	return b.Concat(0, ys...)
}

func feedbackParams() ([]*Param, []NamedParam) {
	var params []*Param
	var named []NamedParam
	rng := rand.New(rand.NewPCG(1, 2))
	for i, shape := range [][]int{{3, 4}, {2, 4}, {4, 4}, {4, 2}} {
		params = append(params, NewParam(Normal(0.5), rng, shape...))
		named = append(named, NamedParam{fmt.Sprint(i), params[i]})
	}
	return params, named
}

// TestEachStep: a network written step by step is the same as one that is unrolled by hand, with all its gradients.
func TestEachStep(t *testing.T) {
	params, named := feedbackParams()
	SetDType(named, Float64)
	w := Window{T: 5, B: 2, Train: true}
	x := randomTensor(rand.New(rand.NewPCG(3, 4)), -1, 1, w.T*w.B, 3)
	states := States{"net.h": randomTensor(rand.New(rand.NewPCG(5, 6)), -1, 1, 2, 4), "net.y": randomTensor(rand.New(rand.NewPCG(7, 8)), -1, 1, 2, 2)}
	program := func(w Window, inSteps bool) *Program {
		b := NewBuilder(w, Options{DType: Float64})
		y := feedback(b, b.Floats("x", w.T*w.B, 3), params, inSteps)
		if b.Window() != w || b.Stepping() {
			t.Errorf("after EachStep the window is %+v", b.Window())
		}
		b.Output("y", y)
		p, err := b.Compile(b.Sum(b.Square(y)), Gradients{Inputs: []string{"x"}, States: true})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var got [2][][]float64
	for i, inSteps := range []bool{true, false} {
		p := program(w, inSteps)
		for name, s := range states {
			for k := range s.F64 {
				p.StateSeed(name).F64[k] = float64(k+1) / 7
			}
		}
		if err := p.SetFloat64s("x", x.F64); err != nil {
			t.Fatal(err)
		}
		if err := p.Load(states); err != nil {
			t.Fatal(err)
		}
		run(t, p, 1)
		after := States{}
		p.Store(after)
		got[i] = [][]float64{
			p.Output("y").Floats(), p.InputGradient("x").Floats(), p.StateGradient("net.h").Floats(), p.StateGradient("net.y").Floats(),
			after["net.h"].Floats(), after["net.y"].Floats(),
		}
		for _, q := range params {
			got[i] = append(got[i], q.Grad.Floats())
		}
	}
	for k := range got[0] {
		agree(t, fmt.Sprint("result ", k), 1e-13, got[0][k], got[1][k])
	}

	// Two windows, of two and three steps, are one.
	carried, y := states.Clone(), []float64(nil)
	for _, span := range [][2]int{{0, 2}, {2, 5}} {
		part := program(Window{T: span[1] - span[0], B: w.B, Train: true}, true)
		if err := part.SetFloat64s("x", x.F64[span[0]*w.B*3:span[1]*w.B*3]); err != nil {
			t.Fatal(err)
		}
		if err := part.Load(carried); err != nil {
			t.Fatal(err)
		}
		run(t, part, 1)
		part.Store(carried)
		y = append(y, part.Output("y").Floats()...)
	}
	agree(t, "outputs of two windows", 1e-13, y, got[1][0])
	agree(t, "states after two windows", 1e-13, carried["net.h"].Floats(), got[1][4])

	if err := CheckGradients(w, named, func(b *Builder, in []*Node) *Node { return feedback(b, in[0], params, true) }, x); err != nil {
		t.Error(err)
	}
}

// TestEachStepRecurrence: a recurrence in windows of one step has the results of one over all of them, with masked steps,
// and its recordings.
func TestEachStepRecurrence(t *testing.T) {
	w := Window{T: 4, B: 3, Train: true}
	const h = 5
	u := NewParam(ramp, nil, h, h)
	u.SetDType(Float64)
	gated := tanhCell
	gated.Activations = []Gate{{Name: "h", Low: -1}}
	gated.F64.Forward = func(r *Row[float64]) {
		tanhCell.F64.Forward(r)
		copy(r.A[0], r.Next[0])
	}
	program := func(inSteps bool) *Program {
		b := NewBuilder(w, Options{DType: Float64, Observe: true})
		x, mask := b.Floats("x", w.T*w.B, h), b.Floats("mask", w.T*w.B)
		b.SetStepMask(mask)
		recurrence := func(x *Node) *Node {
			b.Enter("rnn")
			defer b.Leave()
			y, last := b.Recur(gated, false, b.Scale(x, 8), b.Param(u), nil, []*Node{b.State("h", h)})
			b.SetState("h", last[0])
			return y
		}
		var y *Node
		if inSteps {
			ys := make([]*Node, w.T)
			b.EachStep(func(t int) {
				ys[t] = recurrence(b.Slice(x, 0, t*w.B, (t+1)*w.B))
				b.EachStep(func(int) {}) // a window of one step has one
			})
			y = b.Concat(0, ys...)
		} else {
			y = recurrence(x)
		}
		if b.StepMask() != mask {
			t.Error("EachStep left another mask")
		}
		b.Output("y", y)
		p, err := b.Compile(b.Sum(b.Square(y)), Gradients{Inputs: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var got [2][][]float64
	var recordings [2][]Recording
	for i, inSteps := range []bool{true, false} {
		p := program(inSteps)
		values := make([]float64, w.T*w.B*h)
		ramp(values, nil, nil)
		p.SetFloat64s("x", values)
		p.SetFloat64s("mask", []float64{1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1})
		run(t, p, 1)
		got[i] = [][]float64{p.Output("y").Floats(), p.LastState("rnn.h").Floats(), p.InputGradient("x").Floats(), u.Grad.Floats()}
		recordings[i] = p.Recordings()
		mortal(t, p)
		run(t, p, 1)
		agree(t, "gradient where memory is used again", 0, u.Grad.Floats(), got[i][3])
	}
	for k := range got[0] {
		agree(t, fmt.Sprint("result ", k), 1e-13, got[0][k], got[1][k])
	}
	if len(recordings[0]) != 1 || len(recordings[1]) != 1 {
		t.Fatalf("recordings: %+v, want %+v", recordings[0], recordings[1])
	}
	a, b := recordings[0][0], recordings[1][0]
	agree(t, "norms", 1e-13, a.Norms, b.Norms)
	if a.State != "rnn.h" || len(a.Gates) != 1 || !slices.Equal(a.Gates[0].Bins, b.Gates[0].Bins) || a.Gates[0].Low != b.Gates[0].Low || b.Gates[0].Low+b.Gates[0].High == 0 {
		t.Errorf("recording %+v, want %+v", a, b)
	}
}

// TestPerWindow: the steps share what it writes, call by call; Once knows no steps.
func TestPerWindow(t *testing.T) {
	w := Window{T: 3, B: 2, Train: true}
	b := NewBuilder(w, Options{})
	draw := func() *Node { return b.DropoutMask(0.5, 64) }
	var first, second, alone, once []*Node
	b.EachStep(func(t int) {
		if got := b.Window(); got.T != 1 || got.B != w.B || !got.Train {
			panic(fmt.Sprint(got))
		}
		first, second = append(first, b.PerWindow(draw)), append(second, b.PerWindow(draw))
		alone, once = append(alone, draw()), append(once, b.Once("key", draw))
	})
	for k := 1; k < w.T; k++ {
		if first[k] != first[0] || second[k] != second[0] || once[k] != once[0] {
			t.Errorf("step %d has other nodes", k)
		}
		if alone[k] == alone[0] {
			t.Errorf("step %d has the same node", k)
		}
	}
	if first[0] == second[0] {
		t.Error("two calls in a step share a node")
	}
	if b.PerWindow(draw) == b.PerWindow(draw) {
		t.Error("two calls outside of EachStep share a node")
	}
	b.EachStep(func(t int) {
		if t == 0 {
			first[0] = b.PerWindow(draw)
		}
	})
	if slices.Contains(first[1:], first[0]) {
		t.Error("another EachStep shares a node")
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
}

// TestEachStepStateWidth: a state that has another width in a later step.
func TestEachStepStateWidth(t *testing.T) {
	b := NewBuilder(Window{T: 2, B: 3}, Options{})
	mistake(t, b, "State h", func() {
		b.EachStep(func(t int) { b.SetState("h", b.State("h", 4+t)) })
	})
}
