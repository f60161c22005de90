package cell_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// One step of an LSTM from given states.
func ExampleLSTM_Step() {
	lstm := cell.NewLSTM(3, 2, cell.Options{}, rand.New(rand.NewPCG(1, 2)))
	for _, p := range lstm.Params() {
		p.Value.Zero() // so that every gate is σ(0) = 1/2, and the candidate is 0
	}
	b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
	h, c := b.Floats("h", 1, 2), b.Floats("c", 1, 2)
	y, next := lstm.Step(b, b.Floats("x", 1, 3), cell.State{h, c})
	b.Output("y", y)
	b.Output("c", next[1])
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats("c", []float32{1, -2}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("c' %.4f, h' %.4f\n", program.Output("c").F32, program.Output("y").F32)
	// Output:
	// c' [0.5000 -1.0000], h' [0.2311 -0.3808]
}

// leaky is a leaky integrator in both forms:
//
//	h' = (1-α)·h + α·n,  n = tanh(x·Wᵀ + b + h·Uᵀ),  α = 0.3
type leaky struct{ W, U, Bias *graph.Param }

var _ cell.Fused = leaky{}

const rate = 0.3

func newLeaky(input, hidden int, rng *rand.Rand) leaky {
	draw := graph.Normal(1 / math.Sqrt(float64(hidden)))
	return leaky{
		W:    graph.NewParam(draw, rng, hidden, input),
		U:    graph.NewParam(draw, rng, hidden, hidden),
		Bias: graph.NewParam(draw, rng, hidden),
	}
}

func (l leaky) States() []cell.StateSpec {
	return []cell.StateSpec{{Name: "h", Width: l.U.Shape()[0]}}
}

func (l leaky) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight_ih", Param: l.W}, {Name: "weight_hh", Param: l.U}, {Name: "bias", Param: l.Bias}}
}

// Step is one time step in graph ops.
func (l leaky) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	a := b.Linear(x, b.Param(l.W), b.Param(l.Bias))
	n := b.Tanh(b.Add(a, b.Linear(s[0], b.Param(l.U), nil)))
	h := b.Add(b.Scale(s[0], 1-rate), b.Scale(n, rate))
	return h, cell.State{h}
}

// Sequence is the whole window as a fused recurrence.
func (l leaky) Sequence(b *graph.Builder, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State) {
	a := b.Linear(x, b.Param(l.W), b.Param(l.Bias))
	return b.Recur(leakyRecurrence, reverse, a, b.Param(l.U), nil, s)
}

var leakyRecurrence = graph.Recurrence{
	Name: "leaky", Gates: 1, States: 1,
	Direct: true, // (1-α)·h reaches h' without passing through U
	F32:    graph.Arithmetic[float32]{Forward: leakyForward[float32], Backward: leakyBackward[float32]},
	F64:    graph.Arithmetic[float64]{Forward: leakyForward[float64], Backward: leakyBackward[float64]},
}

func leakyForward[F float32 | float64](r *graph.Row[F]) {
	for j, a := range r.A[0] {
		n := F(math.Tanh(float64(a)))
		r.A[0][j] = n // for Backward
		r.Next[0][j] = (1-rate)*r.Prev[0][j] + rate*n
	}
}

func leakyBackward[F float32 | float64](r *graph.Row[F]) {
	for j, n := range r.A[0] {
		d := r.D[0][j]
		r.A[0][j] = d * rate * (1 - n*n)
		r.D[0][j] = d * (1 - rate)
	}
}

// A cell of one's own with a fused form. celltest.Run checks such a cell thoroughly; here both forms run once.
func ExampleFused() {
	const T, B, F, H = 20, 3, 4, 8
	l := newLeaky(F, H, rand.New(rand.NewPCG(1, 2)))
	graph.SetDType(l.Params(), graph.Float64)

	type form func(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State)
	run := func(f form) (cost, gradient float64, nodes int) {
		b := graph.NewBuilder(graph.Window{T: T, B: B, Train: true}, graph.Options{DType: graph.Float64})
		h := b.State("h", H)
		y, last := f(b, b.Floats("x", T*B, F), cell.State{h})
		b.SetState("h", last[0])
		program, err := b.Compile(b.Mean(b.Square(y)), graph.Gradients{})
		if err != nil {
			log.Fatal(err)
		}
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		return program.Cost(), l.U.Grad.At(0), program.Nodes()
	}
	fusedCost, fusedGradient, fusedNodes := run(func(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
		return l.Sequence(b, x, s, false)
	})
	cost, gradient, nodes := run(func(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
		return layers.Unroll(b, l, x, s, false)
	})
	fmt.Println("same cost:", math.Abs(fusedCost-cost) < 1e-12)
	fmt.Println("same gradient:", math.Abs(fusedGradient-gradient) < 1e-12)
	fmt.Println("fewer nodes:", fusedNodes < nodes/4)
	// Output:
	// same cost: true
	// same gradient: true
	// fewer nodes: true
}
