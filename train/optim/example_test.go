package optim_test

import (
	"fmt"
	"log"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// parabola is a program for the cost (x-3)² + 10·(y+1)², and the arena of its parameters x and y.
func parabola() (*graph.Program, *graph.Arena) {
	x, y := graph.NewParam(graph.Zeros, nil, 1), graph.NewParam(graph.Zeros, nil, 1)
	arena, err := graph.NewArena([]graph.NamedParam{{Name: "x", Param: x}, {Name: "y", Param: y}})
	if err != nil {
		log.Fatal(err)
	}
	b := graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{})
	cost := b.Add(b.Square(b.AddScalar(b.Param(x), -3)), b.Scale(b.Square(b.AddScalar(b.Param(y), 1)), 10))
	program, err := b.Compile(cost, graph.Gradients{})
	if err != nil {
		log.Fatal(err)
	}
	return program, arena
}

func ExampleSGD() {
	program, arena := parabola()
	optimizer := &optim.SGD{LearningRate: 0.04, Momentum: 0.5}
	for step := 1; step <= 60; step++ {
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		if err := optimizer.Step(arena, 1); err != nil {
			log.Fatal(err)
		}
		if step%20 == 0 {
			fmt.Printf("step %d: x, y = %.2f\n", step, arena.Values.F32)
		}
	}
	// Output:
	// step 20: x, y = [2.96 -1.00]
	// step 40: x, y = [3.00 -1.00]
	// step 60: x, y = [3.00 -1.00]
}

// Adam's first step has the length of the learning rate in every direction, however large the gradient.
func ExampleAdam() {
	program, arena := parabola()
	optimizer := &optim.Adam{LearningRate: 0.1}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	if err := optimizer.Step(arena, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("gradient %.0f, x and y after one step %.2f\n", arena.Grads.F32, arena.Values.F32)
	// Output:
	// gradient [-6 20], x and y after one step [0.10 -0.10]
}

func ExampleClipNorm() {
	program, arena := parabola()
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	norm, err := optim.ClipNorm(arena, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("norm before %.2f, after %.2f\n", norm, arena.GradNorm())
	// Output:
	// norm before 20.88, after 1.00
}

// The output's bias has no weight decay, and the recurrent layer learns at a tenth of the rate. The embedding was to be frozen;
// a misspelt name is an error.
func ExampleGroup() {
	optimizer := &optim.AdamW{
		LearningRate: 1e-3,
		WeightDecay:  0.01,
		Groups: []optim.Group{
			{Names: []string{"output.bias"}, NoDecay: true},
			{Names: []string{"rnn.*"}, Rate: 0.1},
			{Names: []string{"embeding.*"}, Frozen: true},
		},
	}
	var params []graph.NamedParam
	for _, name := range []string{"embedding.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "output.weight", "output.bias"} {
		params = append(params, graph.NamedParam{Name: name, Param: graph.NewParam(graph.Zeros, nil, 3)})
	}
	arena, err := graph.NewArena(params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(optimizer.Step(arena, 1))
	// Output:
	// AdamW: Groups[2].Names is "embeding.*", which matches no parameter, want patterns for some of embedding.weight, rnn.weight_ih_l0, rnn.weight_hh_l0, output.weight, output.bias
}

// The weights jump about, their average doesn't.
func ExampleEMA() {
	program, arena := parabola()
	optimizer := &optim.EMA{Optimizer: &optim.Lion{LearningRate: 0.2}, Decay: 0.99}
	for range 1000 {
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		if err := optimizer.Step(arena, 1); err != nil {
			log.Fatal(err)
		}
	}
	if err := optimizer.Swap(arena); err != nil { // the average, to evaluate
		log.Fatal(err)
	}
	fmt.Printf("average %.1f\n", arena.Values.F32)
	if err := optimizer.Swap(arena); err != nil { // back, to train on
		log.Fatal(err)
	}
	// Output:
	// average [3.0 -1.0]
}

func ExampleLBFGS() {
	program, arena := parabola()
	optimizer := &optim.LBFGS{}
	minimum, err := optimizer.Minimize(arena, func() (float64, error) {
		err := program.Run(0)
		return program.Cost(), err
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("converged: %v, x, y = %.2f\n", minimum.Converged, arena.Values.F32)
	// Output:
	// converged: true, x, y = [3.00 -1.00]
}

// Two batches, the second with three times as many targets, make one gradient.
func ExampleAccumulator() {
	_, arena := parabola()
	var accumulator optim.Accumulator
	for _, batch := range []struct {
		gradient []float32
		targets  float64
	}{{[]float32{4, 0}, 10}, {[]float32{0, 4}, 30}} {
		copy(arena.Grads.F32, batch.gradient)
		if err := accumulator.Add(arena, batch.targets); err != nil {
			log.Fatal(err)
		}
	}
	if err := accumulator.Mean(arena); err != nil {
		log.Fatal(err)
	}
	fmt.Println(arena.Grads.F32)
	// Output:
	// [1 3]
}
