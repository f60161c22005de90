package graph_test

import (
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
)

// fill is an initializer that sets the given values.
func fill(values ...float64) graph.Initializer {
	return func(v []float64, _ []int, _ *rand.Rand) error { copy(v, values); return nil }
}

// A cost, and its gradients with respect to a parameter and an input.
func Example() {
	w := graph.NewParam(fill(1, 2), nil, 2, 1)

	b := graph.NewBuilder(graph.Window{T: 1, B: 3}, graph.Options{})
	x := b.Floats("x", 3, 2)
	y := b.MatMul(x, b.Param(w))
	b.Output("y", y)
	program, err := b.Compile(b.Mean(b.Square(y)), graph.Gradients{Inputs: []string{"x"}})
	if err != nil {
		log.Fatal(err)
	}

	if err := program.SetFloats("x", []float32{1, 0, 0, 1, 1, 1}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Println("y     ", program.Output("y").F32)
	fmt.Printf("cost   %.3f\n", program.Cost())
	fmt.Printf("dw     %.3f\n", w.Grad.F32)
	fmt.Printf("dx     %.3f\n", program.InputGradient("x").F32)
	// Output:
	// y      [1 2 3]
	// cost   4.667
	// dw     [2.667 3.333]
	// dx     [0.667 1.333 1.333 2.667 2.000 4.000]
}

// A running sum: the state goes out of one window and into the next.
func ExampleBuilder_State() {
	b := graph.NewBuilder(graph.Window{T: 1, B: 2}, graph.Options{})
	sum := b.Add(b.State("sum", 1), b.Floats("x", 2, 1))
	b.SetState("sum", sum)
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}

	states := graph.States{}
	for _, x := range [][]float32{{1, 10}, {2, 20}, {3, 30}} {
		if err := program.SetFloats("x", x); err != nil {
			log.Fatal(err)
		}
		if err := program.Load(states); err != nil {
			log.Fatal(err)
		}
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		program.Store(states)
		fmt.Println(states["sum"].F32)
	}
	// Output:
	// [1 10]
	// [3 30]
	// [6 60]
}

// The exact gradient of a sequence of two windows, with one compiled window. The recurrence is h = w·h', from h = 1, and
// the cost is the sum of all h, so with w = 1/2 the derivative is 1 + 2/2 + 3/4 + 4/8.
func ExampleProgram_StateGradient() {
	w := graph.NewParam(fill(0.5), nil, 1, 1)
	b := graph.NewBuilder(graph.Window{T: 2, B: 1, Train: true}, graph.Options{})
	h1 := b.MatMul(b.State("h", 1), b.Param(w))
	h2 := b.MatMul(h1, b.Param(w))
	b.SetState("h", h2)
	program, err := b.Compile(b.Sum(b.Add(h1, h2)), graph.Gradients{States: true})
	if err != nil {
		log.Fatal(err)
	}
	run := func(from graph.States) {
		if err := program.Load(from); err != nil {
			log.Fatal(err)
		}
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
	}

	// Forward, to find the state that comes into each window.
	start := graph.States{"h": {Shape: []int{1, 1}, F32: []float32{1}}}
	between := graph.States{}
	run(start)
	program.Store(between)

	// Backward, from the last window to the first. Nothing follows the last one: its seed is zero.
	run(between)
	total := w.Grad.At(0)
	fmt.Println("window 2: dw", total, "dh", program.StateGradient("h").At(0))
	if err := program.StateSeed("h").Copy(program.StateGradient("h")); err != nil {
		log.Fatal(err)
	}
	run(start)
	total += w.Grad.At(0)
	fmt.Println("window 1: dw", w.Grad.At(0))
	fmt.Println("both:     dw", total)
	// Output:
	// window 2: dw 0.5 dh 0.75
	// window 1: dw 2.75
	// both:     dw 3.25
}

// The first error is kept, and names the layer, the op, what came and what was wanted.
func ExampleBuilder_Err() {
	w := graph.NewParam(fill(), nil, 4, 8)
	b := graph.NewBuilder(graph.Window{T: 1, B: 3}, graph.Options{})
	x := b.Floats("x", 3, 5)
	b.Enter("decoder")
	y := b.Tanh(b.Linear(x, b.Param(w), nil)) // Linear fails; Tanh does nothing
	b.Leave()
	_, err := b.Forward(b.Mean(y))

	var shape *graph.ShapeError
	fmt.Println(errors.As(err, &shape), err)
	// Output:
	// true decoder: Linear: got input [3 5], want [N, 8] for weight [4 8]
}

// An expression's gradients against finite differences, in float64 and in float32.
func ExampleCheckGradients() {
	swish := func(b *graph.Builder, in []*graph.Node) *graph.Node { return b.Mul(in[0], b.Sigmoid(in[0])) }
	x := &graph.Tensor{Shape: []int{2, 3}, F64: []float64{-2, -1, -0.5, 0.5, 1, 2}}
	fmt.Println(graph.CheckGradients(graph.Window{T: 1, B: 1}, nil, swish, x))

	// A gradient that is stopped is not the derivative.
	stopped := func(b *graph.Builder, in []*graph.Node) *graph.Node { return b.Mul(in[0], b.StopGradient(in[0])) }
	fmt.Println(graph.CheckGradients(graph.Window{T: 1, B: 1}, nil, stopped, x) != nil)
	// Output:
	// <nil>
	// true
}

// The name of the first op whose result is not finite.
func ExampleProgram_FirstNonFinite() {
	b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
	x := b.Floats("x", 2)
	program, err := b.Forward(b.Sum(b.Exp(b.Log(x))))
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats("x", []float32{1, 0}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(program.Cost(), "is finite, but:", program.FirstNonFinite())
	// Output:
	// 1 is finite, but: -Inf first produced by Log in the forward pass
}

// A dropout mask is a function of the run's seed.
func ExampleBuilder_DropoutMask() {
	b := graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{})
	b.Output("mask", b.DropoutMask(0.5, 1000))
	program, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	mask := func(seed uint64) []float32 {
		if err := program.Run(seed); err != nil {
			log.Fatal(err)
		}
		return slices.Clone(program.Output("mask").F32)
	}
	first := mask(7)
	fmt.Println("values", slices.Compact(slices.Sorted(slices.Values(first))))
	fmt.Println("same seed, same mask:", slices.Equal(first, mask(7)))
	fmt.Println("other seed, same mask:", slices.Equal(first, mask(8)))
	// Output:
	// values [0 2]
	// same seed, same mask: true
	// other seed, same mask: false
}

// All parameters in one piece of memory.
func ExampleNewArena() {
	weight := graph.NewParam(fill(1, 2, 3, 4), nil, 2, 2)
	bias := graph.NewParam(fill(5, 6), nil, 2)
	arena, err := graph.NewArena([]graph.NamedParam{{Name: "weight", Param: weight}, {Name: "bias", Param: bias}})
	if err != nil {
		log.Fatal(err)
	}
	arena.Values.SetAt(4, 50)
	fmt.Println(arena.Values.F32)
	fmt.Println(arena.Params[1].Name, arena.Ranges[1], bias.Value.F32)
	// Output:
	// [1 2 3 4 50 6]
	// bias {4 6} [50 6]
}
