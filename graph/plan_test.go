package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomNet writes a random graph of float64 nodes of the shapes [4, 6] and [6], with parameters, inputs, states,
// views, slices, recurrences and dead ends, and gives it a cost and outputs.
func randomNet(b *Builder, rng *rand.Rand, params []*Param) *Node {
	var mats, vecs []*Node
	mats = append(mats, b.Floats("x", 4, 6), b.Param(params[0]), b.State("h", 6))
	vecs = append(vecs, b.Floats("v", 6), b.Param(params[1]))
	square := b.Param(params[2])
	k := b.Ints("k", 4)
	mask := b.Const(&Tensor{Shape: []int{4, 6}, F64: slices.Repeat([]float64{0, 1, 1}, 8)})
	mat := func() *Node { return mats[rng.IntN(len(mats))] }
	vec := func() *Node { return vecs[rng.IntN(len(vecs))] }
	count := 8 + rng.IntN(40)
	for range count {
		var m, v *Node
		switch rng.IntN(27) {
		case 0:
			m = b.Tanh(mat())
		case 1:
			m = b.Add(mat(), mat())
		case 2:
			m = b.Mul(mat(), vec())
		case 3:
			m = b.Sub(vec(), mat())
		case 4:
			m = b.MatMul(mat(), square)
		case 5:
			m = b.Linear(mat(), square, vec())
		case 6:
			m = b.Softmax(mat(), rng.IntN(2))
		case 7:
			m = b.LayerNorm(mat(), vec(), vec(), 1e-2)
		case 8:
			m = b.Where(mask, mat(), mat())
		case 9:
			m = b.Dropout(mat(), b.DropoutMask(0.3, 4, 6))
		case 10: // views, and one that outlives the rest of its memory
			x := b.Sigmoid(mat())
			m = b.Reshape(b.Reshape(x, 2, 12), 4, 6)
		case 11:
			p := b.Split(mat(), 1, 3)
			m = b.Concat(1, p[2], p[0], p[1])
		case 12:
			m = b.Concat(0, b.Slice(mat(), 0, 0, 3), b.Slice(mat(), 0, 3, 4))
		case 13:
			m = b.Reshape(b.Transpose(mat()), 4, 6)
		case 14:
			m = b.Scale(b.Add(b.Max(mat(), 0), mat()), 0.5)
		case 15:
			m = b.Gather(b.Tanh(mat()), k, rng.IntN(5)-1)
		case 16:
			m = b.Div(mat(), b.AddScalar(b.Square(mat()), 1))
		case 17:
			m = b.Mask(b.GELU(mat()), mask)
		case 18: // one that nothing reads, unless it is an output
			b.Exp(b.Tanh(mat()))
			continue
		case 19:
			m = b.StopGradient(mat())
		case 20:
			v = b.Sum(b.Tanh(mat()), 0)
		case 21:
			v = b.Mean(mat(), 0)
		case 22:
			v = b.Mul(vec(), b.Sigmoid(vec()))
		case 23:
			v = b.Reshape(b.MatMul(b.Reshape(vec(), 1, 6), square), 6)
		case 24:
			v = b.LogSumExp(mat(), 0)
		case 25:
			// The window is T=1, B=4: a step of a cell, from a state of its own.
			y, last := b.Recur(tanhCell, rng.IntN(2) == 0, b.Linear(mat(), square, vec()), square, nil, []*Node{mat()})
			m = y
			if rng.IntN(2) == 0 {
				m = b.Sub(last[0], y)
			}
		case 26:
			at := b.ToInts(b.Clamp(b.ToFloats(b.ArgMax(b.Tanh(mat()), 1)), 0, 3))
			m = b.Gather(b.Add(mat(), b.Bernoulli(b.Sigmoid(mat()))), at, -1)
		}
		if m != nil {
			mats = append(mats, m)
		}
		if v != nil {
			vecs = append(vecs, b.Tanh(v))
		}
	}
	for i := range 4 {
		b.Output(fmt.Sprint("mat", i), mat())
		b.Output(fmt.Sprint("vec", i), vec())
	}
	b.SetState("h", b.Tanh(mat()))
	cost := b.Add(b.Mean(b.Square(mats[len(mats)-1])), b.CrossEntropy(mat(), k))
	for range 3 {
		cost = b.Add(cost, b.Sum(b.Mul(b.Tanh(mat()), vec())))
	}
	return cost
}

// randomProgram compiles a random graph; the same seed gives the same.
func randomProgram(t *testing.T, seed uint64) (*Program, []*Param) {
	t.Helper()
	params := []*Param{NewParam(ramp, nil, 4, 6), NewParam(ramp, nil, 6), NewParam(ramp, nil, 6, 6)}
	for _, p := range params {
		p.SetDType(Float64)
	}
	b := NewBuilder(Window{T: 1, B: 4, Train: true}, Options{DType: Float64})
	p, err := b.Compile(randomNet(b, rand.New(rand.NewPCG(seed, 1)), params), Gradients{Inputs: []string{"x", "v"}, States: true})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	rng := rand.New(rand.NewPCG(seed, 2))
	p.SetFloat64s("x", randomTensor(rng, -1, 1, 4, 6).F64)
	p.SetFloat64s("v", randomTensor(rng, -1, 1, 6).F64)
	p.SetInts("k", []int32{int32(rng.IntN(4)), 0, 3, int32(rng.IntN(4))})
	p.StateSeed("h").SetFloats(randomTensor(rng, -1, 1, 4, 6).F64)
	p.Load(States{"h": randomTensor(rng, -1, 1, 4, 6)})
	return p, params
}

