package graph_test

import (
	"fmt"
	"log"

	"github.com/gobptt/bptt/graph"
)

// A network that reads its own output: y_t = x_t + y_{t-1}/2, in two windows of three steps.
func ExampleBuilder_EachStep() {
	b := graph.NewBuilder(graph.Window{T: 3, B: 1}, graph.Options{})
	x := b.Floats("x", 3, 1)
	ys := make([]*graph.Node, 3)
	b.EachStep(func(t int) {
		ys[t] = b.Add(b.Slice(x, 0, t, t+1), b.Scale(b.State("y", 1), 0.5))
		b.SetState("y", ys[t])
	})
	b.Output("y", b.Concat(0, ys...))
	p, err := b.Forward(nil)
	if err != nil {
		log.Fatal(err)
	}
	states := graph.States{}
	for _, window := range [][]float32{{8, 0, 0}, {0, 4, 0}} {
		if err := p.SetFloats("x", window); err != nil {
			log.Fatal(err)
		}
		if err := p.Load(states); err != nil {
			log.Fatal(err)
		}
		if err := p.Run(0); err != nil {
			log.Fatal(err)
		}
		p.Store(states)
		fmt.Println(p.Output("y").F32)
	}
	// Output:
	// [8 4 2]
	// [1 4.5 2.25]
}
