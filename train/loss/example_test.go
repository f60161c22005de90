package loss_test

import (
	"fmt"
	"log"
	"math"

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
	// CrossEntropy: step 1 of sequence 0: index 3 at position 1, want 0 to 2
}

// Two steps of a mean over three: the last one is padding, and 0 is its id.
func ExampleCrossEntropy_padding() {
	b := graph.NewBuilder(graph.Window{T: 3, B: 1}, graph.Options{})
	b.Ints(seqdata.Target, 3)
	program, err := b.Forward(loss.CrossEntropy{Ignore: []int{0}}.Cost(b, b.Floats("logits", 3, 4)))
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetInts(seqdata.Target, []int32{2, 1, 0}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	weight, _ := program.TargetWeight()
	fmt.Printf("%.3f nats, the mean over %v targets\n", program.Cost(), weight)
	// Output:
	// 1.386 nats, the mean over 2 targets
}

// Losses at chosen steps, with weights: the first step doesn't count, and the last counts three times as much as the one
// before. In a batch, that is the array seqdata.Weight.
func ExampleMSE_weights() {
	b := graph.NewBuilder(graph.Window{T: 3, B: 1}, graph.Options{})
	b.Floats(seqdata.Target, 3, 1)
	b.Floats(seqdata.Weight, 3)
	program, err := b.Forward(loss.MSE{}.Cost(b, b.Floats("output", 3, 1)))
	if err != nil {
		log.Fatal(err)
	}
	for name, values := range map[string][]float32{
		"output": {50, 1, 2}, seqdata.Target: {0, 0, 0}, seqdata.Weight: {0, 1, 3},
	} {
		if err := program.SetFloats(name, values); err != nil {
			log.Fatal(err)
		}
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("(1·1 + 3·4) / (1 + 3) = %.2f\n", program.Cost())
	// Output:
	// (1·1 + 3·4) / (1 + 3) = 3.25
}

// Three steps that emit the blank 0 or the labels 1 or 2, all with equal probability. Of the 27 alignments, five give the
// labels 1 2: 012, 102, 120, 112 and 122.
func ExampleCTC() {
	b := graph.NewBuilder(graph.Window{T: 3, B: 1}, graph.Options{})
	b.Ints(seqdata.Target, 2)
	program, err := b.Forward(loss.CTC{Sum: true}.Cost(b, b.Floats("logits", 3, 3)))
	if err != nil {
		log.Fatal(err)
	}
	if err := program.SetInts(seqdata.Target, []int32{1, 2}); err != nil {
		log.Fatal(err)
	}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f of 27\n", 27*math.Exp(-program.Cost()))
	// Output:
	// 5.0 of 27
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