// results are the bits of all that a program gives.
func results(t *testing.T, p *Program, params []*Param) []uint64 {
	t.Helper()
	for _, q := range params {
		for i := range q.Grad.F64 {
			q.Grad.F64[i] = nan
		}
	}
	if err := p.Run(3); err != nil {
		t.Fatal(err)
	}
	out := bits([]float64{p.Cost()})
	for _, o := range p.b.outputs {
		out = append(out, bits(p.Output(o.name).F64)...)
	}
	for _, x := range []*Tensor{p.InputGradient("x"), p.InputGradient("v"), p.StateGradient("h")} {
		if x != nil {
			out = append(out, bits(x.F64)...)
		}
	}
	s := States{}
	p.Store(s)
	out = append(out, bits(s["h"].F64)...)
	for _, q := range params {
		out = append(out, bits(q.Grad.F64)...)
	}
	return out
}

// unshare gives every node memory of its own, filled with NaN: what is read before it is written shows.
func unshare(p *Program) {
	for _, n := range p.b.nodes {
		if n.base != nil {
			n.buf = slice(n.root().buf, n.size())
		} else if !n.pin {
			buf := make([]float64, n.size())
			for i := range buf {
				buf[i] = nan
			}
			n.buf = buf
		}
	}
}

// poison fills the shared memory with NaN.
func poison(p *Program) {
	for _, n := range p.b.nodes {
		if n.base == nil && !n.pin {
			buf := n.buf.([]float64)
			for i := range buf {
				buf[i] = nan
			}
		}
	}
}

// mortal gives every node memory of its own that becomes NaN after the last op that says it reads it: what the plan may
// give to another node then.
func mortal(t *testing.T, p *Program) {
	t.Helper()
	unshare(p)
	order, err := p.order()
	if err != nil {
		t.Fatal(err)
	}
	last := map[*Node]*Node{} // by the node that owns the memory, the last reader
	for _, n := range order {
		last[n.root()] = n
		for _, in := range n.in {
			last[in.root()] = n
		}
	}
	dies := map[*Node][]*Node{}
	for owner, reader := range last {
		if !owner.pin {
			dies[reader] = append(dies[reader], owner)
		}
	}
	for _, n := range p.b.nodes {
		if run := n.run; run != nil {
			n.run = func(n *Node) error {
				err := run(n)
				for _, owner := range dies[n] {
					buf := owner.buf.([]float64)
					for i := range buf {
						buf[i] = nan
					}
				}
				return err
			}
		}
	}
}

// TestPlan: sharing memory changes no bit of what random graphs give, nor does what a run left there for the next.
func TestPlan(t *testing.T) {
	shared, own := 0, 0
	for seed := range uint64(150) {
		p, params := randomProgram(t, seed)
		want := results(t, p, params)
		if !slices.Equal(results(t, p, params), want) {
			t.Errorf("seed %d: a second run gives other results", seed)
		}
		poison(p)
		if !slices.Equal(results(t, p, params), want) {
			t.Errorf("seed %d: a run reads what it didn't write", seed)
		}
		shared += p.Bytes()
		for _, n := range p.b.nodes {
			if n.base == nil && n.run != nil && !n.pin {
				own += 8 * n.size()
			}
		}
		unshare(p)
		if !slices.Equal(results(t, p, params), want) {
			t.Errorf("seed %d: memory of its own for every node gives other results", seed)
		}
		mortal(t, p)
		if !slices.Equal(results(t, p, params), want) {
			t.Errorf("seed %d: an op reads what it doesn't say it reads", seed)
		}
	}
	t.Logf("with the plan %d bytes, %d without", shared, own)
	if shared > own/2 {
		t.Errorf("the plan saves too little: %d bytes, %d without", shared, own)
	}
}

// TestOrder: the machine runs the ops in the order that the plan was made for, each once, and the backward pass after
// all of the forward pass that leads anywhere.
func TestOrder(t *testing.T) {
	for seed := range uint64(40) {
		p, _ := randomProgram(t, seed)
		var ran []*Node
		for _, n := range p.b.nodes {
			if n.run == nil {
				continue
			}
			run := n.run
			n.run = func(n *Node) error {
				ran = append(ran, n)
				return run(n)
			}
		}
		for range 2 {
			ran = nil
			if err := p.Run(1); err != nil {
				t.Fatal(err)
			}
			planned, err := p.order()
			if err != nil {
				t.Fatal(err)
			}
			planned = slices.DeleteFunc(planned, func(n *Node) bool { return n.run == nil })
			if !slices.Equal(ran, planned) {
				t.Errorf("seed %d: %d ops ran, %d were planned, or their order differs", seed, len(ran), len(planned))
			}
		}

		// What a forward node reads, and what leads to the cost, an output or a state.
		leads := map[*Node]bool{}
		for _, n := range slices.Backward(p.b.nodes) {
			if n.backward {
				continue
			}
			leads[n] = leads[n] || n == p.cost || slices.ContainsFunc(p.b.outputs, func(o output) bool { return o.node == n }) ||
				slices.ContainsFunc(p.b.states, func(s *stateNode) bool { return s.out == n })
			for _, in := range n.in {
				leads[in] = leads[in] || leads[n]
			}
		}
		backward := false
		for _, n := range ran {
			if n.backward {
				backward = true
			} else if backward && leads[n] {
				t.Errorf("seed %d: %v runs after the backward pass began", seed, n)
			}
		}
	}
}

// TestSameGraphTwice: nothing in the order of the nodes depends on a map.
func TestSameGraphTwice(t *testing.T) {
	for seed := range uint64(20) {
		p, params := randomProgram(t, seed)
		q, qParams := randomProgram(t, seed)
		if p.Nodes() != q.Nodes() || p.Bytes() != q.Bytes() || !slices.Equal(results(t, p, params), results(t, q, qParams)) {
			t.Errorf("seed %d: two programs of one graph differ", seed)
		}
	}
}
