// Package graph is the autodiff engine: it writes a network, unrolled over the time steps of one window, as an explicit
// Gorgonia expression graph, lets Gorgonia differentiate it symbolically (that is backpropagation through time), and
// runs both passes on Gorgonia's tape machine.
//
// # Basics
//
// A [Builder] writes nodes for one window of T time steps and B sequences. Each method checks shapes, so an expression
// reads like a formula and is checked once at the end:
//
//	b := graph.NewBuilder(graph.Window{T: 50, B: 32, Train: true}, graph.Options{})
//	x := b.Floats("input", 50*32, 8)
//	y := b.Tanh(b.Linear(x, b.Param(w), b.Param(bias)))
//	program, err := b.Compile(b.Mean(b.Square(y)), graph.Gradients{})
//
// [Program.Run] then computes the cost and the gradients of the parameters ([Param].Grad). A recurrent layer takes its
// first state from [Builder.State] and hands the last one to [Builder.SetState]; the program carries these states from
// window to window, and can give the gradient of the cost with respect to the incoming ones, which is all that full,
// truncated and checkpointed BPTT need.
//
// # Layout
//
// Arrays are dense and row-major. A sequence is time-major: [T, B, F] is written as the matrix [T*B, F], row t*B+b.
//
// # Caveats
//
// Every op is this package's own: each owns the memory of its result, which a plan made at compile time shares between
// ops that are not alive together, so a run allocates nothing beyond what the tape machine itself does. Values are
// therefore only readable after a run if they were asked for ([Builder.Output]).
//
// Gradients are first-order: the backward nodes can't be differentiated again.
//
// A Builder and its Program belong to one goroutine at a time. Programs that share parameters must not run
// concurrently. Results don't depend on the number of threads.
package graph
