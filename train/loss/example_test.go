package loss_test

import (
	"fmt"
	"log"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

// Two rows of scores for three classes: the first doesn't know, the second is nearly certain, and right.
func ExampleCrossEntropy() {
	b := graph.NewBuilder(graph.Window{T: 2, B: 1, Train: true}, graph.Options{})
	logits := b.Floats("logits", 2, 3)
	b.Ints(seqdata.Target, 2)
	cost := loss.CrossEntropy{}.Cost(b, logits)
	program, err := b.Compile(cost, graph.Gradients{Inputs: []string{"logits"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats("logits", []float32{0, 0, 0, 0, 9, 0}); err != nil {
		log.Fatal(err)
	}
	if err := program.SetInts(seqdata.Target, []int32{2, 1}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f nats\n", program.Cost())
	fmt.Printf("gradient %.3f\n", program.InputGradient("logits").F32)
	// Output:
	// 0.549 nats
	// gradient [0.167 0.167 -0.333 0.000 -0.000 0.000]
}

// A target that is no class is an error of the run, not a panic.
func ExampleCrossEntropy_outOfRange() {
	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	b.Ints(seqdata.Target, 2)
	program, err := b.Forward(loss.CrossEntropy{}.Cost(b, b.Floats("logits", 2, 3)))
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetInts(seqdata.Target, []int32{2, 3}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(program.Run(0))
	// Output:
	// CrossEntropy: index 3 at position 1, want 0 to 2
}

// Errors of 1 and 3: their squares' mean is 5.
func ExampleMSE() {
	b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
	b.Floats(seqdata.Target, 2, 1)
	program, err := b.Forward(loss.MSE{}.Cost(b, b.Floats("output", 2, 1)))
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats("output", []float32{2, 7}); err != nil {
		log.Fatal(err)
	}
	if err := program.SetFloats(seqdata.Target, []float32{3, 4}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(program.Cost())
	// Output:
	// 5
}
